import GRPCCore
import GRPCNIOTransportHTTP2Posix
package import Identity
package import NIOCore
import NIOPosix

/// What the aggregator does with its agents.
package struct IngestHandlers: Sendable {
    /// Serves one stream; returning ends it. The peer's certificate is valid.
    ///
    /// The messages end when the agent finishes or the server drains; the handler then still sends what it owes. An
    /// ``IngestError`` that it throws reaches the agent with its code.
    package let stream: @Sendable (Peer, UpMessages, DownWriter) async throws -> Void

    /// Decides on a new certificate. The challenge is checked; the signature is the handler's to check, against the
    /// node's signing key. The peer's certificate may have run out.
    package let renew: @Sendable (Peer, CertificateRenewal) async -> RenewalDecision

    package init(
        stream: @escaping @Sendable (Peer, UpMessages, DownWriter) async throws -> Void,
        renew: @escaping @Sendable (Peer, CertificateRenewal) async -> RenewalDecision
    ) {
        self.stream = stream
        self.renew = renew
    }
}

/// gRPC over mutual TLS 1.3: the port that agents connect to.
package final class IngestServer: Sendable {
    package struct Configuration: Sendable {
        /// Where to listen; port 0 takes a free one.
        package var address: NetworkAddress
        /// PEM: the server's certificate, then the authority's.
        package var certificatesPEM: [UInt8]
        package var keyPEM: [UInt8]
        /// The authority whose client certificates are taken.
        package var authority: IdentityCertificate
        /// An expired certificate still opens the connection, for renewal alone.
        package var admitsExpiredForRenewal = true
        package var connectionsMax = 20_000
        /// An agent needs one stream, and one call to renew.
        package var streamsPerConnectionMax = 4
        package var handshakeTimeoutSeconds: Int64 = 10
        /// How long a drain waits for the handlers before it cuts the connections.
        package var drainSeconds: Int64 = 10
        /// A ping after so long without a word from the agent; 20 seconds later the connection is given up.
        package var keepaliveSeconds: Int64 = 60

        package init(
            address: NetworkAddress, certificatesPEM: [UInt8], keyPEM: [UInt8], authority: IdentityCertificate
        ) {
            self.address = address
            self.certificatesPEM = certificatesPEM
            self.keyPEM = keyPEM
            self.authority = authority
        }
    }

    private let server: GRPCServer<HTTP2ServerTransport.Custom<IngestListener>>
    private let address: NetworkAddress
    private let credentials: ServerCredentials
    private let connections: PeerConnections
    private let counters: HandshakeRefusalCounters

    /// - Parameters:
    ///   - now: Unix time in seconds, by which certificates are judged.
    ///   - onBound: called once, with the address in use, when the port accepts connections.
    package init(
        configuration: Configuration,
        now: @escaping @Sendable () -> Int64,
        handlers: IngestHandlers,
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        onBound: @escaping @Sendable (NetworkAddress) -> Void
    ) throws(IngestError) {
        self.address = configuration.address
        self.credentials = try ServerCredentials(
            certificatesPEM: configuration.certificatesPEM, keyPEM: configuration.keyPEM)
        self.connections = PeerConnections(connectionsMax: configuration.connectionsMax)
        self.counters = HandshakeRefusalCounters()
        let listener = IngestListener(
            eventLoopGroup: eventLoopGroup, address: configuration.address, credentials: self.credentials,
            trust: CertificateTrust(authority: configuration.authority), now: now,
            admitsExpired: configuration.admitsExpiredForRenewal,
            handshakeTimeout: .seconds(configuration.handshakeTimeoutSeconds), connections: self.connections,
            counters: self.counters, onBound: onBound)
        self.server = GRPCServer(
            transport: HTTP2ServerTransport.Custom(
                listenerFactory: listener, config: Self.transport(configuration)),
            services: [
                IngestService(connections: self.connections, counters: self.counters, handlers: handlers)
            ])
    }

    /// Serves until ``beginShutdown()`` has drained it, or the task is cancelled.
    package func run() async throws(IngestError) {
        do {
            try await self.server.serve()
        } catch {
            throw IngestError(
                .unreachable, "cannot take nodes at \(address): \(Self.reason(error)); choose another address")
        }
    }

    /// What the system said, without the layers that passed it on.
    private static func reason(_ error: any Error) -> String {
        let cause = (error as? RuntimeError)?.cause ?? error
        if let failure = cause as? IOError { return NetworkAddress.reason(ofSystemError: failure.errnoCode) }
        return "\(cause)"
    }

    /// Takes no new connection or stream, ends the input of the open ones, and waits for their handlers. Returns at
    /// once; ``run()`` returns when it is done.
    package func beginShutdown() {
        self.server.beginGracefulShutdown()
    }

    /// The certificate for handshakes from now on.
    package func replaceCertificates(_ certificatesPEM: [UInt8], keyPEM: [UInt8]) throws(IngestError) {
        try self.credentials.replace(certificatesPEM: certificatesPEM, keyPEM: keyPEM)
    }

    /// Refused handshakes since the start, every reason.
    package var refusals: [HandshakeRefusal: UInt64] { self.counters.snapshot }

    /// Open connections, those in their handshake among them.
    package var connectionCount: Int { self.connections.openCount }

    private static func transport(
        _ configuration: Configuration
    ) -> HTTP2ServerTransport.Custom<IngestListener>.Config {
        var transport = HTTP2ServerTransport.Custom<IngestListener>.Config.defaults
        transport.rpc.maxRequestPayloadSize = WireLimits.messageBytesMax
        transport.http2.maxConcurrentStreams = configuration.streamsPerConnectionMax
        // One round trip of 1 ms then allows 256 MB/s: an agent that catches up is bound by the database, not by this.
        transport.http2.targetWindowSize = 256 << 10
        transport.connection.maxGraceTime = .seconds(configuration.drainSeconds)
        transport.connection.maxIdleTime = .seconds(120)
        transport.connection.keepalive.time = .seconds(configuration.keepaliveSeconds)
        transport.connection.keepalive.timeout = .seconds(20)
        transport.connection.keepalive.clientBehavior.minPingIntervalWithoutCalls = .seconds(10)
        transport.connection.keepalive.clientBehavior.allowWithoutCalls = true
        transport.channelDebuggingCallbacks.onAcceptHTTP2Stream = { IngestListener.prepare(stream: $0) }
        return transport
    }
}
