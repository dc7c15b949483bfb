import Batches
import Disclosure
import Energy
import SeededRandom
import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An evidence bundle of standard batches, written as an aggregator would export it: entry by entry, whatever its size.
struct BundleOnDisk {
    let directory: String
    let batches: Int
    let nodeCount: Int
    private let origin = "bench.example/bench"
    private let administration: SigningKey
    private let log: SigningKey
    private let selfWitness: CosigningKey
    private var random: SeededRandom
    private static let start = UTCTime(microseconds: 1_790_000_000_000_000)

    var policyPath: String { "\(directory).policy" }
    private var policy: [UInt8] { Array("log \(log.verifier.text)\nquorum none\n".utf8) }

    init(directory: String, batches: Int, nodes: Int, seed: UInt64 = 1) throws {
        self.directory = directory
        self.batches = batches
        nodeCount = min(nodes, batches)
        var random = SeededRandom(seed: seed)
        administration = try SigningKey(name: "\(origin)/administration", seed: random.bytes(32))
        log = try SigningKey(name: origin, seed: random.bytes(32))
        selfWitness = try CosigningKey(name: "\(origin)/self", seed: random.bytes(32))
        self.random = random
    }

    /// Whole hours around everything that the batches cover.
    private var period: UTCInterval {
        let seconds = Int64(batches / nodeCount + 1) * 30
        return UTCInterval(
            start: UTCTime(hour: Self.start.hour),
            end: UTCTime(hour: UTCTime(microseconds: Self.start.microseconds + seconds * 1_000_000).hour + 1))
    }

    /// Writes the bundle, then the disclosure that follows from it.
    mutating func make(withSamples: Bool) async throws {
        let size = UInt64(1 + nodeCount + batches)
        var writer = BundleWriter(origin: origin, period: period, audience: .assurer, size: size)
        var frontier = MerkleFrontier()
        func append(_ note: [UInt8], _ samples: [UInt8]? = nil) throws {
            frontier.append(.leaf(of: note))
            for file in try writer.append(entry: note, samples: samples) { try save(file) }
        }
        try append(administration.sign(genesis().text).bytes)
        var nodes = try (0..<nodeCount).map { number in
            let (entry, node) = try enrolment(number, at: Int64(frontier.size))
            try append(entry)
            return node
        }
        var anchor: TreeHead?
        for number in 0..<batches {
            let place = number % nodeCount
            // Nodes see a checkpoint once a minute, that is once in two rounds.
            if place == 0, number / nodeCount % 2 == 0 { anchor = TreeHead(size: frontier.size, root: frontier.root) }
            nodes[place].anchor = anchor
            let (note, samples) = try nodes[place].next()
            try append(note, withSamples ? samples : nil)
        }
        let checkpoint = try Checkpoint(origin: origin, head: TreeHead(size: frontier.size, root: frontier.root))
        let signed = try SignedCheckpoint(checkpoint, signedBy: log).adding([
            selfWitness.cosignature(of: checkpoint, time: UInt64(Self.start.microseconds / 1_000_000))
        ])
        try save(writer.add(.checkpoint, signed.bytes))
        try save(writer.add(.policy, policy))
        try Self.store(policy, at: policyPath)
        try await addDisclosure(writer)
    }

    /// What follows from the entries is known when all are there.
    private func addDisclosure(_ writer: BundleWriter) async throws {
        var draft = writer
        try save(draft.add(.disclosure, Array("{}".utf8)))
        try save(draft.manifest(signedBy: administration))
        let audit = try BundleAudit(source: source, policy: policy, workers: 2)
        var final = writer
        try save(final.add(.disclosure, try await audit.recomputed().bytes))
        try save(final.manifest(signedBy: administration))
    }

    private mutating func genesis() -> GenesisEntry {
        GenesisEntry(
            log: origin, time: Self.start, slug: "bench", organization: "Bench", logKey: log.verifier.text,
            administrationKey: administration.verifier.text, selfWitnessKey: selfWitness.verifier.text,
            salt: random.bytes(16))
    }

    private mutating func enrolment(_ number: Int, at index: Int64) throws -> (entry: [UInt8], node: StandardBatch) {
        let name = "node-\(number)"
        let key = try SigningKey(name: name, seed: random.bytes(32))
        let entry = NodeEntry(
            log: origin, time: Self.start, action: .enrol, node: name, role: .node, site: "bench",
            key: key.verifier.text, salt: random.bytes(16))
        let note = try administration.sign(entry.text).bytes
        let node = StandardBatch(
            log: origin, node: name, key: key, incarnation: index, opening: .leaf(of: note), seed: UInt64(number))
        return (note, node)
    }

    // MARK: Files

    private func save(_ file: BundleFile) throws {
        var path = directory
        mkdir(path, 0o755)
        for part in file.path.split(separator: "/").dropLast() {
            path += "/\(part)"
            mkdir(path, 0o755)
        }
        try Self.store(file.bytes, at: "\(directory)/\(file.path)")
    }

    private static func store(_ bytes: [UInt8], at path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw BenchError("cannot write \(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var position = 0
        while position < bytes.count {
            let count = bytes[position...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw BenchError("cannot write \(path): \(String(cString: strerror(errno)))") }
            position += count
        }
    }

    private var source: BundleSource {
        let directory = directory
        let bundles = (UInt64(1 + nodeCount + batches) + 255) / 256
        var paths: Set<String> = ["checkpoint", "policy.txt", "disclosure.json", BundleManifest.path]
        for index in 0..<bundles {
            guard let bundle = EntryBundle(index: index, inTreeOf: UInt64(1 + nodeCount + batches)) else { continue }
            for path in [bundle.path, BundlePath.samples(bundle).path] where access("\(directory)/\(path)", F_OK) == 0 {
                paths.insert(path)
            }
        }
        return BundleSource(paths: paths) { path throws(ReplayFailure) in
            guard let bytes = Self.bytes(of: "\(directory)/\(path)") else {
                throw ReplayFailure(.file, at: path, "it cannot be read")
            }
            return bytes
        }
    }

    private static func bytes(of path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let size = Int(lseek(descriptor, 0, SEEK_END))
        guard size >= 0, lseek(descriptor, 0, SEEK_SET) == 0 else { return nil }
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size {
                let piece = read(descriptor, buffer.baseAddress.map { $0 + count }, size - count)
                guard piece > 0 else { return }
                count += piece
            }
        }
    }

    /// Batch notes of the first bundles with the keys that signed them, for verifying signatures and nothing else.
    func signed(count: Int) throws -> [(note: SignedNote, key: VerifierKey)] {
        var keys: [String: VerifierKey] = [:]
        var signed: [(SignedNote, VerifierKey)] = []
        for index in 0... {
            guard signed.count < count, let bundle = EntryBundle(index: UInt64(index), inTreeOf: size) else { break }
            guard let bytes = Self.bytes(of: "\(directory)/\(bundle.path)") else { break }
            for entry in try bundle.entries(in: bytes) {
                let note = try SignedNote(parsing: Array(entry))
                switch try Entry(text: Array(note.text)) {
                case .node(let node): keys[node.node] = try VerifierKey(parsing: node.key)
                case .batch(let batch):
                    guard let key = keys[batch.node] else { throw BenchError("\(batch.node) is not enrolled") }
                    signed.append((note, key))
                default: break
                }
            }
        }
        return Array(signed.prefix(count))
    }

    private var size: UInt64 { UInt64(1 + nodeCount + batches) }
}
