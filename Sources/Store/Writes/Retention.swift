/// Deletes old blocks of samples, day by day; on a connection of the retention role, outside of transactions.
///
/// Proofs are not touched: a batch binds its block by hash, and says so when the block is gone.
package struct Retention {
    private let connection: Connection

    package init(_ connection: Connection) { self.connection = connection }

    /// - Parameter instant: days that end at or before it go.
    /// - Returns: the days that went, as YYYYMMDD.
    @discardableResult
    package func dropSamples(before instant: Timestamp) throws(StoreError) -> [String] {
        // Only that role owns the table; everything else refuses it.
        try connection.query("SET ROLE wattest_samples")
        defer { _ = try? connection.query("RESET ROLE") }
        var days: [String] = []
        for part in try parts(before: instant) {
            try drop(part)
            days.append(part.day)
        }
        return days
    }

    private struct Part {
        let name: String
        let day: String
        let isAttached: Bool
        /// An earlier detachment was interrupted and has to be finished.
        let isDetaching: Bool
    }

    /// Partitions of past days, also those that a crash left detached but not dropped.
    private func parts(before instant: Timestamp) throws(StoreError) -> [Part] {
        try connection.query(
            """
            SELECT c.relname::text, right(c.relname, 8), i.inhrelid IS NOT NULL, coalesce(i.inhdetachpending, false)
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = 'wattest.sample_blocks'::regclass
            WHERE n.nspname = 'wattest_parts' AND c.relkind = 'r' AND c.relname ~ '^sample_blocks_[0-9]{8}$'
                AND (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC' <= $1
            ORDER BY c.relname
            """, [.timestamp(instant.microseconds)]
        ).map { row throws(StoreError) in
            Part(
                name: try row.get(0), day: try row.get(1), isAttached: try row.get(2), isDetaching: try row.get(3))
        }
    }

    /// A plain DROP would wait for every reader and make every writer wait for it; a concurrent detachment lets both
    /// pass.
    private func drop(_ part: Part) throws(StoreError) {
        if part.isAttached {
            let manner = part.isDetaching ? "FINALIZE" : "CONCURRENTLY"
            try connection.query(
                "ALTER TABLE wattest.sample_blocks DETACH PARTITION wattest_parts.\(part.name) \(manner)")
        }
        try connection.query("DROP TABLE wattest_parts.\(part.name)")
    }
}
