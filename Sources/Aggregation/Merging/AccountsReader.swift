package import Batches
package import Disclosure
package import Energy
package import Store
package import TransparencyLog

/// Reads a log prefix into the accounts that reports are made of, by the very code that an auditor runs.
///
/// The aggregator's folds answer dashboards; a report is replayed from the entries, so that it can never say anything
/// else than the audit will. The replay is kept, also over a stop, and goes on from where it was.
package struct AccountsReader: Sendable {
    package let runtime: LogRuntime

    package init(_ runtime: LogRuntime) { self.runtime = runtime }

    /// A log prefix as accounts, with the checkpoint that covers exactly it.
    package struct Prefix: Sendable {
        package let genesis: GenesisEntry
        package let accounts: LogAccounts
        package let checkpoint: SignedCheckpoint
        /// Of the job records that are in the accounts.
        package let records: JobsVersion
    }

    /// - Parameters:
    ///   - period: hours whose sums are kept, nil for the whole life of the log.
    ///   - earlier: a published checkpoint up to which the log is read, nil for all that the log holds.
    ///   - anew: reads the stored entries from the first one on, whatever is kept in memory.
    package func read(
        period: UTCInterval? = nil, at earlier: SignedCheckpoint? = nil, anew: Bool = false
    ) async throws -> Prefix {
        // Published at once, so that what was acknowledged a moment ago is in the report.
        // What is disclosed waits a moment for its witnesses; what is only shown does not.
        var checkpoint = period == nil ? try await runtime.publish() : try await runtime.publishWitnessed()
        if let earlier { checkpoint = earlier }
        var (genesis, accounts) = try await runtime.standing.accounts(
            at: checkpoint.checkpoint.size, period: period, anew: anew)
        let records = try await runtime.records.records()
        for record in records.known { accounts.add(record) }
        return Prefix(genesis: genesis, accounts: accounts, checkpoint: checkpoint, records: records.version)
    }
}
