import Batches
import Disclosure
import Energy
import Synchronization
import TransparencyLog

/// The accounts of one log as of its newest tree: a replay that is kept and goes on with the log, so that a report
/// costs what has come since the one before and not what the log holds.
///
/// It is a cache and nothing rests on it. Each aggregator has its own, made from the entries by the auditor's code, in
/// memory and, over a stop, in a file; without that file, and after entries that speak of what it has not kept (a
/// conflict, a revoked key), it is made anew from the first entry.
package final class StandingAccounts: Sendable {
    private let reading: LogReading
    private let file: KeptReplay?
    private let written = Mutex(Writing())
    private let turn = AsyncTurn()
    private let kept = Mutex<LogReplay?>(nil)
    private let isStarted = Mutex(false)
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

    /// - Parameter file: where they are kept over a stop, nil for nowhere.
    package init(database: LogDatabase, origin: String, file: String? = nil) {
        reading = LogReading(database: database, origin: origin)
        self.file = file.map { KeptReplay(path: $0, origin: origin) }
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

    /// What the books of some periods say over a published tree, for closes that are to follow.
    ///
    /// - Parameter size: of a published tree; a later one is taken where it is at hand.
    func closing(
        _ periods: [UTCInterval], at size: UInt64
    ) async throws -> (statements: [ClosingStatement], closings: ClosingRegister, size: UInt64) {
        try await turn.take { [self] in
            if kept.withLock({ ($0?.size ?? 0) < size }) { _ = try await advance(to: size) }
            return try kept.withLock { replay in
                guard var known = replay.take() else { throw ReplayFailure(.range, at: size, "nothing was read") }
                let statements = periods.map { known.tellClosing(of: $0) }
                let result = (statements, known.accounts.closings, known.size)
                replay = known
                return result
            }
        }
    }

    // MARK: Over a stop

    /// When the file was written.
    private struct Writing {
        var size: UInt64 = 0
        var dueMilliseconds: Int64 = 0
    }

    /// So many entries are read again at most in a moment, after a stop that nobody saw coming.
    static let entriesBetweenWrites: UInt64 = 8192
    /// Writing takes a twentieth of the time at most.
    private static let pauseFactor: Int64 = 20

    /// Writes the file where enough has come since it was written, or where this is the last chance to.
    package func keep(isLast: Bool) throws {
        guard let file, let replay = kept.withLock({ $0 }) else { return }
        let writing = written.withLock { $0 }
        let start = ServiceClock.monotonicMilliseconds()
        guard replay.size > writing.size,
            isLast || (replay.size - writing.size >= Self.entriesBetweenWrites && start >= writing.dueMilliseconds)
        else { return }
        try file.write(replay)
        let end = ServiceClock.monotonicMilliseconds()
        written.withLock {
            $0 = Writing(size: replay.size, dueMilliseconds: end + (end - start) * Self.pauseFactor)
        }
    }

    /// What was kept when the aggregator was stopped, if it is of a tree that the log has published up to `size`.
    private func restored(upTo size: UInt64) async throws -> LogReplay? {
        guard let replay = file?.read(), replay.size <= size,
            try await reading.database.publishedRoot(replay.size) == replay.head.root
        else { return nil }
        written.withLock { $0.size = replay.size }
        return replay
    }

    /// In its turn only. While it works nothing is kept: a replay that failed half-way must not stand.
    private func advance(to size: UInt64) async throws -> LogReplay {
        // Taken out, not copied: what is changed in place must have one owner.
        var replay = kept.withLock { $0.take() }
        let isFirst = isStarted.withLock { started in
            defer { started = true }
            return !started
        }
        if isFirst { replay = try await restored(upTo: size) }
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
