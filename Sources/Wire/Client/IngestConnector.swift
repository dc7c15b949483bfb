import GRPCNIOTransportHTTP2Posix
import Identity
import NIOCore
import NIOPosix
import NIOSSL

/// Opens a TLS 1.3 connection and puts gRPC on it.
struct IngestConnector: Sendable {
    private let server: NetworkAddress
    private let connectTimeout: TimeAmount
    private let keepaliveSeconds: Int64
    private let context: NIOSSLContext
    private let eventLoopGroup: any EventLoopGroup

    init(
        configuration: IngestClient.Configuration, eventLoopGroup: any EventLoopGroup
    ) throws(IngestError) {
        self.server = configuration.server
        self.connectTimeout = .seconds(configuration.connectTimeoutSeconds)
        self.keepaliveSeconds = configuration.keepaliveSeconds
        self.eventLoopGroup = eventLoopGroup
        do {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.minimumTLSVersion = .tlsv13
            tls.applicationProtocols = ["h2"]
            tls.trustRoots = .certificates([
                try NIOSSLCertificate(bytes: configuration.authority.der, format: .der)
            ])
            tls.certificateChain = try NIOSSLCertificate.fromPEMBytes(configuration.certificatesPEM).map {
                .certificate($0)
            }
            tls.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: configuration.keyPEM, format: .pem))
            self.context = try NIOSSLContext(configuration: tls)
        } catch {
            throw IngestError(
                .certificateRefused, "client certificate: it and its key cannot be used: enrol the node again: \(error)"
            )
        }
    }

    func connect(_ failures: ConnectionFailures) async throws -> HTTP2ClientTransport.WrappedChannel {
        let config = HTTP2ClientTransport.WrappedChannel.Config.defaults { config in
            config.http2.targetWindowSize = 64 << 10
            config.http2.authority = self.server.description
            config.connection.maxIdleTime = nil
            config.connection.keepalive = HTTP2ClientTransport.Config.Keepalive(
                time: .seconds(self.keepaliveSeconds), timeout: .seconds(20), allowWithoutCalls: true)
        }
        return try await .wrapping(config: config) { configure in
            do {
                return try await self.bootstrap.connect(host: self.server.host, port: self.server.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try self.secure(channel, failures)
                    }.flatMap { configure(channel) }
                }
            } catch {
                throw IngestError(.unreachable, "no connection: \(error)")
            }
        }
    }

    private var bootstrap: ClientBootstrap {
        ClientBootstrap(group: self.eventLoopGroup)
            .connectTimeout(self.connectTimeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
    }

    private func secure(_ channel: any Channel, _ failures: ConnectionFailures) throws {
        // TLS forbids an address as a server name; the certificate is then checked against the peer's address.
        let name = IPAddress.bytes(self.server.host) == nil ? self.server.host : nil
        try channel.pipeline.syncOperations.addHandlers([
            try NIOSSLClientHandler(context: self.context, serverHostname: name),
            ConnectionFailureHandler(failures, timeout: self.connectTimeout),
        ])
    }
}
