import Disclosure
import Energy
import Identity
import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The file in which an aggregator keeps the accounts of a log over a stop, so that a start reads what has come since
/// and not the log from its first entry.
///
/// It is a cache beside the database: whoever deletes it, or starts another build of the program, waits for the log
/// to be read once. What it says is used where it ends in a tree that this log has published; a damaged one is none.
/// Only its owner may write it; a report that is issued is made from the entries in any case.
struct KeptReplay: Sendable {
    let path: String
    let origin: String

    /// The first line of the file. Another build of the program may keep things of another shape, which the bytes do
    /// not tell: what any other one wrote is none.
    private static let opening: [UInt8] = {
        var program = stat()
        stat("/proc/self/exe", &program)
        let build = "\(program.st_size) \(program.st_mtim.tv_sec) \(program.st_mtim.tv_nsec)"
        return Array("wattest/accounts/1 \(Release.version) \(build)\n".utf8)
    }()
    /// An aggregator that has more in memory reads its log after a start.
    static let maximumBytes = 4 << 30

    /// Replaces the file.
    func write(_ replay: LogReplay) throws {
        let bytes = try CompactEncoder.bytes(of: replay)
        guard bytes.count <= Self.maximumBytes else { return }
        try PrivateFile.write(Self.opening + MerkleHash.sha256(of: bytes).bytes + bytes, to: path)
    }

    /// Nil when there is none that this program wrote for this log.
    func read() -> LogReplay? {
        let opening = Self.opening
        guard let (head, bytes) = LargeFile.read(path, head: opening.count + 32, maximumBytes: Self.maximumBytes),
            head.starts(with: opening), MerkleHash.sha256(of: bytes).bytes == Array(head[opening.count...]),
            let replay = try? CompactDecoder.value(LogReplay.self, from: bytes), replay.origin == origin,
            replay.period == nil
        else { return nil }
        return replay
    }
}
