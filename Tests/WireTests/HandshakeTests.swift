import GRPCCore
import Identity
import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import Wire

/// What the two ends of a TLS connection make of each other's certificates.
@Suite(.timeLimit(.minutes(2))) struct HandshakeTests {
    private let loopback: Loopback

    init() throws {
        self.loopback = try Loopback()
    }

    private func failure(_ client: IngestClient) async -> IngestError? {
        do {
            try await greet(client)
            return nil
        } catch {
            return error as? IngestError
        }
    }

    @Test func peerIsTheClientCertificate() async throws {
        let (peers, sink) = AsyncStream.makeStream(of: Peer.self)
        let handlers = IngestHandlers.streaming { peer, _, writer in
            sink.yield(peer)
            try await writer.send(.heads([]))
        }
        try await withServer(try self.loopback.serverConfiguration(), handlers) { _, address in
            try await greet(try self.loopback.client(address, node: "gpu-17"))
        }
        var iterator = peers.makeAsyncIterator()
        let peer = try #require(await iterator.next())
        #expect(peer.node == "gpu-17")
        #expect(peer.publicKeySHA256.count == 32)
        #expect(!peer.isExpired)
        #expect(peer.address.hasPrefix("127.0.0.1:"))
        #expect(peer.certificateNotAfter > clock() + 89 * day)
    }

    @Test func certificateOfAnotherAuthorityIsRefused() async throws {
        let stranger = try CertificateAuthority(organization: "Loopback", now: clock())
        try await withServer(try self.loopback.serverConfiguration(), .acknowledging) { server, address in
            let error = await self.failure(try self.loopback.client(address, by: stranger))
            #expect(error?.code == .certificateRefused)
            #expect(server.refusals == [.noCertificate: 0, .unknownCA: 1, .expired: 0, .other: 0])
        }
    }

    @Test func serverCertificateDoesNotMakeAClient() async throws {
        var configuration = try self.loopback.serverConfiguration()
        configuration.connectionsMax = 10
        try await withServer(configuration, .acknowledging) { server, address in
            let client = try IngestClient(
                configuration: IngestClient.Configuration(
                    server: address, certificatesPEM: configuration.certificatesPEM,
                    keyPEM: configuration.keyPEM, authority: self.loopback.authority.certificate))
            #expect(await self.failure(client)?.code == .certificateRefused)
            #expect(server.refusals[.unknownCA] == 1)
        }
    }

    @Test func expiredCertificateIsRefusedWhereNothingElseIsAsked() async throws {
        var configuration = try self.loopback.serverConfiguration()
        configuration.admitsExpiredForRenewal = false
        try await withServer(configuration, .acknowledging) { server, address in
            let error = await self.failure(try self.loopback.client(address, issued: clock() - 100 * day))
            #expect(error?.code == .certificateRefused)
            #expect(server.refusals[.expired] == 1)
        }
    }

    @Test func expiredCertificateOpensNoStream() async throws {
        try await withServer(try self.loopback.serverConfiguration(), .acknowledging) { server, address in
            let error = await self.failure(try self.loopback.client(address, issued: clock() - 100 * day))
            #expect(error?.code == .certificateExpired)
            #expect(server.refusals[.expired] == 1)
        }
    }

    @Test func serverOfAnotherNameIsNotTrusted() async throws {
        let configuration = try self.loopback.serverConfiguration(names: ["other.example"], addresses: ["10.0.0.1"])
        try await withServer(configuration, .acknowledging) { _, address in
            for host in ["127.0.0.1", "localhost"] {
                let named = NetworkAddress(host: host, port: address.port)
                let error = await self.failure(try self.loopback.client(named))
                #expect(error?.code == .untrustedServer, "\(host): \(String(describing: error))")
                #expect(error?.description.hasPrefix("\(named): ") == true)
            }
        }
    }

    @Test func serverOfAnotherAuthorityIsNotTrusted() async throws {
        let other = try Loopback()
        try await withServer(try self.loopback.serverConfiguration(), .acknowledging) { server, address in
            let error = await self.failure(try other.client(address))
            #expect(error?.code == .untrustedServer)
            #expect(server.refusals[.unknownCA] == 0)
        }
    }

    @Test func nameAndAddressAreBothGood() async throws {
        try await withServer(try self.loopback.serverConfiguration(), .acknowledging) { _, address in
            try await greet(try self.loopback.client(address))
            try await greet(try self.loopback.client(NetworkAddress(host: "localhost", port: address.port)))
        }
    }

    @Test func nothingListeningIsUnreachable() async throws {
        // Bound and closed again: a port that is free at this moment.
        let address = try await withServer(try self.loopback.serverConfiguration(), .acknowledging) { $1 }
        let error = await self.failure(try self.loopback.client(address))
        #expect(error?.code == .unreachable)
    }

    @Test func replacedCertificateServesTheNextHandshake() async throws {
        let configuration = try self.loopback.serverConfiguration(names: ["old.example"], addresses: [])
        try await withServer(configuration, .acknowledging) { server, address in
            let error = await self.failure(try self.loopback.client(address))
            #expect(error?.code == .untrustedServer)
            let renewed = try self.loopback.serverConfiguration()
            try server.replaceCertificates(renewed.certificatesPEM, keyPEM: renewed.keyPEM)
            try await greet(try self.loopback.client(address))
        }
    }

    /// - Parameter configure: how this client differs from one that shows no certificate.
    private func rawHandshake(
        _ address: NetworkAddress, configure: (inout TLSConfiguration) -> Void = { _ in }
    ) async throws {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.applicationProtocols = ["h2"]
        tls.trustRoots = .certificates([
            try NIOSSLCertificate(bytes: self.loopback.authority.certificate.der, format: .der)
        ])
        configure(&tls)
        let context = try NIOSSLContext(configuration: tls)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        NIOSSLClientHandler(context: context, serverHostname: nil))
                }
            }.connect(host: address.host, port: address.port).get()
        try? await channel.closeFuture.get()
    }

    @Test func clientWithoutCertificateIsRefused() async throws {
        try await withServer(try self.loopback.serverConfiguration(), .acknowledging) { server, address in
            try await self.rawHandshake(address)
            #expect(server.refusals == [.noCertificate: 1, .unknownCA: 0, .expired: 0, .other: 0])
        }
    }

    @Test func olderTLSIsRefused() async throws {
        try await withServer(try self.loopback.serverConfiguration(), .acknowledging) { server, address in
            try await self.rawHandshake(address) { $0.maximumTLSVersion = .tlsv12 }
            #expect(server.refusals[.other] == 1)
        }
    }

    @Test func silentClientIsCutOff() async throws {
        var configuration = try self.loopback.serverConfiguration()
        configuration.handshakeTimeoutSeconds = 1
        try await withServer(configuration, .acknowledging) { server, address in
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: address.host, port: address.port).get()
            try await channel.closeFuture.get()
            #expect(server.refusals[.other] == 1)
        }
    }

    @Test func silentServerIsGivenUp() async throws {
        // The kernel accepts; nobody reads.
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.autoRead, value: false)
            .bind(host: "127.0.0.1", port: 0).get()
        let address = NetworkAddress(host: "127.0.0.1", port: try #require(listener.localAddress?.port))
        var configuration = try self.loopback.clientConfiguration(address)
        configuration.connectTimeoutSeconds = 1
        let error = await self.failure(try IngestClient(configuration: configuration))
        #expect(error?.code == .unreachable)
        try await listener.close()
    }

    @Test func connectionsAreBounded() async throws {
        var configuration = try self.loopback.serverConfiguration()
        configuration.connectionsMax = 1
        try await withServer(configuration, .acknowledging) { server, address in
            try await self.loopback.client(address).withStream { messages, writer in
                try await writer.send(.entry(EntryUpload(log: "l", note: [1])))
                for try await _ in messages { break }
                let error = await self.failure(try self.loopback.client(address))
                #expect(error != nil)
                #expect(server.connectionCount == 1)
            }
        }
    }
}
