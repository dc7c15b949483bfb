/// Changes to what stands beside one log's entries, in one transaction.
package struct LogTransaction {
    let connection: Connection
    package let log: Int32

    @discardableResult
    func query(_ sql: String, _ parameters: [Parameter] = []) throws(StoreError) -> Rows {
        try connection.query(sql, [.int4(log)] + parameters)
    }

    /// Waits for whoever appends to the log or hands out numbers in it, until this transaction ends.
    ///
    /// Statements after this one see what those have committed.
    func lock() throws(StoreError) {
        guard try query("SELECT FROM logs WHERE log = $1 FOR NO KEY UPDATE").count == 1 else {
            throw StoreError(.unknownLog, "there is no log \(log)")
        }
    }
}

extension Connection {
    /// Runs `body` in a transaction on one log's registry; it is committed when `body` returns.
    package func change<Value>(
        _ log: Int32, _ body: (LogTransaction) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        try transaction(log: log) { () throws(StoreError) in try body(LogTransaction(connection: self, log: log)) }
    }
}
