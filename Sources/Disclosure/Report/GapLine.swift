import Accounts
import Energy

/// The gaps of one node, in an order in which those near a job are found without looking at all.
struct GapLine {
    /// By their starts.
    private let spans: [GapSpan]
    /// The latest end up to each place.
    private let ends: [UTCTime]

    init(_ spans: [GapSpan]) {
        self.spans = spans.sorted { $0.interval.start < $1.interval.start }
        var latest = UTCTime.distantPast
        ends = self.spans.map { span in
            latest = max(latest, span.interval.end)
            return latest
        }
    }

    /// No gap outside of the result touches any of the intervals.
    func near(_ intervals: IntervalSet?) -> ArraySlice<GapSpan> {
        guard let intervals else { return spans[...] }
        guard let first = intervals.intervals.first, let last = intervals.intervals.last else { return [] }
        let start = Self.count(ends) { $0 <= first.start }
        let end = Self.count(spans) { $0.interval.start < last.end }
        return start < end ? spans[start..<end] : []
    }

    /// How many elements at the front fulfil a condition that none behind them does.
    private static func count<Element>(_ elements: [Element], while condition: (Element) -> Bool) -> Int {
        var (low, high) = (0, elements.count)
        while low < high {
            let middle = low + (high - low) / 2
            if condition(elements[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
