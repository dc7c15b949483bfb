import Disclosure
import Glibc
import HTTPEdge
import Hummingbird
import Identity
import JSONText
import NIOCore
import Testing

@testable import wattest

struct AggregatorClientTests {
    private func failure(_ body: () async throws -> Void) async -> CommandFailure? {
        do {
            try await body()
            return nil
        } catch {
            return error as? CommandFailure
        }
    }

    @Test func asksWithTokenPathAndQuery() async throws {
        let router = HTTPSServer.makeRouter()
        router.get("/v1/organizations/{org}") { request, context in
            let echo: JSONValue = [
                "org": .string(context.parameters.get("org") ?? ""), "query": .string(request.uri.query ?? ""),
                "token": .string(request.headers[.authorization] ?? ""),
            ]
            return Response(status: .ok, body: .init(byteBuffer: ByteBuffer(bytes: echo.rendered())))
        }
        router.post("/v1/organizations") { request, _ in
            Response(status: .created, body: .init(byteBuffer: try await request.body.collect(upTo: 1000)))
        }
        try await ServerUnderTest().serve(router) { client in
            let echo = try await client.get(AggregatorClient.path("a b/c"), [("from", "1:2"), ("none", nil)])
            #expect(echo["org"] == "a%20b%2Fc")
            #expect(echo["query"] == "from=1%3A2")
            #expect(echo["token"] == "Bearer secret")
            #expect(try await client.post("/v1/organizations", ["name": "µ"]) == ["name": "µ"])
        }
    }

    @Test func listsFollowTheirCursors() async throws {
        let router = HTTPSServer.makeRouter()
        router.get("/list") { request, _ in
            let after = request.uri.queryParameters.get("after").flatMap { Int($0) } ?? 0
            let page: JSONValue = [
                "items": [.integer(after), .integer(after + 1)], "next": after < 4 ? .string("\(after + 2)") : .null,
            ]
            return Response(status: .ok, body: .init(byteBuffer: ByteBuffer(bytes: page.rendered())))
        }
        router.get("/circle") { _, _ in
            Response(status: .ok, body: .init(byteBuffer: ByteBuffer(string: #"{"items":[],"next":"same"}"#)))
        }
        try await ServerUnderTest().serve(router) { client in
            let items = try await client.list("/list")
            #expect(items == [0, 1, 2, 3, 4, 5])
            #expect(await failure { _ = try await client.list("/circle") }?.code == "BAD_REPLY")
        }
    }

    @Test func problemsBecomeFailures() async throws {
        let router = HTTPSServer.makeRouter()
        router.get("/ambiguous") { _, _ -> Response in
            throw Problem(
                .conflict, "ambiguous", "'7' is the beginning of two keys",
                extensions: [.init(name: "candidates", value: "a/b/71@- a/b/72@-")])
        }
        router.get("/later") { _, _ -> Response in throw Problem.unavailable("the database is being restarted") }
        router.get("/text") { _, _ in Response(status: .ok, body: .init(byteBuffer: ByteBuffer(string: "<html>"))) }
        try await ServerUnderTest().serve(router) { client in
            let ambiguous = await failure { _ = try await client.get("/ambiguous") }
            #expect(ambiguous?.status == .refused)
            #expect(ambiguous?.code == "AMBIGUOUS")
            #expect(ambiguous?.message.contains("a/b/71@- a/b/72@-") == true)
            let later = await failure { _ = try await client.get("/later") }
            #expect(later?.status == .unavailable)
            #expect(later?.message.contains("being restarted") == true)
            #expect(await failure { _ = try await client.get("/nothing") }?.code == "NOT_FOUND")
            #expect(await failure { _ = try await client.get("/text") }?.code == "BAD_REPLY")
        }
    }

    @Test func strangersGetNoToken() async throws {
        let server = try ServerUnderTest()
        let stranger = try CertificateAuthority(organization: "Stranger", now: Int64(time(nil)) - 86_400)
        try await server.serve(HTTPSServer.makeRouter()) { client in
            let distrusting = try server.client(client.exchange.address, authority: stranger)
            let refusal = await failure { _ = try await distrusting.get("/") }
            #expect(refusal?.code == "UNTRUSTED_SERVER")
            #expect(refusal?.status == .unavailable)
            #expect(refusal?.message.contains("ca.pem") == true)
        }
    }

    /// `job show ""` is no question for all jobs.
    @Test func anEmptyNameIsNotAsked() async throws {
        let client = try ServerUnderTest().client(NetworkAddress(host: "127.0.0.1", port: 1))
        for path in [AggregatorClient.path("o", "jobs", ""), AggregatorClient.path("", "jobs")] {
            let refusal = await failure { _ = try await client.get(path, [("limit", "")]) }
            #expect(refusal?.status == .usage, "\(path)")
        }
    }

    @Test func nobodyListens() async throws {
        let client = try ServerUnderTest().client(NetworkAddress(host: "127.0.0.1", port: 1))
        let refusal = await failure { _ = try await client.get("/") }
        #expect(refusal?.code == "UNREACHABLE")
        #expect(refusal?.message.contains("(Connection refused), ") == true)
        #expect(refusal?.status == .unavailable)
    }

    @Test func bundlesAreStreamedIntoADirectory() async throws {
        let entries = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let files = [
            BundleFile(path: "MANIFEST", bytes: Array("manifest".utf8)),
            BundleFile(path: "tile/entries/000", bytes: entries),
        ]
        let bytes = try files.flatMap { try #require(TarArchive.member($0)) } + TarArchive.end
        let router = HTTPSServer.makeRouter()
        router.get("/whole") { _, _ in Response(status: .ok, body: .init(byteBuffer: ByteBuffer(bytes: bytes))) }
        router.get("/cut") { _, _ in
            Response(status: .ok, body: .init(byteBuffer: ByteBuffer(bytes: bytes.prefix(2_000_000))))
        }
        let place = "\(TemporaryDirectory.make())/bundle"
        func export(_ client: AggregatorClient, _ path: String) async throws -> EvidenceDirectory.Counts {
            try await EvidenceDirectory.write(to: place, from: client, path, [])
        }
        try await ServerUnderTest().serve(router) { client in
            let cut = await failure { _ = try await export(client, "/cut") }
            #expect(cut?.code == "BAD_REPLY")
            #expect(TemporaryDirectory.entries(of: "\(place)/..") == [])
            let counts = try await export(client, "/whole")
            #expect(counts == EvidenceDirectory.Counts(files: 2, bytes: 3_000_008))
            #expect(try PrivateFile.read("\(place)/MANIFEST") == Array("manifest".utf8))
            #expect(TemporaryDirectory.entries(of: "\(place)/..") == ["bundle"])
            let again = await failure {
                _ = try await export(client, "/whole")
            }
            #expect(again?.code == "FILE")
        }
    }

    /// A bundle that its auditor would refuse is handed over knowingly.
    @Test func aMissingQuorumIsTold() throws {
        func warning(_ checkpoint: String, policy: String = Self.policy) throws -> String? {
            let place = TemporaryDirectory.make()
            try PrivateFile.write(Array(policy.utf8), to: "\(place)/policy.txt")
            try PrivateFile.write(Array(checkpoint.utf8), to: "\(place)/checkpoint")
            return EvidenceExport.missingQuorum(in: place)
        }
        let missing = try #require(try warning(Self.alone))
        #expect(missing.contains("728 entries") && missing.contains("when w1 have cosigned"), "\(missing)")
        #expect(try warning(Self.cosigned) == nil)
        #expect(try warning(Self.alone, policy: Self.policy.replacing("quorum w1", with: "quorum none")) == nil)
    }

    private static let policy = """
        log log.test/org/alpha-works+2a9e9023+AYBTYZJIqYKqDHi6j7uLDKkEbDVMseLN6GNk/cS4P+dY
        witness w1 w.example/w1+9b78e7a8+BBMsSO0W86CV7SBdzr+IDn3CKisUBz7IqZHbozJPZ37Z http://127.0.0.1:18950
        quorum w1

        """

    private static let alone = """
        log.test/org/alpha-works
        728
        LlSjbmwB9UvzHNeXwzYHf02p3ekz05lhu+E+nz7wPyc=

        — log.test/org/alpha-works Kp6QI4/e5U6wuxpk6mDFfT2aLuP40ZJ2PTYoVYYaOIURp79zC5i/X2D6LDaA8sYGj\
        aex/sDg4ibLNragvNUfftsCCQQ=
        — log.test/org/alpha-works/self FaeuagAAAABrAekzLGT4W1ra2uC5pGWw6pt/T+G2d3f397P13cyHNIhFnUzX\
        fcACnPANtyelF+zRpS9Q1vIl1ErT91RPKqKAWA0JBA==

        """

    private static let cosigned = """
        log.test/org/alpha-works
        735
        Cmr2oJYyqSgqQkPv4rXTjuyxhZYJaH4Eq6bj8Yg2AAs=

        — log.test/org/alpha-works Kp6QI5Akh1IMCnWRG/u5QdOXv0QjkG4TQ05NahqnWwdHF1+o67ZWINJAn7E/YJVsS\
        gssrvC/pHL1a3Lhk+2WDUfuTgY=
        — log.test/org/alpha-works/self FaeuagAAAABrAelRe5YEM1wczkVXjlH4ja/J9ZSZfdUBFOtEy0q3ROMVhQy7\
        VE3IQM2AIO8fPfEgq8LOLiuFAqj8NbClhXJM5kjGCg==
        — w.example/w1 m3jnqAAAAABrAelRvPXSufITBir6GBwAJ0b+arPmEHa6STv95L2ExgAfZX/HeKeshohp4exZfKKOy\
        AVdo9yI5j8O6W097wb7r29sBw==

        """

    /// A refusal leaves nothing behind, and an answer that is cut off is not called a wrong port.
    @Test func aRefusedExportLeavesNothing() async throws {
        let first = try #require(TarArchive.member(BundleFile(path: "checkpoint", bytes: [1])))
        let router = HTTPSServer.makeRouter()
        router.get("/refused") { _, _ -> Response in throw Problem.badRequest("no such audience") }
        router.get("/cut") { _, context in
            Response(streaming: "application/x-tar", logger: context.logger) { send in
                try await send(first)
                throw Problem.internal
            }
        }
        let root = TemporaryDirectory.make()
        try await ServerUnderTest().serve(router) { client in
            func code(of path: String) async -> String? {
                await failure { _ = try await EvidenceExport.write(to: "\(root)/bundle", from: client, path, []) }?.code
            }
            let refused = await code(of: "/refused")
            #expect(refused == "BAD_REQUEST")
            #expect(TemporaryDirectory.entries(of: root) == [])
            let cut = await code(of: "/cut")
            #expect(cut == "CONNECTION_LOST")
        }
    }
}

/// A fresh directory for one test.
enum TemporaryDirectory {
    static func make() -> String {
        var template = Array("/tmp/wattest-tests.XXXXXX".utf8CString)
        return mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
    }

    static func entries(of path: String) -> [String] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }
}
