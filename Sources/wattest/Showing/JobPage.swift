import JSONText

/// One job as a person reads it: its total, each node with the reason why it is complete or not, and where the figures
/// come from.
struct JobPage {
    let job: JSONValue

    var text: String {
        var page = "Job \(Self.name(of: job))\n"
        for (name, value) in facts { page += "  \(name.padded(to: 12))\(PlainText.line(value))\n" }
        page += "\n" + nodes.text
        for (title, field) in [
            ("Provenance", "by_provenance"), ("Components", "by_component"), ("Boundary", "by_boundary"),
        ] {
            page += breakdown(title, field)
        }
        return page + flags
    }

    private var flags: String {
        let flags = (job["flags"]?.array ?? []).compactMap(\.string)
        guard !flags.isEmpty else { return "Flags: none\n" }
        return flags.map { flag in
            "Flag \(flag)" + (Self.meanings[flag].map { ": \($0)" } ?? "") + "\n"
        }.joined()
    }

    private static let meanings = [
        "claimed_time": "the times are those of an imported log; nobody here saw that clock",
        "clock_off": "a node's clock was not synchronised, or contradicts the log; see the nodes",
        "late_data": "some batches came more than a minute after their interval; they are in the total",
        "unlisted_node": "a node reports the job that the scheduler's list does not have",
        "superseded": "readings of the same node and time were in the log before; they are counted there, not here",
        "mixed_boundary": "its nodes are measured at different layers; see Boundary",
        "equal_share": "several jobs held one accelerator and nobody measured their shares: it is split evenly",
        "suspect": "a sensor showed more than it can; that energy is nobody's",
        "nodes_disputed": "not all who said how many nodes there should be said the same; see nodes",
        "stop_before_start": "an attempt's end lies before its start",
    ]

    /// The key, or the pseudonym where the record is withheld.
    static func name(of job: JSONValue) -> String { job["key"]?.string ?? job["pseudonym"]?.string ?? "-" }

    private var facts: [(String, String)] {
        let energy = FigureText.energy(job["energy_uj"])
        let isLowerBound = job["lower_bound"]?.bool ?? false
        var facts = [
            ("energy", isLowerBound ? "at least \(energy): something is missing" : energy),
            ("measured", FigureText.energy(job["measured_uj"])),
            ("coverage", coverage), ("nodes", nodesText), ("start", FigureText.text(job["start"])),
            ("stop", FigureText.text(job["stop"])), ("attempts", FigureText.text(job["attempts"])),
        ]
        facts += attempts
        facts.append(("witnessed", FigureText.text(job["witnessed_by"])))
        for name in ["name", "class", "model", "activity", "run"] {
            if let value = job[name]?.string { facts.append((name, value + Self.source(of: name, in: job))) }
        }
        if let error = FigureText.integer(job["edge_error_uj"]), error != 0 {
            facts.append(("edges", "within \(FigureText.energy(job["edge_error_uj"])): they lie between readings"))
        }
        if let idle = FigureText.integer(job["idle_reserved_uj"]), idle != 0 {
            facts.append(("idle", "\(FigureText.energy(job["idle_reserved_uj"])) while nothing of it ran"))
        }
        return facts
    }

    /// When each ran, where there were several.
    private var attempts: [(String, String)] {
        let windows = job["attempt_windows"]?.array ?? []
        guard windows.count > 1 else { return [] }
        return windows.map { window in
            let stop = window["stop"]?.string ?? "now"
            return ("attempt \(FigureText.text(window["attempt"]))", "\(FigureText.text(window["start"])) to \(stop)")
        }
    }

    /// Who said it, where somebody did so afterwards.
    private static func source(of name: String, in job: JSONValue) -> String {
        let label = (job["labels"]?.array ?? []).first { $0["name"]?.string == name && $0["entry"]?.isNull == false }
        guard let label else { return "" }
        let reason = label["reason"]?.string.map { ": \($0)" } ?? ""
        return " (by \(FigureText.text(label["by"])), entry \(FigureText.text(label["entry"]))\(reason))"
    }

    private var coverage: String {
        guard let coverage = job["coverage"], !coverage.isNull else {
            return "unknown: nobody said how many nodes it runs on"
        }
        return FigureText.percent(coverage)
    }

    private var nodesText: String {
        let expected = FigureText.text(job["nodes_expected"])
        let whole = expected == FigureText.unknown ? "an unknown number" : expected
        return "\(FigureText.text(job["nodes_reporting"])) of \(whole) reporting" + expectations
    }

    /// Who said how many there should be, where they differ.
    private var expectations: String {
        let said = (job["nodes_expected_by"]?.array ?? []).map { said in
            let by = said["by"]?.string.map { " \($0)" } ?? ""
            let entry = said["entry"]?.string.map { ", entry \($0)" } ?? ""
            return "\(FigureText.text(said["nodes"])) by \(FigureText.text(said["witness"]))\(by)\(entry)"
        }
        return said.isEmpty ? "" : "; expected: " + said.joined(separator: "; ")
    }

    private var nodes: TextTable {
        var table = TextTable(
            ("node", .left), ("kWh", .right), ("µJ", .right), ("coverage", .right), ("missing s", .right),
            ("state", .left))
        for node in job["by_node"]?.array ?? [] {
            table.add(
                FigureText.text(node["node"]), FigureText.kilowattHours(node["energy_uj"]),
                FigureText.microjoules(node["energy_uj"]), FigureText.percent(node["coverage"]),
                FigureText.seconds(node["missing_ms"]), Self.state(of: node))
        }
        addNameless(to: &table)
        table.add("total", FigureText.kilowattHours(job["energy_uj"]), FigureText.microjoules(job["energy_uj"]))
        return table
    }

    /// Nodes that are expected and that nobody has named.
    private func addNameless(to table: inout TextTable) {
        let nodes = (job["by_node"]?.array ?? []).filter { $0["kind"]?.string ?? "node" == "node" }
        guard let expected = FigureText.integer(job["nodes_expected"]), expected > nodes.count else { return }
        let count = expected - Int128(nodes.count)
        let named = nodes.reduce(Int128(0)) { $0 + (FigureText.integer($1["missing_ms"]) ?? 0) }
        let missing = FigureText.integer(job["node_ms"]?["missing"]).map { JSONValue.decimalString(max(0, $0 - named)) }
        table.add(
            "(\(count) more)", FigureText.unknown, FigureText.unknown, FigureText.unknown, FigureText.seconds(missing),
            "expected, and nothing of \(count == 1 ? "it" : "them") is in the log: nobody told the name"
                + (count == 1 ? "" : "s"))
    }

    /// Why a node is, or is not, complete.
    static func state(of node: JSONValue) -> String {
        if let reason = node["reason"]?.string { return reason }
        guard FigureText.integer(node["energy_uj"]) != nil else { return "expected, and nothing of it is in the log" }
        if let kind = node["kind"]?.string, kind != "node" {
            return "a shared source, no node: its time is not counted"
        }
        let missing = FigureText.integer(node["missing_ms"]) ?? 0
        let bridged = FigureText.integer(node["bridged_ms"]) ?? 0
        if missing > 0 { return "lower bound: \(FigureText.seconds(node["missing_ms"])) s held without readings" }
        if node["coverage"]?.number == nil { return "unknown: its time in the job is not known" }
        if bridged > 0 {
            return "complete; \(FigureText.seconds(node["bridged_ms"])) s bridged, their shape is not known"
        }
        return "complete"
    }

    private func breakdown(_ title: String, _ field: String) -> String {
        let members = job[field]?.object?.members ?? []
        guard !members.isEmpty else { return "" }
        let parts = members.map { "\($0.name) \(FigureText.energy($0.value))" }
        return "\(title): \(parts.joined(separator: "; "))\n"
    }
}

extension String {
    /// With blanks behind it, to a column.
    func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
