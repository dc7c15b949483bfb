import JSONText

extension ReportText {
    /// What was moved by hand, signed with a key that is no longer trusted, or came after a report.
    var changes: DisclosurePage.Section? {
        let blocks = corrections + revoked + late
        guard !blocks.isEmpty else { return nil }
        return .init(title: "Corrected, doubtful or late", blocks: blocks)
    }

    private var corrections: [DisclosurePage.Block] {
        let rows = (report["corrections"]?.array ?? []).map { entry in
            [
                Self.time(entry["time"]), HTMLText.plain(entry["by"]), HTMLText.plain(entry["reason"]),
                amount(entry["moved_uj"]), HTMLText.percent(entry["moved_share"]),
            ]
        }
        guard !rows.isEmpty else { return [] }
        return [
            .subheading("Corrections"),
            .paragraph(
                "A person moved energy from one account to another. Nothing was added to the total or taken away."),
            .table(
                .init(
                    head: ["When", "By", "Why", "Moved", "Of the total"], rows: rows, numeric: [3, 4],
                    widths: [20, 14, 36, 16, 14])),
        ]
    }

    private var revoked: [DisclosurePage.Block] {
        let rows = (report["revoked"]?.array ?? []).map { run in
            [
                HTMLText.plain(run["node"]), HTMLText.plain(run["batches"]), amount(run["energy_uj"]),
                HTMLText.plain(run["entry"]),
            ]
        }
        guard !rows.isEmpty else { return [] }
        return [
            .subheading("Signed with a key that was revoked"),
            .paragraph(
                "The key of a computer was declared untrustworthy from a certain reading on. What it had signed behind"
                    + " that reading counts in this report, and might not be true."),
            .table(
                .init(
                    head: ["Computer", "Readings", "Energy", "Entry that says so"], rows: rows, numeric: [1, 2, 3],
                    widths: [34, 20, 24, 22])),
        ]
    }

    private var late: [DisclosurePage.Block] {
        let rows = (report["late_since"]?.array ?? []).map { issue in
            [
                "No. \(HTMLText.plain(issue["number"])), for \(Self.audience(issue["audience"]?.string))",
                "\(Self.time(issue["period"]?["start"])) to \(Self.time(issue["period"]?["end"]))",
                HTMLText.plain(issue["batches"]), HTMLText.plain(issue["corrections"]),
            ]
        }
        guard !rows.isEmpty else { return [] }
        return [
            .subheading("Earlier reports of this time"),
            .paragraph(
                "They were issued before these readings and corrections had arrived, and call for a restatement."),
            .table(
                .init(
                    head: ["Report", "Period", "Readings", "Corrections"], rows: rows, numeric: [2, 3],
                    widths: [34, 36, 15, 15])),
        ]
    }

    // MARK: Words for values

    /// `2026-01-01T00:00:00Z` as `2026-01-01 00:00`; a dash for none.
    static func time(_ value: JSONValue?) -> String {
        guard let text = value?.string, text.utf8.count >= 16 else { return HTMLText.plain(value) }
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(5))"
    }

    /// Milliseconds as hours with two decimals.
    static func hours(milliseconds: JSONValue?) -> String {
        milliseconds?.decimalString.flatMap { Figure.text(Int128($0), 3_600_000, decimals: 2) } ?? "–"
    }

    static func hours(seconds: JSONValue?) -> String {
        seconds?.int64.flatMap { Figure.text(Int128($0), 3600, decimals: 2) } ?? "–"
    }

    /// `84000000000000000000000` as `8.4e22`; shorter counts as they are.
    static func count(_ value: JSONValue?) -> String {
        let text = HTMLText.plain(value)
        guard text.utf8.count > 9, text.allSatisfy(\.isWholeNumber) else { return text }
        let digits = text.prefix(3)
        let decimals = String(digits.dropFirst()).replacing(/0+$/, with: "")
        return "\(digits.prefix(1))\(decimals.isEmpty ? "" : ".\(decimals)")e\(text.utf8.count - 1)"
    }

    /// What a check looks at, in words.
    static func check(_ id: String) -> String {
        switch id {
        case "lines": "The lines add up to the total"
        case "jobs": "The jobs add up to the energy of jobs"
        case "conservation": "Every reading is counted once"
        case "breakdowns": "Each breakdown adds up to the total"
        case "classes": "The uses add up to the energy of jobs"
        case "by_node": "The computers of each job add up to it"
        case "windows": "Every job ends after it begins"
        case "nodes": "As many computers reported as were given"
        case "coverage": "No time is counted twice"
        case "pue": "Cooling and supply only add energy"
        case "implied-factor": "Emissions lie where grids lie"
        case "power": "No computer draws more than it can"
        case "figures-within-uncertainty": "No figure has more digits than are known"
        case "residual": "Parts draw no more than their computer"
        default: id.replacing("-", with: " ").replacing("_", with: " ")
        }
    }
}
