import GRPCNIOTransportHTTP2Posix
import Identity
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// Binds the port and puts mutual TLS in front of gRPC.
///
/// gRPC's own TLS set-up is not used: it takes TLS 1.2 as well, leaves the backlog at 128 (at 5,000 agents that
/// reconnect together most are dropped), and says nothing of refused handshakes.
struct IngestListener: HTTP2ServerTransport.ListenerFactory {
    let eventLoopGroup: any EventLoopGroup
    let address: NetworkAddress
    let credentials: ServerCredentials
    let trust: CertificateTrust
    let now: @Sendable () -> Int64
    let admitsExpired: Bool
    let handshakeTimeout: TimeAmount
    let connections: PeerConnections
    let counters: HandshakeRefusalCounters
    let onBound: @Sendable (NetworkAddress) -> Void

    static let backlog: Int32 = 4096

    func makeListeningChannel(
        listenerConfigurator: HTTP2ServerTransport.ListenerConfigurator,
        connectionConfigurator: HTTP2ServerTransport.ConnectionConfigurator
    ) async throws -> NIOAsyncChannel<HTTP2ServerTransport.ConnectionConfigurator.ConnectionChannel, Never> {
        let bootstrap = ServerBootstrap(group: self.eventLoopGroup)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { listenerConfigurator.configure(channel: $0) }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
        let listening = try await bootstrap.bind(host: self.address.host, port: self.address.port) { channel in
            self.secure(channel).flatMap {
                connectionConfigurator.configure(channel: channel, tls: .configured(requireALPN: true))
            }
        }
        if let bound = listening.channel.localAddress {
            self.onBound(NetworkAddress(host: bound.ipAddress ?? self.address.host, port: bound.port ?? 0))
        }
        return listening
    }

    private func secure(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let address = channel.remoteAddress.flatMap { remote in
                remote.ipAddress.map { NetworkAddress(host: $0, port: remote.port ?? 0).description }
            }
            let connection = self.connections.open(address: address ?? "unknown")
            let tls = NIOSSLServerHandler(
                context: self.credentials.context,
                customVerificationCallback: { chain, promise in
                    self.verify(chain, connection, promise)
                })
            let peer = PeerHandler(
                connection: connection, connections: self.connections, counters: self.counters,
                handshakeTimeout: self.handshakeTimeout)
            try channel.pipeline.syncOperations.addHandlers([tls, peer])
        }
    }

    private func verify(
        _ chain: [NIOSSLCertificate], _ connection: PeerConnection?,
        _ promise: EventLoopPromise<NIOSSLVerificationResult>
    ) {
        let presented = chain.compactMap { try? $0.toDERBytes() }
        promise.completeWithTask {
            let verdict = await self.trust.judge(chain: presented, use: .client, now: self.now())
            guard let connection, connection.decide(verdict, admitsExpired: self.admitsExpired) else {
                return .failed
            }
            return .certificateVerified
        }
    }

    /// The callback for each accepted HTTP/2 stream.
    static func prepare(stream: any Channel) -> EventLoopFuture<Void> {
        stream.eventLoop.makeCompletedFuture {
            guard let parent = stream.parent,
                let connection = try parent.pipeline.syncOperations.handler(type: PeerHandler.self).connection
            else { throw IngestError(.protocolViolation, "a stream without a connection") }
            try stream.pipeline.syncOperations.addHandler(
                ConnectionNumberHandler(number: connection.number), position: .first)
        }
    }
}

/// The server's certificate and key, replaceable while it runs.
final class ServerCredentials: Sendable {
    private let current: Mutex<NIOSSLContext>

    init(certificatesPEM: [UInt8], keyPEM: [UInt8]) throws(IngestError) {
        self.current = Mutex(try Self.makeContext(certificatesPEM: certificatesPEM, keyPEM: keyPEM))
    }

    /// What the next handshake uses; those under way keep theirs.
    var context: NIOSSLContext { self.current.withLock { $0 } }

    func replace(certificatesPEM: [UInt8], keyPEM: [UInt8]) throws(IngestError) {
        let context = try Self.makeContext(certificatesPEM: certificatesPEM, keyPEM: keyPEM)
        self.current.withLock { $0 = context }
    }

    private static func makeContext(
        certificatesPEM: [UInt8], keyPEM: [UInt8]
    ) throws(IngestError) -> NIOSSLContext {
        do {
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMBytes(certificatesPEM).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(bytes: keyPEM, format: .pem)))
            configuration.minimumTLSVersion = .tlsv13
            configuration.applicationProtocols = ["h2"]
            // Demands a certificate; what it is worth is judged by the callback alone.
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .certificates([])
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw IngestError(.untrustedServer, "server certificate: it and its key cannot be used: \(error)")
        }
    }
}
