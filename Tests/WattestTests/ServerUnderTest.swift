import Glibc
import HTTPEdge
import Hummingbird
import Identity
import Logging
import ServiceLifecycle

@testable import wattest

/// An HTTPS server on the loopback interface with an authority of its own, and clients for it.
struct ServerUnderTest {
    let authority: CertificateAuthority
    private let configuration: HTTPSServer.Configuration

    init() throws {
        let now = Int64(time(nil))
        authority = try CertificateAuthority(organization: "Test", now: now - 86_400)
        let key = IdentityKey()
        let certificate = try authority.issueServer(names: ["localhost"], addresses: ["127.0.0.1"], key: key, now: now)
        configuration = HTTPSServer.Configuration(
            address: NetworkAddress(host: "127.0.0.1", port: 0),
            certificatesPEM: certificate.pem + authority.certificate.pem, keyPEM: key.pem)
    }

    /// Runs the server around `body`, which gets a client that trusts it.
    func serve(
        _ router: Router<EdgeContext>, _ body: (AggregatorClient) async throws -> Void
    ) async throws {
        let (addresses, binding) = AsyncStream.makeStream(of: NetworkAddress.self)
        var logger = Logger(label: "server")
        logger.logLevel = .critical
        let server = try HTTPSServer(configuration: configuration, router: router, logger: logger) { binding.yield($0) }
        let services = ServiceGroup(services: [server], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { binding.finish() }
                try await services.run()
            }
            for await address in addresses {
                let outcome: Result<Void, any Error>
                do {
                    outcome = .success(try await body(try client(address)))
                } catch {
                    outcome = .failure(error)
                }
                await services.triggerGracefulShutdown()
                try await group.waitForAll()
                return try outcome.get()
            }
            try await group.waitForAll()
        }
    }

    func client(_ address: NetworkAddress, authority other: CertificateAuthority? = nil) throws -> AggregatorClient {
        let exchange = try HTTPSExchange(
            address: address, authorityPEM: (other ?? authority).certificate.pem, caFile: "ca.pem")
        return AggregatorClient(exchange: exchange, token: "secret")
    }
}
