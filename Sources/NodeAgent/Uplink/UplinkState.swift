package import Batches
package import TransparencyLog

/// What the agent has told the aggregator, what the log holds for certain, and what is to be said next. No I/O.
///
/// An entry leaves the spool when two things are true: the aggregator has acknowledged it, and a signed checkpoint
/// whose tree is larger than its index is remembered. After a lost connection everything that the log's own heads do
/// not show is sent again; the log takes a repetition for what it is. Chains are sent in order, each entry outside of
/// chains alone; what an earlier run left outside of chains goes before all else.
package struct UplinkState: Sendable {
    package struct Window: Sendable, Hashable {
        package var entries = 64
        package var bytes = 8 << 20

        package init(entries: Int = 64, bytes: Int = 8 << 20) {
            self.entries = entries
            self.bytes = bytes
        }
    }

    package enum Action: Sendable, Hashable {
        case send(SpoolItem)
        /// The log holds it for certain: it may leave the spool. Comes after the `remember` that it relies on.
        case settle(SpoolItem)
        /// The newest checkpoint is to be made durable first.
        case remember
        /// An entry outside of chains stands in the log; opening entries learn their incarnation by it.
        case logged(leaf: MerkleHash, index: Int64)
        /// The log will never take it: to be kept aside with the reason.
        case setAside(SpoolItem, Refusal)
        case giveUp(ChainLoss)
        /// The connection is of no use; the next one comes after the back-off.
        case drop(reason: String)
        /// Sending goes on after so long: `retryDue`.
        case pause(milliseconds: Int64)
    }

    /// A chain that cannot go on. The agent opens a new incarnation for its own; an import has failed.
    package struct ChainLoss: Sendable, Hashable {
        package var incarnation: Int64
        /// The last sequence that the node stands by, -1 when it is the opening entry.
        package var lastGoodSequence: Int64
        /// Entries that were signed behind it and set aside.
        package var setAside: [SpoolItem]
        package var refusal: Refusal
        /// The log has entries of this chain that this agent never wrote or has lost.
        package var isBehindHead: Bool
    }

    enum Connection: Sendable, Hashable {
        case disconnected
        case awaitingHeads
        case open
    }

    private let window: Window
    private(set) var connection: Connection = .disconnected
    private(set) var chains: [Int64: ChainQueue] = [:]
    private var watched: Set<Int64> = []
    private(set) var loose: [MerkleHash: ChainQueue.Slot] = [:]
    private var looseOrder: [MerkleHash] = []
    /// Entries outside of chains that an earlier run left and the log has not answered. One of them may name the key
    /// that signs everything behind it: what came to the log before that one would be refused for good.
    private var leading: Set<MerkleHash> = []
    private var sentEntries = 0
    private var sentBytes = 0
    private(set) var isPaused = false
    /// The aggregator does not know this signer any more: attempts grow rare although connections succeed.
    private(set) var isSignerRefused = false
    private var backOff = BackOff()
    /// The newest checkpoint that was verified.
    package private(set) var head: TreeHead?
    private var rememberedSize: UInt64
    package private(set) var counters = Counters()

    package struct Counters: Sendable, Hashable {
        package var sent: Int64 = 0
        package var acknowledged: Int64 = 0
        package var reconnects: Int64 = 0
        package var refused: [String: Int64] = [:]
    }

    package init(window: Window = Window(), remembered head: TreeHead? = nil) {
        self.window = window
        self.head = head
        rememberedSize = head?.size ?? 0
    }

    package var isOpen: Bool { connection == .open }
    package var unsettledCount: Int { chains.values.reduce(loose.count) { $0 + $1.count } }
    /// Nothing waits to be sent, acknowledged or covered by a checkpoint.
    package var isSettled: Bool { loose.isEmpty && chains.values.allSatisfy(\.isSettled) }
    /// Why chains wait. One that was given up does so until a later one has taken its place.
    package var holds: [String] {
        let newest = chains.values.filter { !$0.isGivenUp }.map(\.incarnation).max() ?? -1
        return chains.values.filter { !$0.isGivenUp || $0.incarnation > newest }.compactMap(\.hold)
    }
    /// By chain, the newest batch up to which the log has all of them; none before the first.
    package var acknowledgedSequences: [Int64: Int64] { chains.compactMapValues(\.acknowledgedThrough) }
    /// Entries that wait for their turn in the window.
    package var backlogCount: Int { unsettledCount - sentEntries }

    // MARK: Chains

    /// A chain that this uplink sends. Its entries follow in order.
    ///
    /// - Parameters:
    ///   - isReproducible: the entries come from a recorded log, the same bytes in every run.
    ///   - nextSequence: the first that will be added.
    ///   - previous: leaf hash before it.
    package mutating func openChain(
        _ incarnation: Int64, keepsNewest: Bool, isReproducible: Bool = false, nextSequence: Int64 = 0,
        previous: MerkleHash? = nil
    ) {
        guard chains[incarnation] == nil else { return }
        chains[incarnation] = ChainQueue(
            incarnation: incarnation, keepsNewest: keepsNewest, isReproducible: isReproducible,
            nextSequence: nextSequence, newestLeaf: previous)
    }

    /// A chain whose head is wanted although nothing of it is to be sent yet.
    package mutating func watch(_ incarnation: Int64) { watched.insert(incarnation) }

    /// The chains whose heads are wanted.
    package var incarnations: [Int64] { watched.union(chains.keys).sorted() }

    /// An entry that is durable on this side.
    ///
    /// - Parameter isRecovered: an earlier run left it in the spool.
    package mutating func add(_ item: SpoolItem, isRecovered: Bool = false) -> [Action] {
        guard let position = item.position else {
            guard loose[item.leaf] == nil else { return [] }
            loose[item.leaf] = ChainQueue.Slot(item: item, phase: .waiting)
            looseOrder.append(item.leaf)
            if isRecovered { leading.insert(item.leaf) }
            return fill()
        }
        openChain(position.incarnation, keepsNewest: false, nextSequence: position.sequence)
        guard chains[position.incarnation]?.append(item, sequence: position.sequence) == true else {
            let refusal = Refusal(
                .chainGap, "seq \(position.sequence) does not follow what the spool holds of its chain")
            return [.setAside(item, refusal)]
        }
        return fill()
    }

    // MARK: Connection

    package mutating func connected() { connection = .awaitingHeads }

    /// - Parameter jitter: 0 to 999, from a random source: thousands of agents must not come back at once.
    /// - Returns: milliseconds until the next attempt.
    package mutating func disconnected(jitter: Int64) -> Int64 {
        connection = .disconnected
        isPaused = false
        counters.reconnects += 1
        for incarnation in chains.keys { release(chains[incarnation]?.rewind(to: 0) ?? []) }
        for (leaf, slot) in loose where slot.phase == .sent {
            loose[leaf]?.phase = .waiting
            release([slot.item])
        }
        return backOff.next(jitter: jitter)
    }

    /// What the log holds; the first word of the server on a connection.
    package mutating func heads(_ heads: [LogHead]) -> [Action] {
        connection = .open
        var actions: [Action] = []
        for head in heads { actions += reconcile(head) }
        return actions + settle() + fill()
    }

    private mutating func reconcile(_ head: LogHead) -> [Action] {
        guard var queue = chains[head.incarnation], !queue.isGivenUp else { return [] }
        queue.hold = nil
        defer { chains[head.incarnation] = queue }
        let last = head.nextSequence - 1
        if head.nextSequence > queue.endSequence {
            // A run that was killed had more under way than the first heads showed. This run makes the same entries
            // again; the log takes them for repetitions, and refuses any that differs.
            guard !queue.isReproducible else { return [] }
            let text =
                "the log holds seq \(last) of chain \(head.incarnation), this agent only \(queue.endSequence - 1)"
            return giveUp(&queue, from: queue.endSequence, Refusal(.chainFork, text), isBehindHead: true)
        }
        let ours = head.nextSequence == queue.endSequence ? queue.newestLeaf : queue[last]?.item.leaf
        if let ours, ours != head.leaf {
            let text = "the log holds another entry at seq \(last) of chain \(head.incarnation)"
            return giveUp(&queue, from: max(last, queue.firstSequence), Refusal(.chainFork, text), isBehindHead: true)
        }
        var sequence = queue.firstSequence
        // Their own indexes were lost with the connection; the chain's newest index bounds them all. One that cannot be
        // it proves nothing, and they are sent again to learn their indexes.
        while sequence < head.nextSequence, head.isPlausible {
            if let slot = queue.acknowledge(sequence, leaf: nil, index: head.lastIndex), slot.phase == .sent {
                release([slot.item])
            }
            sequence += 1
        }
        guard !head.isClosed else {
            let refusal = Refusal(
                .chainFork, "chain \(head.incarnation) is closed: two entries claimed one place in it")
            return giveUp(&queue, from: head.nextSequence, refusal, isBehindHead: false)
        }
        if head.nextSequence < queue.firstSequence {
            // It had acknowledged them and signed a checkpoint over them. Only the operator can bring them back.
            queue.hold =
                "the log lost seq \(head.nextSequence) to \(queue.firstSequence - 1) of chain \(head.incarnation),"
                + " which this node no longer has; the spool waits until the log's newest database is back"
        }
        return []
    }

    /// Ends a chain on this side: nothing from the sequence on will be sent.
    private mutating func giveUp(
        _ queue: inout ChainQueue, from sequence: Int64, _ refusal: Refusal, isBehindHead: Bool
    ) -> [Action] {
        let removed = queue.giveUp(from: sequence, because: "\(refusal)")
        release(removed.lazy.filter { $0.phase == .sent }.map(\.item))
        let items = removed.map(\.item)
        let loss = ChainLoss(
            incarnation: queue.incarnation, lastGoodSequence: sequence - 1, setAside: items, refusal: refusal,
            isBehindHead: isBehindHead)
        // Whoever opens the new incarnation reads what was set aside.
        return items.map { .setAside($0, refusal) } + [.giveUp(loss)]
    }

    // MARK: Answers

    package mutating func acknowledged(leaf: MerkleHash, position: ChainPosition?, index: Int64) -> [Action] {
        counters.acknowledged += 1
        isSignerRefused = false
        backOff.reset()
        var actions: [Action] = []
        if let slot = loose[leaf] {
            if slot.phase == .sent { release([slot.item]) }
            if case .acknowledged = slot.phase { return [] }
            loose[leaf]?.phase = .acknowledged(index: index)
            leading.remove(leaf)
            actions.append(.logged(leaf: leaf, index: index))
        } else if let position {
            let slot = chains[position.incarnation]?.acknowledge(position.sequence, leaf: leaf, index: index)
            if let slot, slot.phase == .sent { release([slot.item]) }
        }
        return actions + settle() + fill()
    }

    /// The log did not take an entry.
    package mutating func refused(
        leaf: MerkleHash, position: ChainPosition?, _ refusal: Refusal, jitter: Int64
    ) -> [Action] {
        counters.refused[refusal.code.rawValue, default: 0] += 1
        if refusal.concernsSigner {
            // Every other entry would fare the same. They stay until somebody has put the enrolment in order.
            isSignerRefused = true
            return [.drop(reason: "\(refusal)")]
        }
        if let slot = loose[leaf] { return refusedLoose(slot, refusal, jitter) }
        guard let position, var queue = chains[position.incarnation], let slot = queue[position.sequence],
            slot.item.leaf == leaf, slot.phase == .sent
        else { return [] }
        defer { chains[position.incarnation] = queue }
        guard refusal.isPermanent else {
            release(queue.rewind(to: position.sequence))
            if refusal.code == .chainGap { return [.drop(reason: "\(refusal)")] }
            return pause(jitter)
        }
        return giveUp(&queue, from: position.sequence, refusal, isBehindHead: false) + fill()
    }

    private mutating func refusedLoose(_ slot: ChainQueue.Slot, _ refusal: Refusal, _ jitter: Int64) -> [Action] {
        guard slot.phase == .sent else { return [] }
        release([slot.item])
        guard refusal.isPermanent else {
            loose[slot.item.leaf]?.phase = .waiting
            return pause(jitter)
        }
        removeLoose(slot.item.leaf)
        return [.setAside(slot.item, refusal)] + fill()
    }

    private mutating func pause(_ jitter: Int64) -> [Action] {
        guard !isPaused else { return [] }
        isPaused = true
        return [.pause(milliseconds: backOff.next(jitter: jitter))]
    }

    package mutating func retryDue() -> [Action] {
        isPaused = false
        return fill()
    }

    /// A checkpoint that `CheckpointMemory` has accepted.
    package mutating func checkpoint(_ newest: TreeHead) -> [Action] {
        head = newest
        if !isSignerRefused { backOff.reset() }
        return settle()
    }

    // MARK: Inside

    private mutating func settle() -> [Action] {
        guard let head else { return [] }
        var settled: [SpoolItem] = []
        for leaf in looseOrder {
            guard let slot = loose[leaf], case .acknowledged(let index) = slot.phase,
                UInt64(clamping: index) < head.size
            else { continue }
            settled.append(slot.item)
        }
        for item in settled { removeLoose(item.leaf) }
        for incarnation in incarnations { settled += chains[incarnation]?.settle(size: head.size) ?? [] }
        guard !settled.isEmpty else { return [] }
        let isNew = head.size > rememberedSize
        rememberedSize = max(rememberedSize, head.size)
        return (isNew ? [.remember] : []) + settled.map { .settle($0) }
    }

    private mutating func removeLoose(_ leaf: MerkleHash) {
        loose[leaf] = nil
        leading.remove(leaf)
        looseOrder.removeAll { $0 == leaf }
    }

    /// Takes as many entries as the window has room for; one always, however large it is.
    private mutating func fill() -> [Action] {
        guard connection == .open, !isPaused else { return [] }
        var actions: [Action] = []
        while sentEntries < window.entries, sentBytes < window.bytes, let item = takeNext() {
            sentEntries += 1
            sentBytes += item.byteCount
            counters.sent += 1
            actions.append(.send(item))
        }
        return actions
    }

    private mutating func takeNext() -> SpoolItem? {
        for leaf in looseOrder where loose[leaf]?.phase == .waiting && (leading.isEmpty || leading.contains(leaf)) {
            loose[leaf]?.phase = .sent
            return loose[leaf]?.item
        }
        guard leading.isEmpty else { return nil }
        for incarnation in incarnations {
            if let item = chains[incarnation]?.takeNext() { return item }
        }
        return nil
    }

    private mutating func release(_ items: some Sequence<SpoolItem>) {
        for item in items {
            sentEntries -= 1
            sentBytes -= item.byteCount
        }
    }
}

/// Where the log says that a chain ends.
package struct LogHead: Sendable, Hashable {
    package var incarnation: Int64
    package var nextSequence: Int64
    package var leaf: MerkleHash
    /// Log index of the chain's newest entry.
    package var lastIndex: Int64
    package var isClosed: Bool

    package init(incarnation: Int64, nextSequence: Int64, leaf: MerkleHash, lastIndex: Int64, isClosed: Bool) {
        self.incarnation = incarnation
        self.nextSequence = nextSequence
        self.leaf = leaf
        self.lastIndex = lastIndex
        self.isClosed = isClosed
    }

    /// Every entry of the chain has its own index behind the one that opened it.
    var isPlausible: Bool { lastIndex - incarnation >= nextSequence }
}

extension Refusal {
    /// The refusal is about the signer's standing and not about this entry.
    var concernsSigner: Bool {
        switch code {
        case .unknownNode, .retiredKey, .certificateMismatch, .foreignLog: true
        case .badSyntax, .tooLarge, .badSignature, .chainGap, .chainFork, .overlap, .samplesMismatch, .overloaded: false
        }
    }
}

/// Waiting times between attempts: from half a second, doubled to a minute, half of each at random.
struct BackOff: Sendable, Hashable {
    private var failures = 0

    static let firstMilliseconds: Int64 = 500
    static let maximumMilliseconds: Int64 = 60_000

    /// - Parameter jitter: 0 to 999.
    mutating func next(jitter: Int64) -> Int64 {
        let whole = min(Self.maximumMilliseconds, Self.firstMilliseconds << Int64(min(failures, 7)))
        failures += 1
        return whole / 2 + whole / 2 * min(max(jitter, 0), 999) / 999
    }

    mutating func reset() { failures = 0 }
}
