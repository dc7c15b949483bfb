package import Batches
import Crypto
package import Energy
package import TransparencyLog

/// A signed entry, ready for the spool and the wire.
package struct SignedEntry: Sendable, Hashable {
    /// Place in its chain, nil for an entry outside of chains.
    package var position: ChainPosition?
    package var note: [UInt8]
    /// The block that travels beside it, empty for none.
    package var samples: [UInt8]
    package var leaf: MerkleHash

    package init(position: ChainPosition?, note: [UInt8], samples: [UInt8]) {
        self.position = position
        self.note = note
        self.samples = samples
        leaf = MerkleHash.leaf(of: note)
    }
}

/// Signs the batches of one chain, each bound to the one before it.
package struct ChainWriter: Sendable {
    package let log: String
    package let node: String
    package let incarnation: Int64
    private let key: SigningKey
    /// Sequence of the next batch, and the leaf hash that it must name.
    package private(set) var nextSequence: Int64
    package private(set) var previous: MerkleHash

    package init(
        log: String, node: String, incarnation: Int64, nextSequence: Int64, previous: MerkleHash, key: SigningKey
    ) {
        self.log = log
        self.node = node
        self.incarnation = incarnation
        self.nextSequence = nextSequence
        self.previous = previous
        self.key = key
    }

    /// - Parameters:
    ///   - home: in a tenant's log, the batch that the facts were cut from.
    ///   - salt: 16 random bytes; for recorded data derived, so that a repetition gives the same bytes.
    package mutating func sign(
        _ facts: IntervalFacts, samples: SampleBlock?, home: HomeBatch? = nil, anchor: TreeHead?, boot: String?,
        clock: ClockState, salt: [UInt8]
    ) throws(TransparencyLogError) -> SignedEntry {
        let block = samples.map(\.bytes) ?? []
        let commitment = samples.map {
            SampleCommitment(
                readings: Int64($0.readingCount), byteCount: Int64(block.count),
                sha256: Array(SHA256.hash(data: block)))
        }
        let position = ChainPosition(incarnation: incarnation, sequence: nextSequence)
        let batch = Batch(
            log: log, node: node, position: position, previous: previous, home: home, anchor: anchor, boot: boot,
            clock: clock, facts: facts, samples: commitment, salt: salt)
        let entry = SignedEntry(position: position, note: try key.sign(batch.text).bytes, samples: block)
        follow(entry)
        return entry
    }

    /// An entry that was signed at the next place.
    package mutating func follow(_ entry: SignedEntry) {
        nextSequence += 1
        previous = entry.leaf
    }
}
