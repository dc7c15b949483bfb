import GRPCCore
import Glibc
import Identity

@testable import Wire

/// The clock that TLS itself uses; the tests move certificates in time, not the clock.
let clock: @Sendable () -> Int64 = { Int64(time(nil)) }
let day: Int64 = 86_400

/// An authority with what it has issued: everything that a server and its clients need on the loopback interface.
struct Loopback: Sendable {
    let authority: CertificateAuthority

    init() throws {
        self.authority = try CertificateAuthority(organization: "Loopback", now: clock() - 400 * day)
    }

    func serverConfiguration(
        names: [String] = ["localhost"], addresses: [String] = ["127.0.0.1"]
    ) throws -> IngestServer.Configuration {
        let key = IdentityKey()
        let certificate = try self.authority.issueServer(
            names: names, addresses: addresses, key: key, now: clock())
        return IngestServer.Configuration(
            address: NetworkAddress(host: "127.0.0.1", port: 0),
            certificatesPEM: certificate.pem + self.authority.certificate.pem, keyPEM: key.pem,
            authority: self.authority.certificate)
    }

    /// - Parameter issued: when the client's certificate was issued; it lasts 90 days.
    func clientConfiguration(
        _ server: NetworkAddress, node: String = "node-1", issued: Int64 = clock(),
        by issuer: CertificateAuthority? = nil
    ) throws -> IngestClient.Configuration {
        let key = IdentityKey()
        let certificate = try (issuer ?? self.authority).issueClient(
            request: try key.request(node: node), node: node, now: issued)
        return IngestClient.Configuration(
            server: server, certificatesPEM: certificate.pem, keyPEM: key.pem, authority: self.authority.certificate)
    }

    func client(
        _ server: NetworkAddress, node: String = "node-1", issued: Int64 = clock(),
        by issuer: CertificateAuthority? = nil
    ) throws -> IngestClient {
        try IngestClient(
            configuration: try self.clientConfiguration(server, node: node, issued: issued, by: issuer))
    }
}

/// Runs a server around `body`, drains it, and waits until it is gone.
@discardableResult
func withServer<Value: Sendable>(
    _ configuration: IngestServer.Configuration, _ handlers: IngestHandlers,
    _ body: (IngestServer, NetworkAddress) async throws -> Value
) async throws -> Value {
    let (bound, binding) = AsyncStream.makeStream(of: NetworkAddress.self)
    let server = try IngestServer(configuration: configuration, now: clock, handlers: handlers) {
        binding.yield($0)
    }
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            defer { binding.finish() }
            try await server.run()
        }
        var addresses = bound.makeAsyncIterator()
        guard let address = await addresses.next() else {
            try await group.waitForAll()
            throw IngestError(.unreachable, "the server has not started")
        }
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(server, address))
        } catch {
            result = .failure(error)
        }
        server.beginShutdown()
        try await group.waitForAll()
        return try result.get()
    }
}

extension IngestHandlers {
    /// Acknowledges every entry; the index is the entry's position in its stream, the leaf its note.
    static let acknowledging = IngestHandlers.streaming { _, messages, writer in
        var index: UInt64 = 0
        for try await case .entry(let entry) in messages {
            guard entry.note.count <= WireLimits.noteBytesMax else {
                try await writer.send(.refuse(.tooLarge(entry)))
                continue
            }
            try await writer.send(
                .ack(EntryReceipt(chain: nil, sequence: index, index: index, leaf: Array(entry.note.prefix(32)))))
            index += 1
        }
    }

    static func streaming(
        _ stream: @escaping @Sendable (Peer, UpMessages, DownWriter) async throws -> Void
    ) -> IngestHandlers {
        IngestHandlers(stream: stream) { _, _ in .refused(code: .unknownNode, message: "nobody renews here") }
    }
}

extension EntryRefusal {
    static func tooLarge(_ entry: EntryUpload) -> EntryRefusal {
        EntryRefusal(
            chain: nil, sequence: 0, code: .tooLarge, isPermanent: true,
            message: "a note of \(entry.note.count) bytes", leaf: [])
    }
}

/// Opens a stream and closes it again: what a client sees of a handshake.
func greet(_ client: IngestClient) async throws {
    try await client.withStream { messages, writer in
        try await writer.send(.entry(EntryUpload(log: "l", note: [1])))
        for try await _ in messages { return }
    }
}

extension IngestClient {
    /// Opens a stream with metadata of the client's choice, and reads one message.
    func greet(metadata: [String: String]) async throws {
        try await self.withConnection { client in
            var chosen = Metadata()
            for (key, value) in metadata { chosen.addString(value, forKey: key) }
            try await client.stream(request: StreamingClientRequest(metadata: chosen) { _ in }) { response in
                for try await _ in response.messages { return }
            }
        }
    }
}
