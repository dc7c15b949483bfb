/// Watches whether the parts of a sensor show more than the sensor that contains them.
///
/// `rest = root − Σ direct parts` is posted whatever it is. Below −3 % of the root the two contradict: a part that is
/// counted twice, a meter on one of two cords. A slow meter contradicts its parts for a while when the load changes,
/// so that the sums of whole windows are compared, and one window is not enough: what a lagging meter misses at the end
/// of one window it shows in the next, and two in a row never lag both ways (RULES section 2).
package struct ResidualWatch: Sendable, Hashable {
    /// Length of a window: max(300 s, 30 × the slowest refresh).
    package static func windowNanoseconds(refreshMilliseconds: Int64) -> Int64 {
        let (slow, overflow) = max(0, refreshMilliseconds).multipliedReportingOverflow(by: 30_000_000)
        return overflow ? .max : max(300_000_000_000, slow)
    }

    /// What the newest interval said of one root.
    package struct Judgement: Sendable, Hashable {
        package var root: String
        package var rootMicrojoules: Int128
        /// Root less parts over the newest window.
        package var restMicrojoules: Int128
        package var isInconsistent: Bool
        /// Whether `isInconsistent` differs from the judgement before.
        package var hasChanged: Bool
    }

    fileprivate struct Slice: Sendable, Hashable {
        var nanoseconds: Int64
        var root: Int128
        var parts: Int128
    }

    fileprivate struct Course: Sendable, Hashable {
        var slices: [Slice] = []
        var isInconsistent = false
    }

    private var courses: [String: Course] = [:]

    package init() {}

    /// Takes the next interval of a node.
    ///
    /// - Parameter refreshMilliseconds: the slowest refresh among its sensors.
    /// - Returns: a judgement of each root for which two whole windows are known, by the root's identity.
    package mutating func take(_ facts: IntervalFacts, refreshMilliseconds: Int64) -> [Judgement] {
        var known: [String: Course] = [:]
        var judgements: [Judgement] = []
        let window = Self.windowNanoseconds(refreshMilliseconds: refreshMilliseconds)
        for root in facts.sensors where !root.isBlind && root.layer != .network {
            let parts = facts.sensors.filter { $0.within == root.id }
            // A part that says nothing makes the sum too small: that hides a contradiction and makes none.
            guard parts.contains(where: { !$0.isBlind }) else { continue }
            var course = courses[root.id] ?? Course()
            course.slices.append(
                Slice(
                    nanoseconds: facts.durationNanoseconds, root: root.advanceMicrojoules,
                    parts: parts.reduce(0) { $0 + $1.advanceMicrojoules }))
            course.trim(to: window)
            if let judgement = course.judge(root.id, window: window, refreshMilliseconds: refreshMilliseconds) {
                judgements.append(judgement)
            }
            known[root.id] = course
        }
        // A root that was not read begins again: its window would have a hole.
        courses = known
        return judgements.sorted { $0.root < $1.root }
    }
}

extension ResidualWatch.Course {
    /// Keeps no more than two windows need.
    fileprivate mutating func trim(to window: Int64) {
        var total: Int64 = 0
        var kept = 0
        for slice in slices.reversed() {
            let (sum, overflow) = total.addingReportingOverflow(slice.nanoseconds)
            kept += 1
            total = overflow ? .max : sum
            if total / 2 >= window, kept > 1 { break }
        }
        slices.removeFirst(slices.count - min(slices.count, kept + 2))
    }

    /// Nil until two windows are full.
    fileprivate mutating func judge(
        _ root: String, window: Int64, refreshMilliseconds: Int64
    ) -> ResidualWatch.Judgement? {
        var rest = slices[...]
        guard let newest = Self.take(&rest, window), let before = Self.take(&rest, window) else { return nil }
        let refresh = Int128(refreshMilliseconds) * 1_000_000
        let isNow = newest.isBelow(refresh) && before.isBelow(refresh)
        defer { isInconsistent = isNow }
        return .init(
            root: root, rootMicrojoules: newest.root, restMicrojoules: newest.root - newest.parts,
            isInconsistent: isNow, hasChanged: isNow != isInconsistent)
    }

    fileprivate struct Window {
        var nanoseconds: Int128 = 0
        var root: Int128 = 0
        var parts: Int128 = 0
        /// Highest and lowest mean power of the parts in a slice, in µJ per 2^20 ns.
        var highest = Int128.min
        var lowest = Int128.max

        /// Below −3 % of the root, beyond what the root may lag behind the swing of its parts.
        func isBelow(_ refreshNanoseconds: Int128) -> Bool {
            let lag = (highest - lowest) * refreshNanoseconds >> 20
            return (root - parts + lag) * 100 < root * -3
        }
    }

    private static func take(_ slices: inout ArraySlice<ResidualWatch.Slice>, _ window: Int64) -> Window? {
        var sum = Window()
        while let slice = slices.popLast() {
            sum.nanoseconds += Int128(slice.nanoseconds)
            sum.root += slice.root
            sum.parts += slice.parts
            if slice.nanoseconds > 0 {
                let power = floorDivide(slice.parts << 20, by: Int128(slice.nanoseconds))
                sum.highest = max(sum.highest, power)
                sum.lowest = min(sum.lowest, power)
            }
            if sum.nanoseconds >= Int128(window) { return sum }
        }
        return nil
    }
}
