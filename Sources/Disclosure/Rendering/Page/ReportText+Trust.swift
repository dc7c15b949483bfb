import Emissions
import JSONText

extension ReportText {
    var supply: DisclosurePage.Section? {
        guard energy?.object != nil else { return nil }
        let rows = (report["zones"]?.array ?? []).map { zone in
            [
                HTMLText.plain(zone["zone"]), amount(zone["energy_uj"]),
                HTMLText.tonnes(zone["location_t"]), HTMLText.tonnes(zone["market_t"]),
            ]
        }
        var blocks: [DisclosurePage.Block] = []
        if !rows.isEmpty {
            blocks.append(
                .table(
                    .init(
                        head: ["Grid zone", "Energy of computers", "By place", "By contract"], rows: rows,
                        numeric: [1, 2, 3], widths: [25, 25, 25, 25])))
        }
        blocks += matching
        let pue = report["pue"]?["value"]?.number.flatMap {
            try? DecimalFigure(parsing: $0.text).ratio.text(decimals: 2)
        }
        blocks.append(
            .paragraph(
                "Power usage effectiveness (energy of the whole site over that of the computers): \(pue ?? "–")."
                    + " Factors for the emissions of the grid come from:"))
        let factors = (report["emissions"]?["factors"]?.array ?? []).map { factor in
            ["provider", "dataset", "version", "scope", "licence"].compactMap { factor[$0]?.string }
                .filter { !$0.isEmpty }.joined(separator: "; ")
        }
        blocks.append(.list(factors.isEmpty ? ["no factor: no emissions can be given"] : factors))
        return .init(title: "Electricity and emissions", blocks: blocks + contracts)
    }

    /// What contracts cover when a year is looked at as a whole, and hour by hour.
    private var matching: [DisclosurePage.Block] {
        guard let annual = report["emissions"]?["matched_share"], annual.number != nil else { return [] }
        let share = report["emissions"]?["matched_share_hourly"]
        let annually = "Contracts cover \(HTMLText.percent(annual)) of the electricity when the whole time is added up"
        guard let share, share.number != nil else {
            return [.paragraph("\(annually); in which hours it was produced, none of them says.")]
        }
        let tonnes = HTMLText.tonnes(report["emissions"]?["market_t_hourly"])
        return [
            .paragraph(
                "\(annually), and \(HTMLText.percent(share)) when each hour has to be covered by what was produced in"
                    + " that hour (then \(tonnes) of CO2e by contract).")
        ]
    }

    private var contracts: [DisclosurePage.Block] {
        let instruments = report["emissions"]?["instruments"]?.array ?? []
        guard !instruments.isEmpty else { return [] }
        let rows = instruments.map { instrument in
            let refused = (instrument["refused"]?.array ?? []).compactMap(\.string).joined(separator: "; ")
            let ids = (instrument["certificate_ids"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
            guard refused.isEmpty else {
                return [HTMLText.plain(instrument["id"]), "–", "–", "not counted: \(refused)"]
            }
            let before = instrument["mwh_used_before"]
            return [
                HTMLText.plain(instrument["id"]), HTMLText.megawattHours(instrument["mwh"]),
                "\(Self.time(instrument["start"]).prefix(10)) to \(Self.time(instrument["end"]).prefix(10))",
                "\(HTMLText.plain(instrument["kind"])), market \(HTMLText.plain(instrument["market"]))"
                    + (ids.isEmpty ? "" : ", certificates \(ids)")
                    + (before?.number?.double ?? 0 > 0
                        ? "; \(HTMLText.megawattHours(before)) of it went to earlier months of the year" : ""),
            ]
        }
        return [
            .subheading("Contracts and certificates"),
            .table(
                .init(
                    head: ["Name", "Energy", "Produced", "What it is"], rows: rows, numeric: [1],
                    widths: [18, 14, 26, 42])),
        ]
    }

    /// Water, making of the hardware, operations.
    var resources: DisclosurePage.Section? {
        var rows: [[String]] = []
        if let water = report["water"], water.object != nil {
            rows.append(["Water", unit(water["cubic_metres"], "m³"), HTMLText.plain(water["method"])])
        }
        if let embodied = report["embodied"], embodied.object != nil {
            rows.append(
                [
                    "Making of the hardware, its share", unit(embodied["kg"], "kg CO2e"),
                    HTMLText.plain(embodied["method"]),
                ])
        }
        if let compute = report["compute"], compute["flop"]?.isNull == false {
            rows.append(["Operations of training", unit(flop: compute["flop"]), HTMLText.plain(compute["method"])])
        }
        if let uncertainty = report["uncertainty"], uncertainty["relative_k2"]?.number != nil {
            rows.append(
                [
                    "Uncertainty of the energy (95 %)", "± \(HTMLText.percent(uncertainty["relative_k2"]))",
                    HTMLText.plain(uncertainty["method"]),
                ])
        }
        guard !rows.isEmpty else { return nil }
        return .init(
            title: "Water, hardware and computing",
            blocks: [.table(.init(head: ["Figure", "Value", "How"], rows: rows, widths: [25, 22, 53]))])
    }

    private func unit(flop: JSONValue?) -> String { "\(Self.count(flop)) FLOP" }

    var form: DisclosurePage.Section? {
        let models = report["model_documentation"]?.array ?? []
        guard !models.isEmpty else { return nil }
        var blocks: [DisclosurePage.Block] = [
            .paragraph(
                "Rows of the Model Documentation Form of the EU code of practice for general-purpose AI that concern"
                    + " computation and energy, with the precision that the form asks for.")
        ]
        for model in models {
            blocks.append(.subheading(HTMLText.plain(model["model"])))
            let rows = (model["rows"]?.array ?? []).map { row in
                let value = HTMLText.plain(row["value"])
                // Words of a method stand where there is room for them.
                guard row["unit"]?.string != nil || value.utf8.count <= 40 else {
                    return [HTMLText.plain(row["title"]), "in words", value]
                }
                return [
                    HTMLText.plain(row["title"]),
                    row["value"]?.isNull == false ? "\(value) \(row["unit"]?.string ?? "")" : "not available",
                    HTMLText.plain(row["note"]),
                ]
            }
            blocks.append(.table(.init(head: ["Row", "Value", "Method or reason"], rows: rows, widths: [32, 22, 46])))
        }
        return .init(title: "Model documentation", blocks: blocks)
    }

    var reconciliation: DisclosurePage.Section? {
        let meters = report["reconciliation"]?.array ?? []
        guard !meters.isEmpty else { return nil }
        let rows = meters.map { meter in
            [
                "\(HTMLText.plain(meter["meter"])) (\(HTMLText.plain(meter["kind"]))), "
                    + HTMLText.plain(meter["site"]),
                "\(Self.time(meter["start"])) to \(Self.time(meter["end"]))", amount(meter["inside_uj"]),
                HTMLText.energy(HTMLText.microjoules(meter["meter_uj"])), amount(meter["outside_uj"]),
                HTMLText.percent(meter["inside_share"]),
            ]
        }
        return .init(
            title: "Compared with outside meters",
            blocks: [
                .paragraph(
                    "What this report adds up to (jobs, idle, unattributed and gap together), beside what an"
                        + " independent meter or a bill says. The difference is what the computers here do not measure,"
                        + " such as cooling and other equipment, or measure wrongly; below zero, they count more than"
                        + " the meter."
                ),
                .table(
                    .init(
                        head: ["Meter", "Time", "This report", "The meter", "Difference", "Share"], rows: rows,
                        numeric: [2, 3, 4, 5], widths: [22, 24, 14, 14, 14, 12])),
            ])
    }

    var checks: DisclosurePage.Section {
        var rows: [[String]] = []
        for check in report["checks"]?.array ?? [] {
            let name = Self.check(HTMLText.plain(check["id"]))
            let result = check["passed"]?.bool == true ? "holds" : "does not hold"
            let detail = HTMLText.plain(check["detail"])
            // Several of one kind that hold are one line.
            if let last = rows.last, last[0] == name, last[1] == result {
                rows[rows.count - 1][2] = "\(last[2]); \(detail)"
            } else {
                rows.append([name, result, detail])
            }
        }
        return .init(
            title: "What this report checks about itself",
            blocks: [.table(.init(head: ["Check", "Result", "Detail"], rows: rows, widths: [32, 12, 56]))])
    }

    var missing: DisclosurePage.Section? {
        let rows = (report["missing"]?.array ?? []).map { [HTMLText.plain($0["field"]), HTMLText.plain($0["reason"])] }
        guard !rows.isEmpty else { return nil }
        return .init(
            title: "What is missing, and why",
            blocks: [.table(.init(head: ["Figure", "Reason"], rows: rows, widths: [38, 62]))])
    }

    var limits: DisclosurePage.Section {
        .init(
            title: "What is not claimed",
            blocks: [.list((report["limits"]?.array ?? []).map { HTMLText.plain($0) })])
    }

    var evidence: DisclosurePage.Section {
        let evidence = report["evidence"]
        let size = HTMLText.plain(evidence?["size"])
        return .init(
            title: "Evidence",
            blocks: [
                .paragraph(
                    "Every figure above follows from \(size) signed entries of the log named below. The three lines"
                        + " state the log's name, how many entries it had, and a fingerprint over all of them: no entry"
                        + " can be changed, left out or added without another fingerprint. With the evidence bundle"
                        + " anybody can recompute this report:"),
                .code("wattest-audit verify BUNDLE --policy POLICY"),
                .code(HTMLText.plain(evidence?["end_checkpoint"])),
            ])
    }
}
