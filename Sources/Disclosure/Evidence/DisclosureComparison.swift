import JSONText

/// A disclosure that somebody states, beside the one that follows from the entries.
///
/// Documents of one revision have to be equal in everything. Between revisions every field that both have is held to
/// the entries; what one of them cannot have is named, since an operator who leaves a field out might say the same.
struct DisclosureComparison: Sendable {
    /// What the stated one says of itself; nil where no program writes it so.
    let revision: Int64?
    /// Fields that contradict the entries.
    private(set) var contradictions: [JSONDifference] = []
    /// Fields that only the later of both revisions has.
    private(set) var unknown: [String] = []
    /// Texts that the later revision words otherwise.
    private(set) var reworded: [String] = []

    init(computed: JSONValue, stated: JSONValue) {
        revision = DisclosureRevision.stated(in: stated)
        let (revision, current) = (revision ?? DisclosureRevision.current, DisclosureRevision.current)
        for difference in JSONDifference.all(computed: computed, stated: stated) {
            let path = difference.path
            if revision != current, path == DisclosureRevision.field, difference.stated != nil { continue }
            let isAbsent = difference.stated == nil && !DisclosureRevision.has(revision, fieldAt: path)
            if isAbsent || revision > current && difference.computed == nil {
                unknown.append(path)
            } else if revision != current, DisclosureRevision.isText(at: path) {
                reworded.append(path)
            } else {
                contradictions.append(difference)
            }
        }
    }

    /// Leaves out differences that have another cause than the entries.
    mutating func forgive(where isForgiven: (String) -> Bool) {
        contradictions.removeAll { isForgiven($0.path) }
    }

    /// A report that the log announces, by the revision that its digest is of.
    struct Announced: Sendable {
        var revision: Int64
        var index: UInt64
    }

    /// - Parameter newest: what the operator could make before.
    /// - Throws: when an operator who had made later documents states an earlier revision.
    func checkRevision(at place: String, since newest: Announced?) throws(ReplayFailure) {
        guard let newest, let revision, revision < newest.revision else { return }
        throw ReplayFailure(
            .report, at: place,
            "it calls itself of revision \(revision), and entry \(newest.index) announced a report of revision"
                + " \(newest.revision) before: \(Self.list(unknown)) are left out",
            expected: "revision \(newest.revision)", found: "\(revision)")
    }

    /// The first figure that contradicts the entries; nil where none does.
    func failure(at place: String) -> ReplayFailure? {
        guard let first = contradictions.first else { return nil }
        return ReplayFailure(
            .report, at: place,
            "\(first.path.isEmpty ? "the whole of it" : first.path) is not what follows from the entries\(advice)",
            expected: first.computed ?? "no such member", found: first.stated ?? "no such member")
    }

    private var advice: String {
        guard let revision, revision != DisclosureRevision.current else { return "" }
        return revision < DisclosureRevision.current
            ? " (it is of revision \(revision); if a figure of it was mended since, a bundle made anew has it right)"
            : " (it is of revision \(revision), which is later than this program; take a newer wattest-audit)"
    }

    /// What was not held to the entries, where everything else was.
    func describe(_ place: String, _ report: inout AuditReport) {
        // Without its number alone nothing is left out.
        guard unknown.contains(where: { $0 != DisclosureRevision.field }) || !reworded.isEmpty else { return }
        report.isPartial = true
        let revision = revision ?? DisclosureRevision.current
        report.count("fields_of_other_revision", Int64(unknown.count))
        if revision < DisclosureRevision.current {
            report.notCovered.append(
                "\(unknown.count) fields that \(place) does not have, as it calls itself of revision \(revision):"
                    + " \(Self.list(unknown)); who wants to leave them out can say so too, ask for one made anew")
        } else if !unknown.isEmpty {
            report.notCovered.append(
                "\(unknown.count) fields of \(place), which is of revision \(revision) and later than this program:"
                    + " \(Self.list(unknown)); take a newer wattest-audit")
        }
        if !reworded.isEmpty {
            report.notCovered.append(
                "\(reworded.count) texts of \(place), which its revision \(revision) words otherwise:"
                    + " \(Self.list(reworded))")
        }
    }

    private static let listed = 20

    private static func list(_ paths: [String]) -> String {
        paths.prefix(listed).joined(separator: ", ")
            + (paths.count > listed ? " and \(paths.count - listed) more" : "")
    }
}
