import JSONText

/// A disclosure in short, for a terminal: the figures that a reader asks for first, with what limits them.
struct ReportPage {
    let disclosure: JSONValue

    var text: String {
        let energy = disclosure["energy"]
        var page = "Disclosure of \(FigureText.text(disclosure["organization"]?["name"]))\n"
        let period = disclosure["period"]
        page += "  period      \(FigureText.text(period?["start"])) to \(FigureText.text(period?["end"]))\n"
        page += "  audience    \(FigureText.text(disclosure["audience"]))\n"
        page += "  IT energy   \(FigureText.energy(energy?["it_uj"]))\n"
        page += "  measured    \(FigureText.percent(energy?["measured_share"]))\n"
        for (name, field) in [("idle", "idle_uj"), ("nobody's", "unattributed_uj"), ("gap", "gap_uj")] {
            page += "  \(name.padded(to: 12))\(FigureText.energy(energy?[field]))\n"
        }
        if let tenants = FigureText.integer(energy?["tenant_uj"]), tenants != 0 {
            let figure = FigureText.energy(energy?["tenant_uj"])
            page += "  others      \(figure) of other organizations, not in the above\n"
        }
        page += coverage + "\n" + JobTable(jobs: disclosure["jobs"]?.array ?? []).text
        return page + emissions + checks
    }

    private var coverage: String {
        let coverage = disclosure["coverage"]
        let gaps = coverage?["gaps"]?.array?.count ?? 0
        return "  nodes       \(FigureText.text(coverage?["nodes_reporting"])) reporting of "
            + "\(FigureText.text(coverage?["nodes_expected"])) expected, \(gaps) gap\(gaps == 1 ? "" : "s")\n"
    }

    private var emissions: String {
        let emissions = disclosure["emissions"]
        return "Emissions, t CO2e: location-based \(FigureText.text(emissions?["location_t"])), "
            + "market-based \(FigureText.text(emissions?["market_t"]))\n"
    }

    private var checks: String {
        let checks = disclosure["checks"]?.array ?? []
        let failed = checks.filter { $0["passed"]?.bool != true }
        let missing = disclosure["missing"]?.array?.count ?? 0
        var text =
            "Checks: \(checks.count - failed.count) of \(checks.count) passed; fields without a figure: \(missing)\n"
        for check in failed {
            text += "  not passed: \(FigureText.text(check["id"])): \(FigureText.text(check["detail"]))\n"
        }
        return text
    }
}

/// Jobs, one in a row.
struct JobTable {
    let jobs: [JSONValue]

    var text: String {
        var table = TextTable(
            ("job", .left), ("class", .left), ("nodes", .right), ("coverage", .right), ("kWh", .right), ("µJ", .right),
            ("", .left))
        for job in jobs {
            let expected = FigureText.text(job["nodes_expected"])
            table.add(
                JobPage.name(of: job), FigureText.text(job["class"]),
                "\(FigureText.text(job["nodes_reporting"]))/\(expected == "-" ? "?" : expected)",
                FigureText.percent(job["coverage"]), FigureText.kilowattHours(job["energy_uj"]),
                FigureText.microjoules(job["energy_uj"]), job["lower_bound"]?.bool == true ? "lower bound" : "")
        }
        return table.isEmpty ? "No jobs.\n" : table.text
    }
}
