/// A complete subtree of a log: the leaves from `index · 2^level` up to `(index + 1) · 2^level`.
///
/// Its hash never changes once its last leaf is there, so it can be stored and cached for ever.
package struct MerkleNode: Sendable, Hashable {
    package let level: Int
    package let index: UInt64

    package init(level: Int, index: UInt64) {
        self.level = level
        self.index = index
    }

    /// The complete subtrees whose hashes, folded from the right, give the hash of `leaves`: the largest first.
    ///
    /// - Precondition: `leaves` begins where a subtree of at least its length can begin, as all parts of a tree do.
    static func covering(_ leaves: Range<UInt64>) -> [MerkleNode] {
        var nodes: [MerkleNode] = []
        var start = leaves.lowerBound
        while start < leaves.upperBound {
            let level = 63 - (leaves.upperBound - start).leadingZeroBitCount
            nodes.append(MerkleNode(level: level, index: start >> UInt64(level)))
            start += 1 << UInt64(level)
        }
        return nodes
    }

    /// The hash of the leaves that `nodes` cover.
    static func fold(
        _ nodes: [MerkleNode], hash: (MerkleNode) throws(TransparencyLogError) -> MerkleHash
    ) throws(TransparencyLogError) -> MerkleHash {
        guard let last = nodes.last else { return .emptyTree }
        var folded = try hash(last)
        for node in nodes.dropLast().reversed() { folded = .node(try hash(node), folded) }
        return folded
    }
}

extension UInt64 {
    /// The largest power of two below the number: where a tree of this size splits (RFC 6962 section 2.1).
    ///
    /// - Precondition: the number is at least 2.
    var splitPoint: UInt64 { 1 << UInt64(63 - (self - 1).leadingZeroBitCount) }
}
