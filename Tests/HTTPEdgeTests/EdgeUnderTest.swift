import Glibc
import Hummingbird
import Identity
import Logging
import PinnedHTTPS
import ServiceLifecycle
import Synchronization

@testable import HTTPEdge

let clock: @Sendable () -> Int64 = { Int64(time(nil)) }
let day: Int64 = 86_400

/// An HTTPS server on the loopback interface, with an authority of its own.
struct EdgeUnderTest {
    let authority: CertificateAuthority
    let configuration: HTTPSServer.Configuration

    /// - Parameter issued: when the server's certificate was issued; it lasts 397 days.
    init(
        names: [String] = ["localhost"], addresses: [String] = ["127.0.0.1"], issued: Int64 = clock(),
        sendsAuthority: Bool = true
    ) throws {
        self.authority = try CertificateAuthority(organization: "Edge", now: clock() - 1_000 * day)
        let key = IdentityKey()
        let certificate = try self.authority.issueServer(names: names, addresses: addresses, key: key, now: issued)
        self.configuration = HTTPSServer.Configuration(
            address: NetworkAddress(host: "127.0.0.1", port: 0),
            certificatesPEM: certificate.pem + (sendsAuthority ? self.authority.certificate.pem : []),
            keyPEM: key.pem)
    }

    /// Runs the server around `body`, then shuts it down and waits.
    @discardableResult
    func serve<Value: Sendable>(
        _ router: Router<EdgeContext> = HTTPSServer.makeRouter(), log: KeptLog = KeptLog(),
        _ body: (NetworkAddress, ServiceGroup) async throws -> Value
    ) async throws -> Value {
        let (bound, binding) = AsyncStream.makeStream(of: NetworkAddress.self)
        let logger = Logger(label: "edge") { _ in log }
        let server = try HTTPSServer(configuration: self.configuration, router: router, logger: logger) {
            binding.yield($0)
        }
        let services = ServiceGroup(services: [server], logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { binding.finish() }
                try await services.run()
            }
            var addresses = bound.makeAsyncIterator()
            guard let address = await addresses.next() else {
                try await group.waitForAll()
                throw HTTPSServerError(description: "the server has not started")
            }
            let result: Result<Value, any Error>
            do {
                result = .success(try await body(address, services))
            } catch {
                result = .failure(error)
            }
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
            return try result.get()
        }
    }

    func client(_ address: NetworkAddress, trust: ServerTrust? = nil, timeoutSeconds: Int64 = 30) -> PinnedHTTPS {
        PinnedHTTPS(
            server: address, trust: trust ?? .pinned(sha256: self.authority.certificate.sha256), now: clock,
            timeoutSeconds: timeoutSeconds)
    }
}

/// Keeps what is logged at the level at which the aggregator runs its web server.
struct KeptLog: LogHandler {
    final class Kept: Sendable { let lines = Mutex<[String]>([]) }

    let kept = Kept()
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.critical

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        kept.lines.withLock { $0.append("\(event.message) \(event.metadata ?? [:])") }
    }

    func contains(_ words: String...) -> Bool {
        kept.lines.withLock { lines in lines.contains { line in words.allSatisfy { line.contains($0) } } }
    }
}
