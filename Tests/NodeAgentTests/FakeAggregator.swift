import Batches
import Crypto
import Energy
import Glibc
import Identity
import NodeAgent
import Synchronization
import TransparencyLog
import Wire

/// An aggregator with a log in memory, and with the faults that a test asks for.
final class FakeAggregator: Sendable {
    struct Faults: Sendable {
        /// The connection ends after so many answers, once for each element.
        var cuts: [Int] = []
        /// Every acknowledgement comes twice.
        var duplicatesAcks = false
        /// Entries at these places of any chain are refused, once each.
        var refuses: [Int64: Refusal] = [:]
        /// Checkpoints are sent with every so many entries only.
        var checkpointEvery = 1
        /// Entries are taken into the log but the answer is lost with the connection.
        var losesAnswers: Set<Int> = []
    }

    struct Log: Sendable {
        var entries: [(note: [UInt8], samples: [UInt8])] = []
        var indexes: [MerkleHash: Int64] = [:]
        var imports: [String: Int64] = [:]
        var frontier = MerkleFrontier()
        var heads: [Int64: Batches.ChainHead] = [:]
        var lastIndexes: [Int64: Int64] = [:]
        var faults = Faults()
        var answers = 0
        var connections = 0
        var received = 0
        /// Entries that had come before.
        var duplicates = 0
        var refusals: [Refusal] = []
    }

    static let origin = "log.example/acme"
    let authority: CertificateAuthority
    let logKey: SigningKey
    let jobSalt = [UInt8](repeating: 7, count: 16)
    private let log: Mutex<Log>

    init(faults: Faults = Faults(), seed: UInt8 = 1) throws {
        authority = try CertificateAuthority(organization: "Fake", now: Int64(time(nil)) - 86_400)
        logKey = try SigningKey(name: Self.origin, seed: Array(repeating: seed, count: 32))
        var log = Log()
        log.faults = faults
        self.log = Mutex(log)
    }

    var state: Log { log.withLock { $0 } }

    func change(_ body: (inout Log) -> Void) { log.withLock { body(&$0) } }

    var batches: [Batch] {
        state.entries.compactMap { entry in
            guard let note = try? SignedNote(parsing: entry.note) else { return nil }
            return try? Batch(text: Array(note.text))
        }
    }

    func entries<Value>(_ read: ([UInt8]) throws -> Value) -> [Value] {
        state.entries.compactMap { entry in (try? SignedNote(parsing: entry.note)).flatMap { try? read(Array($0.text)) }
        }
    }

    /// Opens a chain as an enrol entry would, and gives its index.
    func enrol(_ node: String) -> (incarnation: Int64, leaf: MerkleHash) {
        log.withLock { log in
            let note = Array("enrol \(node)\n\n".utf8)
            let index = log.append(note, [])
            let leaf = MerkleHash.leaf(of: note)
            log.heads[index] = Batches.ChainHead(node: node, opening: index, leaf: leaf)
            return (index, leaf)
        }
    }

    func checkpoint() -> [UInt8] {
        log.withLock { log in
            let head = TreeHead(size: log.frontier.size, root: log.frontier.root)
            let checkpoint = try? Checkpoint(origin: Self.origin, head: head)
            return checkpoint.flatMap { try? SignedCheckpoint($0, signedBy: logKey) }?.bytes ?? []
        }
    }

    // MARK: Serving

    func run<Value: Sendable>(_ body: @escaping @Sendable (NetworkAddress) async throws -> Value) async throws -> Value
    {
        let key = IdentityKey()
        let certificate = try authority.issueServer(
            names: ["localhost"], addresses: ["127.0.0.1"], key: key, now: Int64(time(nil)))
        let configuration = IngestServer.Configuration(
            address: NetworkAddress(host: "127.0.0.1", port: 0),
            certificatesPEM: certificate.pem + authority.certificate.pem, keyPEM: key.pem,
            authority: authority.certificate)
        let (bound, binding) = AsyncStream.makeStream(of: NetworkAddress.self)
        let server = try IngestServer(
            configuration: configuration, now: { Int64(time(nil)) },
            handlers: IngestHandlers(
                stream: { _, up, down in try await self.serve(up, down) },
                renew: { _, _ in .refused(code: .unknownNode, message: "nobody renews here") }),
            onBound: { binding.yield($0) })
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            var addresses = bound.makeAsyncIterator()
            guard let address = await addresses.next() else { throw IngestError(.unreachable, "no server") }
            defer { server.beginShutdown() }
            return try await body(address)
        }
    }

    func client(_ node: String, _ address: NetworkAddress) throws -> IngestClient {
        let key = IdentityKey()
        let certificate = try authority.issueClient(
            request: key.request(node: node), node: node, now: Int64(time(nil)))
        return try IngestClient(
            configuration: .init(
                server: address, certificatesPEM: certificate.pem, keyPEM: key.pem, authority: authority.certificate))
    }

    private func serve(_ messages: UpMessages, _ writer: DownWriter) async throws {
        log.withLock { $0.connections += 1 }
        for try await message in messages {
            switch message {
            case .hello(let hello):
                try await writer.send(.heads(heads(hello)))
                try await send(checkpoint: writer)
            case .entry(let upload):
                let (answer, isCut) = take(upload)
                if isCut { throw IngestError(.unavailable, "the test cuts the connection") }
                let (every, twice) = log.withLock { ($0.faults.checkpointEvery, $0.faults.duplicatesAcks) }
                try await writer.send(answer)
                if twice { try await writer.send(answer) }
                if state.received % every == 0 { try await send(checkpoint: writer) }
            }
        }
    }

    private func send(checkpoint writer: DownWriter) async throws {
        try await writer.send(.checkpoint(LogCheckpoint(log: Self.origin, note: checkpoint())))
    }

    private func heads(_ hello: AgentHello) -> [Wire.ChainHead] {
        log.withLock { log in
            let asked = Set(hello.chains.map { Int64($0.incarnation) })
            return log.heads.values.filter { asked.contains($0.incarnation) }.map { head in
                Wire.ChainHead(
                    chain: ChainReference(
                        log: Self.origin, node: head.node, incarnation: UInt64(head.incarnation)),
                    nextSequence: UInt64(head.nextSequence), leaf: head.leaf.bytes,
                    lastIndex: UInt64(log.lastIndexes[head.incarnation] ?? head.incarnation), isClosed: false)
            }
        }
    }

    private func take(_ upload: EntryUpload) -> (answer: DownMessage, isCut: Bool) {
        log.withLock { log in
            log.received += 1
            log.answers += 1
            if let cut = log.faults.cuts.first, log.answers > cut {
                log.faults.cuts.removeFirst()
                log.answers = 0
                return (.heads([]), true)
            }
            let outcome = log.take(upload)
            if log.faults.losesAnswers.remove(log.received) != nil { return (outcome, true) }
            return (outcome, false)
        }
    }
}

extension FakeAggregator.Log {
    mutating func append(_ note: [UInt8], _ samples: [UInt8]) -> Int64 {
        let leaf = MerkleHash.leaf(of: note)
        let index = Int64(frontier.size)
        frontier.append(leaf)
        entries.append((note, samples))
        indexes[leaf] = index
        return index
    }

    mutating func take(_ upload: EntryUpload) -> DownMessage {
        let leaf = MerkleHash.leaf(of: upload.note)
        guard let note = try? SignedNote(parsing: upload.note), let entry = try? Entry(text: Array(note.text)) else {
            return refuse(leaf, nil, Refusal(.badSyntax, "no entry"))
        }
        var position: ChainPosition?
        if case .batch(let batch) = entry { position = batch.position }
        if let index = indexes[leaf] {
            duplicates += 1
            return ack(leaf, position, index)
        }
        if let position, let refusal = faults.refuses.removeValue(forKey: position.sequence) {
            return refuse(leaf, position, refusal)
        }
        if case .batch(let batch) = entry { return take(batch, leaf, upload) }
        if case .imported(let imported) = entry {
            let key = "\(imported.job ?? "-") \(imported.node) \(imported.sensor) \(imported.fileSHA256)"
            if let first = imports[key] {
                let until = entries.compactMap { entry in
                    (try? SignedNote(parsing: entry.note)).flatMap { try? Batch(text: Array($0.text)) }
                }.last { $0.position.incarnation == first }?.facts.interval.end
                let known = ImportDuplicate(
                    node: imported.node, sensor: imported.sensor, signer: "first", until: until)
                return refuse(leaf, nil, Refusal(.chainFork, known.message))
            }
            imports[key] = Int64(frontier.size)
        }
        let index = append(upload.note, upload.samples)
        switch entry {
        case .imported(let imported):
            heads[index] = Batches.ChainHead(node: imported.node, opening: index, leaf: leaf)
        case .resume(let resume): heads[index] = Batches.ChainHead(node: resume.node, opening: index, leaf: leaf)
        default: break
        }
        return ack(leaf, nil, index)
    }

    private mutating func take(_ batch: Batch, _ leaf: MerkleHash, _ upload: EntryUpload) -> DownMessage {
        guard var head = heads[batch.position.incarnation] else {
            return refuse(leaf, batch.position, Refusal(.chainGap, "no such chain"))
        }
        if let refusal = head.refusal(of: batch) ?? SampleCheck.refusal(of: upload.samples, for: batch) {
            return refuse(leaf, batch.position, refusal)
        }
        head.advance(past: batch, leaf: leaf)
        heads[batch.position.incarnation] = head
        let index = append(upload.note, upload.samples)
        lastIndexes[batch.position.incarnation] = index
        return ack(leaf, batch.position, index)
    }

    private func reference(_ position: ChainPosition?) -> ChainReference? {
        position.map { ChainReference(log: FakeAggregator.origin, node: "n", incarnation: UInt64($0.incarnation)) }
    }

    private func ack(_ leaf: MerkleHash, _ position: ChainPosition?, _ index: Int64) -> DownMessage {
        .ack(
            EntryReceipt(
                chain: reference(position), sequence: UInt64(position?.sequence ?? 0), index: UInt64(index),
                leaf: leaf.bytes))
    }

    private mutating func refuse(_ leaf: MerkleHash, _ position: ChainPosition?, _ refusal: Refusal) -> DownMessage {
        refusals.append(refusal)
        return .refuse(
            EntryRefusal(
                chain: reference(position), sequence: UInt64(position?.sequence ?? 0),
                code: RefusalCode(rawValue: refusal.code.rawValue) ?? .badSyntax, isPermanent: refusal.isPermanent,
                message: refusal.message, leaf: leaf.bytes))
    }
}
