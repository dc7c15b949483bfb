package import Energy

/// A date of the proleptic Gregorian calendar in UTC.
package struct CivilDate: Sendable, Hashable {
    package let year: Int
    package let month: Int
    package let day: Int

    /// Nil for a day that the calendar does not have.
    package init?(year: Int, month: Int, day: Int) {
        guard (1...9999).contains(year), (1...12).contains(month), day >= 1, day <= Self.days(year: year, month: month)
        else { return nil }
        self.year = year
        self.month = month
        self.day = day
    }

    /// The date on which an hour since 1970 falls.
    package init(hour: Int64) {
        // Counting years from March puts the leap day last (H. Hinnant, chrono-compatible low-level date algorithms).
        let shifted = floorDivide(hour, by: 24) + 719_468
        let era = floorDivide(shifted, by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
        month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
        year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
    }

    package var daysSince1970: Int64 {
        let shiftedYear = Int64(month <= 2 ? year - 1 : year)
        let era = floorDivide(shiftedYear, by: 400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = Int64((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1)
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// The first hour since 1970 of this date.
    package var firstHour: Int64 { daysSince1970 * 24 }

    private static func days(year: Int, month: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

extension UTCTime {
    /// Parses `2024-03-01`, `2024-03-01T05:00Z`, `2024-03-01 05:00:00`, `2024-03-01T05:00:00.000+01:00`.
    ///
    /// A time without zone is taken for UTC, because every table read here names its columns so.
    ///
    /// - Returns: nil when it is not such a time.
    package init?(civil text: some StringProtocol) {
        var scanner = CivilScanner(text: Array(text.utf8))
        guard let microseconds = scanner.time() else { return nil }
        self.init(microseconds: microseconds)
    }
}

private struct CivilScanner {
    let text: [UInt8]
    var position = 0

    init(text: [UInt8]) { self.text = text }

    mutating func time() -> Int64? {
        guard let year = number(4), take("-"), let month = number(2), take("-"), let day = number(2),
            let date = CivilDate(year: year, month: month, day: day)
        else { return nil }
        var seconds = date.daysSince1970 * 86_400
        guard position < text.count else { return seconds * 1_000_000 }
        guard take("T") || take(" "), let hour = number(2), hour < 24 else { return nil }
        seconds += Int64(hour) * 3600
        var microseconds: Int64 = 0
        if take(":") {
            guard let minute = number(2), minute < 60 else { return nil }
            seconds += Int64(minute) * 60
            if take(":") {
                guard let second = number(2), second < 60 else { return nil }
                seconds += Int64(second)
                guard let fraction = fraction() else { return nil }
                microseconds = fraction
            }
        }
        guard let offset = zoneOffsetSeconds(), position == text.count else { return nil }
        return (seconds - offset) * 1_000_000 + microseconds
    }

    private mutating func fraction() -> Int64? {
        guard take(".") else { return 0 }
        var value: Int64 = 0
        var digits = 0
        while position < text.count, let digit = decimalDigit(text[position]) {
            if digits < 6 { value = value * 10 + Int64(digit) }
            digits += 1
            position += 1
        }
        guard (1...9).contains(digits) else { return nil }
        for _ in min(digits, 6)..<6 { value *= 10 }
        return value
    }

    private mutating func zoneOffsetSeconds() -> Int64? {
        if position == text.count || take("Z") { return 0 }
        let isEast = take("+")
        guard isEast || take("-"), let hours = number(2), hours < 24 else { return nil }
        _ = take(":")
        guard let minutes = number(2), minutes < 60 else { return nil }
        let seconds = Int64(hours * 3600 + minutes * 60)
        return isEast ? seconds : -seconds
    }

    private mutating func number(_ digits: Int) -> Int? {
        guard text.count - position >= digits else { return nil }
        var value = 0
        for byte in text[position..<(position + digits)] {
            guard let digit = decimalDigit(byte) else { return nil }
            value = value * 10 + digit
        }
        position += digits
        return value
    }

    private mutating func take(_ mark: Unicode.Scalar) -> Bool {
        guard position < text.count, text[position] == UInt8(ascii: mark) else { return false }
        position += 1
        return true
    }
}
