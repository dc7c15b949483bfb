package import Batches
package import TransparencyLog
package import Wire

/// What an uplink tells the rest of the agent.
package enum UplinkEvent: Sendable, Hashable {
    case heads([LogHead])
    /// An entry outside of chains stands at this index.
    case logged(leaf: MerkleHash, index: Int64)
    /// The log holds the entry for certain; the store has let it go.
    case settled(SpoolItem)
    /// The log will never take the entry; the store has put it aside.
    case refused(SpoolItem, Refusal)
    case gaveUp(UplinkState.ChainLoss)
    /// What the log says of whose accounts are whose.
    case accounts(AccountMapSetting)
    case disconnected
    /// For people: something did not work, and the uplink goes on.
    case fault(String)
}

/// A look at an uplink.
package struct UplinkStatus: Sendable {
    package var isOpen: Bool
    package var isSettled: Bool
    package var unsettled: Int
    package var backlog: Int
    package var counters: UplinkState.Counters
    package var checkpointSize: UInt64?
    /// Checkpoints that were not taken, by reason.
    package var checkpointFaults: [String: Int64]
    package var lastCheckpointFault: CheckpointMemory.Fault?
    package var holds: [String]
    package var lastFault: String?
    /// The newest batch of each chain up to which the log has all of them.
    package var acknowledged: [Int64: Int64] = [:]
}

extension LogHead {
    /// nil for a head of another log, or with numbers that no log has.
    init?(_ head: Wire.ChainHead, log: String) {
        guard head.chain.log == log, let incarnation = Int64(exactly: head.chain.incarnation),
            let next = Int64(exactly: head.nextSequence), let leaf = MerkleHash(head.leaf),
            let last = Int64(exactly: head.lastIndex)
        else { return nil }
        self.init(
            incarnation: incarnation, nextSequence: next, leaf: leaf, lastIndex: last, isClosed: head.isClosed)
    }
}

extension ChainPosition {
    init?(_ chain: ChainReference?, _ sequence: UInt64) {
        guard let chain, let incarnation = Int64(exactly: chain.incarnation), let seq = Int64(exactly: sequence) else {
            return nil
        }
        self.init(incarnation: incarnation, sequence: seq)
    }
}

extension Refusal {
    init(_ refusal: EntryRefusal) {
        // An unknown code of a newer aggregator: `isPermanent` still tells what to do with the entry.
        let code = Code(rawValue: refusal.code.rawValue) ?? .badSyntax
        self.init(code, isPermanent: refusal.isPermanent, refusal.message)
    }
}
