package import JSONText

/// A disclosure as one page that prints, needs no script and no network, and explains itself.
///
/// It is rendered from the JSON: the same bytes give the same page.
package struct DisclosureHTML: Sendable {
    private let report: JSONValue

    private init(_ report: JSONValue) { self.report = report }

    /// - Parameter disclosure: the body, not the wrapper in which it was issued.
    package static func render(_ disclosure: JSONValue) -> [UInt8] { Array(DisclosureHTML(disclosure).page.utf8) }

    private var page: String {
        let name = HTMLText.escaped(report["organization"]?["name"])
        let sections = [summary, charts, jobs, runs, coverage, supply, checks, missing, limits, evidence]
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Energy of AI computing: \(name)</title>
            <style>\(Self.style)</style>
            </head>
            <body>
            <header>
            <h1>Energy of AI computing</h1>
            <p class="who">\(name)</p>
            <p>\(HTMLText.escaped(report["period"]?["start"])) to \(HTMLText.escaped(report["period"]?["end"])),
            for: \(HTMLText.escaped(report["audience"]))</p>
            </header>
            \(sections.joined())</body>
            </html>

            """
    }

    private static let style = """
        :root{color-scheme:light}body{font:15px/1.5 system-ui,sans-serif;color:#1b1f23;background:#fff;max-width:60rem;
        margin:2rem auto;padding:0 1rem}h1{font-size:1.7rem;margin:0}h2{font-size:1.2rem;margin:2rem 0 .5rem;
        border-bottom:1px solid #d0d7de}.who{font-size:1.2rem;margin:.2rem 0}table{border-collapse:collapse;width:100%;
        font-size:.85em;margin:.5rem 0}th,td{text-align:left;padding:.25rem .5rem;border-bottom:1px solid #e3e7eb;
        vertical-align:top;overflow-wrap:break-word}td:first-child{overflow-wrap:anywhere;min-width:6rem}
        th{background:#f6f8fa}.n{text-align:right;
        font-variant-numeric:tabular-nums;white-space:nowrap}dl{display:grid;grid-template-columns:
        repeat(3,1fr);gap:.8rem;margin:1rem 0}dl div{border:1px solid #d0d7de;border-radius:6px;padding:.6rem}
        dt{font-size:.8rem;color:#57606a}dd{margin:0;font-size:1.25rem;font-variant-numeric:tabular-nums}
        figure{margin:1rem 0}figcaption{font-weight:600}svg{max-width:100%;height:auto;font:12px system-ui,sans-serif}
        pre{background:#f6f8fa;padding:.6rem;overflow-x:auto;font-size:.8rem}
        .bad{color:#a40e26;font-weight:600}.note{color:#57606a;font-size:.85rem}
        @media print{body{max-width:none;margin:0;padding:0;font-size:12px}
        section{break-inside:auto}tr,figure{break-inside:avoid}
        h2{break-after:avoid}}
        """

    // MARK: Figures

    private var energy: JSONValue? { report["energy"] }

    private var summary: String {
        let coverage = report["coverage"]
        let nodes = "\(HTMLText.plain(coverage?["nodes_reporting"])) of \(HTMLText.plain(coverage?["nodes_expected"]))"
        let emissions = report["emissions"]
        let tiles = [
            ("IT energy", HTMLText.energy(HTMLText.microjoules(energy?["it_uj"]))),
            ("of it measured", HTMLText.percent(energy?["measured_share"])),
            ("Facility energy", unit(energy?["facility_mwh"], "MWh")),
            ("Nodes that reported", nodes),
            ("CO2e, by place", unit(emissions?["location_t"], "t")),
            ("CO2e, by contract", unit(emissions?["market_t"], "t")),
        ]
        let body = tiles.map { "<div><dt>\($0.0)</dt><dd>\(HTMLText.escaped($0.1))</dd></div>\n" }.joined()
        return HTMLText.section(
            "In short", "<dl>\n\(body)</dl>\n" + HTMLText.paragraph(HTMLText.escaped(report["method"]?["text"])))
    }

    private func unit(_ value: JSONValue?, _ unit: String) -> String {
        value?.number.map { "\($0.text) \(unit)" } ?? "–"
    }

    private var charts: String {
        func bars(_ value: JSONValue?) -> [BarChart.Bar] {
            (value?.object?.members ?? []).compactMap { member in
                HTMLText.microjoules(member.value).map {
                    BarChart.Bar(label: member.name.replacing("_", with: " "), microjoules: $0)
                }
            }
        }
        let accounts = ["idle", "unattributed", "gap"].compactMap { name in
            HTMLText.microjoules(energy?["\(name)_uj"]).map { BarChart.Bar(label: name, microjoules: $0) }
        }
        let charts = [
            BarChart(title: "By what it was used for", bars: bars(energy?["by_class"]) + accounts),
            BarChart(title: "By component", bars: bars(energy?["by_component"])),
            BarChart(title: "By how it is known", bars: bars(energy?["by_provenance"])),
            BarChart(title: "By node, jobs only", bars: nodeBars),
        ]
        return HTMLText.section("Where the energy went", charts.map(\.html).joined())
    }

    private var nodeBars: [BarChart.Bar] {
        var sums: [String: Int128] = [:]
        for job in report["jobs"]?.array ?? [] {
            for node in job["by_node"]?.array ?? [] {
                guard let name = node["node"]?.string, let energy = HTMLText.microjoules(node["energy_uj"]) else {
                    continue
                }
                sums[name, default: 0] += energy
            }
        }
        return sums.sorted { $0.key < $1.key }.map { BarChart.Bar(label: $0.key, microjoules: $0.value) }
    }

    // MARK: Tables

    private func name(of job: JSONValue) -> String {
        HTMLText.escaped(job["key"]?.string ?? job["pseudonym"]?.string ?? "–")
    }

    private var jobs: String {
        let jobs = report["jobs"]?.array ?? []
        guard !jobs.isEmpty else { return "" }
        let rows = jobs.map { job in
            [
                name(of: job), HTMLText.escaped(job["class"]), times(job),
                "\(HTMLText.escaped(job["nodes_reporting"])) of \(HTMLText.escaped(job["nodes_expected"]))",
                HTMLText.escaped(HTMLText.percent(job["coverage"])),
                (job["lower_bound"]?.bool == true ? "at least " : "")
                    + HTMLText.escaped(HTMLText.energy(HTMLText.microjoules(job["energy_uj"]))),
                HTMLText.escaped(flags(of: job)),
            ]
        }
        let table = HTMLText.table(
            ["Job", "Class", "From, to", "Nodes", "Coverage", "Energy", "Remarks"], rows, numeric: [3, 4, 5])
        return HTMLText.section("Jobs", table + jobs.map(nodes).joined())
    }

    private func times(_ job: JSONValue) -> String {
        ["start", "stop"].map { HTMLText.escaped(HTMLText.plain(job[$0]).replacing("T", with: " ")) }
            .joined(separator: "<br>")
    }

    private func flags(of job: JSONValue) -> String {
        (job["flags"]?.array ?? []).compactMap(\.string).joined(separator: ", ").replacing("_", with: " ")
    }

    private func nodes(of job: JSONValue) -> String {
        let nodes = job["by_node"]?.array ?? []
        guard !nodes.isEmpty else { return "" }
        let rows = nodes.map { node in
            [
                HTMLText.escaped(node["node"]), HTMLText.escaped(node["kind"]),
                HTMLText.escaped(HTMLText.energy(HTMLText.microjoules(node["energy_uj"]))),
                HTMLText.escaped(HTMLText.percent(node["coverage"])), seconds(node["measured_ms"]),
                seconds(node["bridged_ms"]), seconds(node["missing_ms"]),
            ]
        }
        let head = ["Node", "Kind", "Energy", "Coverage", "Measured s", "Bridged s", "Missing s"]
        return "<h3>\(name(of: job))</h3>\n" + HTMLText.table(head, rows, numeric: [2, 3, 4, 5, 6])
    }

    private func seconds(_ milliseconds: JSONValue?) -> String {
        milliseconds?.decimalString.flatMap { Figure.text(Int128($0), 1000, decimals: 3) } ?? "–"
    }

    private var runs: String {
        let runs = report["runs"]?.array ?? []
        guard !runs.isEmpty else { return "" }
        let rows = runs.map { run in
            [
                HTMLText.escaped(run["name"]), HTMLText.escaped(run["class"]), HTMLText.escaped(run["job_count"]),
                HTMLText.escaped(HTMLText.energy(HTMLText.microjoules(run["energy_uj"]))),
                HTMLText.escaped(run["wallclock_seconds"]),
            ]
        }
        return HTMLText.section(
            "Runs", HTMLText.table(["Run", "Class", "Jobs", "Energy", "Wall-clock s"], rows, numeric: [2, 3, 4]))
    }

    private var coverage: String {
        let coverage = report["coverage"]
        let time = coverage?["node_ms"]
        var body = HTMLText.table(
            ["Node-time of jobs", "Seconds"],
            ["allocated", "measured", "bridged", "missing"].map { [$0, seconds(time?[$0])] }, numeric: [1])
        let gaps = coverage?["gaps"]?.array ?? []
        let rows = gaps.prefix(100).map { gap in
            [
                HTMLText.escaped(gap["node"]), HTMLText.escaped(gap["kind"]), HTMLText.escaped(gap["start"]),
                HTMLText.escaped(gap["end"]), seconds(gap["milliseconds"]),
            ]
        }
        if !rows.isEmpty { body += HTMLText.table(["Node", "Gap", "From", "To", "Seconds"], rows, numeric: [4]) }
        if gaps.count > rows.count {
            body += HTMLText.paragraph("\(gaps.count - rows.count) more gaps are in the JSON.")
        }
        body += "<p class=\"note\">Bridged: the energy is known, its course is not. Missing: neither is known, and"
        return HTMLText.section("What was seen, and what was not", body + " nothing was filled in.</p>\n")
    }

    private var supply: String {
        let zones = report["zones"]?.array ?? []
        guard !zones.isEmpty else { return "" }
        let rows = zones.map { zone in
            [
                HTMLText.escaped(zone["zone"]),
                HTMLText.escaped(HTMLText.energy(HTMLText.microjoules(zone["energy_uj"]))),
                HTMLText.escaped(unit(zone["location_t"], "t")), HTMLText.escaped(unit(zone["market_t"], "t")),
            ]
        }
        var body = HTMLText.table(["Grid zone", "IT energy", "By place", "By contract"], rows, numeric: [1, 2, 3])
        let factors = (report["emissions"]?["factors"]?.array ?? []).map { factor in
            HTMLText.escaped(
                ["provider", "dataset", "version", "scope", "licence"].map { HTMLText.plain(factor[$0]) }
                    .joined(separator: "; "))
        }
        body += HTMLText.paragraph("PUE: \(HTMLText.escaped(report["pue"]?["value"]))") + HTMLText.list(factors)
        return HTMLText.section("Electricity and emissions", body)
    }

    // MARK: Trust

    private var checks: String {
        let rows = (report["checks"]?.array ?? []).map { check in
            [
                HTMLText.escaped(check["id"]),
                check["passed"]?.bool == true ? "holds" : "<span class=\"bad\">does not hold</span>",
                HTMLText.escaped(check["detail"]),
            ]
        }
        return HTMLText.section(
            "What this report checks about itself", HTMLText.table(["Check", "Result", "Detail"], rows))
    }

    private var missing: String {
        let rows = (report["missing"]?.array ?? []).map {
            [HTMLText.escaped($0["field"]), HTMLText.escaped($0["reason"])]
        }
        guard !rows.isEmpty else { return "" }
        return HTMLText.section("What is missing, and why", HTMLText.table(["Figure", "Reason"], rows))
    }

    private var limits: String {
        HTMLText.section(
            "What is not claimed", HTMLText.list((report["limits"]?.array ?? []).map { HTMLText.escaped($0) }))
    }

    private var evidence: String {
        let evidence = report["evidence"]
        let size = HTMLText.escaped(evidence?["size"])
        let body =
            HTMLText.paragraph(
                "Every figure above follows from \(size) signed entries of the log named below. The three lines"
                    + " state the log's name, how many entries it had, and a fingerprint over all of them: no entry"
                    + " can be changed, left out or added without another fingerprint. With the evidence bundle"
                    + " anybody can recompute this report:"
            )
            + "<pre>wattest-audit verify BUNDLE --policy POLICY</pre>\n"
            + "<pre>\(HTMLText.escaped(evidence?["end_checkpoint"]))</pre>\n"
        return HTMLText.section("Evidence", body)
    }
}
