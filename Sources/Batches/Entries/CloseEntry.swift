package import Energy
package import TransparencyLog

/// The books of one period are closed: what every account holds, who reported, and where every chain stood, as far as
/// the log had grown by then. Whoever drops entries afterwards contradicts it, whoever adds some is late.
///
/// Signed by the administration key. A close that is too long for one entry has several parts.
package struct CloseEntry: Sendable, Hashable {
    package var log: String
    package var time: UTCTime
    /// Whole UTC hours.
    package var period: UTCInterval
    /// The log prefix [0, size) that it is a function of.
    package var size: Int64
    /// From 1.
    package var part: Int64
    package var parts: Int64
    package var content: Content
    package var salt: [UInt8]

    /// What follows from the prefix and the period alone.
    package struct Content: Sendable, Hashable, Codable {
        /// In the first part every account, in others none.
        package var totals: [Total]
        package var nodes: [Node]
        package var gaps: [Gaps]
        package var chains: [Chain]

        package init(totals: [Total] = [], nodes: [Node] = [], gaps: [Gaps] = [], chains: [Chain] = []) {
            self.totals = totals
            self.nodes = nodes
            self.gaps = gaps
            self.chains = chains
        }
    }

    /// The accounts of the double entry, all jobs as one. Energy made by tests stands apart from all of them.
    package enum Account: String, Sendable, Hashable, CaseIterable, Codable {
        case jobs
        case idleReserved = "idle-reserved"
        case idle, unattributed, gap, tenant, superseded, synthetic
    }

    package struct Total: Sendable, Hashable, Codable {
        package var account: Account
        package var microjoules: Int128

        package init(account: Account, microjoules: Int128) {
            self.account = account
            self.microjoules = microjoules
        }
    }

    package enum NodeState: String, Sendable, Hashable, CaseIterable, Codable {
        /// Something of it lies in the period.
        case reporting
        /// It was expected, and there is nothing.
        case silent
        /// Its key is revoked, or it was retired, by the end of the prefix.
        case revoked, retired
    }

    package struct Node: Sendable, Hashable, Codable {
        package var name: String
        package var state: NodeState
        /// Its part of jobs, idle, unattributed and gap.
        package var microjoules: Int128

        package init(name: String, state: NodeState, microjoules: Int128) {
            self.name = name
            self.state = state
            self.microjoules = microjoules
        }
    }

    package enum GapKind: String, Sendable, Hashable, CaseIterable, Codable { case bridged, missing, outage }

    /// The gaps of one kind on one node, inside of the period.
    package struct Gaps: Sendable, Hashable, Codable {
        package var node: String
        package var kind: GapKind
        package var count: Int64
        package var milliseconds: Int64

        package init(node: String, kind: GapKind, count: Int64, milliseconds: Int64) {
            self.node = node
            self.kind = kind
            self.count = count
            self.milliseconds = milliseconds
        }
    }

    package enum ChainState: String, Sendable, Hashable, CaseIterable, Codable {
        case open
        /// It ended with a conflict.
        case forked
    }

    /// Where a chain stood at the end of the prefix.
    package struct Chain: Sendable, Hashable, Codable {
        package var node: String
        package var incarnation: Int64
        /// Nil before the first batch.
        package var lastSequence: Int64?
        package var state: ChainState
        /// Of its last entry, of the one that opened it before the first batch.
        package var leaf: MerkleHash

        package init(node: String, incarnation: Int64, lastSequence: Int64?, state: ChainState, leaf: MerkleHash) {
            self.node = node
            self.incarnation = incarnation
            self.lastSequence = lastSequence
            self.state = state
            self.leaf = leaf
        }
    }

    package init(
        log: String, time: UTCTime, period: UTCInterval, size: Int64, part: Int64, parts: Int64, content: Content,
        salt: [UInt8]
    ) {
        self.log = log
        self.time = time
        self.period = period
        self.size = size
        self.part = part
        self.parts = parts
        self.content = content
        self.salt = salt
    }

}
