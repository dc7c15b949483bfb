import Batches
import TransparencyLog

/// The unsettled entries of one chain, in sequence order without holes.
struct ChainQueue: Sendable {
    enum Phase: Sendable, Hashable {
        /// Not sent on this connection, or lost with one.
        case waiting
        case sent
        /// Durable in the log at this index or an earlier one; a checkpoint does not cover it yet.
        case acknowledged(index: Int64)
    }

    struct Slot: Sendable, Hashable {
        var item: SpoolItem
        var phase: Phase
    }

    let incarnation: Int64
    /// Whether the newest entry stays when everything is settled: the agent's own chain goes on from it after a
    /// restart.
    private(set) var keepsNewest: Bool
    /// Whether the entries are made again from a recorded log after a restart: what the log already holds of the chain
    /// was signed by an earlier run, and arrived after its end.
    let isReproducible: Bool
    /// The chain ended on this side; what was acknowledged may still settle.
    private(set) var isGivenUp = false
    /// Sequence of the first slot, of the next entry when there is none.
    private(set) var firstSequence: Int64
    private var slots: [Slot] = []
    private var head = 0
    /// The first slot that is not sent or acknowledged.
    private(set) var nextToSend: Int64
    /// Leaf hash of the newest entry that the chain ever had, of its opening entry before the first.
    private(set) var newestLeaf: MerkleHash?
    /// Why nothing of the chain is sent, nil while it is.
    var hold: String?

    init(
        incarnation: Int64, keepsNewest: Bool, isReproducible: Bool = false, nextSequence: Int64,
        newestLeaf: MerkleHash?
    ) {
        self.incarnation = incarnation
        self.isReproducible = isReproducible
        self.keepsNewest = keepsNewest
        self.newestLeaf = newestLeaf
        firstSequence = nextSequence
        nextToSend = nextSequence
    }

    var count: Int { slots.count - head }
    var endSequence: Int64 { firstSequence + Int64(count) }
    var isSettled: Bool { count == 0 || (keepsNewest && count == 1 && isAcknowledged(firstSequence)) }

    private func isAcknowledged(_ sequence: Int64) -> Bool {
        if case .acknowledged = self[sequence]?.phase { true } else { false }
    }

    /// Everything up to this sequence is in the log, nil before the first.
    var acknowledgedThrough: Int64? {
        var end = firstSequence
        while isAcknowledged(end) { end += 1 }
        return end > 0 ? end - 1 : nil
    }

    subscript(sequence: Int64) -> Slot? {
        guard sequence >= firstSequence, sequence < endSequence else { return nil }
        return slots[head + Int(sequence - firstSequence)]
    }

    /// - Returns: false when the entry does not follow the newest one.
    mutating func append(_ item: SpoolItem, sequence: Int64) -> Bool {
        guard sequence == endSequence, !isGivenUp else { return false }
        slots.append(Slot(item: item, phase: .waiting))
        newestLeaf = item.leaf
        return true
    }

    /// The next entry to send, marked as sent.
    mutating func takeNext() -> SpoolItem? {
        // Answers to what was sent before a rewind may have come in the meantime.
        while case .acknowledged = self[nextToSend]?.phase { nextToSend += 1 }
        guard hold == nil, let slot = self[nextToSend] else { return nil }
        set(nextToSend, .sent)
        nextToSend += 1
        return slot.item
    }

    /// - Returns: the slot as it was, nil when the queue has no such entry.
    mutating func acknowledge(_ sequence: Int64, leaf: MerkleHash?, index: Int64) -> Slot? {
        guard let slot = self[sequence], leaf == nil || slot.item.leaf == leaf else { return nil }
        if case .acknowledged = slot.phase { return nil }
        set(sequence, .acknowledged(index: index))
        if sequence == nextToSend { nextToSend += 1 }
        return slot
    }

    /// Everything that is not acknowledged is to be sent again, from this sequence on.
    mutating func rewind(to sequence: Int64) -> [SpoolItem] {
        var lost: [SpoolItem] = []
        var position = max(sequence, firstSequence)
        var first: Int64?
        while let slot = self[position] {
            if case .acknowledged = slot.phase {
                position += 1
                continue
            }
            if slot.phase == .sent { lost.append(slot.item) }
            set(position, .waiting)
            first = first ?? position
            position += 1
        }
        nextToSend = min(nextToSend, first ?? endSequence)
        return lost
    }

    /// Takes out what a tree of this size holds for certain.
    mutating func settle(size: UInt64) -> [SpoolItem] {
        var settled: [SpoolItem] = []
        while count > (keepsNewest ? 1 : 0), case .acknowledged(let index)? = self[firstSequence]?.phase,
            UInt64(clamping: index) < size
        {
            settled.append(slots[head].item)
            head += 1
            firstSequence += 1
        }
        nextToSend = max(nextToSend, firstSequence)
        if head > 64, head * 2 > slots.count {
            slots.removeFirst(head)
            head = 0
        }
        return settled
    }

    /// Ends the chain and takes out everything from a sequence on: the log will never have it.
    mutating func giveUp(from sequence: Int64, because reason: String) -> [Slot] {
        isGivenUp = true
        keepsNewest = false
        hold = reason
        var removed: [Slot] = []
        while endSequence > max(sequence, firstSequence), let slot = slots.popLast() { removed.append(slot) }
        nextToSend = min(nextToSend, endSequence)
        return removed.reversed()
    }

    private mutating func set(_ sequence: Int64, _ phase: Phase) {
        slots[head + Int(sequence - firstSequence)].phase = phase
    }
}
