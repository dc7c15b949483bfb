import Batches
import Disclosure
import Energy
import Synchronization
import TransparencyLog

/// The accounts of one log as of its newest tree: a replay that is kept and goes on with the log, so that a report
/// costs what has come since the one before and not what the log holds.
///
/// It is a cache in memory and nothing rests on it. Each aggregator has its own, made from the entries by the auditor's
/// code; after a start, and after entries that speak of what it has not kept (a close, a correction, a conflict), it is
/// made anew from the first entry.
package final class StandingAccounts: Sendable {
    private let reading: LogReading
    private let turn = AsyncTurn()
    private let kept = Mutex<LogReplay?>(nil)
    private let reread = Mutex<Progress?>(nil)

    /// How far the log has been read again from its first entry.
    package struct Progress: Sendable, Hashable {
        package var entries: UInt64
        package var size: UInt64

        package var text: String {
            "the accounts are being made from the log: \(entries) of \(size) entries are read; reports wait for it"
        }
    }

    /// Nil unless the log is being read from its first entry: after a start, or after an entry that asks for it.
    package var progress: Progress? { reread.withLock { $0 } }

    package init(database: LogDatabase, origin: String) {
        reading = LogReading(database: database, origin: origin)
    }

    /// The accounts of the log's first entries.
    ///
    /// - Parameters:
    ///   - size: of a published tree. Of one before what is kept, the log is read from the start.
    ///   - period: hours whose sums are wanted, nil for the whole life of the log.
    ///   - anew: reads the log from the start in any case.
    func accounts(
        at size: UInt64, period: UTCInterval?, anew: Bool
    ) async throws -> (genesis: GenesisEntry, accounts: LogAccounts) {
        if anew { return try Self.result(of: try await reading.replay(to: size, period: period), period: nil) }
        return try await turn.take { [self] in
            if kept.withLock({ ($0?.size ?? 0) > size }) {
                return try Self.result(of: try await reading.replay(to: size, period: period), period: nil)
            }
            return try Self.result(of: try await advance(to: size), period: period)
        }
    }

    private static func result(
        of replay: LogReplay, period: UTCInterval?
    ) throws -> (genesis: GenesisEntry, accounts: LogAccounts) {
        guard let genesis = replay.signers?.genesis else {
            throw ReplayFailure(.syntax, at: 0, "the log has no genesis entry")
        }
        return (genesis, replay.accounts(in: period))
    }

    /// Goes on to a published tree, ahead of whoever will ask.
    package func follow(to size: UInt64) async throws {
        try await turn.take { [self] in
            if kept.withLock({ ($0?.size ?? 0) < size }) { _ = try await advance(to: size) }
        }
    }

    /// In its turn only. While it works nothing is kept: a replay that failed half-way must not stand.
    private func advance(to size: UInt64) async throws -> LogReplay {
        // Taken out, not copied: what is changed in place must have one owner.
        var replay = kept.withLock { $0.take() }
        if try await !reading.extend(&replay, to: size) {
            reread.withLock { $0 = Progress(entries: 0, size: size) }
            defer { reread.withLock { $0 = nil } }
            replay = try await reading.replay(to: size, period: nil, goesOn: true) { entries in
                reread.withLock { $0?.entries = entries }
            }
        }
        let result = replay
        kept.withLock { $0 = result }
        guard let result else { throw ReplayFailure(.range, at: size, "the log could not be read") }
        return result
    }
}
