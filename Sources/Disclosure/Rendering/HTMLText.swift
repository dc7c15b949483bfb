import Emissions
import JSONText

/// Pieces of a page. Whatever comes from a report passes through `escaped`.
enum HTMLText {
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    static func escaped(_ value: JSONValue?) -> String { escaped(plain(value)) }

    /// A value as a reader wants it; a dash for one that cannot be had.
    static func plain(_ value: JSONValue?) -> String {
        switch value {
        case .string(let text): text
        case .number(let number): number.text
        case .bool(let value): value ? "yes" : "no"
        case .null, .array, .object, nil: "–"
        }
    }

    static func microjoules(_ value: JSONValue?) -> Int128? { value?.string.flatMap { Int128($0) } }

    /// Energy in the unit that leaves one to four digits before the point, three decimals at most.
    ///
    /// - Parameter borne: rounds to the digits that the report's uncertainty bears, where it is known.
    static func energy(_ microjoules: Int128?, borne: BorneFigures? = nil) -> String {
        guard let microjoules else { return "–" }
        if microjoules != 0, let value = try? ExactRatio.megawattHours(microjoules: microjoules),
            let rounded = borne?.rounded(value), let number = JSONNumber(text: rounded.text)
        {
            return megawattHours(.number(number))
        }
        let units: [(name: String, size: Int128)] = [
            ("GWh", 3_600_000_000_000_000_000), ("MWh", 3_600_000_000_000_000), ("kWh", 3_600_000_000_000),
            ("Wh", 3_600_000_000),
        ]
        let unit = units.first { microjoules.magnitude >= $0.size.magnitude } ?? units[3]
        return (Figure.text(microjoules, unit.size, decimals: 3) ?? "–") + " " + unit.name
    }

    /// A figure in MWh in the unit that suits it, with the digits that it has.
    static func megawattHours(_ value: JSONValue?) -> String {
        scaled(value, units: [("GWh", -3), ("MWh", 0), ("kWh", 3), ("Wh", 6)])
    }

    /// A figure in tonnes of CO2e in the unit that suits it.
    static func tonnes(_ value: JSONValue?) -> String { scaled(value, units: [("t", 0), ("kg", 3), ("g", 6)]) }

    /// - Parameter units: from the largest, each with the power of ten that leads to it.
    private static func scaled(_ value: JSONValue?, units: [(name: String, power: Int)]) -> String {
        guard let text = value?.number?.text, let figure = try? DecimalFigure(parsing: text) else { return "–" }
        for unit in units {
            let factor = (0..<abs(unit.power)).reduce(Int128(1)) { product, _ in product * 10 }
            let ratio = unit.power < 0 ? (try? ExactRatio(1, over: factor)) : try? ExactRatio(factor)
            guard let ratio, let scaled = try? figure.ratio * ratio else { continue }
            let magnitude = scaled < .zero ? try? .zero - scaled : scaled
            guard let magnitude, magnitude >= .one || unit.name == units.last?.name else { continue }
            return "\((try? scaled.rounded(decimals: 9).text) ?? text) \(unit.name)"
        }
        return text
    }

    /// A share as a percentage with two decimals.
    static func percent(_ value: JSONValue?) -> String {
        guard let text = value?.number?.text else { return "–" }
        let parts = text.split(separator: ".")
        let decimals = (parts.count > 1 ? String(parts[1]) : "") + "000000"
        guard let whole = Int128(parts[0]), let fraction = Int128(decimals.prefix(6)) else { return text + "" }
        return (Figure.text(whole * 1_000_000 + fraction, 10_000, decimals: 2) ?? text) + " %"
    }

    static func table(
        _ head: [String], _ rows: [[String]], numeric: Set<Int> = [], widths: [Int] = []
    ) -> String {
        func cell(_ tag: String, _ text: String, _ column: Int) -> String {
            "<\(tag)\(numeric.contains(column) ? " class=\"n\"" : "")>\(text)</\(tag)>"
        }
        func line(_ tag: String, _ cells: [String]) -> String {
            "<tr>" + cells.enumerated().map { cell(tag, $1, $0) }.joined() + "</tr>\n"
        }
        let columns = widths.map { "<col style=\"width:\($0)%\">" }.joined()
        return
            "<table>\n\(columns.isEmpty ? "" : "<colgroup>\(columns)</colgroup>\n")<thead>\(line("th", head))</thead>\n"
            + "<tbody>\n" + rows.map { line("td", $0) }.joined() + "</tbody>\n</table>\n"
    }

    static func section(_ title: String, _ body: String) -> String {
        "<section>\n<h2>\(title)</h2>\n\(body)</section>\n"
    }
    static func paragraph(_ text: String) -> String { "<p>\(text)</p>\n" }
    static func list(_ items: [String]) -> String { "<ul>\n" + items.map { "<li>\($0)</li>\n" }.joined() + "</ul>\n" }
}
