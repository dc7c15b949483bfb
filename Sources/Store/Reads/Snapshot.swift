/// Reads of one log that all see the same instant: the log at one size, and the folds of exactly those entries.
package struct Snapshot {
    let connection: Connection
    package let log: Int32
    /// The log's size: entries [0, size) are there.
    package let size: Int64

    func query(_ sql: String, _ parameters: [Parameter] = []) throws(StoreError) -> Rows {
        try connection.query(sql, [.int4(log)] + parameters)
    }
}

extension Connection {
    /// Runs `body` on one instant of a log.
    ///
    /// - Throws: `.unknownLog` when there is no such log.
    package func snapshot<Value>(
        of log: Int32, _ body: (Snapshot) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        try transaction(.snapshot, log: log) { () throws(StoreError) in
            let rows = try query("SELECT size FROM logs WHERE log = $1", [.int4(log)])
            guard let size = try rows.first({ row throws(StoreError) in try row.get(0, as: Int64.self) }) else {
                throw StoreError(.unknownLog, "there is no log \(log)")
            }
            return try body(Snapshot(connection: self, log: log, size: size))
        }
    }
}
