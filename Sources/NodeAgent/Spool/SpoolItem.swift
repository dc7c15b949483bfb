package import Batches
package import TransparencyLog

/// One spooled entry, without its bytes.
package struct SpoolItem: Sendable, Hashable {
    /// Leaf hash of the note: the entry's identity wherever it goes.
    package let leaf: MerkleHash
    /// Place in its chain, nil for an entry outside of chains.
    package let position: ChainPosition?
    package let noteByteCount: Int
    package var samplesByteCount: Int

    package init(leaf: MerkleHash, position: ChainPosition?, noteByteCount: Int, samplesByteCount: Int) {
        self.leaf = leaf
        self.position = position
        self.noteByteCount = noteByteCount
        self.samplesByteCount = samplesByteCount
    }

    package init(_ entry: SignedEntry) {
        self.init(
            leaf: entry.leaf, position: entry.position, noteByteCount: entry.note.count,
            samplesByteCount: entry.samples.count)
    }

    package var byteCount: Int { noteByteCount + samplesByteCount }

    /// A block of readings may go under pressure; what travels beside another entry is a part of it and may not.
    package var hasDroppableBlock: Bool { position != nil && samplesByteCount > 0 }

    /// Stem of the entry's file names: `INCARNATION-SEQ`, or the leaf hash outside of chains.
    package var fileStem: String {
        guard let position else { return leaf.hexadecimal }
        return "\(position.incarnation)-\(position.sequence)"
    }
}
