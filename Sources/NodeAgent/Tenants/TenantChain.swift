import Batches
import Energy
import TransparencyLog

/// The chain of extracts in one tenant's log. Owned by the measuring thread. No I/O.
struct TenantChain: Sendable {
    /// What is to be signed for the tenant: facts, and the home batch that they were cut from.
    struct Cut: Sendable {
        var facts: IntervalFacts
        var samples: SampleBlock?
        var home: HomeBatch
        var clock: ClockState
        var boot: String?
    }

    private(set) var chain: NodeChain
    private(set) var counters: ExtractCounters
    /// Cuts that wait for the chain to be opened again, oldest first.
    private(set) var waiting: [Cut] = []

    /// An hour of batches of a second: beyond it the oldest are given up. The home log is not held up for a tenant.
    static let maximumWaiting = 3600

    init(chain: NodeChain, counters: ExtractCounters) {
        self.chain = chain
        self.counters = counters
    }

    /// An extract that was signed before and is in the spool now.
    mutating func follow(_ staged: StagedExtract) {
        guard chain.follow(staged.entry) else { return }
        counters = staged.point.counters
    }

    /// - Returns: the cut that was given up for it, as the log has opened no chain for too long.
    mutating func add(_ cut: Cut) -> Cut? {
        let lost = waiting.count >= Self.maximumWaiting ? waiting.removeFirst() : nil
        waiting.append(cut)
        return lost
    }

    /// Cuts of earlier home batches: those that the log did not take, and those that an earlier run left. One that
    /// waits already is the same one.
    mutating func addEarlier(_ cuts: [Cut]) {
        let known = Set(waiting.map(\.place))
        waiting = (cuts.filter { !known.contains($0.place) } + waiting).sorted {
            WaitingCuts.isBefore($0.place, $1.place)
        }
    }

    /// Signs the oldest cut that waits, nil when there is none or the chain is not open.
    mutating func signNext(anchor: TreeHead?, salt: [UInt8]) throws -> (SignedEntry, ExtractPoint)? {
        guard chain.isOpen, let cut = waiting.first else { return nil }
        var facts = cut.facts
        facts.sensors = counters.advance(cut.facts.sensors)
        let interval = MeasuringSession.Interval(
            facts: facts, samples: cut.samples?.moved(from: cut.facts.sensors, to: facts.sensors), clock: cut.clock,
            continuations: [])
        let entry = try chain.sign(interval, home: cut.home, anchor: anchor, boot: cut.boot, salt: salt)
        waiting.removeFirst()
        return (entry, ExtractPoint(counters: counters))
    }

    /// - Returns: the resume entry to be sent, nil when the loss is of another chain.
    mutating func giveUp(
        _ loss: UplinkState.ChainLoss, refused: [Batch], now: UTCTime, anchor: TreeHead?, salt: [UInt8]
    ) throws(TransparencyLogError) -> SignedEntry? {
        let entry = try chain.giveUp(
            loss, firstRefused: refused.first, lastEnd: nil, now: now, anchor: anchor, salt: salt)
        guard entry != nil, !loss.isBehindHead else { return entry }
        addEarlier(
            refused.compactMap { batch in
                batch.home.map {
                    Cut(facts: batch.facts, samples: nil, home: $0, clock: batch.clock, boot: batch.boot)
                }
            })
        return entry
    }

    mutating func logged(leaf: MerkleHash, index: Int64) -> Bool { chain.logged(leaf: leaf, index: index) != nil }
    mutating func refused(leaf: MerkleHash, _ refusal: Refusal) { chain.refused(leaf: leaf, refusal) }
}
