import CPostgres

/// What a transaction sees and may do.
package enum TransactionMode: String, Sendable {
    /// Every statement sees what is committed when it starts: needed wherever a lock is taken first.
    case readCommitted = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
    /// Everything as of one instant.
    case snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
}

extension Connection {
    /// Runs `body` in a transaction; it is committed when `body` returns and rolled back when it throws.
    ///
    /// - Parameter log: the log whose rows are visible (row-level security); without one, no log's rows are.
    /// - Throws: `.connectionLost` when the commit was not answered: it may have happened.
    package func transaction<Result>(
        _ mode: TransactionMode = .readCommitted, log: Int32? = nil,
        _ body: () throws(StoreError) -> Result
    ) throws(StoreError) -> Result {
        _ = try pipeline(Self.opening(mode, log: log))
        do {
            let result = try body()
            try commit()
            return result
        } catch {
            rollBackIfOpen()
            throw error
        }
    }

    static func opening(_ mode: TransactionMode, log: Int32?) -> [Statement] {
        var statements = [Statement(mode.rawValue)]
        // A writer that freezes amid its transaction (a paused machine, a lost network) holds the log's lock: others
        // get it after this time. Readers block nobody and may take longer between two portions.
        if mode == .readCommitted {
            statements.append(Statement("SET LOCAL idle_in_transaction_session_timeout = '30s'"))
        }
        // SET takes no parameters; an integer needs no quoting. set_config() would not reach Citus' workers.
        if let log { statements.append(Statement("SET LOCAL app.log = \(log)")) }
        return statements
    }

    private func commit() throws(StoreError) {
        try Self.requireCommit(try query("COMMIT"))
    }

    /// A COMMIT after a swallowed error is answered by ROLLBACK, without an error.
    static func requireCommit(_ answer: Rows) throws(StoreError) {
        guard answer.command == "COMMIT" else {
            throw StoreError(.refused, "the transaction was rolled back instead of committed")
        }
    }

    func rollBackIfOpen() {
        guard PQstatus(handle) == CONNECTION_OK, PQpipelineStatus(handle) == PQ_PIPELINE_OFF else { return }
        if PQtransactionStatus(handle) == PQTRANS_INTRANS || PQtransactionStatus(handle) == PQTRANS_INERROR {
            _ = try? query("ROLLBACK")
        }
    }
}
