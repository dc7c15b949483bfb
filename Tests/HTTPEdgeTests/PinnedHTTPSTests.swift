import Hummingbird
import HummingbirdCore
import Identity
import NIOCore
import NIOPosix
import PinnedHTTPS
import Testing

@testable import HTTPEdge

/// The enrolling node's client against the aggregator's server.
@Suite(.timeLimit(.minutes(1))) struct PinnedHTTPSTests {
    private func failure(
        _ edge: EdgeUnderTest, host: String? = nil, trust: ServerTrust? = nil
    ) async throws -> PinnedHTTPSError? {
        try await edge.serve { address, _ -> PinnedHTTPSError? in
            let named = NetworkAddress(host: host ?? address.host, port: address.port)
            do {
                _ = try await edge.client(named, trust: trust).get("/")
                return nil
            } catch let error as PinnedHTTPSError {
                #expect(error.description.hasPrefix("\(named): "))
                return error
            }
        }
    }

    @Test func pinnedServerIsBelievedByNameAndByAddress() async throws {
        let edge = try EdgeUnderTest()
        let router = HTTPSServer.makeRouter()
        router.post("v1/enroll") { request, _ -> Response in
            let body = try await request.bytes(max: 100)
            return Response(status: .created, type: "application/json", bytes: body + Array(" ok".utf8))
        }
        try await edge.serve(router) { address, _ in
            for host in ["127.0.0.1", "localhost"] {
                let client = edge.client(NetworkAddress(host: host, port: address.port))
                let reply = try await client.post("/v1/enroll", json: Array("{}".utf8))
                #expect(reply.status == 201)
                #expect(reply.contentType == "application/json")
                #expect(String(decoding: reply.body, as: UTF8.self) == "{} ok")
                // What the node keeps as its authority from now on.
                #expect(reply.authority == edge.authority.certificate)
            }
        }
    }

    @Test func authorityItselfCanBeGiven() async throws {
        let edge = try EdgeUnderTest(sendsAuthority: false)
        try await edge.serve { address, _ in
            let reply = try await edge.client(address, trust: .authority(edge.authority.certificate)).get("/")
            #expect(reply.status == 404)
        }
    }

    @Test func wrongHashShowsBothHashes() async throws {
        let edge = try EdgeUnderTest()
        let error = try await self.failure(edge, trust: .pinned(sha256: [UInt8](repeating: 0xAB, count: 32)))
        #expect(error?.code == .wrongAuthority)
        let seen = edge.authority.certificate.sha256.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(error?.description.contains(String(repeating: "ab", count: 32)) == true)
        #expect(error?.description.contains(seen) == true)
    }

    @Test func anotherServersAuthorityDoesNotHelp() async throws {
        // An attacker may show the pinned certificate beside its own; it is public.
        let victim = try EdgeUnderTest()
        let attacker = try EdgeUnderTest()
        var configuration = attacker.configuration
        configuration.certificatesPEM += victim.authority.certificate.pem
        let error = try await self.failure(
            EdgeUnderTest(authority: attacker.authority, configuration: configuration),
            trust: .pinned(sha256: victim.authority.certificate.sha256))
        #expect(error?.code == .untrustedServer)
    }

    @Test func wrongNameIsRefused() async throws {
        let edge = try EdgeUnderTest(names: ["other.example"], addresses: ["10.0.0.1"])
        for host in ["127.0.0.1", "localhost"] {
            let error = try await self.failure(edge, host: host)
            #expect(error?.code == .untrustedServer)
            #expect(error?.description.contains("'\(host)'") == true)
        }
    }

    @Test func expiredServerIsRefused() async throws {
        let error = try await self.failure(try EdgeUnderTest(issued: clock() - 500 * day))
        #expect(error?.code == .untrustedServer)
        #expect(error?.description.contains("run out") == true)
    }

    @Test func authorityOfAnotherIsRefused() async throws {
        let stranger = try CertificateAuthority(organization: "Edge", now: clock())
        let error = try await self.failure(try EdgeUnderTest(), trust: .authority(stranger.certificate))
        #expect(error?.code == .untrustedServer)
    }

    @Test func replyIsBounded() async throws {
        let edge = try EdgeUnderTest()
        let router = HTTPSServer.makeRouter()
        router.get("large") { _, context -> Response in
            Response(streaming: "text/plain", logger: context.logger) { send in
                for _ in 0..<20 { try await send([UInt8](repeating: 0, count: 100_000)) }
            }
        }
        try await edge.serve(router) { address, _ in
            let error = await #expect(throws: PinnedHTTPSError.self) { try await edge.client(address).get("/large") }
            #expect(error?.code == .badReply)
        }
    }

    @Test func nothingListening() async throws {
        let edge = try EdgeUnderTest()
        let address = try await edge.serve { address, _ in address }
        let error = await #expect(throws: PinnedHTTPSError.self) { try await edge.client(address).get("/") }
        #expect(error?.code == .unreachable)
    }

    @Test func silentServerIsNotWaitedForForEver() async throws {
        // Accepts, and never says a word of TLS.
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let address = NetworkAddress(host: "127.0.0.1", port: try #require(listener.localAddress?.port))
        let edge = try EdgeUnderTest()
        let error = await #expect(throws: PinnedHTTPSError.self) {
            try await edge.client(address, timeoutSeconds: 1).get("/")
        }
        #expect(error?.code == .timeout)
        try await listener.close()
    }
}

extension EdgeUnderTest {
    init(authority: CertificateAuthority, configuration: HTTPSServer.Configuration) {
        self.authority = authority
        self.configuration = configuration
    }
}
