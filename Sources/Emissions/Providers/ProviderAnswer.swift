import Energy
import JSONText

/// The factors that one provider's answer contains, by hour, with what they count.
///
/// Readers are pure: bytes in, factors out. Who asks, when, with which token, and the hash of the answer are the
/// caller's.
package struct ProviderAnswer: Sendable, Hashable {
    package let basis: FactorBasis
    /// One a zone and hour, in that order.
    package let factors: [GridFactor]

    package init(basis: FactorBasis, factors: [GridFactor]) {
        self.basis = basis
        self.factors = factors
    }

    /// The answer as a file of a factor set.
    package func file(source: FactorSource) throws(EmissionsError) -> FactorFile {
        try FactorFile(source: source, basis: basis, factors: factors)
    }
}

/// One value over a span of time, as a provider gives it.
struct IntensityReading: Sendable, Hashable {
    var zone: String
    var interval: UTCInterval
    var microgramsPerKilowattHour: Int64
    var published: String
    var isEstimated = false
    var isForecast = false
}

extension ProviderAnswer {
    /// Means over whole hours, weighted by time. An hour that the readings do not cover fully is marked estimated.
    init(basis: FactorBasis, readings: [IntensityReading]) throws(EmissionsError) {
        var hours: [HourKey: HourSums] = [:]
        for reading in readings {
            for (hour, microseconds) in try Self.hours(of: reading.interval) {
                hours[HourKey(hour: hour, zone: reading.zone), default: HourSums()].add(reading, microseconds)
            }
        }
        self.basis = basis
        factors = try hours.sorted { $0.key < $1.key }.map { key, sums throws(EmissionsError) in
            try sums.factor(zone: key.zone, hour: key.hour)
        }
    }

    private static func hours(of interval: UTCInterval) throws(EmissionsError) -> [(Int64, Int64)] {
        let first = interval.start.hour
        let last = UTCTime(microseconds: interval.end.microseconds - 1).hour
        guard interval.start < interval.end, last - first < 48 else {
            throw EmissionsError(.malformedAnswer, "a value is for no time or for more than two days")
        }
        return (first...last).map { hour in
            let whole = UTCInterval(start: UTCTime(hour: hour), end: UTCTime(hour: hour + 1))
            return (hour, whole.intersection(interval)?.durationMicroseconds ?? 0)
        }
    }

    private struct HourKey: Hashable, Comparable {
        var hour: Int64
        var zone: String

        static func < (left: HourKey, right: HourKey) -> Bool { (left.zone, left.hour) < (right.zone, right.hour) }
    }

    private struct HourSums {
        var weighted: Int128 = 0
        var microseconds: Int64 = 0
        var count = 0
        var published = ""
        var isEstimated = false
        var isForecast = false

        mutating func add(_ reading: IntensityReading, _ span: Int64) {
            weighted += Int128(reading.microgramsPerKilowattHour) * Int128(span)
            microseconds += span
            count += 1
            published = reading.published
            isEstimated = isEstimated || reading.isEstimated
            isForecast = isForecast || reading.isForecast
        }

        func factor(zone: String, hour: Int64) throws(EmissionsError) -> GridFactor {
            guard microseconds <= UTCTime.microsecondsPerHour else {
                throw EmissionsError(
                    .malformedAnswer, "zone \(zone), \(FactorPeriod.hour(hour).text): two values for the same time")
            }
            let mean = try ExactRatio(weighted, over: Int128(microseconds)).units(decimals: 0)
            return GridFactor(
                zone: zone, period: .hour(hour), microgramsPerKilowattHour: Int64(clamping: mean),
                published: count == 1 ? published : "mean of \(count) values",
                isEstimated: isEstimated || microseconds < UTCTime.microsecondsPerHour, isForecast: isForecast)
        }
    }
}

extension EmissionsError {
    static func malformed(_ provider: String, _ what: String) -> EmissionsError {
        EmissionsError(.malformedAnswer, "\(provider): \(what)")
    }
}

/// Reading members of an answer with complaints that name the provider and the member.
struct AnswerReader {
    let provider: String

    func document(_ bytes: [UInt8]) throws(EmissionsError) -> JSONValue {
        do {
            return try JSONValue(parsing: bytes)
        } catch {
            throw .malformed(provider, "the answer is not JSON: \(error)")
        }
    }

    func time(_ value: JSONValue, _ name: String) throws(EmissionsError) -> UTCTime {
        guard let text = value[name]?.string, let time = UTCTime(civil: text) else {
            throw .malformed(provider, "'\(name)' is missing or no time")
        }
        return time
    }

    func text(_ value: JSONValue, _ name: String) throws(EmissionsError) -> String {
        guard let text = value[name]?.string else { throw .malformed(provider, "'\(name)' is missing or no text") }
        return text
    }

    func list(_ value: JSONValue, _ names: String...) throws(EmissionsError) -> [JSONValue] {
        for name in names {
            if let list = value[name]?.array { return list }
        }
        throw .malformed(provider, "no list '\(names.joined(separator: "' or '"))'")
    }

    /// A figure; nil when it is absent or null.
    func figure(_ value: JSONValue, _ name: String) throws(EmissionsError) -> DecimalFigure? {
        guard let member = value[name], !member.isNull else { return nil }
        guard let text = member.number?.text, let figure = try? DecimalFigure(parsing: text) else {
            throw .malformed(provider, "'\(name)' is no number")
        }
        return figure
    }

    func micrograms(_ figure: DecimalFigure, _ unit: FactorUnit) throws(EmissionsError) -> Int64 {
        do {
            return try unit.microgramsPerKilowattHour(figure)
        } catch {
            throw .malformed(provider, error.message)
        }
    }

    /// - Throws: `malformedAnswer` when the span leaves 64 bits.
    func interval(from start: UTCTime, seconds: Int64) throws(EmissionsError) -> UTCInterval {
        let (span, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
        let (end, carry) = start.microseconds.addingReportingOverflow(span)
        guard !overflow, !carry, seconds > 0 else { throw .malformed(provider, "a period of \(seconds) s") }
        return UTCInterval(start: start, end: UTCTime(microseconds: end))
    }
}
