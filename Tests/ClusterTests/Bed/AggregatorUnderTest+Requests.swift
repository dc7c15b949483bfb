import Glibc
import Identity
import JSONText
import PinnedHTTPS
import Testing

/// What people and programs ask over HTTPS.
extension AggregatorUnderTest {
    /// The aggregator of the suite that runs.
    static var current: AggregatorUnderTest {
        get throws { try #require(AggregatorTrait.current) }
    }

    private var https: PinnedHTTPS {
        get throws {
            PinnedHTTPS(server: try addresses.server, trust: .authority(try authority), now: { Int64(time(nil)) })
        }
    }

    func reply(_ path: String, token: String?) async throws -> HTTPSReply {
        try await https.get(path, token: token)
    }

    /// Posts the body, or asks when there is none.
    func reply(_ path: String, body: JSONValue?, token: String?) async throws -> HTTPSReply {
        guard let body else { return try await reply(path, token: token) }
        return try await https.post(path, json: body.rendered(), token: token)
    }

    func get(_ path: String, token: String) async throws -> JSONValue {
        let reply = try await reply(path, token: token)
        try #require(reply.status == 200, "\(path): \(String(decoding: reply.body, as: UTF8.self))")
        return try JSONValue(parsing: reply.body)
    }

    func post(_ path: String, _ body: JSONValue, token: String) async throws -> JSONValue {
        let reply = try await https.post(path, json: body.rendered(), token: token)
        try #require(
            (200...201).contains(reply.status), "\(path): \(String(decoding: reply.body, as: UTF8.self))")
        return try JSONValue(parsing: reply.body)
    }

    /// The value of one line of /metrics, for example `wattest_refused_total{code="BAD_SIGNATURE"}`.
    func metric(_ series: String) async throws -> UInt64 {
        let reply = try await reply("/metrics", token: nil)
        let lines = String(decoding: reply.body, as: UTF8.self).split(separator: "\n")
        let line = try #require(lines.first { $0.hasPrefix("\(series) ") }, "\(series) is not on /metrics")
        return try #require(UInt64(line.dropFirst(series.utf8.count + 1)))
    }

    /// Founds an organization, with a log that no other test writes to.
    func organization(_ name: String) async throws -> OrganizationUnderTest {
        let made = try await post("/v1/organizations", ["name": .string(name)], token: operatorToken)
        let slug = try #require(made["slug"]?.string)
        let directory = try directory.subdirectory("organization-\(slug)")
        let token = try #require(made["token"]?.string)
        let tokenFile = "\(directory)/token"
        try PrivateFile.write(Array("\(token)\n".utf8), to: tokenFile)
        let about = try await get("/v1/organizations/\(slug)", token: token)
        let policy = "log \(try #require(about["log_vkey"]?.string))\nquorum none\n"
        try PrivateFile.write(Array(policy.utf8), to: "\(directory)/policy.txt")
        return OrganizationUnderTest(
            aggregator: self, slug: slug, origin: try #require(made["origin"]?.string), token: token,
            tokenFile: tokenFile, directory: directory)
    }
}
