/// Finds how often a power sensor really refreshes, from the values that repeat.
///
/// A BMC that is asked every 5 s and looks every 20 s shows each value four times. Integrated as it stands, the curve
/// is flat and then jumps; integrated between the readings that carry news, it is the trapezoid of what was measured.
/// A repeated value is news too when the refresh time has passed: the load stood still.
package struct RefreshDetector: Sendable, Hashable {
    /// Sensors that refresh less often than once a minute are not known; a value that stands longer is a steady load.
    package static let longestMilliseconds: Int64 = 60_000
    /// Changes that are looked back at, and how many make a judgement.
    private static let memory = 16
    private static let evidence = 5

    private let pollNanoseconds: Int64
    private var value: Int64?
    private var lastChange: Int64?
    private var lastNews: Int64?
    private var intervals: [Int64] = []

    /// The sensor's own refresh time in milliseconds; nil while it is not told from the polling.
    package private(set) var refreshMilliseconds: Int64?

    package init(pollMilliseconds: Int64) { pollNanoseconds = max(1, pollMilliseconds) * 1_000_000 }

    /// Takes one reading in µW.
    ///
    /// - Returns: whether it carries news: to be integrated.
    package mutating func take(_ microwatts: Int64, at nanoseconds: Int64) -> Bool {
        defer { value = microwatts }
        guard let value else {
            lastNews = nanoseconds
            return true
        }
        if microwatts != value {
            if let lastChange { learn(nanoseconds - lastChange) }
            lastChange = nanoseconds
        } else if let refreshMilliseconds, let lastNews,
            nanoseconds - lastNews + pollNanoseconds / 2 < refreshMilliseconds * 1_000_000
        {
            return false
        }
        lastNews = nanoseconds
        return true
    }

    /// A hole in the readings: what the times between changes said is over.
    package mutating func forget() {
        value = nil
        lastChange = nil
        lastNews = nil
    }

    private mutating func learn(_ interval: Int64) {
        guard interval > 0, interval <= Self.longestMilliseconds * 1_000_000 else { return }
        intervals.append(interval)
        if intervals.count > Self.memory { intervals.removeFirst() }
        guard intervals.count >= Self.evidence else { return }
        // Equal neighbours lengthen a time between changes, never shorten it; a late poll can shorten one by itself.
        let quartile = intervals.sorted()[intervals.count / 4]
        refreshMilliseconds = quartile * 2 > pollNanoseconds * 3 ? quartile / 1_000_000 : nil
    }
}
