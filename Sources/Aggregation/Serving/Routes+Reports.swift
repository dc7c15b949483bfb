import Accounts
import Batches
package import Disclosure
package import Energy
import HTTPEdge
import HTTPTypes
import Hummingbird
import JSONText
import Store
import TransparencyLog

/// Jobs and disclosures.
extension Routes {
    func addReports(to router: Router<EdgeContext>) {
        router.get("/v1/organizations/{org}") { request, context in
            Self.json(try await overview(try await organization(request, context)))
        }
        router.get("/v1/organizations/{org}/jobs") { request, context in
            let runtime = try await organization(request, context)
            return Response(type: "application/json", bytes: try await jobs(runtime, try Page(request)))
        }
        router.get("/v1/organizations/{org}/jobs/{key}") { request, context in
            let runtime = try await organization(request, context)
            return Self.json(try await job(try Self.pathPart("key", context), runtime))
        }
        router.get("/v1/organizations/{org}/disclosure") { request, context in
            let runtime = try await organization(request, context)
            return try await disclosure(try ReportQuery(request), runtime)
        }
        addIssues(to: router)
        addCloses(to: router)
        addCorrections(to: router)
        addEvidence(to: router)
        addFactors(to: router)
        addProofs(to: router)
        addLineage(to: router)
    }

    // MARK: Jobs

    private func overview(_ runtime: LogRuntime) async throws -> JSONValue {
        let prefix = try await AccountsReader(runtime).read()
        let jobs = JobSummary.all(in: prefix.accounts)
        let enrolled = runtime.sequencer.withIntake { intake in
            intake.signers.signers.filter { $0.value.role == .node && !$0.value.isRetired }.map(\.key)
        }
        let ledger = prefix.accounts.ledger
        let reporting = zip(ledger.nodes, ledger.linesOfNode).filter { name, lines in
            !lines.isEmpty && prefix.accounts.nodes.kind(of: name) == .node
        }.map(\.0)
        func sum(_ part: (JobSummary.NodeTime) -> Int64) -> JSONValue {
            .decimalString(jobs.reduce(Int64(0)) { $0 + part($1.time) })
        }
        return [
            "slug": .string(runtime.organization.slug), "name": .string(runtime.organization.name),
            "origin": .string(runtime.organization.origin), "log_vkey": .string(runtime.keys.log.verifier.text),
            "log_vkeys": .array(runtime.sequencer.withIntake { $0.signers.logKeys.map { .string($0.key.text) } }),
            "size": .decimalString(prefix.checkpoint.checkpoint.size), "jobs": .integer(jobs.count),
            "runs": .integer(Set(jobs.compactMap(\.model)).count),
            // Recorded logs report on nodes that nobody enrolled.
            "nodes": [
                "enrolled": .integer(enrolled.count), "reporting": .integer(reporting.count),
                "known": .integer(Set(enrolled).union(reporting).count),
            ],
            "coverage": [
                "allocated_ms": sum(\.allocated), "measured_ms": sum(\.measured), "bridged_ms": sum(\.bridged),
                "missing_ms": sum(\.missing),
            ],
            "it_uj": .decimalString(prefix.accounts.ledger.totalMicrojoules),
        ]
    }

    private func jobs(_ runtime: LogRuntime, _ page: Page) async throws -> [UInt8] {
        let prefix = try await AccountsReader(runtime).read()
        let all = JobSummary.all(in: prefix.accounts).sorted { $0.pseudonym < $1.pseudonym }
        let rest = all.drop { job in page.after.map { job.pseudonym <= $0 } ?? false }
        let items = rest.prefix(page.limit)
        let next = rest.count > items.count ? items.last.map { JSONValue.string($0.pseudonym) } : nil
        var writer = JSONWriter(.compact)
        writer.object { writer in
            writer.name("items")
            writer.share(Array(items)) { $1.write(to: &$0) }
            writer.member("next", next ?? .null)
        }
        return writer.text + [UInt8(ascii: "\n")]
    }

    private func job(_ name: String, _ runtime: LogRuntime) async throws -> JSONValue {
        let prefix = try await AccountsReader(runtime).read()
        let all = JobSummary.all(in: prefix.accounts)
        var found = all.filter { $0.record?.key.description == name || $0.pseudonym == name }
        if found.isEmpty {
            found = all.filter { summary in
                guard let key = summary.record?.key else { return summary.pseudonym.hasPrefix(name) }
                return key.id == name || key.description.hasPrefix(name)
            }
        }
        // The beginning of a bare id only where nothing else is meant: 47 is a job of its own beside 4711.
        if found.isEmpty { found = all.filter { $0.record?.key.id.hasPrefix(name) ?? false } }
        guard let job = found.first else {
            throw Problem.notFound("there is no job '\(name)'; list them with 'wattest job list'")
        }
        guard found.count == 1 else {
            let candidates = found.compactMap { $0.record?.key.description ?? $0.pseudonym }.sorted()
            throw Problem(
                .conflict, "ambiguous",
                "'\(name)' is \(found.count) jobs: \(candidates.prefix(10).joined(separator: ", "))")
        }
        var answer = job.json()
        if case .object(var object) = answer {
            object.append("by_hour", job.hoursJSON(in: prefix.accounts.ledger))
            answer = .object(object)
        }
        return answer
    }

    // MARK: Disclosures

    /// A disclosure of a period, with the prefix that it was made from.
    ///
    /// - Parameter policy: what it names as published; nil for what is published now.
    func report(
        _ query: ReportQuery, _ runtime: LogRuntime, anew: Bool = false, policy: [UInt8]? = nil
    ) async throws -> (disclosure: Disclosure, prefix: AccountsReader.Prefix) {
        let (made, prefix) = try await input(query, runtime, anew: anew)
        var input = made
        if let policy { input.policy = policy }
        return (Disclosure(input), prefix)
    }

    /// All that a disclosure is a function of.
    func input(
        _ query: ReportQuery, _ runtime: LogRuntime, at earlier: SignedCheckpoint? = nil, anew: Bool = false
    ) async throws -> (input: DisclosureInput, prefix: AccountsReader.Prefix) {
        let prefix = try await AccountsReader(runtime).read(period: query.period, at: earlier, anew: anew)
        let input = DisclosureInput(
            genesis: prefix.genesis, accounts: prefix.accounts, checkpoint: prefix.checkpoint.checkpoint,
            policy: Array(runtime.policy.utf8), period: query.period, audience: query.audience, rule: query.rule,
            method: query.method, factorFiles: FactorFiles(runtime).read(prefix.accounts.settings))
        return (input, prefix)
    }

    private func disclosure(_ query: ReportQuery, _ runtime: LogRuntime) async throws -> Response {
        guard query.format == ReportFormat.json.rawValue else {
            return try Self.rendered(try await report(query, runtime).disclosure, query.format)
        }
        return Response(type: ReportFormat.json.contentType, bytes: try await bytes(query, runtime))
    }

    /// The bytes of a disclosure, of those kept where nothing has changed since.
    func bytes(_ query: ReportQuery, _ runtime: LogRuntime) async throws -> [UInt8] {
        let (input, prefix) = try await input(query, runtime)
        return runtime.reports.bytes(input, records: prefix.records)
    }

    /// What `GET /v1/organizations/{org}/disclosure` answers.
    ///
    /// - Parameter isMadeAnew: also where it is at hand.
    package func disclosure(
        of runtime: LogRuntime, _ period: UTCInterval, for audience: Audience, isMadeAnew: Bool = false
    ) async throws -> [UInt8] {
        let query = ReportQuery(period, audience)
        return isMadeAnew ? try await report(query, runtime).disclosure.bytes : try await bytes(query, runtime)
    }

    static func rendered(_ disclosure: Disclosure, _ format: String) throws(Problem) -> Response {
        guard let format = ReportFormat(rawValue: format) else {
            throw .badRequest("format: one of \(ReportFormat.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        if format == .json { return Response(type: format.contentType, bytes: disclosure.bytes) }
        guard let bytes = format.render(disclosure.value) else {
            throw .badRequest("format: \(format.rawValue) carries energy, which this audience is not shown")
        }
        return Response(type: format.contentType, bytes: bytes)
    }
}

/// Which part of a list is wanted.
struct Page {
    var limit: Int
    var after: String?

    init(_ request: Request) throws(Problem) {
        let query = request.uri.queryParameters
        let text = query["limit"].map(String.init) ?? "1000"
        guard let limit = Int(text), (1...10_000).contains(limit) else { throw .badRequest("limit: 1 to 10,000") }
        self.limit = limit
        after = query["after"].map(String.init)
    }
}

/// The parameters of a disclosure.
struct ReportQuery {
    var period: UTCInterval
    var audience: Audience
    var format: String
    var rule: AttributionRule
    var method: CalculationMethod

    init(_ period: UTCInterval, _ audience: Audience) {
        self.period = period
        self.audience = audience
        format = ReportFormat.json.rawValue
        rule = .newest
        method = .newest
    }

    /// The same report again.
    init(_ entry: ReportEntry, _ audience: Audience, _ rule: AttributionRule, _ method: CalculationMethod) {
        period = entry.period
        self.audience = audience
        format = "json"
        self.rule = rule
        self.method = method
    }

    init(_ request: Request) throws(Problem) {
        let query = request.uri.queryParameters
        try self.init(
            from: query["from"].map(String.init), to: query["to"].map(String.init),
            audience: query["audience"].map(String.init), format: query["format"].map(String.init),
            method: query["method"].map(String.init))
    }

    init(
        from: String?, to: String?, audience: String?, format: String? = nil, method: String? = nil
    ) throws(Problem) {
        (rule, self.method) = try Self.rules(method)
        period = UTCInterval(start: try Self.hour("from", from), end: try Self.hour("to", to))
        guard period.start < period.end else { throw .badRequest("to: it must lie after from") }
        guard let audience = Audience(rawValue: audience ?? Audience.assurer.rawValue) else {
            throw .badRequest("audience: one of \(Audience.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self.audience = audience
        self.format = format ?? "json"
    }

    /// The rule or the method that is named, else the newest. Old ones stay, so that an old report can be made beside
    /// a new one.
    private static func rules(_ name: String?) throws(Problem) -> (AttributionRule, CalculationMethod) {
        guard let name else { return (.newest, .newest) }
        if let method = CalculationMethod(version: name) { return (.newest, method) }
        if let rule = AttributionRule.allCases.first(where: { $0.name == name }) { return (rule, .newest) }
        let available = AttributionRule.allCases.map(\.name) + CalculationMethod.allCases.map(\.version)
        throw .badRequest("method: there is no '\(name)'; available: \(available.joined(separator: ", "))")
    }

    private static func hour(_ name: String, _ text: String?) throws(Problem) -> UTCTime {
        guard let text, let time = UTCTimeText.parse(text) else {
            throw .badRequest("\(name): a whole UTC hour in RFC 3339, for example 2026-10-01T00:00:00Z")
        }
        guard time.isWholeHour else {
            let (earlier, later) = (UTCTime(hour: time.hour), UTCTime(hour: time.hour + 1))
            throw .badRequest(
                "\(name): periods are whole UTC hours; the nearest are \(TimeText.rfc3339(earlier)) and "
                    + TimeText.rfc3339(later))
        }
        return time
    }
}
