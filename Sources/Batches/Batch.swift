package import Energy
package import TransparencyLog

/// Place of an entry in a chain: (incarnation, seq) of one node in one log.
package struct ChainPosition: Sendable, Hashable, Codable {
    /// Log index of the enrol, resume or import entry that opened the chain.
    package var incarnation: Int64
    package var sequence: Int64

    package init(incarnation: Int64, sequence: Int64) {
        self.incarnation = incarnation
        self.sequence = sequence
    }
}

/// State of the node's clock (the synchronisation letters of OCMF) with its error bound.
package struct ClockState: Sendable, Hashable {
    package enum Letter: String, Sendable, Hashable, CaseIterable, Codable {
        case synchronised = "S"
        /// Durations are right, the date may not be.
        case relative = "R"
        case informative = "I"
        case unknown = "U"
    }

    package var letter: Letter
    /// Bound of the error in microseconds, nil when nobody knows.
    package var errorMicroseconds: Int64?

    package init(letter: Letter, errorMicroseconds: Int64?) {
        self.letter = letter
        self.errorMicroseconds = errorMicroseconds
    }
}

/// What binds the block of readings that travels beside a batch.
package struct SampleCommitment: Sendable, Hashable {
    package var readings: Int64
    package var byteCount: Int64
    /// SHA-256 of the block's bytes.
    package var sha256: [UInt8]

    package init(readings: Int64, byteCount: Int64, sha256: [UInt8]) {
        self.readings = readings
        self.byteCount = byteCount
        self.sha256 = sha256
    }
}

/// The batch of a node's home log that an extract was cut from (RULES section 4).
///
/// The hash covers that batch's random salt, so it tells a tenant nothing of what stands in it; whoever holds both can
/// prove that one was cut from the other.
package struct HomeBatch: Sendable, Hashable {
    /// Origin of the home log.
    package var log: String
    package var position: ChainPosition
    package var leaf: MerkleHash

    package init(log: String, position: ChainPosition, leaf: MerkleHash) {
        self.log = log
        self.position = position
        self.leaf = leaf
    }
}

/// The unit of evidence: one interval of one chain, in which the set of allocations did not change.
///
/// Batches of a chain tile time: each begins with the very values with which the one before it ended, so the posting of
/// a batch is a pure function of that batch alone (RULES section 3).
package struct Batch: Sendable, Hashable {
    package var log: String
    package var node: String
    package var position: ChainPosition
    /// Leaf hash of the node's previous entry in this log; of the opening entry for sequence 0.
    package var previous: MerkleHash
    /// In an extract, and only there: the batch of the node's home log from which it was cut.
    package var home: HomeBatch?
    /// Size and root of the newest checkpoint that the signer had seen, nil before the first. It cannot have known a
    /// future root, so the batch is not older than that checkpoint.
    package var anchor: TreeHead?
    /// Boot id of the node, nil for recorded data.
    package var boot: String?
    package var clock: ClockState
    /// The measuring method by its version, `measure/1`.
    package var method: String
    package var facts: IntervalFacts
    package var samples: SampleCommitment?
    /// 16 random bytes that keep the leaf hash from being guessed.
    package var salt: [UInt8]

    package init(
        log: String, node: String, position: ChainPosition, previous: MerkleHash, home: HomeBatch? = nil,
        anchor: TreeHead?, boot: String?, clock: ClockState, method: String = "measure/1", facts: IntervalFacts,
        samples: SampleCommitment?, salt: [UInt8]
    ) {
        self.log = log
        self.node = node
        self.position = position
        self.previous = previous
        self.home = home
        self.anchor = anchor
        self.boot = boot
        self.clock = clock
        self.method = method
        self.facts = facts
        self.samples = samples
        self.salt = salt
    }

    /// Bounds of one batch. A note of 65,535 bytes is the outer one.
    package static let maximumSensors = 512
    package static let maximumAllocations = 256
    package static let maximumDevicesPerAllocation = 256
    /// Length of an interval that an agent may choose.
    package static let intervalSecondsRange = 5...300
}
