import Energy
import JSONText

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
        var rows = [
            ["SENSOR", "LAYER", "WITHIN", "UNIT", "WRAPS AT", "REFRESH", "PERIOD", "COST", "ACCESS", "MEASURED AT"]
        ]
        for placed in layering.sensors { rows.append(row(placed)) }
        var text = layering.sensors.isEmpty ? "no sensors found\n" : Self.table(rows)
        text += "boundary: \(layering.boundary)\n"
        for report in reports {
            if let absence = report.absence {
                text += "\n\(report.source): not found: \(Self.line(absence.reason))\n"
                text += "    what to do: \(Self.line(absence.remedy))\n"
            }
            for sensor in report.sensors {
                if case .unreadable(let reason, let remedy) = sensor.access {
                    text += "\n\(sensor.description.id): \(reason.rawValue): \(Self.line(sensor.place))\n"
                    text += "    what to do: \(Self.line(remedy))\n"
                }
            }
        }
        let remarks = layering.leftOut.map { "\($0.id): not used: \($0.reason)" } + reports.flatMap(\.remarks)
        let parameters = layering.sensors.compactMap { placed in
            placed.found.parameters.map { "\(placed.description.id): \($0)" }
        }
        for remark in parameters + remarks { text += "\n\(Self.line(remark))" }
        return remarks.isEmpty && parameters.isEmpty ? text : text + "\n"
    }

    /// A tree that is no kernel's may name its parts with what moves a terminal's cursor or begins a line.
    private static func line(_ text: String) -> String {
        var line = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: line.append("?")
            default: line.append(scalar)
            }
        }
        return String(line)
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
            Self.range(description.quantity), "\(description.refreshMilliseconds) ms",
            "\(description.periodMilliseconds) ms", "\(placed.found.costMicroseconds) µs",
            access, Self.line(placed.found.measurementPoint),
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
        let sources = reports.map { report -> JSONValue in
            [
                "source": .string(report.source), "found": .integer(report.sensors.count),
                "reason": Self.text(report.absence?.reason), "remedy": Self.text(report.absence?.remedy),
                "remarks": .array(report.remarks.map(JSONValue.string)),
            ]
        }
        let object: JSONValue = [
            "boundary": .string(layering.boundary), "sensors": .array(layering.sensors.map(Self.object)),
            "sources": .array(sources),
            "left_out": .array(layering.leftOut.map { ["id": .string($0.id), "reason": .string($0.reason)] }),
        ]
        return object.text()
    }

    private static func object(_ placed: Layering.Placed) -> JSONValue {
        let description = placed.description
        var access = ("ok", String?.none)
        if case .unreadable(let reason, let remedy) = placed.found.access { access = (reason.rawValue, remedy) }
        var modulus: String?
        if case .energyCounter(_, _, let value?) = description.quantity { modulus = "\(value)" }
        return [
            "id": .string(description.id), "kind": .string(description.kind),
            "layer": .string(description.layer.rawValue), "within": text(description.within),
            "provenance": .string(description.provenance.rawValue), "unit": .string(unit(description.quantity)),
            "wraps_at": text(modulus), "maximum_power_uw": .decimalString(description.maximumPowerMicrowatts),
            "idle_mw": .decimalString(description.idlePowerMilliwatts),
            "refresh_ms": .integer(description.refreshMilliseconds),
            "period_ms": .integer(description.periodMilliseconds), "cost_us": .integer(placed.found.costMicroseconds),
            "access": .string(access.0), "remedy": text(access.1),
            "measurement_point": .string(placed.found.measurementPoint), "place": .string(placed.found.place),
            "parameters": text(placed.found.parameters),
        ]
    }

    private static func text(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
}
