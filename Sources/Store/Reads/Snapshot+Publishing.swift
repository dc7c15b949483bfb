/// An issued report, word for word.
package struct StoredReport: Sendable, Equatable {
    package var number: Int32
    /// The log entry that announces it.
    package var index: Int64
    package var issued: Timestamp
    /// Hours of UTC since 1970.
    package var hours: Range<Int32>
    package var audience: String
    package var supersedes: Int32?
    package var body: [UInt8]

    package init(
        number: Int32, index: Int64, issued: Timestamp, hours: Range<Int32>, audience: String, supersedes: Int32?,
        body: [UInt8]
    ) {
        self.number = number
        self.index = index
        self.issued = issued
        self.hours = hours
        self.audience = audience
        self.supersedes = supersedes
        self.body = body
    }

    static func decode(_ row: Row) throws(StoreError) -> StoredReport {
        let from: Int32 = try row.get(3)
        let to: Int32 = try row.get(4)
        return StoredReport(
            number: try row.get(0), index: try row.get(1), issued: try row.get(2), hours: from..<max(from, to),
            audience: try row.get(5), supersedes: try row.optional(6), body: try row.get(7))
    }
}

/// A published checkpoint: a signed note.
package struct StoredCheckpoint: Sendable, Equatable {
    package let size: Int64
    package let note: [UInt8]

    package init(size: Int64, note: [UInt8]) {
        self.size = size
        self.note = note
    }
}

extension Snapshot {
    private static let reportColumns = """
        SELECT number, index, issued, from_hour, to_hour, audience, supersedes, body FROM reports
        """

    package func report(_ number: Int32) throws(StoreError) -> StoredReport? {
        try query("\(Self.reportColumns) WHERE log = $1 AND number = $2", [.int4(number)]).first(StoredReport.decode)
    }

    /// The first report that replaces another one.
    package func report(superseding number: Int32) throws(StoreError) -> StoredReport? {
        try query("\(Self.reportColumns) WHERE log = $1 AND supersedes = $2 ORDER BY number LIMIT 1", [.int4(number)])
            .first(StoredReport.decode)
    }

    /// Reports by number, from the one after `last`.
    package func reports(after last: Int32 = 0, limit: Int32) throws(StoreError) -> [StoredReport] {
        try query(
            "\(Self.reportColumns) WHERE log = $1 AND number > $2 ORDER BY number LIMIT $3",
            [.int4(last), .int4(limit)]
        ).map(StoredReport.decode)
    }

    /// The newest published checkpoint, as served; `nil` before the first.
    package func checkpoint() throws(StoreError) -> StoredCheckpoint? {
        try query("SELECT checkpoint_size, checkpoint FROM logs WHERE log = $1 AND checkpoint IS NOT NULL")
            .first { row throws(StoreError) in StoredCheckpoint(size: try row.get(0), note: try row.get(1)) }
    }

    /// The smallest published checkpoint that covers entries [0, size), with the most cosignatures that it gained.
    package func checkpoint(covering size: Int64) throws(StoreError) -> StoredCheckpoint? {
        try query(
            "SELECT size, note FROM checkpoints WHERE log = $1 AND size >= $2 ORDER BY size, at DESC LIMIT 1",
            [.int8(size)]
        ).first { row throws(StoreError) in StoredCheckpoint(size: try row.get(0), note: try row.get(1)) }
    }

    /// Sizes of published trees, ascending, each once.
    package func publishedSizes(in range: ClosedRange<Int64>) throws(StoreError) -> [Int64] {
        try query(
            "SELECT DISTINCT size FROM checkpoints WHERE log = $1 AND size BETWEEN $2 AND $3 ORDER BY size",
            [.int8(range.lowerBound), .int8(range.upperBound)]
        ).map { row throws(StoreError) in try row.get(0) }
    }
}
