import JSONText

/// A run as a person reads it.
struct RunPage {
    let run: JSONValue

    var text: String {
        let time = run["node_ms"]
        var page = "Run \(PlainText.line(FigureText.text(run["name"])))\n"
        let facts = [
            ("energy", FigureText.energy(run["energy_uj"]) + (Self.isLowerBound(run) ? ", at least" : "")),
            ("coverage", FigureText.percent(run["coverage"])), ("models", Self.list(run["models"])),
            ("activities", Self.list(run["activities"])), ("start", FigureText.text(run["start"])),
            ("stop", FigureText.text(run["stop"])), ("attempts", FigureText.text(run["attempts"])),
            (
                "node-time",
                "\(FigureText.seconds(time?["allocated"])) s, \(FigureText.seconds(time?["missing"])) s missing"
            ),
        ]
        for (name, value) in facts { page += "  \(name.padded(to: 12))\(PlainText.line(value))\n" }
        for (name, value) in (run["by_class"]?.object?.members ?? []).map({ ($0.name, $0.value) }) {
            page += "  \(name.padded(to: 12))\(FigureText.energy(value))\n"
        }
        return page + "\n" + JobTable(jobs: run["jobs"]?.array ?? []).text
    }

    static func isLowerBound(_ run: JSONValue) -> Bool { run["lower_bound"]?.bool ?? false }

    /// A lower bound begins with the sign for it.
    static func energy(of run: JSONValue) -> String {
        (isLowerBound(run) ? "≥ " : "") + FigureText.kilowattHours(run["energy_uj"])
    }

    static func list(_ value: JSONValue?) -> String {
        let texts = (value?.array ?? []).compactMap(\.string)
        return texts.isEmpty ? FigureText.unknown : texts.joined(separator: ", ")
    }
}
