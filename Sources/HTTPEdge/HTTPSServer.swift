package import Hummingbird
import HummingbirdCore
import HummingbirdTLS
package import Identity
package import Logging
import NIOCore
import NIOSSL
import ServiceLifecycle

/// The context of a request at the edge.
package struct EdgeContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// Where the request comes from, for the log and for limits.
    package let remoteAddress: String

    package init(source: ApplicationRequestContextSource) {
        self.coreContext = CoreRequestContextStorage(source: source)
        self.remoteAddress = source.channel.remoteAddress?.ipAddress ?? "unknown"
    }
}

/// HTTPS with TLS 1.3 and no client certificates.
///
/// A service: ends with its service group, after the requests under way.
package struct HTTPSServer: Service {
    package struct Configuration: Sendable {
        /// Where to listen; port 0 takes a free one.
        package var address: NetworkAddress
        /// PEM: the server's certificate, then the authority's, which an enrolling node pins. Empty for HTTP without
        /// TLS, for services whose every message is signed and none secret.
        package var certificatesPEM: [UInt8]
        package var keyPEM: [UInt8]
        /// Above it new connections wait in the backlog.
        package var connectionsMax = 4_096
        package var idleTimeoutSeconds: Int64 = 60

        package init(address: NetworkAddress, certificatesPEM: [UInt8], keyPEM: [UInt8]) {
            self.address = address
            self.certificatesPEM = certificatesPEM
            self.keyPEM = keyPEM
        }
    }

    private let application: Application<RouterResponder<EdgeContext>>
    private let address: NetworkAddress

    /// - Parameters:
    ///   - router: the routes; errors that they throw become problem documents.
    ///   - onBound: called once, with the address in use.
    package init(
        configuration: Configuration, router: Router<EdgeContext>, logger: Logger,
        onBound: @escaping @Sendable (NetworkAddress) -> Void
    ) throws(HTTPSServerError) {
        let requested = configuration.address
        self.address = requested
        self.application = Application(
            router: router,
            server: try Self.server(configuration),
            configuration: ApplicationConfiguration(
                address: .hostname(requested.host, port: requested.port), backlog: 1_024,
                availableConnectionsDelegate: MaximumAvailableConnections(configuration.connectionsMax)),
            onServerRunning: { channel in
                let bound = channel.localAddress
                onBound(NetworkAddress(host: bound?.ipAddress ?? requested.host, port: bound?.port ?? 0))
            },
            logger: logger)
    }

    /// A router that answers every error with a problem document, also those of routes that do not exist, and HEAD
    /// wherever it answers GET.
    package static func makeRouter() -> Router<EdgeContext> {
        let router = Router(context: EdgeContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: ProblemMiddleware())
        return router
    }

    /// - Throws: `HTTPSServerError` when the address cannot be had.
    package func run() async throws {
        do {
            try await self.application.run()
        } catch let error as IOError {
            throw HTTPSServerError(
                description:
                    "cannot serve HTTPS at \(address): \(NetworkAddress.reason(ofSystemError: error.errnoCode)); "
                    + "choose another address")
        }
    }

    private static func server(_ configuration: Configuration) throws(HTTPSServerError) -> HTTPServerBuilder {
        let http = HTTP1Channel.Configuration(
            idleTimeout: .seconds(configuration.idleTimeoutSeconds),
            httpDecoderConfiguration: HTTP1Channel.Configuration.DecoderConfiguration(
                maxHeaderFieldSize: 8 << 10, maxHeaderListSize: 16 << 10, maxHeaderFieldCount: 64))
        if configuration.certificatesPEM.isEmpty { return .http1(configuration: http) }
        do {
            var tls = TLSConfiguration.makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMBytes(configuration.certificatesPEM).map {
                    .certificate($0)
                },
                privateKey: .privateKey(try NIOSSLPrivateKey(bytes: configuration.keyPEM, format: .pem)))
            tls.minimumTLSVersion = .tlsv13
            tls.applicationProtocols = ["http/1.1"]
            return try .tls(.http1(configuration: http), tlsConfiguration: tls)
        } catch {
            throw HTTPSServerError(description: "HTTPS: the server's certificate and key cannot be used: \(error)")
        }
    }
}

/// The server cannot be set up: one line.
package struct HTTPSServerError: Error, Hashable, CustomStringConvertible {
    package let description: String
}
