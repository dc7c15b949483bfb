import Energy

/// The newest batches of a log by their time: a report that is appended now is about a prefix which ended a moment ago,
/// and what came in between is late for it.
struct RecentBatches: Sendable, Codable {
    /// Far more than come while a report is made and signed.
    static let maximumCount = 16_384

    private struct Item: Sendable, Codable {
        var index: Int64
        var interval: UTCInterval
    }

    private var items: [Item] = []
    /// Of every batch from this index on it is known.
    private(set) var start: Int64 = 0

    mutating func append(_ interval: UTCInterval, at index: UInt64) {
        items.append(Item(index: Int64(clamping: index), interval: interval))
        guard items.count == 2 * Self.maximumCount else { return }
        start = items[Self.maximumCount].index
        items.removeFirst(Self.maximumCount)
    }

    func count(of period: UTCInterval, from index: Int64) -> Int64 {
        Int64(items.count { $0.index >= index && $0.interval.intersection(period) != nil })
    }
}
