package import Energy
package import TransparencyLog

/// The end of a chain: what the next batch must begin with.
///
/// Batches tile time and counters, extracts tile counters (RULES sections 3 and 4). That is checked here, against the
/// previous batch alone, by the aggregator at intake and by the auditor in replay.
package struct ChainHead: Sendable, Hashable, Codable {
    package var node: String
    package var incarnation: Int64
    /// Sequence that the next batch must carry.
    package private(set) var nextSequence: Int64
    /// Leaf hash of the last entry of the chain, of its opening entry before the first batch.
    package private(set) var leaf: MerkleHash
    private var last: Tail?

    private struct Tail: Sendable, Hashable, Codable {
        var end: UTCTime
        var monotonicEnd: Int64?
        var boot: String?
        var isExtract: Bool
        /// In the order of their lines, which the next batch mostly keeps.
        var sensors: [SensorFacts]

        func lastMicrojoules(of id: String, at place: Int) -> Int64? {
            if place < sensors.count, sensors[place].id == id { return sensors[place].lastMicrojoules }
            return sensors.last { $0.id == id }?.lastMicrojoules
        }
    }

    /// The head of a chain that was opened and holds no batch yet.
    package init(node: String, opening index: Int64, leaf: MerkleHash) {
        self.node = node
        incarnation = index
        nextSequence = 0
        self.leaf = leaf
    }

    /// The head behind a batch that is in the log.
    package init(after batch: Batch, leaf: MerkleHash) {
        node = batch.node
        incarnation = batch.position.incarnation
        nextSequence = batch.position.sequence + 1
        self.leaf = leaf
        last = Self.tail(of: batch)
    }

    /// End of the last batch, nil before the first.
    package var end: UTCTime? { last?.end }

    package mutating func advance(past batch: Batch, leaf: MerkleHash) {
        nextSequence = batch.position.sequence + 1
        self.leaf = leaf
        last = Self.tail(of: batch)
    }

    /// Takes a batch if it follows. In place, because a head holds the sensors of its last batch.
    ///
    /// - Parameter withheld: entries before it that nobody shows. A batch may follow as many of its chain's as that,
    ///   and is then held to their end in time alone.
    /// - Returns: why it cannot follow; nothing changed then.
    package mutating func take(_ batch: Batch, leaf: MerkleHash, across withheld: Int64 = 0) -> Refusal? {
        let missing = batch.position.sequence &- nextSequence
        if withheld > 0, missing > 0, missing <= withheld {
            if let refusal = gapRefusal(of: batch) { return refusal }
        } else if let refusal = refusal(of: batch) {
            return refusal
        }
        advance(past: batch, leaf: leaf)
        return nil
    }

    /// Whether the batch follows the last one that is known, with none between.
    package func isNext(_ batch: Batch) -> Bool { batch.position.sequence == nextSequence }

    private func gapRefusal(of batch: Batch) -> Refusal? {
        guard batch.node == node, batch.position.incarnation == incarnation else {
            return Refusal(.chainGap, "chain \(batch.position.incarnation) of \(batch.node) was never opened")
        }
        if let end, batch.facts.interval.start < end {
            return Refusal(.overlap, "the batch begins before the end of an earlier one, \(end.microseconds) µs")
        }
        return orderRefusal(of: batch)
    }

    private static func tail(of batch: Batch) -> Tail {
        Tail(
            end: batch.facts.interval.end, monotonicEnd: batch.facts.monotonic?.endNanoseconds, boot: batch.boot,
            isExtract: batch.home != nil, sensors: batch.facts.sensors)
    }

    /// Why the batch cannot follow, nil when it can. A batch at an earlier place is a duplicate or a fork and is told
    /// apart by its leaf hash, not here.
    package func refusal(of batch: Batch) -> Refusal? {
        guard batch.node == node, batch.position.incarnation == incarnation else {
            return Refusal(.chainGap, "chain \(batch.position.incarnation) of \(batch.node) was never opened")
        }
        guard batch.position.sequence == nextSequence else {
            return Refusal(
                .chainGap, isPermanent: false,
                "seq \(batch.position.sequence) follows nothing: the chain goes on with \(nextSequence)")
        }
        guard batch.previous == leaf else {
            return Refusal(.chainGap, "prev of seq \(batch.position.sequence) is not the leaf hash of its predecessor")
        }
        return orderRefusal(of: batch) ?? tilingRefusal(of: batch)
    }

    /// What runs backwards in a batch by itself: energy that a counter gave back would be taken from whoever holds the
    /// node.
    private func orderRefusal(of batch: Batch) -> Refusal? {
        let sensors = batch.facts.sensors.span
        for place in sensors.indices
        where sensors[place].lastMicrojoules < sensors[place].firstMicrojoules
            && sensors[place].identity.provenance == .counter
        {
            return Refusal(
                .badSyntax,
                "the counter \(sensors[place].identity.id) runs backwards inside the batch, from "
                    + "\(sensors[place].firstMicrojoules) to \(sensors[place].lastMicrojoules) µJ")
        }
        guard let monotonic = batch.facts.monotonic else {
            guard batch.facts.interval.start <= batch.facts.interval.end else {
                return Refusal(.overlap, "the interval of recorded data ends before it begins")
            }
            return nil
        }
        guard monotonic.startNanoseconds <= monotonic.endNanoseconds else {
            return Refusal(.overlap, "the monotonic clock runs backwards inside the batch")
        }
        return nil
    }

    private func tilingRefusal(of batch: Batch) -> Refusal? {
        guard let last else { return nil }
        guard last.isExtract == (batch.home != nil) else {
            return Refusal(.chainGap, "a chain holds batches or extracts, never both")
        }
        let start = batch.facts.interval.start
        // A tenant is not always there: between two of its extracts there may be time, never energy.
        guard start == last.end || (last.isExtract && start > last.end) else {
            let what = start < last.end ? "before" : "after"
            let code: Refusal.Code = start < last.end ? .overlap : .chainGap
            return Refusal(code, "the batch begins \(what) the end of its predecessor, \(last.end.microseconds) µs")
        }
        if let boot = batch.boot, boot == last.boot, let begins = batch.facts.monotonic?.startNanoseconds,
            let ended = last.monotonicEnd, begins != ended, !last.isExtract || begins < ended
        {
            return Refusal(
                begins < ended ? .overlap : .chainGap,
                "the batch begins at \(begins) ns of the monotonic clock, its predecessor ended at \(ended) ns")
        }
        let sensors = batch.facts.sensors.span
        let earlier = last.sensors.span
        for place in sensors.indices {
            let begins = sensors[place].firstMicrojoules
            if place < earlier.count, earlier[place].lastMicrojoules == begins,
                earlier[place].identity === sensors[place].identity
                    || earlier[place].identity.id == sensors[place].identity.id
            {
                continue
            }
            let id = sensors[place].identity.id
            guard let ended = last.lastMicrojoules(of: id, at: place), ended != begins else { continue }
            return Refusal(.chainGap, "\(id) begins at \(begins) µJ, its predecessor ended at \(ended) µJ")
        }
        return nil
    }
}
