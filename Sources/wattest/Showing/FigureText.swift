import JSONText

/// Figures of the aggregator's answers as a person reads them. The exact integer stands beside each rounded one.
enum FigureText {
    static let unknown = "-"

    /// µJ as kWh with four decimals, rounded half away from zero; with up to twelve where fewer would show less than
    /// three digits of a small figure, which would read as none.
    static func kilowattHours(_ value: JSONValue?) -> String {
        guard let microjoules = integer(value) else { return unknown }
        var decimals = 4
        var shown = microjoules.magnitude.multipliedReportingOverflow(by: 10_000)
        while microjoules != 0, !shown.overflow, shown.partialValue < 100 * 3_600_000_000_000, decimals < 12 {
            decimals += 1
            shown = shown.partialValue.multipliedReportingOverflow(by: 10)
        }
        return decimal(microjoules, unit: 3_600_000_000_000, decimals: decimals)
    }

    /// The exact µJ, thousands parted.
    static func microjoules(_ value: JSONValue?) -> String {
        guard let microjoules = integer(value) else { return unknown }
        return grouped(microjoules)
    }

    /// `12.3456 kWh (44,444,160,000,000 µJ)`
    static func energy(_ value: JSONValue?) -> String {
        integer(value) == nil ? "unknown" : "\(kilowattHours(value)) kWh (\(microjoules(value)) µJ)"
    }

    /// Milliseconds as seconds.
    static func seconds(_ value: JSONValue?) -> String {
        guard let milliseconds = integer(value) else { return unknown }
        return decimal(milliseconds, unit: 1000, decimals: 3)
    }

    /// A ratio as a percentage, by moving the point of its decimal text.
    static func percent(_ value: JSONValue?) -> String {
        guard let number = value?.number, !number.text.contains(where: { $0 == "e" || $0 == "E" }) else {
            return unknown
        }
        let parts = number.text.split(separator: ".", omittingEmptySubsequences: false)
        let fraction = (parts.count > 1 ? String(parts[1]) : "") + "00"
        let digits = Int128(String(parts[0]) + fraction.prefix(2)) ?? 0
        var decimals = fraction.dropFirst(2).prefix(4)
        while decimals.last == "0" { decimals.removeLast() }
        return "\(digits)\(decimals.isEmpty ? "" : ".\(decimals)") %"
    }

    /// A part of a whole, rounded down: what is not all of it is never 100 %.
    static func share(_ part: JSONValue?, of whole: JSONValue?) -> String {
        guard let part = integer(part), let whole = integer(whole), whole > 0 else { return unknown }
        return "\(decimal(part * 10_000 / whole, unit: 100, decimals: 2)) %"
    }

    static func text(_ value: JSONValue?) -> String {
        switch value {
        case .string(let text): text
        case .number(let number): number.text
        case .bool(let bool): bool ? "yes" : "no"
        default: unknown
        }
    }

    static func integer(_ value: JSONValue?) -> Int128? {
        switch value {
        case .string(let text): Int128(text)
        case .number(let number): Int128(number.text)
        default: nil
        }
    }

    static func grouped(_ value: Int128) -> String {
        var digits = Array(String(value.magnitude))
        var groups: [String] = []
        while !digits.isEmpty {
            groups.append(String(digits.suffix(3)))
            digits.removeLast(min(3, digits.count))
        }
        return (value < 0 ? "-" : "") + groups.reversed().joined(separator: ",")
    }

    static func decimal(_ value: Int128, unit: Int128, decimals: Int) -> String {
        let scale = (0..<decimals).reduce(Int128(1)) { product, _ in product * 10 }
        let (whole, rest) = value.magnitude.quotientAndRemainder(dividingBy: UInt128(unit))
        var fraction = (rest * UInt128(scale) + UInt128(unit) / 2) / UInt128(unit)
        let carried = whole + (fraction == UInt128(scale) ? 1 : 0)
        if fraction == UInt128(scale) { fraction = 0 }
        let digits = String(fraction)
        let padded = String(repeating: "0", count: decimals - digits.count) + digits
        let sign = value < 0 && (carried > 0 || fraction > 0) ? "-" : ""
        return sign + grouped(Int128(carried)) + "." + padded
    }
}
