import Foundation
import JSONText
import Testing

/// The energy of a recorded log between two instants as an exact fraction, written without any of the product's code.
///
/// Power is whole watts and time whole milliseconds in these logs; cuts may fall on any microsecond. Watts times
/// microseconds are microjoules, so the rectangle is an integer and the trapezoid has the span of two readings as its
/// only denominator.
struct ExactIntegral {
    enum Rule: String, CaseIterable, Sendable { case right, trapezoid }

    struct Point {
        var microseconds: Int128
        var watts: Int128
    }

    let points: [Point]

    init(mlperf path: String) throws {
        let bytes = try #require(FileManager.default.contents(atPath: path), "\(path) cannot be read")
        var points: [Point] = []
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            let json = try JSONValue(parsing: Array(line.drop { $0 != UInt8(ascii: "{") }))
            guard json["key"]?.string == "power_reading" else { continue }
            let milliseconds = try #require(json["time_ms"]?.int64)
            points.append(
                Point(microseconds: Int128(milliseconds) * 1000, watts: Int128(try #require(json["value"]?.int64))))
        }
        // Stable: readings of one time stay in the order of the file.
        self.points = points.enumerated()
            .sorted { ($0.element.microseconds, $0.offset) < ($1.element.microseconds, $1.offset) }.map(\.element)
    }

    var first: Int128 { points[0].microseconds }
    var last: Int128 { points[points.count - 1].microseconds }

    /// From the first reading to an instant, rounded down once.
    func microjoules(until instant: Int128, _ rule: Rule) -> Int64 {
        var whole: Int128 = 0
        // Twice the energy, because a trapezoid has halves.
        for (left, right) in zip(points, points.dropFirst()) {
            guard left.microseconds < instant else { break }
            let span = right.microseconds - left.microseconds
            guard right.microseconds > instant else {
                whole += span * (rule == .right ? 2 * right.watts : left.watts + right.watts)
                continue
            }
            let elapsed = instant - left.microseconds
            let linear = whole + 2 * elapsed * (rule == .right ? right.watts : left.watts)
            let bent = rule == .right ? 0 : elapsed * elapsed * (right.watts - left.watts)
            return Int64(Self.floor(linear * span + bent, 2 * span))
        }
        return Int64(Self.floor(whole, 2))
    }

    func microjoules(from start: Int128, to stop: Int128, _ rule: Rule) -> Int64 {
        microjoules(until: max(first, min(stop, last)), rule) - microjoules(until: max(first, min(start, last)), rule)
    }

    /// Rounded towards minus infinity, for a divisor above zero.
    private static func floor(_ numerator: Int128, _ divisor: Int128) -> Int128 {
        let quotient = numerator / divisor
        return numerator % divisor < 0 ? quotient - 1 : quotient
    }
}
