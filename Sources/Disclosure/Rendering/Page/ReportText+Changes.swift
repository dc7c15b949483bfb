import JSONText

/// What happened to the books after the readings were taken.
extension ReportText {
    var changes: DisclosurePage.Section? {
        let blocks = closes + lateSince + corrections + revoked
        guard !blocks.isEmpty else { return nil }
        let words =
            "Readings are never changed. What people do about them later, or what comes later, is written down as well"
            + " and stands here."
        return .init(title: "Closed, corrected and doubted", blocks: [.paragraph(words)] + blocks)
    }

    private var closes: [DisclosurePage.Block] {
        let rows = (report["closes"]?.array ?? []).map { close in
            [
                Self.moment(close["period"]?["start"]), Self.moment(close["period"]?["end"]),
                HTMLText.plain(close["entry"]), HTMLText.plain(close["late_batches"]),
                HTMLText.plain(close["late_corrections"]),
            ]
        }
        guard !rows.isEmpty else { return [] }
        let words =
            "When books are closed, the operator signs the sums of a period. Readings and corrections that come after"
            + " that are still counted in this report, but nobody can slip them in unseen: this is how many they are."
        let head = ["From", "To", "Closed by entry", "Late readings (batches)", "Late corrections"]
        return [
            .subheading("Closed books"), .paragraph(words),
            .table(.init(head: head, rows: rows, numeric: [2, 3, 4], widths: [22, 22, 16, 22, 18])),
        ]
    }

    private var lateSince: [DisclosurePage.Block] {
        let rows = (report["late_since"]?.array ?? []).map { late in
            [
                HTMLText.plain(late["number"]), Self.moment(late["period"]?["start"]),
                Self.moment(late["period"]?["end"]), HTMLText.plain(late["batches"]),
                HTMLText.plain(late["corrections"]),
            ]
        }
        guard !rows.isEmpty else { return [] }
        let words = "Reports that were issued earlier about this time do not have what came after them:"
        let head = ["Report", "From", "To", "Late readings (batches)", "Late corrections"]
        return [
            .subheading("Earlier reports"), .paragraph(words),
            .table(.init(head: head, rows: rows, numeric: [0, 3, 4], widths: [12, 24, 24, 22, 18])),
        ]
    }

    private var corrections: [DisclosurePage.Block] {
        let corrections = report["corrections"]?.array ?? []
        guard !corrections.isEmpty else { return [] }
        let rows = corrections.map { correction in
            [
                "\(HTMLText.plain(correction["entry"])), \(Self.moment(correction["time"]))",
                HTMLText.plain(correction["reason"]), HTMLText.plain(correction["by"]),
                Self.amount(correction["moved_uj"]), effect(of: correction),
            ]
        }
        let words =
            "A correction moves energy from one account to another, for example to a job that was told of too late. It"
            + " makes no energy and loses none; the figures above have it."
        let head = ["Entry, time", "Reason", "By", "Moved", "Effect"]
        return [
            .subheading("Corrections"), .paragraph(words),
            .table(.init(head: head, rows: rows, numeric: [3], widths: [20, 26, 12, 14, 28])),
        ]
    }

    private func effect(of correction: JSONValue) -> String {
        let lines = (correction["effect"]?.array ?? []).map { effect in
            let amount = Self.amount(effect["uj"])
            return "\(accountName(effect["account"]?.string ?? "–")) \(amount.hasPrefix("-") ? "" : "+")\(amount)"
        }
        return lines.isEmpty ? "–" : lines.joined(separator: "\n")
    }

    /// A job by the name that its owner gave it, where the report shows that.
    private func accountName(_ account: String) -> String {
        let parts = account.split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return account }
        let job = (report["jobs"]?.array ?? []).first { $0["pseudonym"]?.string == parts[1] }
        let name = job.map(name(of:)) ?? parts[1]
        return parts[0] == "job" ? name : "\(name), while idle"
    }

    private var revoked: [DisclosurePage.Block] {
        let rows = (report["revoked"]?.array ?? []).map { run in
            [
                HTMLText.plain(run["node"]), HTMLText.plain(run["entry"]), HTMLText.plain(run["batches"]),
                HTMLText.energy(HTMLText.microjoules(run["energy_uj"])),
            ]
        }
        guard !rows.isEmpty else { return [] }
        let words =
            "The key of a computer was declared lost or stolen, from a certain reading on. These readings were signed"
            + " with it behind that point: they are in the figures, and may be somebody else's invention."
        let head = ["Computer", "Declared by entry", "Readings (batches)", "Energy in doubt"]
        return [
            .subheading("Keys that were not to be trusted any more"), .paragraph(words),
            .table(.init(head: head, rows: rows, numeric: [1, 2, 3], widths: [31, 23, 23, 23])),
        ]
    }

    private static func moment(_ time: JSONValue?) -> String {
        HTMLText.plain(time).replacing("T", with: " ").replacing("Z", with: "")
    }

    /// A correction may be smaller than what a table of energies shows.
    private static func amount(_ value: JSONValue?) -> String {
        guard let microjoules = HTMLText.microjoules(value), microjoules != 0, microjoules.magnitude < 3_600_000_000
        else { return HTMLText.energy(HTMLText.microjoules(value)) }
        return "\(Figure.text(microjoules, 1_000_000, decimals: 6) ?? "–") J"
    }
}
