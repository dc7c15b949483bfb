import Hummingbird
import HummingbirdCore
import Identity
import PinnedHTTPS
import ServiceLifecycle
import Testing

@testable import HTTPEdge

private struct Boom: Error {}

@Suite(.timeLimit(.minutes(1))) struct HTTPSServerTests {
    private let edge: EdgeUnderTest

    init() throws {
        self.edge = try EdgeUnderTest()
    }

    @Test func errorsAreProblemDocuments() async throws {
        let router = HTTPSServer.makeRouter()
        router.get("problem") { _, _ -> Response in throw Problem.conflict("two of them") }
        router.get("boom") { _, _ -> Response in throw Boom() }
        try await self.edge.serve(router) { address, _ in
            let client = self.edge.client(address)
            for (path, status, text) in [
                ("/problem", 409, "two of them"), ("/boom", 500, "internal"), ("/nothing", 404, "/nothing"),
            ] {
                let reply = try await client.get(path)
                #expect(reply.status == status)
                #expect(reply.contentType == "application/problem+json")
                let body = String(decoding: reply.body, as: UTF8.self)
                #expect(body.contains(text), "\(body)")
                #expect(!body.contains("Boom"))
            }
        }
    }

    /// A body behind the head of such an answer would be taken for the next answer on the connection.
    @Test func answersToHeadHaveNoBody() async throws {
        let router = HTTPSServer.makeRouter()
        router.get("here") { _, _ -> Response in Response(type: "text/plain", bytes: Array("four".utf8)) }
        try await self.edge.serve(router) { address, _ in
            let requests = ["HEAD /here", "HEAD /nothing", "GET /here"].map { "\($0) HTTP/1.1\r\nhost: edge\r\n" }
            let text = try await RawConnection.say(
                requests.joined(separator: "\r\n") + "connection: close\r\n\r\n", to: address)
            let answers = text.split(separator: "HTTP/1.1 ")
            #expect(answers.map { String($0.prefix(3)) } == ["200", "404", "200"], "\(text)")
            #expect(answers.map { $0.hasSuffix("\r\n\r\n") } == [true, true, false], "\(text)")
            #expect(answers.first?.lowercased().contains("content-length: 4\r\n") == true, "\(text)")
        }
    }

    @Test func tokenReachesItsRoute() async throws {
        let router = HTTPSServer.makeRouter()
        router.get("who") { request, _ -> Response in
            guard let token = try BearerToken(request.headers) else { throw Problem.unauthorized }
            return Response(type: "text/plain", bytes: Array(token.secret.utf8))
        }
        try await self.edge.serve(router) { address, _ in
            let client = self.edge.client(address)
            let known = try await client.get("/who", token: "abc")
            #expect(known.body == Array("abc".utf8))
            let unknown = try await client.get("/who")
            #expect(unknown.status == 401)
        }
    }

    @Test func bodiesAreBounded() async throws {
        let router = HTTPSServer.makeRouter()
        router.post("echo") { request, _ -> Response in
            Response(type: "application/octet-stream", bytes: try await request.bytes(max: 1_000))
        }
        try await self.edge.serve(router) { address, _ in
            let client = self.edge.client(address)
            let largest = [UInt8](repeating: 1, count: 1_000)
            let echo = try await client.post("/echo", json: largest)
            #expect(echo.body == largest)
            let reply = try await client.post("/echo", json: largest + [1])
            #expect(reply.status == 413)
            #expect(reply.contentType == "application/problem+json")
        }
    }

    @Test func bodiesAreStreamed() async throws {
        let router = HTTPSServer.makeRouter()
        router.get("parts") { _, context -> Response in
            Response(streaming: "application/octet-stream", logger: context.logger) { send in
                for number in 0..<100 { try await send([UInt8](repeating: UInt8(number), count: 1_000)) }
            }
        }
        try await self.edge.serve(router) { address, _ in
            let reply = try await self.edge.client(address).get("/parts")
            #expect(reply.status == 200)
            #expect(reply.body == (0..<100).flatMap { [UInt8](repeating: UInt8($0), count: 1_000) })
        }
    }

    @Test func brokenStreamIsNotTakenForAWholeOne() async throws {
        let router = HTTPSServer.makeRouter()
        router.get("broken") { _, context -> Response in
            Response(streaming: "application/octet-stream", logger: context.logger) { send in
                try await send([1, 2, 3])
                throw Boom()
            }
        }
        let log = KeptLog()
        try await self.edge.serve(router, log: log) { address, _ in
            await #expect(throws: PinnedHTTPSError.self) { try await self.edge.client(address).get("/broken") }
        }
        #expect(log.contains("answer cut off", "Boom"))
    }

    /// The answer to a fault sends its reader to the log, which must have the reason though it is told little else.
    @Test func whatIsNotForeseenStandsInTheLog() async throws {
        let router = HTTPSServer.makeRouter()
        router.get("boom") { _, _ -> Response in throw Boom() }
        let log = KeptLog()
        try await self.edge.serve(router, log: log) { address, _ in
            let reply = try await self.edge.client(address).get("/boom")
            #expect(reply.status == 500)
            #expect(String(decoding: reply.body, as: UTF8.self).contains("its log has the reason"))
        }
        #expect(log.contains("request failed", "Boom", "/boom"))
    }

    @Test func shutdownLetsRequestsFinish() async throws {
        let (entered, enter) = AsyncStream.makeStream(of: Void.self)
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        let router = HTTPSServer.makeRouter()
        router.get("slow") { _, _ -> Response in
            enter.finish()
            for await _ in released {}
            return Response(type: "text/plain", bytes: [79, 75])
        }
        try await self.edge.serve(router) { address, services in
            async let reply = self.edge.client(address).get("/slow")
            for await _ in entered {}
            await services.triggerGracefulShutdown()
            release.finish()
            let body = try await reply.body
            #expect(body == [79, 75])
        }
    }

    @Test func contextKnowsThePeer() async throws {
        let router = HTTPSServer.makeRouter()
        router.get("me") { _, context -> Response in
            Response(type: "text/plain", bytes: Array(context.remoteAddress.utf8))
        }
        try await self.edge.serve(router) { address, _ in
            let reply = try await self.edge.client(address).get("/me")
            #expect(reply.body == Array("127.0.0.1".utf8))
        }
    }
}
