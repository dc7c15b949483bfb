/// Coordinated universal time in microseconds since 1970. It places energy in hours; durations are monotonic.
package struct UTCTime: Sendable, Hashable, Comparable, Codable {
    package var microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }
    package init(seconds: Int64) { microseconds = seconds * 1_000_000 }

    package static let microsecondsPerHour: Int64 = 3_600_000_000

    package static func < (left: UTCTime, right: UTCTime) -> Bool { left.microseconds < right.microseconds }

    /// Hours since 1970, rounded down.
    package var hour: Int64 { floorDivide(microseconds, by: Self.microsecondsPerHour) }
    package var minute: Int64 { floorDivide(microseconds, by: 60_000_000) }
    /// Milliseconds since 1970, rounded down: differences of it telescope over the batches of a chain.
    package var milliseconds: Int64 { floorDivide(microseconds, by: 1000) }

    /// The start of an hour; an hour beyond the range of 64 bits is its nearest end, so that no signed time can trap.
    package init(hour: Int64) {
        let (product, overflow) = hour.multipliedReportingOverflow(by: Self.microsecondsPerHour)
        microseconds = overflow ? (hour < 0 ? .min : .max) : product
    }

    package var isWholeHour: Bool { microseconds % Self.microsecondsPerHour == 0 }
}

/// A span of UTC from `start` up to, not including, `end`.
package struct UTCInterval: Sendable, Hashable, Codable {
    package var start: UTCTime
    package var end: UTCTime

    package init(start: UTCTime, end: UTCTime) {
        self.start = start
        self.end = end
    }

    package var durationMicroseconds: Int64 { end.microseconds - start.microseconds }
    package var durationMilliseconds: Int64 { end.milliseconds - start.milliseconds }

    /// The hour in which the last microsecond of the interval lies.
    package var lastHour: Int64 { UTCTime(microseconds: max(start.microseconds, end.microseconds - 1)).hour }

    package func intersection(_ other: UTCInterval) -> UTCInterval? {
        let from = max(start, other.start)
        let to = min(end, other.end)
        return from < to ? UTCInterval(start: from, end: to) : nil
    }

    package func contains(_ time: UTCTime) -> Bool { start <= time && time < end }
}
