import Batches
import Energy
import HTTPEdge
import HTTPTypes
import Identity
import JSONText
import Store
import TransparencyLog

/// Takes a node in: its keys against a one-time token (POST /v1/enroll).
struct Enrolment: Sendable {
    let aggregator: Aggregator

    struct Request {
        var token: String
        var node: String
        var role: NodeEntry.Role
        var certificateRequest: [UInt8]
        var key: VerifierKey
        /// Of a node that is at home in another organization's log.
        var guest: GuestClaim?
    }

    static let maximumBytes = 64 << 10

    func enroll(_ body: [UInt8]) async throws -> JSONValue {
        let request = try Self.parse(body)
        let hash = Token.sha256(request.token)
        let pool = aggregator.pool
        let found = try await pool.run { connection throws(StoreError) in try connection.token(sha256: hash) }
        guard let found, found.kind == Token.Kind.join.rawValue else { throw Self.refused }
        // The node's side is told no more: its token is not the organization's.
        guard aggregator.fault(number: found.log) == nil else {
            throw Problem.unavailable("the log is damaged and not served; enroll the node when it is")
        }
        guard let runtime = aggregator.log(number: found.log) else { throw Self.refused }
        let known = runtime.sequencer.withIntake { $0.signers.signers[request.node] }
        guard known?.currentKey == nil else {
            throw Problem.conflict("node \(request.node) is enrolled already; choose another name or retire it first")
        }
        // Before the token is spent: a bad request must not cost one.
        try await request.guest?.check(for: request, in: runtime, aggregator)
        let certificate: IdentityCertificate
        do {
            certificate = try aggregator.authority.issueClient(
                request: request.certificateRequest, node: request.node, now: aggregator.clock.now().seconds)
        } catch {
            throw Problem.badRequest("tls_csr: \(error)")
        }
        let (number, now) = (found.log, Timestamp(microseconds: aggregator.clock.now().microseconds))
        let isTaken = try await pool.run { connection throws(StoreError) in
            try connection.change(number) { change throws(StoreError) in
                try change.use(token: hash, kind: Token.Kind.join.rawValue, now: now)
            }
        }
        guard isTaken else { throw Self.refused }
        return try await log(request, certificate, runtime)
    }

    /// One answer for every token that does not open: which one it was is nobody's business.
    private static let refused = Problem(
        .forbidden, "token_refused", "the token is unknown, used up or expired; create one with 'wattest token create'")

    private func log(
        _ request: Request, _ certificate: IdentityCertificate, _ runtime: LogRuntime
    ) async throws -> JSONValue {
        let site = try await defaultSite(runtime)
        if let guest = request.guest {
            _ = try await runtime.append(guest.setting(of: request, in: runtime, aggregator))
        }
        let entry = NodeEntry(
            log: runtime.organization.origin, time: aggregator.clock.now(), action: .enrol, node: request.node,
            role: request.role, site: site, key: request.key.text, otherLogs: request.guest.map { [$0.log] } ?? [],
            salt: aggregator.clock.random(16))
        let (index, leaf) = try await runtime.append(entry.text)
        let checkpoint = runtime.feed.latest.map { String(decoding: $0.bytes, as: UTF8.self) } ?? ""
        let authority = aggregator.authority.certificate.pem
        return [
            "log": .string(runtime.organization.origin), "log_vkey": .string(runtime.keys.log.verifier.text),
            "node": .string(request.node), "site": .string(site),
            "ingest": .string(aggregator.ingestAddress?.description ?? ""),
            "certificate": .string(String(decoding: certificate.pem + authority, as: UTF8.self)),
            "ca": .string(String(decoding: authority, as: UTF8.self)), "incarnation": .decimalString(index),
            "leaf": .string(leaf.base64), "job_salt": .string(Base64.encode(runtime.keys.jobSalt)),
            "checkpoint": .string(checkpoint), "interval_seconds": .integer(aggregator.configuration.intervalSeconds),
        ]
    }

    /// The first site of the organization.
    private func defaultSite(_ runtime: LogRuntime) async throws -> String {
        let log = runtime.organization.log
        let sites = try await aggregator.pool.run { connection throws(StoreError) in
            try connection.snapshot(of: log) { snapshot throws(StoreError) in try snapshot.sites() }
        }
        return sites.first?.name ?? "default"
    }

    private static func parse(_ body: [UInt8]) throws(Problem) -> Request {
        guard let json = try? JSONValue(parsing: body, limits: JSONValue.Limits(bytes: maximumBytes, depth: 4)) else {
            throw .badRequest("the body is not JSON")
        }
        func text(_ name: String) throws(Problem) -> String {
            guard let value = json[name]?.string, !value.isEmpty else { throw .badRequest("\(name) is missing") }
            return value
        }
        let node = try text("node")
        guard SensorDescription.isWellFormed(node) else {
            throw .badRequest("node: 1 to 128 bytes of [A-Za-z0-9._:/-]")
        }
        guard let role = NodeEntry.Role(rawValue: json["role"]?.string ?? "node") else {
            throw .badRequest("role: node or importer")
        }
        guard let request = PEM.certificateRequest(try text("tls_csr")) else {
            throw .badRequest("tls_csr is not a PEM certificate request")
        }
        let key: VerifierKey
        do {
            key = try VerifierKey(parsing: try text("signing_vkey"))
        } catch let problem as Problem {
            throw problem
        } catch {
            // Among them keys under which more than their owner signs: of small order, or with two spellings.
            throw Problem(.badRequest, "bad_key", "signing_vkey: \(error)")
        }
        guard key.name == node, key.type == .ed25519 else {
            throw Problem(.badRequest, "bad_key", "signing_vkey: an Ed25519 key under the node's own name")
        }
        var guest: GuestClaim?
        if let home = json["home"] { guest = try GuestClaim(json: home) }
        return Request(
            token: try text("token"), node: node, role: role, certificateRequest: request, key: key, guest: guest)
    }
}

/// PEM of a certificate request (RFC 7468 section 7).
enum PEM {
    static func certificateRequest(_ text: String) -> [UInt8]? {
        let lines = text.split(whereSeparator: \.isNewline)
        guard let begin = lines.firstIndex(where: { $0.hasPrefix("-----BEGIN") && $0.contains("CERTIFICATE REQUEST") }),
            let end = lines[begin...].firstIndex(where: { $0.hasPrefix("-----END") }), end > begin
        else { return nil }
        return Base64.decode(lines[(begin + 1)..<end].joined())
    }
}
