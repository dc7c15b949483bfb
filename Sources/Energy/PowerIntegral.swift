/// The exact integral of power readings over time, evaluated in whole microjoules.
///
/// The integral is a rational number; its value at an instant is that number rounded down once (RULES section 2).
/// Energy between two instants is the difference of two such values, so the parts of any cut add up to the whole,
/// whatever the cut. Readings may be negative; nothing is clamped.
package struct PowerIntegral: Sendable, Hashable {
    /// µW · ns · 2 in one microjoule: the trapezoid's halves stay integers.
    private static let unitsPerMicrojoule: Int128 = 2_000_000_000

    package let rule: IntegrationRule
    /// Whole microjoules up to the last reading.
    private var whole: Int64
    /// What is left below one microjoule, in 1/`unitsPerMicrojoule` µJ, 0 or above.
    private var remainder: Int128 = 0
    private var last: Point?

    private struct Point: Sendable, Hashable {
        var nanoseconds: Int64
        var microwatts: Int64
    }

    package init(rule: IntegrationRule, startingAt microjoules: Int64 = 0) {
        self.rule = rule
        whole = microjoules
    }

    /// The integral at the last reading, rounded down.
    package var microjoules: Int64 { whole }
    package var lastNanoseconds: Int64? { last?.nanoseconds }

    /// The largest power that is believed, in either direction: a gigawatt. It keeps every product inside 128 bits.
    package static let powerBoundMicrowatts: Int64 = 1_000_000_000_000_000

    /// The integral at an instant between the last reading and `next`, rounded down; at the last reading's value when
    /// the instant is not after it or when nothing was read yet. Nil when it leaves 64 bits.
    package func microjoules(at nanoseconds: Int64, next: (nanoseconds: Int64, microwatts: Int64)) -> Int64? {
        guard let last, nanoseconds > last.nanoseconds, next.nanoseconds > last.nanoseconds else { return whole }
        let instant = min(nanoseconds, next.nanoseconds)
        let elapsed = Int128(instant) - Int128(last.nanoseconds)
        let units: Int128
        switch rule {
        case .right:
            units = 2 * elapsed * Int128(next.microwatts)
        case .trapezoid:
            // ∫ = elapsed · P1 + elapsed² · (P2 − P1) / (2 · span), in half units.
            let span = Int128(next.nanoseconds) - Int128(last.nanoseconds)
            let slope = Int128(next.microwatts) - Int128(last.microwatts)
            guard let square = floorMultiplyDivide(elapsed * elapsed, slope, by: span) else { return nil }
            units = 2 * elapsed * Int128(last.microwatts) + square
        }
        return Int64(exactly: Int128(whole) + floorDivide(remainder + units, by: Self.unitsPerMicrojoule))
    }

    /// Adds the next reading in stable time order. A reading before the last one is refused, because the caller orders.
    ///
    /// - Returns: false when the reading lies before the last one, its power is beyond the bound, or the integral would
    ///   leave 64 bits; nothing changed then.
    package mutating func add(nanoseconds: Int64, microwatts: Int64) -> Bool {
        guard microwatts.magnitude <= Self.powerBoundMicrowatts.magnitude else { return false }
        guard let last else {
            self.last = Point(nanoseconds: nanoseconds, microwatts: microwatts)
            return true
        }
        guard nanoseconds >= last.nanoseconds else { return false }
        let span = Int128(nanoseconds) - Int128(last.nanoseconds)
        let units: Int128
        switch rule {
        case .right: units = 2 * span * Int128(microwatts)
        case .trapezoid: units = span * (Int128(last.microwatts) + Int128(microwatts))
        }
        let total = remainder + units
        let step = floorDivide(total, by: Self.unitsPerMicrojoule)
        guard let sum = Int64(exactly: Int128(whole) + step) else { return false }
        whole = sum
        remainder = total - step * Self.unitsPerMicrojoule
        self.last = Point(nanoseconds: nanoseconds, microwatts: microwatts)
        return true
    }

    /// Forgets the last reading, so that nothing is integrated over what follows until the next one.
    package mutating func breakEpoch() { last = nil }
}
