import Energy

/// Disjoint spans of UTC in order: the union of what was put in.
struct IntervalSet: Sendable, Hashable {
    private(set) var intervals: [UTCInterval] = []

    init(_ parts: some Sequence<UTCInterval>) {
        for part in parts.sorted(by: { $0.start < $1.start }) where part.start < part.end {
            if let last = intervals.last, part.start <= last.end {
                intervals[intervals.count - 1].end = max(last.end, part.end)
            } else {
                intervals.append(part)
            }
        }
    }

    func intersection(_ period: UTCInterval?) -> IntervalSet {
        guard let period else { return self }
        return IntervalSet(intervals.compactMap { $0.intersection(period) })
    }

    func intersects(_ interval: UTCInterval) -> Bool { intervals.contains { $0.intersection(interval) != nil } }

    func moved(byMicroseconds distance: Int64) -> IntervalSet {
        var moved = self
        for index in intervals.indices {
            moved.intervals[index].start.microseconds &+= distance
            moved.intervals[index].end.microseconds &+= distance
        }
        return moved
    }

    /// By whole milliseconds of both ends, as coverage counts them.
    var milliseconds: Int64 { intervals.reduce(0) { $0 &+ $1.durationMilliseconds } }
    var isEmpty: Bool { intervals.isEmpty }
}
