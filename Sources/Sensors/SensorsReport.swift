import Energy

/// What `wattest-agent sensors` prints: every source that was looked for, found or not, and why.
package struct SensorsReport: Sendable, Hashable {
    package var reports: [SourceReport]
    package var layering: Layering

    package init(reports: [SourceReport]) {
        self.reports = reports
        layering = Layering(reports)
    }

    /// A table of the sensors, then the sources without any, then remarks.
    package var text: String {
        var rows = [["SENSOR", "LAYER", "WITHIN", "UNIT", "WRAPS AT", "PERIOD", "COST", "ACCESS", "MEASURED AT"]]
        for placed in layering.sensors { rows.append(row(placed)) }
        var text = layering.sensors.isEmpty ? "no sensors found\n" : Self.table(rows)
        text += "boundary: \(layering.boundary)\n"
        for report in reports {
            if let absence = report.absence {
                text += "\n\(report.source): not found: \(absence.reason)\n    what to do: \(absence.remedy)\n"
            }
            for sensor in report.sensors {
                if case .unreadable(let reason, let remedy) = sensor.access {
                    text +=
                        "\n\(sensor.description.id): \(reason.rawValue): \(sensor.place)\n    what to do: \(remedy)\n"
                }
            }
        }
        let remarks = layering.leftOut.map { "\($0.id): not used: \($0.reason)" } + reports.flatMap(\.remarks)
        let parameters = layering.sensors.compactMap { placed in
            placed.found.parameters.map { "\(placed.description.id): \($0)" }
        }
        for line in parameters + remarks { text += "\n\(line)" }
        return remarks.isEmpty && parameters.isEmpty ? text : text + "\n"
    }

    private func row(_ placed: Layering.Placed) -> [String] {
        let description = placed.description
        let access =
            switch placed.found.access {
            case .readable: "ok"
            case .unreadable(let reason, _): reason.rawValue
            }
        return [
            description.id, description.layer.rawValue, description.within ?? "-", Self.unit(description.quantity),
            Self.range(description.quantity), "\(description.periodMilliseconds) ms",
            "\(placed.found.costMicroseconds) µs",
            access, placed.found.measurementPoint,
        ]
    }

    static func unit(_ quantity: SensorDescription.Quantity) -> String {
        switch quantity {
        case .power(let rule): "µW (\(rule.rawValue))"
        case .energyCounter(1, 1, _): "µJ"
        case .energyCounter(1000, 1, _): "mJ"
        case .energyCounter(1_000_000, 1, _): "J"
        case .energyCounter(let numerator, let denominator, _): "\(numerator)/\(denominator) µJ"
        }
    }

    static func range(_ quantity: SensorDescription.Quantity) -> String {
        if case .energyCounter(_, _, let modulus?) = quantity { "\(modulus)" } else { "-" }
    }

    private static func table(_ rows: [[String]]) -> String {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { cell, width in cell + String(repeating: " ", count: width - cell.count) }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    /// The same as one JSON object; 64-bit integers are decimal strings.
    package var json: String {
        let sensors = layering.sensors.map(Self.object)
        let sources = reports.map { report in
            Self.braces([
                ("source", Self.quoted(report.source)), ("found", "\(report.sensors.count)"),
                ("reason", Self.quoted(report.absence?.reason)), ("remedy", Self.quoted(report.absence?.remedy)),
                ("remarks", Self.brackets(report.remarks.map { Self.quoted($0) })),
            ])
        }
        let leftOut = layering.leftOut.map {
            Self.braces([("id", Self.quoted($0.id)), ("reason", Self.quoted($0.reason))])
        }
        return Self.braces([
            ("boundary", Self.quoted(layering.boundary)), ("sensors", Self.brackets(sensors)),
            ("sources", Self.brackets(sources)), ("left_out", Self.brackets(leftOut)),
        ])
    }

    private static func object(_ placed: Layering.Placed) -> String {
        let description = placed.description
        var access = ("ok", String?.none)
        if case .unreadable(let reason, let remedy) = placed.found.access { access = (reason.rawValue, remedy) }
        var modulus: String?
        if case .energyCounter(_, _, let value?) = description.quantity { modulus = "\(value)" }
        return braces([
            ("id", quoted(description.id)), ("kind", quoted(description.kind)),
            ("layer", quoted(description.layer.rawValue)),
            ("within", quoted(description.within)), ("provenance", quoted(description.provenance.rawValue)),
            ("unit", quoted(unit(description.quantity))), ("wraps_at", quoted(modulus)),
            ("maximum_power_uw", quoted("\(description.maximumPowerMicrowatts)")),
            ("idle_mw", quoted("\(description.idlePowerMilliwatts)")),
            ("refresh_ms", "\(description.refreshMilliseconds)"),
            ("period_ms", "\(description.periodMilliseconds)"), ("cost_us", "\(placed.found.costMicroseconds)"),
            ("access", quoted(access.0)), ("remedy", quoted(access.1)),
            ("measurement_point", quoted(placed.found.measurementPoint)), ("place", quoted(placed.found.place)),
            ("parameters", quoted(placed.found.parameters)),
        ])
    }

    private static func braces(_ members: [(String, String)]) -> String {
        "{" + members.map { quoted($0.0) + ":" + $0.1 }.joined(separator: ",") + "}"
    }

    private static func brackets(_ elements: [String]) -> String { "[" + elements.joined(separator: ",") + "]" }

    private static func quoted(_ text: String?) -> String {
        guard let text else { return "null" }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case _ where scalar.value < 32:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
