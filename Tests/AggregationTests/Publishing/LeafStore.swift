import Aggregation
import Energy
import Synchronization
import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A log's database as the publisher sees it; it can be rolled back, edited and made to fail.
final class LeafStore: Sendable {
    struct State {
        var leaves: [MerkleHash] = []
        var checkpoints: [[UInt8]] = []
        var failsToStore = false
    }

    static let time = UTCTime(microseconds: 1_790_000_000_000_000)

    let state = Mutex(State())

    struct Unavailable: Error {}

    func grow(to size: Int, seed: UInt8 = 0) {
        state.withLock { state in
            while state.leaves.count < size {
                state.leaves.append(MerkleHash.leaf(of: [seed] + Array("\(state.leaves.count)".utf8)))
            }
        }
    }

    /// What a backup holds.
    var copy: LeafStore {
        let copy = LeafStore()
        let (leaves, checkpoints) = state.withLock { ($0.leaves, $0.checkpoints) }
        copy.state.withLock { ($0.leaves, $0.checkpoints) = (leaves, checkpoints) }
        return copy
    }

    var log: LogPublisher.Log {
        LogPublisher.Log(
            size: { [self] in Int64(state.withLock { $0.leaves.count }) },
            leaves: { [self] range in
                state.withLock { state in
                    let range = Int(range.lowerBound)..<min(Int(range.upperBound), state.leaves.count)
                    return range.lowerBound < range.upperBound ? Array(state.leaves[range]) : []
                }
            },
            storeCheckpoint: { [self] _, note, _ in
                try state.withLock { state in
                    if state.failsToStore { throw Unavailable() }
                    state.checkpoints.append(note)
                }
            },
            storedCheckpoint: { [self] in
                state.withLock { state in
                    state.checkpoints.max { size($0) < size($1) }
                }
            })
    }

    private func size(_ note: [UInt8]) -> UInt64 { (try? SignedCheckpoint(parsing: note))?.checkpoint.size ?? 0 }
}

/// A directory that lives as long as the test.
final class PublisherDirectory: Sendable {
    let path: String

    init() {
        var template = Array("/tmp/wattest-publisher-XXXXXX".utf8CString)
        path = String(cString: mkdtemp(&template)!)
    }

    deinit { Self.remove(path) }

    private static func remove(_ path: String) {
        if let handle = opendir(path) {
            while let entry = readdir(handle) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != ".", name != ".." { remove("\(path)/\(name)") }
            }
            closedir(handle)
            rmdir(path)
        } else {
            unlink(path)
        }
    }
}
