package import Batches
package import Energy
package import TransparencyLog

/// The node's own chain: what was signed last, what is signed next, and how it goes on in a new incarnation. No I/O.
package struct NodeChain: Sendable {
    /// Where the chain stands.
    package enum State: Sendable, Hashable {
        case open
        /// The chain was given up; the resume entry with this leaf hash is on its way.
        case resuming(leaf: MerkleHash)
        /// The log refused the resume entry: nothing can be signed until somebody has looked.
        case refused(String)
    }

    /// Where a new incarnation begins.
    package struct Opening: Sendable, Hashable {
        /// The end of the last batch that the log has, with its sensors' values; nil to begin anew.
        package var after: Tail?
    }

    /// The end of a batch.
    package struct Tail: Sendable, Hashable {
        package var boot: String?
        package var utc: UTCTime
        package var monotonicNanoseconds: Int64?
        package var values: [String: Int64]
    }

    private let log: String
    private let node: String
    private let key: SigningKey
    private var writer: ChainWriter
    package private(set) var state: State = .open
    private var opening = Opening()

    /// - Parameters:
    ///   - incarnation: log index of the entry that opened the chain, with its leaf hash.
    ///   - newest: the newest batch that was signed, as recovered from the spool.
    ///   - pendingResume: a resume entry that an earlier run signed and the log has not taken yet.
    ///   - firstRefused: the first batch that is signed again behind it, as an outage.
    package init(
        log: String, node: String, key: SigningKey, incarnation: Int64, openingLeaf: MerkleHash,
        newest: (position: ChainPosition, leaf: MerkleHash)? = nil, pendingResume: MerkleHash? = nil,
        firstRefused: Batch? = nil
    ) {
        self.log = log
        self.node = node
        self.key = key
        writer = ChainWriter(
            log: log, node: node, incarnation: incarnation, nextSequence: newest.map { $0.position.sequence + 1 } ?? 0,
            previous: newest?.leaf ?? openingLeaf, key: key)
        if let pendingResume {
            state = .resuming(leaf: pendingResume)
            opening = Opening(after: firstRefused.map(Self.start))
        }
    }

    package var incarnation: Int64 { writer.incarnation }
    package var nextSequence: Int64 { writer.nextSequence }
    package var isOpen: Bool { state == .open }

    /// Signs an interval as the next batch.
    package mutating func sign(
        _ interval: MeasuringSession.Interval, home: HomeBatch? = nil, anchor: TreeHead?, boot: String?, salt: [UInt8]
    ) throws(TransparencyLogError) -> SignedEntry {
        try writer.sign(
            interval.facts, samples: interval.samples, home: home, anchor: anchor, boot: boot, clock: interval.clock,
            salt: salt)
    }

    /// Whether a signed entry stands at the next place of the chain.
    package func isNext(_ entry: SignedEntry) -> Bool {
        entry.position == ChainPosition(incarnation: writer.incarnation, sequence: writer.nextSequence)
    }

    /// Goes on behind an entry that was signed at the next place by an earlier run.
    package mutating func follow(_ entry: SignedEntry) -> Bool {
        guard isNext(entry) else { return false }
        writer.follow(entry)
        return true
    }

    /// The chain cannot go on.
    ///
    /// - Parameters:
    ///   - firstRefused: the first batch that the log did not take, nil when it took all that there were.
    ///   - now: for the entry's time and, where the log is ahead, the end of what is lost.
    /// - Returns: the resume entry to be sent, nil when the loss is of another chain.
    package mutating func giveUp(
        _ loss: UplinkState.ChainLoss, firstRefused: Batch?, lastEnd: UTCTime?, now: UTCTime, anchor: TreeHead?,
        salt: [UInt8]
    ) throws(TransparencyLogError) -> SignedEntry? {
        guard loss.incarnation == incarnation, isOpen else { return nil }
        // What the log did not take is signed again as an outage; what the log has beyond this agent is not its own.
        let isRepeatable = firstRefused != nil && !loss.isBehindHead
        opening = Opening(after: isRepeatable ? firstRefused.map(Self.start) : nil)
        var lost: UTCInterval?
        if !isRepeatable, let from = firstRefused?.facts.interval.start ?? lastEnd, from < now {
            lost = UTCInterval(start: from, end: now)
        }
        let entry = ResumeEntry(
            log: log, time: now, node: node,
            lastGood: ChainPosition(incarnation: loss.incarnation, sequence: max(0, loss.lastGoodSequence)),
            previous: firstRefused?.previous ?? writer.previous, lost: lost,
            reason: String(loss.refusal.message.prefix(500)),
            anchor: anchor, salt: salt)
        let signed = SignedEntry(position: nil, note: try key.sign(entry.text).bytes, samples: [])
        state = .resuming(leaf: signed.leaf)
        return signed
    }

    /// An entry stands in the log.
    ///
    /// - Returns: where measuring goes on when it was this chain's resume entry.
    package mutating func logged(leaf: MerkleHash, index: Int64) -> Opening? {
        guard state == .resuming(leaf: leaf) else { return nil }
        writer = ChainWriter(log: log, node: node, incarnation: index, nextSequence: 0, previous: leaf, key: key)
        state = .open
        defer { opening = Opening() }
        return opening
    }

    package mutating func refused(leaf: MerkleHash, _ refusal: Refusal) {
        guard state == .resuming(leaf: leaf) else { return }
        state = .refused("\(refusal)")
    }

    /// Where a batch begins: where its predecessor ended.
    private static func start(of batch: Batch) -> Tail {
        var values: [String: Int64] = [:]
        for sensor in batch.facts.sensors { values[sensor.id] = sensor.firstMicrojoules }
        return Tail(
            boot: batch.boot, utc: batch.facts.interval.start,
            monotonicNanoseconds: batch.facts.monotonic?.startNanoseconds, values: values)
    }

    /// Where a batch ends.
    package static func end(of batch: Batch) -> Tail {
        var values: [String: Int64] = [:]
        for sensor in batch.facts.sensors { values[sensor.id] = sensor.lastMicrojoules }
        return Tail(
            boot: batch.boot, utc: batch.facts.interval.end,
            monotonicNanoseconds: batch.facts.monotonic?.endNanoseconds, values: values)
    }
}
