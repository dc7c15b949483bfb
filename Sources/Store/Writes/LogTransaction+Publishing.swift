extension LogTransaction {
    /// Makes a checkpoint the one that is served, and keeps it for good. An older one than the served is kept only.
    ///
    /// - Parameter at: when it was signed or cosigned.
    package func publish(_ checkpoint: StoredCheckpoint, at: Timestamp) throws(StoreError) {
        try query(
            "INSERT INTO checkpoints (log, size, at, note) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            [.int8(checkpoint.size), .timestamp(at.microseconds), .bytea(checkpoint.note)])
        try query(
            """
            UPDATE logs SET checkpoint_size = $2, checkpoint = $3
            WHERE log = $1 AND checkpoint_size <= $2
            """, [.int8(checkpoint.size), .bytea(checkpoint.note)])
    }

    /// The number that the next report gets. Nobody else gets it until this transaction ends.
    package func nextReportNumber() throws(StoreError) -> Int32 {
        try lock()
        return try query("SELECT coalesce(max(number), 0) + 1 FROM reports WHERE log = $1").get(0, 0)
    }

    /// Keeps an issued report, for good.
    ///
    /// - Throws: `.invalidData` when the number is taken.
    package func keep(_ report: StoredReport) throws(StoreError) {
        try query(
            """
            INSERT INTO reports (log, number, index, issued, from_hour, to_hour, audience, supersedes, body)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            """,
            [
                .int4(report.number), .int8(report.index), .timestamp(report.issued.microseconds),
                .int4(report.hours.lowerBound), .int4(report.hours.upperBound), .text(report.audience),
                .int4(report.supersedes), .bytea(report.body),
            ])
    }
}
