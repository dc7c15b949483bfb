package import Energy

/// Times as people and programs write them: RFC 3339 in UTC, with or without seconds and their fraction.
package enum UTCTimeText {
    package static func parse(_ text: String) -> UTCTime? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 17, bytes.last == UInt8(ascii: "Z") || bytes.last == UInt8(ascii: "z") else { return nil }
        func number(_ range: Range<Int>) -> Int64? {
            guard range.upperBound <= bytes.count else { return nil }
            var value: Int64 = 0
            for byte in bytes[range] {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            }
            return value
        }
        func isAt(_ index: Int, _ character: Character) -> Bool {
            index < bytes.count && bytes[index] == character.asciiValue
        }
        guard isAt(4, "-"), isAt(7, "-"), isAt(10, "T") || isAt(10, " ") || isAt(10, "t"), isAt(13, ":"),
            let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
            let minute = number(14..<16), (1970...2261).contains(year), (1...12).contains(month),
            (1...31).contains(day),
            hour < 24, minute < 60
        else { return nil }
        guard let (seconds, micros) = fraction(Array(bytes[16..<(bytes.count - 1)])) else { return nil }
        let days = daysSinceEpoch(year: year, month: month, day: day)
        guard monthLength(year, month) >= day else { return nil }
        return UTCTime(microseconds: ((days * 24 + hour) * 60 + minute) * 60_000_000 + seconds * 1_000_000 + micros)
    }

    /// `:SS` or `:SS.ffffff`, or nothing.
    private static func fraction(_ bytes: [UInt8]) -> (Int64, Int64)? {
        if bytes.isEmpty { return (0, 0) }
        guard bytes[0] == UInt8(ascii: ":"), bytes.count >= 3,
            let seconds = Int64(String(decoding: bytes[1..<3], as: UTF8.self)), (0..<60).contains(seconds)
        else { return nil }
        if bytes.count == 3 { return (seconds, 0) }
        let digits = bytes[4...]
        guard bytes[3] == UInt8(ascii: "."), (1...9).contains(digits.count),
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        let padded = Array(digits.prefix(6)) + Array(repeating: UInt8(ascii: "0"), count: max(0, 6 - digits.count))
        return Int64(String(decoding: padded, as: UTF8.self)).map { (seconds, $0) }
    }

    private static func monthLength(_ year: Int64, _ month: Int64) -> Int64 {
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][Int(month - 1)]
    }

    /// Days of the proleptic Gregorian calendar, by shifted years that begin in March.
    private static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let ofEra = shifted - era * 400
        let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
    }
}
