import Emissions
package import Energy
import JSONText

/// Figures as they are printed: rounded once, half to even, without trailing zeros.
enum Figure {
    static let microjoulesPerMegawattHour: Int128 = 3_600_000_000_000_000

    /// `numerator / denominator` with at most so many decimals; nil for a denominator that is not above zero.
    static func ratio(_ numerator: Int128, _ denominator: Int128, decimals: Int = 6) -> JSONValue? {
        text(numerator, denominator, decimals: decimals).flatMap { JSONNumber(text: $0) }.map { .number($0) }
    }

    static func megawattHours(_ microjoules: Int128) -> JSONValue {
        ratio(microjoules, microjoulesPerMegawattHour) ?? .null
    }

    /// With no more figures than the uncertainty bears; six decimals where it is not known.
    static func megawattHours(_ microjoules: Int128, significant: Int?) -> JSONValue {
        guard let significant, let value = try? ExactRatio.megawattHours(microjoules: microjoules),
            let text = try? value.rounded(significant: significant).text
        else { return megawattHours(microjoules) }
        return JSONNumber(text: text).map { .number($0) } ?? .null
    }

    static func text(_ numerator: Int128, _ denominator: Int128, decimals: Int) -> String? {
        guard denominator > 0 else { return nil }
        var scale: Int128 = 1
        for _ in 0..<decimals { scale *= 10 }
        let magnitude = UInt128(numerator.magnitude)
        let divisor = UInt128(denominator)
        let product = magnitude.multipliedFullWidth(by: UInt128(scale))
        guard product.high < divisor else { return nil }
        var (units, rest) = divisor.dividingFullWidth(product)
        let half = divisor - rest
        if rest > half || (rest == half && units % 2 == 1) { units += 1 }
        let sign = numerator < 0 && units > 0 ? "-" : ""
        let whole = units / UInt128(scale)
        var fraction = String(units % UInt128(scale))
        guard decimals > 0, fraction != "0" else { return "\(sign)\(whole)" }
        fraction = String(repeating: "0", count: decimals - fraction.utf8.count) + fraction
        while fraction.utf8.last == UInt8(ascii: "0") { fraction.removeLast() }
        return "\(sign)\(whole).\(fraction)"
    }
}

/// RFC 3339 in UTC, with six decimals where the time has any.
package enum TimeText {
    package static func rfc3339(_ time: UTCTime) -> String {
        let seconds = floorDivide(time.microseconds, by: 1_000_000)
        let micros = time.microseconds - seconds * 1_000_000
        let days = floorDivide(seconds, by: 86_400)
        let inDay = seconds - days * 86_400
        let (year, month, day) = civil(days)
        // Written digit by digit: a large report has hundreds of thousands of times.
        var text: [UInt8] = []
        text.reserveCapacity(32)
        append(year, 4, "-", to: &text)
        append(month, 2, "-", to: &text)
        append(day, 2, "T", to: &text)
        append(inDay / 3600, 2, ":", to: &text)
        append(inDay / 60 % 60, 2, ":", to: &text)
        append(inDay % 60, 2, micros > 0 ? "." : "Z", to: &text)
        if micros > 0 { append(micros, 6, "Z", to: &text) }
        return String(decoding: text, as: UTF8.self)
    }

    /// At least so many digits, and what stands behind them. Years alone can be below zero.
    private static func append(_ value: Int64, _ digits: Int, _ mark: Unicode.Scalar, to text: inout [UInt8]) {
        guard value >= 0, value < 10_000 || digits == 6 else {
            text += padded(value, digits).utf8
            return text.append(UInt8(ascii: mark))
        }
        var divisor: Int64 = digits == 6 ? 100_000 : digits == 4 ? 1000 : 10
        while divisor > 0 {
            text.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / divisor % 10))
            divisor /= 10
        }
        text.append(UInt8(ascii: mark))
    }

    static func json(_ time: UTCTime?) -> JSONValue { time.map { .string(rfc3339($0)) } ?? .null }

    /// Year, month and day of a number of days since 1970, by the proleptic Gregorian calendar. Years are counted from
    /// March, so that the leap day is the last of its year.
    private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
        let shifted = days + 719_468
        let era = floorDivide(shifted, by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func padded(_ value: Int64, _ digits: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }
}
