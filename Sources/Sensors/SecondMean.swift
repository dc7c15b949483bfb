package import Energy

/// What is asked several times a second, written down once a second.
///
/// A sensor that shows an instant, or a mean over less than a second, sees little of a load that alternates when it is
/// asked once a second. It is asked more often, at uneven times, and the mean of its answers stands in the middle of
/// them.
package struct SecondMean: Sendable {
    /// A second less half a poll: asking is never quite on time.
    private let nanoseconds: Int64
    private var lastKept: Int64?
    private var first: Int64?
    private var sum: Int64 = 0
    private var count: Int64 = 0
    private var breaksEpoch = false

    package init(pollMilliseconds: Int64) { nanoseconds = 1_000_000_000 - pollMilliseconds * 500_000 }

    /// Takes one reading; readings come in time order.
    ///
    /// - Returns: what is written down now: the mean of a second, or a reading of another kind when none was for as
    ///   long.
    package mutating func take(_ reading: SensorReading) -> SensorReading? {
        var reading = reading
        let now = reading.reading.monotonicNanoseconds
        breaksEpoch = breaksEpoch || reading.breaksEpoch
        guard case .power(let power) = reading.reading.value, power.magnitude <= UInt64(Int64.max) >> 12 else {
            (first, sum, count) = (nil, 0, 0)
            guard lastKept.map({ now - $0 >= nanoseconds }) ?? true else { return nil }
            return keep(reading, at: now)
        }
        if count == 0 { first = now }
        sum += power
        count += 1
        guard let start = first, now - start >= nanoseconds || count >= 1 << 10 else { return nil }
        reading.reading = Reading(monotonicNanoseconds: start + (now - start) / 2, value: .power(sum / count))
        (first, sum, count) = (nil, 0, 0)
        return keep(reading, at: now)
    }

    private mutating func keep(_ reading: SensorReading, at now: Int64) -> SensorReading {
        defer { breaksEpoch = false }
        lastKept = now
        return SensorReading(sensor: reading.sensor, reading: reading.reading, breaksEpoch: breaksEpoch)
    }
}

extension SensorDescription {
    /// How often the sensor is asked. A power sensor that shows less than a second is asked ten times in one.
    package var pollMilliseconds: Int64 {
        guard case .power = quantity, refreshMilliseconds < 1000 else { return max(1000, periodMilliseconds) }
        return max(100, refreshMilliseconds)
    }
}
