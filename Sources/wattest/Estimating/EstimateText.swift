import Emissions
import JSONText

/// Figures of estimates: enough digits in JSON to compare with what a paper printed, four for a reader, since no
/// estimate bears more.
enum EstimateText {
    static func json(_ value: ExactRatio?) -> JSONValue {
        guard let value, let text = try? value.rounded(significant: 12).text else { return .null }
        return JSONNumber(text: text).map { .number($0) } ?? .null
    }

    static func json(_ value: DecimalFigure?) -> JSONValue {
        value.flatMap { JSONNumber(text: $0.text) }.map { .number($0) } ?? .null
    }

    /// Four significant figures, thousands parted; large counts as a power of ten.
    static func text(_ value: ExactRatio?, significant: Int = 4) -> String {
        guard let value else { return FigureText.unknown }
        let exponent = value.decimalExponent
        if exponent >= 15 {
            let digits = (try? value.rounded(significant: significant).text) ?? ""
            return "\(digits.prefix(1)).\(digits.dropFirst().prefix(significant - 1))e\(exponent)"
        }
        guard let text = try? value.text(significant: significant) else { return FigureText.unknown }
        let parts = text.split(separator: ".")
        guard let whole = parts.first.flatMap({ Int128($0) }), whole >= 1000 else { return text }
        return FigureText.grouped(whole)
    }

    /// Names in a column, their values behind them.
    static func lines(_ rows: [(String, String)]) -> String {
        rows.map { "  \($0.0.padded(to: 18))\($0.1)\n" }.joined()
    }
}
