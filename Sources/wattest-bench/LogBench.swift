import Aggregation
import ArgumentParser
import Energy
import JSONText
import SeededRandom
import Synchronization
import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A log from entries to signed checkpoints and tiles on disk, as the aggregator publishes it; and what it costs beside
/// the entries. The limit is SHA-256 over the very same entries, which no Merkle log can do without.
struct LogBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log", abstract: "Entries per second into tiles, bytes beside the entries, sizes of proofs.")

    @Option(help: "Entries of the log.") var entries = 200_000
    @Option(help: "Entries between two checkpoints.") var step = 1_000
    @Option(help: "Where the log is written.") var directory = "/tmp"
    @Flag(help: "Print one JSON object.") var json = false

    struct Result {
        var entryBytes = 0
        var logBytes = 0
        var appended = 0.0
        var hashed = 0.0
        var checkpoints = 0
        var inclusionBytes = 0
        var tlogProofBytes = 0
        var receiptBytes = 0
        var consistencyBytes = 0
    }

    func run() async throws {
        guard entries >= 2, step > 0 else { throw ValidationError("--entries is above 1 and --step above 0") }
        let place = "\(directory)/wattest-bench-\(getpid())"
        mkdir(place, 0o755)
        defer { Cleaning.remove(place) }
        report(try await measure(place))
    }

    private func measure(_ place: String) async throws -> Result {
        var result = Result()
        var random = SeededRandom(seed: 1)
        let key = try SigningKey(name: "bench.example/log", seed: random.bytes(32))
        let selfWitness = try CosigningKey(name: "bench.example/log/self", seed: random.bytes(32))
        var batches = StandardBatch(
            log: key.name, node: "node-1", key: key, incarnation: 1, opening: .emptyTree, seed: 1)
        let notes = try (0..<min(entries, 2048)).map { _ in try batches.next().note }
        let begin = Figures.threadSeconds()
        for index in 0..<entries { _ = MerkleHash.leaf(of: notes[index % notes.count]) }
        result.hashed = Double(entries) / (Figures.threadSeconds() - begin)

        let leaves = Mutex<[MerkleHash]>([])
        let (origin, path) = (key.name, "\(place)/signer")
        try CheckpointSigner.create(origin: origin, path: path)
        let store = LogPublisher.Log(
            size: { leaves.withLock { Int64($0.count) } },
            leaves: { range in leaves.withLock { Array($0[Int(range.lowerBound)..<Int(range.upperBound)]) } },
            storeCheckpoint: { _, _, _ in }, storedCheckpoint: { nil })
        let publisher = try await LogPublisher(
            signer: CheckpointSigner(origin: origin, key: key, selfWitness: selfWitness, path: path), log: store,
            directory: place, now: { UTCTime(microseconds: 1_790_000_000_000_000) })
        let start = ContinuousClock.now
        var checkpoint: SignedCheckpoint?
        for first in stride(from: 0, to: entries, by: step) {
            let added = (first..<min(entries, first + step)).map { MerkleHash.leaf(of: notes[$0 % notes.count]) }
            leaves.withLock { $0 += added }
            checkpoint = try await publisher.publish()
            result.checkpoints += 1
        }
        result.appended = Double(entries) / ((ContinuousClock.now - start) / .seconds(1))
        guard let checkpoint else { throw BenchError("nothing was published") }
        result.entryBytes = (0..<entries).reduce(0) { $0 + notes[$1 % notes.count].count }
        // An entry bundle adds two bytes of length to each entry; all else is what lies in the directory in the end.
        result.logBytes = 2 * entries + Self.fileBytes("\(place)/tile") + checkpoint.bytes.count
        try proofs(checkpoint, place, key, &result)
        return result
    }

    /// The files below a directory.
    private static func fileBytes(_ path: String) -> Int {
        guard let directory = opendir(path) else {
            let file = open(path, O_RDONLY | O_CLOEXEC)
            guard file >= 0 else { return 0 }
            defer { close(file) }
            return max(0, Int(lseek(file, 0, SEEK_END)))
        }
        defer { closedir(directory) }
        var sum = 0
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { sum += fileBytes("\(path)/\(name)") }
        }
        return sum
    }

    private func proofs(
        _ checkpoint: SignedCheckpoint, _ place: String, _ key: SigningKey, _ result: inout Result
    ) throws {
        let tree = TiledTree(size: UInt64(entries))
        func read(_ tile: Tile) throws(TransparencyLogError) -> [UInt8] {
            guard let file = fopen("\(place)/\(tile.path)", "r") else {
                throw TransparencyLogError(.missingHash, "\(tile.path) is not there")
            }
            defer { fclose(file) }
            var bytes = [UInt8](repeating: 0, count: tile.byteCount)
            guard fread(&bytes, 1, bytes.count, file) == bytes.count else {
                throw TransparencyLogError(.missingHash, "\(tile.path) is too short")
            }
            return bytes
        }
        let index = UInt64(entries) / 3
        let inclusion = try tree.inclusionProof(of: index, read: read)
        let head = checkpoint.checkpoint.head
        result.inclusionBytes = inclusion.path.count * MerkleHash.byteCount
        result.tlogProofBytes = TLogProof(inclusion, checkpoint: checkpoint).bytes.count
        result.receiptBytes = try COSEReceipt(.inclusion(inclusion), root: head.root, signedBy: key).encoded.count
        let consistency = try tree.consistencyProof(from: UInt64(entries) / 2 + 1, read: read)
        result.consistencyBytes = consistency.path.count * MerkleHash.byteCount
    }

    private func report(_ result: Result) {
        let beyond = Double(result.logBytes) / Double(entries)
        if json {
            let object: JSONValue = [
                "entries_per_second": .integer(Int(result.appended)), "hashes_per_second": .integer(Int(result.hashed)),
                "ratio": Figures.number(result.appended / result.hashed), "entries": .integer(entries),
                "checkpoints": .integer(result.checkpoints), "fsync": true,
                "entry_bytes": .integer(result.entryBytes / entries), "bytes_beyond_entry": Figures.number(beyond),
                "inclusion_bytes": .integer(result.inclusionBytes), "tlog_proof_bytes": .integer(result.tlogProofBytes),
                "cose_receipt_bytes": .integer(result.receiptBytes),
                "consistency_bytes": .integer(result.consistencyBytes),
            ]
            return print(object.text(.compact))
        }
        print(
            """
            appended       \(Int(result.appended)) entries/s into tiles, \(result.checkpoints) signed checkpoints, \
            all fsynced
            hashing        \(Int(result.hashed)) leaf hashes/s, one core; ratio \
            \(Figures.two(result.appended / result.hashed))
            bytes          \(Figures.two(beyond)) beside an entry of \(result.entryBytes / entries)
            inclusion      \(result.inclusionBytes) B; as .tlog-proof \(result.tlogProofBytes) B; as COSE receipt \
            \(result.receiptBytes) B
            consistency    \(result.consistencyBytes) B
            """)
    }
}
