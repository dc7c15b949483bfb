import Accounts
import Batches
import Disclosure
import Energy
import HTTPEdge
import JSONText
import Store
import TransparencyLog

/// Reports that stand in the log and whose bodies nobody kept, because the aggregator ended between the two: they are
/// made again from what the entry names, and kept if they are those, to the byte.
///
/// To be used in the turn of issuing.
struct ReportRecovery {
    let routes: Routes
    let runtime: LogRuntime

    /// What was not kept and could not be made again, by number, with the reason.
    typealias Losses = [Int64: String]

    @discardableResult
    func run() async throws -> Losses {
        let kept = Set(try await runtime.database.reports().map { Int64($0.number) })
        let prefix = try await AccountsReader(runtime).read()
        let logged = prefix.accounts.reports.issues
        let policies = Set([Array(runtime.policy.utf8)] + prefix.accounts.settings.policies(of: prefix.genesis))
        var losses: Losses = [:]
        // By number: a restatement states its effect against the one before.
        for issue in logged.sorted(by: { $0.entry.number < $1.entry.number })
        where !kept.contains(issue.entry.number) {
            if let reason = try await recover(issue, policies) { losses[issue.entry.number] = reason }
        }
        return losses
    }

    /// - Parameter policies: under one of them it was issued.
    /// - Returns: why it cannot be had again.
    private func recover(_ issue: ReportRegister.Issue, _ policies: Set<[UInt8]>) async throws -> String? {
        let entry = issue.entry
        let index = Int64(clamping: issue.index)
        guard let audience = Audience(rawValue: entry.audience) else {
            return "its audience '\(entry.audience)' is unknown to this version"
        }
        guard let note = try await runtime.database.notes(index..<(index + 1)).first,
            let bytes = try await runtime.database.checkpoint(covering: entry.size)
        else { return "the database has lost its entry or checkpoint" }
        let checkpoint = try SignedCheckpoint(parsing: bytes)
        guard Int64(clamping: checkpoint.checkpoint.size) == entry.size else {
            return "no checkpoint of \(entry.size) entries was published"
        }
        let methods = AttributionRule.allCases.flatMap { rule in CalculationMethod.allCases.map { (rule, $0) } }
        for (rule, method) in methods.reversed() {
            let query = ReportQuery(entry, audience, rule, method)
            var input = try await routes.input(query, runtime, at: checkpoint, anew: true).input
            for policy in policies {
                input.policy = policy
                let disclosure = Disclosure(input)
                guard disclosure.sha256.bytes == entry.sha256 else { continue }
                try await keep(IssuedReport(entry: entry, index: index, note: note, disclosure: disclosure))
                return nil
            }
        }
        return "the policy or a factor file is another one than when it was issued"
    }

    private func keep(_ report: IssuedReport) async throws {
        var earlier: StoredReport?
        if let number = report.entry.supersedes {
            earlier = try await runtime.database.report(Int32(clamping: number))
        }
        try await report.keep(in: runtime.database, superseding: earlier)
    }
}

/// A report that stands in the log, as it is handed out.
struct IssuedReport {
    var entry: ReportEntry
    var index: Int64
    /// The entry with its signature.
    var note: [UInt8]
    var disclosure: Disclosure

    /// - Parameter earlier: the report that it supersedes.
    func document(superseding earlier: StoredReport?) throws -> JSONValue {
        let body = try earlier.map { try JSONValue(parsing: $0.body)["disclosure"] ?? .null }
        let effect = body.flatMap { IssuedDisclosure.effect(of: disclosure, against: $0) }
        return [
            "number": .integer(entry.number), "issued_at": .string(TimeText.rfc3339(entry.time)),
            "supersedes": entry.supersedes.map { .integer($0) } ?? .null,
            "reason": entry.reason.map { .string($0) } ?? .null, "effect": effect.map { .string($0) } ?? .null,
            "index": .decimalString(index), "disclosure": disclosure.value,
            "signatures": .array([.string(String(decoding: note, as: UTF8.self))]),
        ]
    }

    func stored(superseding earlier: StoredReport?) throws -> StoredReport {
        StoredReport(
            number: Int32(clamping: entry.number), index: index,
            issued: Timestamp(microseconds: entry.time.microseconds),
            hours: Int32(clamping: entry.period.start.hour)..<Int32(clamping: entry.period.end.hour),
            audience: entry.audience, supersedes: entry.supersedes.map { Int32(clamping: $0) },
            body: try document(superseding: earlier).rendered(.pretty))
    }

    /// Keeps it, unless another aggregator has done so since it was logged: the log has it once, so it is the same one.
    func keep(in database: LogDatabase, superseding earlier: StoredReport?) async throws {
        do {
            try await database.keep(stored(superseding: earlier))
        } catch let error as StoreError where error.kind == .invalidData {
            guard try await database.report(Int32(clamping: entry.number))?.index == index else { throw error }
        }
    }
}
