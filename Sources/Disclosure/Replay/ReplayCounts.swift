package import Batches
package import Energy

/// How much a replay has checked.
package struct ReplayCounts: Sendable, Hashable, Codable {
    package var entries: [Entry.Kind: Int64] = [:]
    package var signatures: Int64 = 0
    package var anchors: Int64 = 0
    package var conservedBatches: Int64 = 0
    /// Batches that commit to a sample block, and those whose block was at hand and agreed.
    package var committedSamples: Int64 = 0
    package var checkedSamples: Int64 = 0
    /// Batches whose time is a claim of whoever recorded them.
    package var claimedTimes: Int64 = 0
    /// Conflicts that the log shows, in order.
    package var conflicts: [Conflict] = []

    /// A second batch that a node signed for a place in its chain.
    package struct Conflict: Sendable, Hashable, Codable {
        package var index: UInt64
        package var node: String
        package var position: ChainPosition
        /// Whether the entry carries the second batch, with the node's own signature; else it is the operator's word.
        package var isProved: Bool
    }

    /// Resumed chains whose last place this log does not have: entries were lost on the way.
    package var resumesFromNowhere: Int64 = 0

    /// Entries that stand in the tree and are not shown.
    package var withheld: Int64 = 0
    /// Batches whose predecessor is withheld, so that tiling ends before them.
    package var brokenLinks: Int64 = 0
    /// Anchors, closes and places of conflicts that cannot be checked without what is withheld.
    package var uncheckedAnchors: Int64 = 0
    package var uncheckedCloses: Int64 = 0
    package var conflictsUnplaced: Int64 = 0

    /// Batches whose interval ends before the tree that they name was there.
    package struct Backdated: Sendable, Hashable, Codable {
        package var count: Int64 = 0
        package var first: UInt64?
        package var mostMicroseconds: Int64 = 0

        mutating func add(_ microseconds: Int64, at index: UInt64) {
            count += 1
            first = first ?? index
            mostMicroseconds = max(mostMicroseconds, microseconds)
        }
    }

    package var backdated = Backdated()
    /// Entries of the administration that say that they are older than one in front of them.
    package var setBack = Backdated()

    /// The latest end of an interval that an agent's clock told.
    package struct Latest: Sendable, Hashable, Codable {
        package var time: UTCTime
        package var index: UInt64
    }

    package var latestEnd: Latest?

    /// - Parameter signedAfter: time that had certainly passed when the batch was signed.
    mutating func time(_ end: UTCTime, signedAfter: UTCTime?, at index: UInt64) {
        if latestEnd.map({ $0.time < end }) ?? true { latestEnd = Latest(time: end, index: index) }
        guard let signedAfter else { return }
        let (behind, overflow) = signedAfter.microseconds.subtractingReportingOverflow(end.microseconds)
        if !overflow, behind > NodeWitness.promptMicroseconds { backdated.add(behind, at: index) }
    }

    /// Of an entry that is older than one in front of it by so many microseconds. A clock that is set by its
    /// synchronisation goes back by less than this.
    mutating func setback(_ microseconds: Int64, at index: UInt64) {
        if microseconds > NodeWitness.promptMicroseconds { setBack.add(microseconds, at: index) }
    }

    package init() {}

    mutating func add(_ checked: CheckedEntry) {
        entries[checked.entry.kind, default: 0] += 1
        signatures += 1
        if case .conflict(let conflict) = checked.entry {
            conflicts.append(
                Conflict(
                    index: checked.index, node: conflict.node, position: conflict.position,
                    isProved: conflict.secondNote != nil))
        }
    }

    mutating func add(_ batch: Batch, hasSamples: Bool) {
        entries[batch.home == nil ? .batch : .extract, default: 0] += 1
        signatures += 1
        if batch.samples != nil { committedSamples += 1 }
        if hasSamples { checkedSamples += 1 }
        if batch.clock.letter == .unknown { claimedTimes += 1 }
    }

    package var total: Int64 { entries.values.reduce(0, +) }
}
