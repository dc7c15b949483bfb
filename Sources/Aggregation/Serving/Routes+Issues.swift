import Batches
import Disclosure
import Energy
import HTTPEdge
import HTTPTypes
import Hummingbird
import JSONText
import Store
import TransparencyLog

/// Issued disclosures: immutable, numbered, logged.
extension Routes {
    func addIssues(to router: Router<EdgeContext>) {
        router.post("/v1/organizations/{org}/disclosures") { request, context in
            let runtime = try await organization(request, context)
            let body = try await Self.body(request)
            // One after the other: two that took the same number would both be in the log.
            let issued = try await runtime.issuing.take { try await issue(body, runtime) }
            return Self.json(issued, status: .created)
        }
        router.get("/v1/organizations/{org}/disclosures") { request, context in
            let runtime = try await organization(request, context)
            try await runtime.issuing.take { _ = try await recovery(runtime).run() }
            let reports = try await runtime.database.reports()
            return Self.json(["items": .array(reports.map { Self.summary($0) }), "next": .null])
        }
        router.get("/v1/organizations/{org}/disclosures/{number}") { request, context in
            let runtime = try await organization(request, context)
            let text = try Self.pathPart("number", context)
            let report = try await issued(text, runtime)
            return Response(type: "application/json", bytes: report.body)
        }
    }

    private func recovery(_ runtime: LogRuntime) -> ReportRecovery { ReportRecovery(routes: self, runtime: runtime) }

    /// An issued report by its number; made again where it stands in the log and was not kept.
    func issued(_ text: String, _ runtime: LogRuntime) async throws -> StoredReport {
        guard let number = Int32(text) else { throw Problem.notFound("there is no disclosure '\(text)'") }
        if let report = try await kept(number, runtime) { return report }
        let losses = try await runtime.issuing.take { try await recovery(runtime).run() }
        if let report = try await kept(number, runtime) { return report }
        guard let reason = losses[Int64(number)] else { throw Problem.notFound("there is no disclosure '\(text)'") }
        throw Problem.unavailable("disclosure \(number) stands in the log and cannot be made again: \(reason)")
    }

    /// A report as it was kept.
    ///
    /// - Throws: where it is not what its entry announces: a row that somebody changed is not handed out, and above all
    ///   not signed.
    private func kept(_ number: Int32, _ runtime: LogRuntime) async throws -> StoredReport? {
        guard let report = try await runtime.database.report(number) else { return nil }
        let note = try await runtime.database.notes(report.index..<(report.index + 1)).first
        guard let note, report.isAnnounced(by: note, of: runtime.keys.administration.verifier) else {
            throw Problem.unavailable(
                "disclosure \(number) in the database is not the one that entry \(report.index) of the log announces: "
                    + "somebody changed it; where its row is deleted it is made again from the log")
        }
        return report
    }

    private static func summary(_ report: StoredReport) -> JSONValue {
        [
            "number": .integer(report.number), "issued_at": .string(TimeText.rfc3339(UTCTime(report.issued))),
            "from": .string(TimeText.rfc3339(UTCTime(hour: Int64(report.hours.lowerBound)))),
            "to": .string(TimeText.rfc3339(UTCTime(hour: Int64(report.hours.upperBound)))),
            "audience": .string(report.audience), "index": .decimalString(report.index),
            "supersedes": report.supersedes.map { .integer($0) } ?? .null,
        ]
    }

    private func issue(_ body: JSONValue, _ runtime: LogRuntime) async throws -> JSONValue {
        func text(_ name: String) throws(Problem) -> String? { try Self.text(name, of: body, upTo: 64) }
        let query = try ReportQuery(
            from: text("from"), to: text("to"), audience: text("audience"), method: text("method"))
        // Of one that has begun it can be: what comes later is late, and restated.
        guard query.period.start <= aggregator.clock.now() else {
            throw Problem.badRequest("from: the period has not begun; there is nothing to report yet")
        }
        let supersedes = try Self.positive("supersedes", body)
        let earlier = try await superseded(supersedes, by: query, runtime)
        try await refuseRival(of: query, superseding: earlier, runtime)
        let reason = try Self.reason(
            try Self.text("reason", of: body, upTo: 500), query.method, superseding: earlier)
        // What is handed in rests on the entries as they are stored now, not on what was kept of them.
        let policy = try await runtime.announcePolicy(aggregator.clock)
        let (disclosure, prefix) = try await report(query, runtime, anew: true, policy: policy)
        let failed = disclosure.failedChecks
        guard failed.isEmpty else {
            throw Problem(
                .unprocessableContent, "not_issued",
                "the report fails its own checks: \(failed.joined(separator: "; "))")
        }
        let (entry, index) = try await log(runtime) { number in
            ReportEntry(
                log: runtime.organization.origin, time: aggregator.clock.now(), number: number,
                period: query.period, audience: query.audience.rawValue,
                size: Int64(clamping: prefix.checkpoint.checkpoint.size), sha256: disclosure.sha256.bytes,
                supersedes: supersedes, reason: reason, salt: aggregator.clock.random(16))
        }
        guard let note = try await runtime.database.notes(index..<(index + 1)).first else {
            throw StoreError(.invalidData, "entry \(index) is gone from the database")
        }
        let issued = IssuedReport(entry: entry, index: index, note: note, disclosure: disclosure)
        try await issued.keep(in: runtime.database, superseding: earlier)
        try await runtime.publish()
        return try issued.document(superseding: earlier)
    }

    /// A restatement says why, and always that it is made by another method.
    private static func reason(
        _ stated: String?, _ method: CalculationMethod, superseding earlier: StoredReport?
    ) throws -> String? {
        guard let earlier else { return stated }
        let body = try JSONValue(parsing: earlier.body)["disclosure"] ?? .null
        guard let reason = IssuedDisclosure.reason(stated, for: method, superseding: body) else {
            throw Problem.badRequest("reason: a restatement says why")
        }
        return reason
    }

    /// Appends a report's entry under the next free number. Another aggregator on the same database may take that
    /// number first: the log refuses the second, which then takes the next one.
    private func log(
        _ runtime: LogRuntime, _ entry: (_ number: Int64) -> ReportEntry
    ) async throws -> (entry: ReportEntry, index: Int64) {
        for _ in 0..<Self.maximumNumbersTried {
            // Of those whose keeping was interrupted the log alone knows; kept ones all stand in it.
            let kept = Int64(try await runtime.database.nextReportNumber())
            let report = entry(max(kept, runtime.sequencer.withIntake { $0.nextReportNumber }))
            do {
                return (report, try await runtime.append(report.text).index)
            } catch let refusal as Refusal where refusal.code == .overlap {
                try await runtime.sequencer.refresh()
            }
        }
        throw Problem.unavailable("other aggregators issue reports of this log at the same time; ask again")
    }

    private static let maximumNumbersTried = 100

    /// Two of one period, audience and method that are both in force would leave open which one holds: the later is a
    /// restatement and names the earlier. By another method one stands beside it.
    private func refuseRival(
        of query: ReportQuery, superseding earlier: StoredReport?, _ runtime: LogRuntime
    ) async throws {
        // Where older ones stand beside each other, one of them can still be restated.
        if let earlier, try Self.method(of: earlier) == query.method.version { return }
        let issues = try await AccountsReader(runtime).read().accounts.reports.issues
        let superseded = Set(issues.compactMap(\.entry.supersedes))
        let standing = issues.map(\.entry).filter {
            $0.period == query.period && $0.audience == query.audience.rawValue && !superseded.contains($0.number)
                && $0.number != earlier.map { Int64($0.number) }
        }
        for entry in standing.sorted(by: { $0.number > $1.number }) {
            let number = Int32(clamping: entry.number)
            if try await kept(number, runtime) == nil { try await recovery(runtime).run() }
            guard let report = try await kept(number, runtime),
                try Self.method(of: report) == query.method.version
            else { continue }
            throw Problem(
                .conflict, "already_issued",
                "disclosure \(number) of this period, audience and method stands: hand it out with"
                    + " 'report get \(number)', or restate it with supersedes \(number) and a reason")
        }
    }

    private static func method(of report: StoredReport) throws -> String? {
        try JSONValue(parsing: report.body)["disclosure"]?["method"]?["version"]?.string
    }

    /// The issued document that a restatement replaces: of the same period and for the same readers.
    private func superseded(
        _ number: Int64?, by query: ReportQuery, _ runtime: LogRuntime
    ) async throws -> StoredReport? {
        guard let number else { return nil }
        try await recovery(runtime).run()
        guard let report = try await kept(Int32(clamping: number), runtime) else {
            throw Problem.badRequest("supersedes: there is no disclosure \(number)")
        }
        let hours = Int64(report.hours.lowerBound)..<Int64(report.hours.upperBound)
        guard hours == query.period.start.hour..<query.period.end.hour, report.audience == query.audience.rawValue
        else {
            throw Problem.badRequest("supersedes: disclosure \(number) is of another period or for another audience")
        }
        // Two that replace one would both be in force.
        if let successor = try await runtime.database.report(superseding: report.number) {
            throw Problem.badRequest(
                "supersedes: disclosure \(number) is superseded by \(successor.number) already: name the newest one")
        }
        return report
    }
}

extension UTCTime {
    fileprivate init(_ timestamp: Timestamp) { self.init(microseconds: timestamp.microseconds) }
}
