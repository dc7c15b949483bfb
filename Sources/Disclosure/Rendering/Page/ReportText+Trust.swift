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
        let pue = HTMLText.plain(report["pue"]?["value"])
        blocks.append(
            .paragraph(
                "Power usage effectiveness (energy of the whole site over that of the computers): \(pue)."
                    + " Factors for the emissions of the grid come from:"))
        let factors = (report["emissions"]?["factors"]?.array ?? []).map { factor in
            ["provider", "dataset", "version", "scope", "licence"].map { HTMLText.plain(factor[$0]) }
                .joined(separator: "; ")
        }
        blocks.append(.list(factors.isEmpty ? ["no factor: no emissions can be given"] : factors))
        let instruments = (report["emissions"]?["instruments"]?.array ?? []).map { instrument in
            (instrument.object?.members ?? []).compactMap { member in
                switch member.value {
                case .string, .number: "\(member.name.replacing("_", with: " ")) \(HTMLText.plain(member.value))"
                default: nil
                }
            }.joined(separator: "; ")
        }
        if !instruments.isEmpty {
            blocks += [.subheading("Contracts and certificates"), .list(instruments)]
        }
        return .init(title: "Electricity and emissions", blocks: blocks)
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

    private func unit(flop: JSONValue?) -> String { "\(HTMLText.plain(flop)) FLOP" }

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
                [
                    HTMLText.plain(row["title"]),
                    row["value"]?.isNull == false
                        ? "\(HTMLText.plain(row["value"])) \(row["unit"]?.string ?? "")" : "not available",
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
                HTMLText.plain(meter["meter"]), amount(meter["inside_uj"]),
                amount(meter["meter_uj"]),
                amount(meter["outside_uj"]),
            ]
        }
        return .init(
            title: "Compared with outside meters",
            blocks: [
                .paragraph("What this report adds up to, beside what an independent meter or a bill says."),
                .table(
                    .init(
                        head: ["Meter", "This report", "The meter", "Difference"], rows: rows, numeric: [1, 2, 3],
                        widths: [34, 22, 22, 22])),
            ])
    }

    var checks: DisclosurePage.Section {
        let rows = (report["checks"]?.array ?? []).map { check in
            [
                HTMLText.plain(check["id"]), check["passed"]?.bool == true ? "holds" : "does not hold",
                HTMLText.plain(check["detail"]),
            ]
        }
        return .init(
            title: "What this report checks about itself",
            blocks: [.table(.init(head: ["Check", "Result", "Detail"], rows: rows, widths: [20, 16, 64]))])
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
