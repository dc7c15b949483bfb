/// Where a counter stands between two readings.
package enum CounterCut {
    /// The counter at an instant between two readings, interpolated linearly and rounded down (RULES section 2).
    ///
    /// - Precondition: `before.nanoseconds < after.nanoseconds`.
    package static func value(
        at nanoseconds: Int64, between before: (nanoseconds: Int64, microjoules: Int64),
        and after: (nanoseconds: Int64, microjoules: Int64)
    ) -> Int64 {
        let span = Int128(after.nanoseconds) - Int128(before.nanoseconds)
        let elapsed = min(max(0, Int128(nanoseconds) - Int128(before.nanoseconds)), span)
        let energy = Int128(after.microjoules) - Int128(before.microjoules)
        let part = floorMultiplyDivide(energy, elapsed, by: span) ?? 0
        return Int64(clamping: Int128(before.microjoules) + part)
    }
}
