package import Energy

/// Spreads an amount over the UTC hours of an interval, linearly, rounding down for the earlier part at each hour's
/// edge.
package enum HourSplit {
    /// Hours that one batch may span: longer than any outage that a spool survives.
    package static let maximumHours: Int64 = 24 * 366

    package static func split(_ amount: Int128, over interval: UTCInterval) -> [(hour: Int64, amount: Int128)] {
        let first = interval.start.hour
        let last = interval.lastHour
        let duration = Int128(interval.end.microseconds) - Int128(interval.start.microseconds)
        // A clock stepped back, or a span that nobody can have measured: everything belongs to where it began.
        guard last > first, last - first <= maximumHours, duration > 0 else { return [(first, amount)] }
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
