import Batches
import JSONText
import TransparencyLog

/// A report that the auditor was given, beside the bundle: signed, announced in the log, and true.
struct HeldReport: Sendable {
    private let statement: ReportStatement
    private let place: String
    private let cited: (checkpoint: SignedCheckpoint, key: String)

    var number: Int64 { statement.number }
    /// Nil where it states one that is not known here.
    var method: CalculationMethod? {
        statement.disclosure["method"]?["version"]?.string.flatMap { CalculationMethod(version: $0) }
    }
    /// The tree that it cites, whose root the replay has to keep.
    var citedSize: UInt64 { cited.checkpoint.checkpoint.size }

    init(_ bytes: [UInt8], place: String) throws(ReplayFailure) {
        statement = try ReportStatement(parsing: bytes, place: place)
        cited = try statement.citation(place)
        self.place = place
    }

    /// - Throws: when it is not the operator's, not the log's, or says what does not follow from the entries.
    func hold(
        to replayed: BundleAudit.Replayed, _ outside: OutsideFiles, _ report: inout AuditReport
    ) throws(ReplayFailure) {
        guard let signers = replayed.replay.signers else {
            throw ReplayFailure(.syntax, at: UInt64(0), "the first entry of a log is its genesis entry")
        }
        let accounts = replayed.replay.accounts
        let issued = try statement.verify(
            genesis: (signers.administrationKey, signers.logKey), issues: accounts.reports.issues, place: place)
        report.proved.append(issued)
        try holdCitation(to: replayed.replay, signers, &report)
        describeSuccessors(accounts.reports.issues, &report)
        guard let made = replayed.held else {
            report.isPartial = true
            report.notCovered.append(
                "the figures of \(place): it is about another period than this bundle, or needs what is withheld")
            return
        }
        guard made.sha256 != statement.sha256 else {
            report.proved.append("every figure of \(place) follows from the entries that it stands on, byte for byte")
            return
        }
        // That an operator logged a report does not make it true. What stands outside of the log may have changed since
        // it was made, and only that is an excuse.
        var comparison = DisclosureComparison(computed: made.value, stated: statement.disclosure)
        if hasOtherPolicy(than: made) { comparison.forgive(where: Self.isOfPolicy) }
        let excuses = excuses(accounts, outside)
        if excuses.isEmpty {
            if let failure = comparison.failure(at: place) { throw failure }
            let index = accounts.reports.issues.first { $0.entry.number == number }?.index ?? 0
            try comparison.checkRevision(at: place, since: replayed.newestRevision(before: index))
        }
        comparison.describe(place, &report)
        guard !comparison.contradictions.isEmpty else {
            let revision = comparison.revision ?? DisclosureRevision.current
            let form = revision == DisclosureRevision.current ? "" : " that its revision \(revision) has"
            let policy = hasOtherPolicy(than: made) ? "; the policy has changed since" : ""
            report.proved.append(
                "every figure of \(place)\(form) follows from the entries that it stands on\(policy)")
            return
        }
        report.isPartial = true
        let named = comparison.contradictions.prefix(20).map(\.path).joined(separator: ", ")
        report.notCovered.append(
            "\(comparison.contradictions.count) figures of \(place), since \(excuses.joined(separator: " and ")):"
                + " \(named)")
    }

    /// The checkpoint in it is of this very log, and covers the report's entry.
    private func holdCitation(
        to replay: LogReplay, _ signers: SignerRegister, _ report: inout AuditReport
    ) throws(ReplayFailure) {
        let (checkpoint, key) = (cited.checkpoint, signers.logKey(at: citedSize))
        guard (try? checkpoint.verify(origin: replay.origin, log: key)) != nil,
            signers.logKeys.contains(where: { $0.key.text == cited.key })
        else {
            throw ReplayFailure(
                .report, at: place, "the checkpoint in it is not signed by the log's key", expected: key.text,
                found: cited.key)
        }
        let index = replay.accounts.reports.issues.first { $0.entry.number == number }?.index ?? 0
        guard citedSize > index else {
            throw ReplayFailure(
                .report, at: place, "the checkpoint in it does not cover entry \(index), which announces it",
                expected: "a size above \(index)", found: "\(citedSize)")
        }
        guard citedSize <= replay.size, let root = replay.root(at: citedSize) else {
            report.notCovered.append(
                "whether the tree of \(citedSize) entries that \(place) cites is of this history: the bundle does not"
                    + " show all of it")
            return
        }
        guard root == checkpoint.checkpoint.root else {
            throw ReplayFailure(
                .checkpoint, at: place,
                "the log signed two histories: the first \(citedSize) entries are others than in the checkpoint in it",
                expected: checkpoint.checkpoint.root.base64, found: root.base64)
        }
    }

    private func describeSuccessors(_ issues: [ReportRegister.Issue], _ report: inout AuditReport) {
        for issue in issues where issue.entry.supersedes == number {
            report.notCovered.append(
                "what \(place) had wrong: report \(issue.entry.number) of entry \(issue.index) supersedes it, for the"
                    + " reason '\(issue.entry.reason ?? "-")'")
        }
    }

    private func hasOtherPolicy(than made: Disclosure) -> Bool {
        statement.disclosure["evidence"]?["policy_sha256"] != made.outline["evidence"]?["policy_sha256"]
    }

    /// What the text of the policy decides: its digest, and whether a quorum is asked for.
    private static func isOfPolicy(_ path: String) -> Bool {
        path == "evidence.policy_sha256" || path == "limits" || path.hasPrefix("limits[")
    }

    private func excuses(_ accounts: LogAccounts, _ outside: OutsideFiles) -> [String] {
        var excuses: [String] = []
        let names = outside.recordNames
        let erased = accounts.jobs.jobs.values.count { job in
            job.records.contains { !names.contains(Hexadecimal.encode($0.sha256)[...]) }
        }
        if erased > 0 { excuses.append("records of \(erased) jobs are erased or withheld") }
        let missing = accounts.settings.factorFiles.subtracting(outside.factors.keys).count
        if missing > 0 { excuses.append("\(missing) factor files are not in the bundle") }
        return excuses
    }
}
