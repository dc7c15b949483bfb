import Energy

/// How often the books of every log are closed by themselves.
package enum ClosingRhythm: String, Sendable, Hashable, CaseIterable {
    case day, month, off

    /// What a spool still holds of a period arrives within this time, mostly.
    package static let delayMicroseconds: Int64 = 3_600_000_000
    /// After a long stop the rest follows with the next turn.
    static let maximumPeriods = 400

    /// The period of this rhythm that a time lies in; nil when nothing is closed.
    func period(containing time: UTCTime) -> UTCInterval? {
        let day = floorDivide(time.microseconds, by: Self.dayMicroseconds)
        switch self {
        case .off: return nil
        case .day: return Self.days(day, day + 1)
        case .month:
            let first = Self.firstOfMonth(day)
            // The first day of the next month lies 28 to 31 days later.
            return Self.days(first, Self.firstOfMonth(first + 31))
        }
    }

    /// The periods that are over and not closed.
    ///
    /// - Parameters:
    ///   - begun: when the log began.
    ///   - closedUntil: the end of the last period that is closed.
    func due(begun: UTCTime, closedUntil: UTCTime?, now: UTCTime) -> [UTCInterval] {
        var due: [UTCInterval] = []
        var start = max(begun, closedUntil ?? begun)
        while due.count < Self.maximumPeriods, let period = period(containing: start) {
            guard period.end.microseconds <= now.microseconds - Self.delayMicroseconds else { break }
            due.append(period)
            start = period.end
        }
        return due
    }

    private static let dayMicroseconds: Int64 = 86_400_000_000

    private static func days(_ start: Int64, _ end: Int64) -> UTCInterval {
        UTCInterval(start: UTCTime(hour: start * 24), end: UTCTime(hour: end * 24))
    }

    /// The first day of the month of a day, both counted from 1970 (Gregorian calendar; Hinnant, "chrono-Compatible
    /// Low-Level Date Algorithms").
    private static func firstOfMonth(_ day: Int64) -> Int64 {
        let shifted = day + 719_468
        let era = floorDivide(shifted, by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let year = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * year + year / 4 - year / 100)
        let month = (5 * dayOfYear + 2) / 153
        return day - (dayOfYear - (153 * month + 2) / 5)
    }
}
