import Batches
import Glibc
import Identity
import JSONText
import Synchronization
import TransparencyLog
import Wire

/// The other end of the transport: takes every entry, acknowledges it, and signs a checkpoint after it.
final class BenchLog: Sendable {
    private static let origin = "log.example/bench"

    private struct State {
        var frontier = MerkleFrontier()
        var noteBytes = 0
        var entries = 0
    }

    private let authority: CertificateAuthority
    private let key: SigningKey
    private let state = Mutex(State())

    init() throws {
        authority = try CertificateAuthority(organization: "Bench", now: Int64(time(nil)) - 86_400)
        key = try SigningKey(name: Self.origin, seed: [UInt8](repeating: 1, count: 32))
    }

    var entries: Int { state.withLock { $0.entries } }

    /// Serves until the body returns.
    func run<Value: Sendable>(_ body: @escaping @Sendable (NetworkAddress) async throws -> Value) async throws -> Value
    {
        let key = IdentityKey()
        let now: @Sendable () -> Int64 = { Int64(time(nil)) }
        let certificate = try authority.issueServer(
            names: ["localhost"], addresses: ["127.0.0.1"], key: key, now: now())
        let (bound, binding) = AsyncStream.makeStream(of: NetworkAddress.self)
        let server = try IngestServer(
            configuration: .init(
                address: NetworkAddress(host: "127.0.0.1", port: 0),
                certificatesPEM: certificate.pem + authority.certificate.pem, keyPEM: key.pem,
                authority: authority.certificate),
            now: now,
            handlers: IngestHandlers(
                stream: { _, up, down in try await self.serve(up, down) },
                renew: { _, _ in .refused(code: .unknownNode, message: "nobody renews here") }),
            onBound: { binding.yield($0) })
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                try await server.run()
                return nil
            }
            var addresses = bound.makeAsyncIterator()
            guard let address = await addresses.next() else { throw BenchError("the ingest port cannot be bound") }
            defer { server.beginShutdown() }
            return try await body(address)
        }
    }

    /// Writes what an agent has from its enrolment.
    func enrol(_ node: String, at address: NetworkAddress, directory: String) throws {
        mkdir(directory, 0o700)
        let note = Array("enrol \(node)\n\n".utf8)
        let index = append(note)
        let tls = IdentityKey()
        let certificate = try authority.issueClient(
            request: tls.request(node: node), node: node, now: Int64(time(nil)))
        let signer = try SigningKey(name: node, seed: [UInt8](repeating: 9, count: 32))
        let record: JSONValue = [
            "log": .string(Self.origin), "log_vkey": .string(key.verifier.text), "node": .string(node),
            "role": "node", "site": "bench", "server": "", "ingest": .string("\(address)"),
            "incarnation": .decimalString(index), "leaf": .string(MerkleHash.leaf(of: note).base64),
            "job_salt": .string(Base64.encode([UInt8](repeating: 7, count: 16))), "interval_seconds": 30,
        ]
        try PrivateFile.write(Array((signer.privateText + "\n").utf8), to: directory + "/signing.key")
        try PrivateFile.write(tls.pem, to: directory + "/tls.key")
        try PrivateFile.write(certificate.pem, to: directory + "/tls.pem", mode: 0o644)
        try PrivateFile.write(authority.certificate.pem, to: directory + "/ca.pem", mode: 0o644)
        try PrivateFile.write(record.rendered(), to: directory + "/agent.json")
    }

    private func append(_ note: [UInt8]) -> Int64 {
        state.withLock { state in
            let index = Int64(state.frontier.size)
            state.frontier.append(MerkleHash.leaf(of: note))
            state.noteBytes += note.count
            state.entries += 1
            return index
        }
    }

    private func serve(_ messages: UpMessages, _ writer: DownWriter) async throws {
        for try await message in messages {
            switch message {
            case .hello: try await writer.send(.heads([]))
            case .entry(let upload):
                let index = append(upload.note)
                try await writer.send(.ack(try receipt(upload, index: index)))
            }
            let head = state.withLock { TreeHead(size: $0.frontier.size, root: $0.frontier.root) }
            let checkpoint = try SignedCheckpoint(Checkpoint(origin: Self.origin, head: head), signedBy: key)
            try await writer.send(.checkpoint(LogCheckpoint(log: Self.origin, note: checkpoint.bytes)))
        }
    }

    private func receipt(_ upload: EntryUpload, index: Int64) throws -> EntryReceipt {
        let note = try SignedNote(parsing: upload.note)
        var chain: ChainReference?
        var sequence: UInt64 = 0
        if case .batch(let batch) = try Entry(text: Array(note.text)) {
            chain = ChainReference(
                log: Self.origin, node: batch.node, incarnation: UInt64(batch.position.incarnation))
            sequence = UInt64(batch.position.sequence)
        }
        return EntryReceipt(
            chain: chain, sequence: sequence, index: UInt64(index), leaf: MerkleHash.leaf(of: upload.note).bytes)
    }
}
