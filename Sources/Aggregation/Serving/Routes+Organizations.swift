import Batches
import Disclosure
import Energy
import HTTPEdge
import HTTPTypes
import HardwareKeys
import Hummingbird
import Identity
import JSONText
import Store
import TransparencyLog

/// Organizations, tokens, nodes and settings.
extension Routes {
    func addOrganizations(to router: Router<EdgeContext>) {
        router.post("/v1/enroll") { request, _ in
            let body = try await request.bytes(max: Enrolment.maximumBytes)
            return Self.json(try await Enrolment(aggregator: aggregator).enroll(body))
        }
        router.get("/v1/organizations") { request, _ in
            let access = try await access(request)
            if !access.isOperator, let fault = aggregator.fault(number: access.log) { throw Problem(fault) }
            let visible = aggregator.organizations.filter { access.isOperator || $0.organization.log == access.log }
            return Self.json(["items": .array(visible.map { Self.summary($0) }), "next": .null])
        }
        router.post("/v1/organizations") { request, _ in
            guard try await access(request).isOperator else {
                throw Problem.forbidden("founding an organization takes the operator's token")
            }
            return Self.json(try await found(try await Self.body(request)), status: .created)
        }
        router.post("/v1/organizations/{org}/tokens") { request, context in
            let runtime = try await organization(request, context)
            return Self.json(try await makeToken(try await Self.body(request), runtime), status: .created)
        }
        router.get("/v1/organizations/{org}/nodes") { request, context in
            let runtime = try await organization(request, context)
            return Self.json(["items": .array(Self.nodes(runtime)), "next": .null])
        }
        router.post("/v1/organizations/{org}/nodes/{node}/revoke") { request, context in
            let runtime = try await organization(request, context)
            let end = NodeEnd(runtime: runtime, clock: aggregator.clock, node: try Self.pathPart("node", context))
            return Self.json(try await end.revoke(try await Self.body(request)), status: .created)
        }
        router.post("/v1/organizations/{org}/nodes/{node}/retire") { request, context in
            let runtime = try await organization(request, context)
            let end = NodeEnd(runtime: runtime, clock: aggregator.clock, node: try Self.pathPart("node", context))
            return Self.json(try await end.retire(try await Self.body(request)), status: .created)
        }
        router.post("/v1/organizations/{org}/log-key") { request, context in
            let runtime = try await organization(request, context)
            let bearer = try await access(request)
            guard bearer.isOperator else {
                throw Problem.forbidden("the log's key lies on the operator's host: this takes the operator's token")
            }
            return Self.json(
                try await changeLogKey(try await Self.body(request), bearer.name, runtime), status: .created)
        }
        router.post("/v1/organizations/{org}/settings") { request, context in
            let runtime = try await organization(request, context)
            let bearer = try await access(request).name
            return Self.json(try await set(try await Self.body(request), bearer, runtime), status: .created)
        }
    }

    static func summary(_ runtime: LogRuntime) -> JSONValue {
        [
            "slug": .string(runtime.organization.slug), "name": .string(runtime.organization.name),
            "origin": .string(runtime.organization.origin),
        ]
    }

    private func found(_ body: JSONValue) async throws -> JSONValue {
        guard let name = body["name"]?.string, !name.isEmpty else { throw Problem.badRequest("name: a text") }
        let slug = body["slug"].map { $0.string ?? "" } ?? LogNaming.slug(of: name)
        guard let slug else {
            throw Problem.badRequest("slug: '\(name)' has no letter or digit of ASCII to make one of; give a slug")
        }
        guard LogNaming.isSlug(slug) else { throw Problem.badRequest("slug: \(LogNaming.slugForm)") }
        let site = body["site"]?.string ?? "default"
        let tokens = LogKeys.Tokens(
            log: try Self.tokenKey("log_key", body), administration: try Self.tokenKey("administration_key", body))
        let runtime: LogRuntime
        do {
            runtime = try await aggregator.found(name: name, slug: slug, site: site, tokens: tokens)
        } catch let error as FoundingError {
            throw Problem.conflict("\(error)")
        }
        let token = Token.make(aggregator.clock.random)
        let log = runtime.organization.log
        try await add(
            TokenRecord(log: log, sha256: Token.sha256(token), kind: Token.Kind.bearer.rawValue, name: "founding"))
        return [
            "slug": .string(slug), "name": .string(name), "origin": .string(runtime.organization.origin),
            "token": .string(token),
        ]
    }

    /// A key on a token of this host, tried before anything is made; nil for one in a file.
    private static func tokenKey(_ name: String, _ body: JSONValue) throws(Problem) -> TokenURI? {
        guard let value = body[name], !value.isNull else { return nil }
        do {
            let uri = try TokenURI(parsing: value.string ?? "")
            _ = try TokenKey(uri)
            return uri
        } catch {
            throw .badRequest("\(name): \(error)")
        }
    }

    private func makeToken(_ body: JSONValue, _ runtime: LogRuntime) async throws -> JSONValue {
        let kind = try Self.text("kind", of: body, upTo: 64) ?? "join"
        guard kind == "join" || kind == "bearer" else { throw Problem.badRequest("kind: join or bearer") }
        let uses = try Self.positive("uses", body) ?? 1
        let seconds = try Self.positive("ttl_seconds", body) ?? 86_400
        guard (1...1_000_000).contains(uses) else { throw Problem.badRequest("uses: 1 to 1,000,000") }
        guard (1...315_360_000).contains(seconds) else { throw Problem.badRequest("ttl_seconds: 1 to ten years") }
        let token = Token.make(aggregator.clock.random)
        let log = runtime.organization.log
        let isJoin = kind == "join"
        try await add(
            TokenRecord(
                log: log, sha256: Token.sha256(token), kind: (isJoin ? Token.Kind.join : .bearer).rawValue,
                usesLeft: isJoin ? Int32(uses) : nil,
                expires: Timestamp(microseconds: aggregator.clock.now().microseconds + seconds * 1_000_000)))
        return [
            "token": .string(token),
            "ca_sha256": .string(Hexadecimal.encode(aggregator.authority.certificate.sha256)),
            "server": .string("https://\(aggregator.serverAddress?.description ?? "")"),
            "ingest": .string(aggregator.ingestAddress?.description ?? ""),
        ]
    }

    private func add(_ token: TokenRecord) async throws {
        try await aggregator.pool.run { connection throws(StoreError) in
            try connection.change(token.log) { change throws(StoreError) in try change.add(token) }
        }
    }

    private static func nodes(_ runtime: LogRuntime) -> [JSONValue] {
        runtime.sequencer.withIntake { intake in
            intake.signers.signers.values.sorted { $0.name < $1.name }.map { signer in
                [
                    "name": .string(signer.name), "kind": .string(signer.role.rawValue), "site": .string(signer.site),
                    "enrolled_at_index": .decimalString(signer.enrolledAt), "retired": .bool(signer.isRetired),
                    "revoked": signer.isRetired ? .null : signer.keys.last?.revocation ?? .null,
                ] as JSONValue
            }
        }
    }

    private func changeLogKey(_ body: JSONValue, _ bearer: String, _ runtime: LogRuntime) async throws -> JSONValue {
        guard let reason = body["reason"]?.string, !reason.isEmpty, reason.utf8.count <= 500 else {
            throw Problem.badRequest("reason: 1 to 500 bytes that say why")
        }
        let token: TokenURI?
        do {
            token = try body["key"]?.string.map { text throws(HardwareKeyError) in try TokenURI(parsing: text) }
        } catch {
            throw Problem.badRequest("key: \(error)")
        }
        let index: Int64
        do {
            index = try await runtime.changeLogKey(
                by: bearer.isEmpty ? "operator" : "token \(bearer)", reason: reason, token: token,
                clock: aggregator.clock)
        } catch let error as HardwareKeyError {
            throw Problem.badRequest("key: \(error)")
        }
        if aggregator.installation.firstSlug == runtime.organization.slug {
            try PrivateFile.write(Array(runtime.policy.utf8), to: aggregator.installation.policy, mode: 0o644)
        }
        return ["index": .decimalString(index), "log_vkey": .string(runtime.keys.log.verifier.text)]
    }

    /// - Parameter bearer: name of the token. Who says so is what the request claims and what the token proves.
    private func set(_ body: JSONValue, _ bearer: String, _ runtime: LogRuntime) async throws -> JSONValue {
        guard let field = body["field"]?.string, SensorDescription.isWellFormed(field, maximumBytes: 64) else {
            throw Problem.badRequest("field: 1 to 64 bytes of [A-Za-z0-9._:/-]")
        }
        guard let value = body["value"]?.rendered(.compact), value.count <= SetEntry.maximumValueBytes else {
            throw Problem.badRequest("value: JSON of at most \(SetEntry.maximumValueBytes) bytes")
        }
        if field == SettingField.accountMap, let fault = body["value"].flatMap(AccountMapField.fault) {
            throw Problem.badRequest("value: \(fault)")
        }
        if let fault = body["value"].flatMap({ SettingForm.fault(of: $0, in: field, subject: body["subject"]?.string) })
        {
            throw Problem.badRequest("value: \(fault)")
        }
        func time(_ name: String) throws -> UTCTime? {
            guard let text = try Self.text(name, of: body, upTo: 64) else { return nil }
            guard let time = UTCTimeText.parse(text) else { throw Problem.badRequest("\(name): RFC 3339 in UTC") }
            return time
        }
        let (from, until) = (try time("effective_from"), try time("effective_until"))
        if let from, let until, from >= until {
            throw Problem.badRequest("effective_until: a time after effective_from")
        }
        let subject = try Self.text("subject", of: body, upTo: 256)
        if let subject, subject.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            throw Problem.badRequest("subject: one line")
        }
        if let fault = SettingForm.fault(ofSubject: subject, in: field) {
            throw Problem.badRequest("subject: \(fault)")
        }
        let reason = try Self.text("reason", of: body, upTo: 500)
        let token = bearer.isEmpty ? "operator" : "token \(bearer)"
        let by = body["by"]?.string.map { "\($0), \(token)" } ?? token
        guard by.utf8.count <= 256 else { throw Problem.badRequest("by: at most 200 bytes") }
        let entry = SetEntry(
            log: runtime.organization.origin, time: aggregator.clock.now(), field: field,
            subject: subject, value: value, effectiveFrom: from, effectiveUntil: until, by: by, reason: reason,
            salt: aggregator.clock.random(16))
        return ["index": .decimalString(try await runtime.append(entry.text).index)]
    }
}
