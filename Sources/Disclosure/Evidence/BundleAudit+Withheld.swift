import Batches
import JSONText
import TransparencyLog

/// What still follows where entries are withheld.
///
/// The tree is proved whole in any case: nothing was left out of it, added or moved, and the number of entries that are
/// not shown is exact. What they say is not known, so a figure that needs them is only stated; it is named, and held to
/// the report that the log announces where there is one.
extension BundleAudit {
    /// Figures that are listed one by one; of more the number is told.
    private static let namedFigures = 50

    func describeRange(_ manifest: BundleManifest, _ report: inout AuditReport) {
        report.counts.append(("withheld", manifest.withheldEntries))
        guard manifest.withheldEntries > 0 else {
            report.proved.append(
                "all \(manifest.size) entries are those of the signed tree, none left out, added or reordered")
            return
        }
        report.isPartial = true
        report.proved.append(
            "the \(manifest.size - UInt64(clamping: manifest.withheldEntries)) entries that are shown and the"
                + " \(manifest.withheldEntries) that are withheld are those of the signed tree, none left out, added or"
                + " reordered")
        report.notCovered.append(
            "what \(manifest.withheldEntries) withheld entries say: energy of this period may be among them")
    }

    /// - Throws: when the disclosure contradicts the entries that are shown.
    func compareInPart(
        _ disclosure: Disclosure, _ stated: [UInt8], _ replay: LogReplay, _ report: inout AuditReport
    ) throws(ReplayFailure) {
        let path = BundlePath.disclosure.path
        describeUnchecked(replay.counts, &report)
        if stated == disclosure.bytes {
            report.proved.append("every figure of \(path) follows from the entries that are shown, byte for byte")
            return
        }
        try checkSize(of: stated, disclosure, at: path)
        guard let value = try? JSONValue(parsing: stated), value.rendered(.pretty) == stated else {
            throw ReplayFailure(.report, at: path, "it is not JSON as disclosures are written")
        }
        let computed = disclosure.value
        try checkIdentity(of: value, computed)
        try checkBounds(of: value, computed)
        let comparison = DisclosureComparison(computed: computed, stated: value)
        comparison.describe(path, &report)
        let paths = comparison.contradictions.map(\.path)
        let named = paths.prefix(Self.namedFigures).joined(separator: ", ")
        let more = paths.count > Self.namedFigures ? " and \(paths.count - Self.namedFigures) more" : ""
        report.notCovered.append("\(paths.count) figures, which need what is withheld: \(named)\(more)")
        report.counts.append(("figures_not_recomputed", Int64(paths.count)))
        report.proved.append("every other figure of \(path) follows from the entries that are shown")
        describeIssue(of: value, replay, &report)
    }

    private func describeUnchecked(_ counts: ReplayCounts, _ report: inout AuditReport) {
        let unchecked = [
            (counts.brokenLinks, "the link of", "batches to withheld predecessors"),
            (counts.uncheckedAnchors, "", "anchors to trees inside withheld entries"),
            (counts.uncheckedCloses, "", "close entries, whose totals need withheld ones"),
            (counts.conflictsUnplaced, "the first notes of", "conflicts, which are withheld"),
        ]
        for (count, before, what) in unchecked where count > 0 {
            report.notCovered.append((before.isEmpty ? "" : before + " ") + "\(count) \(what)")
        }
    }

    /// Whose report it is, about what, does not depend on entries that may be withheld.
    private func checkIdentity(of stated: JSONValue, _ computed: JSONValue) throws(ReplayFailure) {
        for name in ["schema", "organization", "period", "audience", "evidence"] where stated[name] != computed[name] {
            throw ReplayFailure(
                .report, at: BundlePath.disclosure.path, "\(name) is not what follows from the entries",
                expected: computed[name]?.text(), found: stated[name]?.text())
        }
    }

    /// No job has less than the entries show.
    private func checkBounds(of stated: JSONValue, _ computed: JSONValue) throws(ReplayFailure) {
        let path = BundlePath.disclosure.path
        var energy: [String: Int128] = [:]
        for job in stated["jobs"]?.array ?? [] {
            guard let pseudonym = job["pseudonym"]?.string, let microjoules = Self.energy(of: job) else { continue }
            energy[pseudonym] = microjoules
        }
        for job in computed["jobs"]?.array ?? [] {
            // By its pseudonym: not every audience is shown what a job is called.
            guard let pseudonym = job["pseudonym"]?.string, let shown = Self.energy(of: job), shown > 0 else {
                continue
            }
            guard let microjoules = energy[pseudonym], microjoules >= shown else {
                let name = job["key"]?.string ?? pseudonym
                throw ReplayFailure(
                    .report, at: path, "job \(name) has less than the entries show that are not withheld",
                    expected: "at least \(shown) µJ", found: energy[pseudonym].map { "\($0) µJ" } ?? "no such job")
            }
        }
    }

    private static func energy(of job: JSONValue) -> Int128? { job["energy_uj"]?.string.flatMap { Int128($0) } }

    /// The figures were fixed in the log, if a report of the same text is announced there.
    private func describeIssue(of stated: JSONValue, _ replay: LogReplay, _ report: inout AuditReport) {
        guard var object = stated.object, var evidence = object["evidence"]?.object else { return }
        evidence.set("withheld", .integer(0))
        object.set("evidence", .object(evidence))
        let digest = MerkleHash.sha256(of: JSONValue.object(object).rendered(.pretty))
        guard let issue = replay.accounts.reports.issues.first(where: { $0.entry.sha256 == digest.bytes }) else {
            report.claimed.append("the figures that need what is withheld: by the operator alone")
            return
        }
        report.proved.append(
            "the disclosure is report \(issue.entry.number), which entry \(issue.index) of the log fixed")
        report.claimed.append("the figures that need what is withheld: by the report that the log announces")
    }
}
