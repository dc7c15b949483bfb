package import Energy

/// Spreads an amount over the UTC hours of an interval, linearly, rounding down for the earlier part at each hour's
/// edge.
package enum HourSplit {
    /// Hours that one batch may span: longer than any outage that a spool survives.
    package static let maximumHours: Int64 = 24 * 366

    /// The hour to which an interval's amounts belong as a whole, nil when they are spread.
    package static func onlyHour(of interval: UTCInterval) -> Int64? {
        let (first, last) = (interval.start.hour, interval.lastHour)
        // A clock stepped back, or a span that nobody can have measured: everything belongs to where it began.
        let isSpread = last > first && last - first <= maximumHours && interval.end > interval.start
        return isSpread ? nil : first
    }

    package static func split(_ amount: Int128, over interval: UTCInterval) -> [(hour: Int64, amount: Int128)] {
        if let hour = onlyHour(of: interval) { return [(hour, amount)] }
        let (first, last) = (interval.start.hour, interval.lastHour)
        let duration = Int128(interval.end.microseconds) - Int128(interval.start.microseconds)
        var parts: [(hour: Int64, amount: Int128)] = []
        var before: Int128 = 0
        for hour in first...last {
            let edge = min(UTCTime(hour: hour + 1).microseconds, interval.end.microseconds)
            let elapsed = Int128(edge) - Int128(interval.start.microseconds)
            let until = floorMultiplyDivide(amount, elapsed, by: duration) ?? amount
            if until != before { parts.append((hour, until - before)) }
            before = until
        }
        return parts
    }
}
