import JSONText

extension DisclosurePage {
    /// - Parameters:
    ///   - report: the body of a disclosure, not the wrapper in which it was issued.
    ///   - issued: that wrapper; nil for a report that was not issued.
    init(_ report: JSONValue, issued: JSONValue? = nil) {
        let text = ReportText(report)
        title = "Energy of AI computing"
        organization = HTMLText.plain(report["organization"]?["name"])
        let start = ReportText.time(report["period"]?["start"])
        let end = ReportText.time(report["period"]?["end"])
        lines = ["\(start) to \(end) UTC", "For: \(ReportText.audience(report["audience"]?.string))"]
        lines += ReportText.standing(issued)
        sections = [
            text.summary, text.charts, text.profiles, text.form, text.jobs, text.runs, text.coverage, text.supply,
            text.resources, text.reconciliation, text.changes, text.checks, text.missing, text.limits, text.evidence,
        ].compactMap(\.self)
    }
}

/// The sections of a report, from its JSON alone.
struct ReportText {
    let report: JSONValue

    init(_ report: JSONValue) { self.report = report }

    var energy: JSONValue? { report["energy"] }

    /// Under which number it stands, and what it replaces: a page that is handed on says so itself.
    static func standing(_ issued: JSONValue?) -> [String] {
        guard let issued else { return ["A preview: not issued, without a number."] }
        func line(_ value: JSONValue?) -> String {
            HTMLText.plain(value).split(whereSeparator: \.isNewline).joined(separator: " ")
        }
        var lines = [
            "Report \(HTMLText.plain(issued["number"])), issued \(time(issued["issued_at"])) UTC, entry"
                + " \(HTMLText.plain(issued["index"])) of the log"
        ]
        guard let earlier = issued["supersedes"], !earlier.isNull else { return lines }
        lines.append("It replaces report \(HTMLText.plain(earlier)): \(line(issued["reason"]))")
        if issued["effect"]?.string != nil { lines.append("What that changed: \(line(issued["effect"]))") }
        return lines
    }

    static func audience(_ name: String?) -> String {
        switch name {
        case "public": "the public"
        case "ai-office": "the AI Office of the European Commission"
        case "authority": "a national authority"
        case "downstream": "providers who build on the model"
        case "assurer": "an assurer"
        default: name ?? "–"
        }
    }

    /// An amount of energy with the digits that the report's uncertainty bears.
    func amount(_ value: JSONValue?) -> String {
        HTMLText.energy(HTMLText.microjoules(value), borne: BorneFigures(of: report))
    }

    func unit(_ value: JSONValue?, _ unit: String) -> String { value?.number.map { "\($0.text) \(unit)" } ?? "–" }

    // MARK: Figures

    /// With the digits that the uncertainty bears, where it is known.
    private var total: String {
        report["uncertainty"]?["relative_k2"]?.number == nil
            ? amount(energy?["it_uj"]) : HTMLText.megawattHours(energy?["it_mwh"])
    }

    var summary: DisclosurePage.Section {
        let coverage = report["coverage"]
        let emissions = report["emissions"]
        let nodes = "\(HTMLText.plain(coverage?["nodes_reporting"])) of \(HTMLText.plain(coverage?["nodes_expected"]))"
        var tiles: [(name: String, value: String)] = []
        if energy?.object != nil {
            tiles = [
                ("Energy of the computers", total),
                ("of it measured", HTMLText.percent(energy?["measured_share"])),
                ("With cooling and supply", HTMLText.megawattHours(energy?["facility_mwh"])),
            ]
        }
        tiles.append(("Computers that reported", nodes))
        if energy?.object != nil {
            tiles += [
                ("CO2e by place (grid average)", HTMLText.tonnes(emissions?["location_t"])),
                ("CO2e by contract", HTMLText.tonnes(emissions?["market_t"])),
            ]
        }
        if let share = report["uncertainty"]?["relative_k2"], share.number != nil {
            tiles.append(("Uncertainty (95 %)", "± \(HTMLText.percent(share))"))
        }
        var words =
            "This report says what was trained in this period and for how long, and how well that is known. Figures of"
            + " energy are not for these readers."
        if energy?.object != nil {
            words =
                "This report says how much electricity the computers of this organization drew for AI work in this"
                + " period, and how well that is known. The two figures for CO2e are two views of the same electricity"
                + " and must not be added."
        }
        words += " A dash means that a figure cannot be had; the reasons are listed below."
        let boundaries = (energy?["by_boundary"]?.object?.members ?? []).map { member in
            "\(Self.boundary(member.name)): \(amount(member.value))"
        }
        var measured: [DisclosurePage.Block] = []
        if !boundaries.isEmpty {
            let list = boundaries.joined(separator: "; ")
            measured = [.paragraph("Where the energy of the computers is counted – \(list).")]
        }
        return .init(
            title: "In short",
            blocks: [.paragraph(words), .tiles(tiles)] + measured + [
                .subheading("How the figures arise"),
                .paragraph(HTMLText.plain(report["method"]?["text"])),
                .paragraph(
                    "Method \(HTMLText.plain(report["method"]?["version"])) of the program, energy shared out by rule"
                        + " \(HTMLText.plain(report["method"]?["rule"]))."),
            ])
    }

    /// An amount and below it where it was measured: no figure without its boundary.
    private func amount(of item: JSONValue) -> String {
        let boundaries = (item["by_boundary"]?.object?.names ?? []).joined(separator: ", ")
        return amount(item["energy_uj"]) + (boundaries.isEmpty ? "" : "\n\(boundaries)")
    }

    // MARK: Tables

    func name(of job: JSONValue) -> String { job["key"]?.string ?? job["pseudonym"]?.string ?? "–" }

    var jobs: DisclosurePage.Section? {
        let jobs = report["jobs"]?.array ?? []
        guard !jobs.isEmpty else { return nil }
        let rows = jobs.map { job in
            [
                name(of: job), HTMLText.plain(job["class"]), times(job),
                "\(HTMLText.plain(job["nodes_reporting"])) of \(HTMLText.plain(job["nodes_expected"]))",
                HTMLText.percent(job["coverage"]),
                (job["lower_bound"]?.bool == true ? "at least " : "")
                    + amount(of: job),
                flags(of: job),
            ]
        }
        let table = DisclosurePage.Table(
            head: ["Job", "Class", "From, to", "Nodes", "Coverage", "Energy", "Remarks"], rows: rows,
            numeric: [3, 4, 5], widths: [22, 12, 20, 8, 11, 15, 12])
        let words =
            "A job is one run of a program on one or more computers (nodes). Coverage is the share of its time that was"
            + " measured; where it is below 100 %, the energy is at least the figure shown."
        return .init(title: "Jobs", blocks: [.paragraph(words), .table(table)] + jobs.flatMap { nodes(of: $0) })
    }

    private func times(_ job: JSONValue) -> String {
        ["start", "stop"].map { Self.time(job[$0]) }.joined(separator: "\n")
    }

    private func flags(of job: JSONValue) -> String {
        (job["flags"]?.array ?? []).compactMap(\.string).joined(separator: ", ").replacing("_", with: " ")
    }

    private func nodes(of job: JSONValue) -> [DisclosurePage.Block] {
        let nodes = job["by_node"]?.array ?? []
        guard !nodes.isEmpty else { return [] }
        let rows = nodes.map { node in
            [
                HTMLText.plain(node["node"]), HTMLText.plain(node["kind"]), amount(of: node),
                HTMLText.percent(node["coverage"]),
                Self.hours(milliseconds: node["measured_ms"]), Self.hours(milliseconds: node["bridged_ms"]),
                Self.hours(milliseconds: node["missing_ms"]),
            ]
        }
        let head = ["Node", "Kind", "Energy", "Coverage", "Measured h", "Bridged h", "Missing h"]
        return [
            .subheading(name(of: job)),
            .table(.init(head: head, rows: rows, numeric: [2, 3, 4, 5, 6], widths: [22, 10, 16, 12, 14, 13, 13])),
        ]
    }

    func seconds(_ milliseconds: JSONValue?) -> String {
        milliseconds?.decimalString.flatMap { Figure.text(Int128($0), 1000, decimals: 3) } ?? "–"
    }

    var runs: DisclosurePage.Section? {
        let runs = report["runs"]?.array ?? []
        guard !runs.isEmpty else { return nil }
        // Downstream there is no energy, and no column for it.
        let showsEnergy = energy?.object != nil
        let rows = runs.map { run in
            [
                HTMLText.plain(run["name"]), HTMLText.plain(run["class"]), HTMLText.plain(run["job_count"]),
                Self.hours(seconds: run["wallclock_seconds"]),
            ] + (showsEnergy ? [amount(of: run)] : [])
        }
        let table = DisclosurePage.Table(
            head: ["Run", "Class", "Jobs", "Wall-clock h"] + (showsEnergy ? ["Energy"] : []), rows: rows,
            numeric: [2, 3, 4], widths: showsEnergy ? [36, 18, 10, 18, 18] : [44, 22, 12, 22])
        let words =
            "Jobs of one run or model, by what they were for. The final run is only a part of a model's energy."
        return .init(title: "Runs", blocks: [.paragraph(words), .table(table)])
    }

    var coverage: DisclosurePage.Section {
        let time = report["coverage"]?["node_ms"]
        let rows = [
            ["held by jobs", Self.hours(milliseconds: time?["allocated"]), "time that jobs held computers"],
            ["measured", Self.hours(milliseconds: time?["measured"]), "readings throughout"],
            ["bridged", Self.hours(milliseconds: time?["bridged"]), "energy known from counters, its course not"],
            [
                "missing", Self.hours(milliseconds: time?["missing"]),
                "nothing known; counted as missing, never as zero",
            ],
        ]
        var blocks: [DisclosurePage.Block] = [
            .table(
                .init(head: ["Time", "Node-hours", "What it is"], rows: rows, numeric: [1], widths: [20, 20, 60]))
        ]
        let gaps = report["coverage"]?["gaps"]?.array ?? []
        if !gaps.isEmpty {
            let rows = gaps.prefix(200).map { gap in
                [
                    HTMLText.plain(gap["node"]), Self.time(gap["start"]), Self.time(gap["end"]),
                    HTMLText.plain(gap["kind"]), seconds(gap["milliseconds"]),
                ]
            }
            blocks.append(.subheading("Gaps"))
            blocks.append(
                .table(
                    .init(
                        head: ["Node", "From", "To", "Kind", "s"], rows: rows, numeric: [4],
                        widths: [22, 26, 26, 12, 14])))
            if gaps.count > 200 { blocks.append(.note("\(gaps.count - 200) more stand in the JSON form.")) }
        }
        return .init(title: "How much of the time is known", blocks: blocks)
    }
}
