/// Stamps of recorded logs, in microseconds of UTC since 1970.
package enum Timestamp {
    /// Reads `YYYY-MM-DD` or `YYYY/MM/DD`, `T` or a blank, `HH:MM:SS[.fraction]`, then `Z`, `±HH:MM`, `±HHMM` or
    /// nothing (local time, `localOffsetSeconds` ahead of UTC); or a number of seconds, milliseconds, microseconds or
    /// nanoseconds since 1970, told apart by size (exact for every stamp after March 1973).
    package static func microseconds(_ bytes: some Collection<UInt8>, localOffsetSeconds: Int64 = 0) -> Int64? {
        let text = Array(bytes)
        if text.count > 10, text[4] == UInt8(ascii: "-") || text[4] == UInt8(ascii: "/") {
            return civil(text, localOffsetSeconds: localOffsetSeconds)
        }
        return sinceEpoch(text)
    }

    private static func sinceEpoch(_ text: [UInt8]) -> Int64? {
        guard let whole = DecimalText.scaled(text, by: 0) else { return nil }
        switch whole {
        case 0..<100_000_000_000: return DecimalText.scaled(text, by: 6)
        case 100_000_000_000..<100_000_000_000_000: return DecimalText.scaled(text, by: 3)
        case 100_000_000_000_000..<100_000_000_000_000_000: return whole
        case 100_000_000_000_000_000...: return whole / 1000
        default: return nil
        }
    }

    private static func civil(_ text: [UInt8], localOffsetSeconds: Int64) -> Int64? {
        guard text.count >= 19, text[7] == text[4], text[10] == UInt8(ascii: "T") || text[10] == 32,
            text[13] == UInt8(ascii: ":"), text[16] == UInt8(ascii: ":"),
            let year = number(text, 0, 4), let month = number(text, 5, 2), let day = number(text, 8, 2),
            let hour = number(text, 11, 2), let minute = number(text, 14, 2), let second = number(text, 17, 2),
            (1970...2400).contains(year), (1...12).contains(month), (1...daysInMonth(month, year)).contains(day),
            hour < 24, minute < 60, second <= 60
        else { return nil }
        var position = 19
        var fraction: Int64 = 0
        if position < text.count, text[position] == UInt8(ascii: ".") || text[position] == UInt8(ascii: ",") {
            let end = text[(position + 1)...].firstIndex { !isDigit($0) } ?? text.count
            guard let parsed = DecimalText.scaled([UInt8(ascii: ".")] + text[(position + 1)..<end], by: 6) else {
                return nil
            }
            fraction = parsed
            position = end
        }
        guard let offset = offset(text[position...], localOffsetSeconds: localOffsetSeconds) else { return nil }
        let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
        return seconds * 1_000_000 + fraction
    }

    private static func offset(_ text: ArraySlice<UInt8>, localOffsetSeconds: Int64) -> Int64? {
        let zone = Array(text.trimmed())
        if zone.isEmpty { return localOffsetSeconds }
        if zone == [UInt8(ascii: "Z")] { return 0 }
        guard let sign = zone.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-"),
            zone.count == 5 || (zone.count == 6 && zone[3] == UInt8(ascii: ":")),
            let hours = number(zone, 1, 2), let minutes = number(zone, zone.count - 2, 2), hours < 24, minutes < 60
        else { return nil }
        let seconds = hours * 3600 + minutes * 60
        return sign == UInt8(ascii: "-") ? -seconds : seconds
    }

    private static func number(_ text: [UInt8], _ start: Int, _ length: Int) -> Int64? {
        DecimalText.unsigned(text[start..<start + length]).map(Int64.init)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func daysInMonth(_ month: Int64, _ year: Int64) -> Int64 {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    /// Days from 1970-01-01: years begin in March, so that the leap day is the last one.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let monthsFromMarch = (month + 9) % 12
        let leapDays = shifted / 4 - shifted / 100 + shifted / 400
        return shifted * 365 + leapDays + (monthsFromMarch * 153 + 2) / 5 + day - 1 - 719_468
    }
}
