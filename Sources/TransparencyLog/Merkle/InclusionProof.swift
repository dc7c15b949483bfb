/// Proof that a leaf stands at an index of a tree (RFC 9162 section 2.1.3).
package struct InclusionProof: Sendable, Hashable {
    package let index: UInt64
    package let size: UInt64
    /// The leaf's sibling first, up to a child of the root.
    package let path: [MerkleHash]

    /// - Throws: `bad_proof` unless the index lies in the tree and the path has the length that both determine.
    package init(index: UInt64, size: UInt64, path: [MerkleHash]) throws(TransparencyLogError) {
        guard index < size else {
            throw TransparencyLogError(.badProof, "index \(index) is not in a tree of \(size) leaves")
        }
        let expected = Self.pathCount(index: index, size: size)
        guard path.count == expected else {
            throw TransparencyLogError(
                .badProof, "the inclusion proof of \(index) in \(size) has \(path.count) hashes, expected \(expected)")
        }
        self.index = index
        self.size = size
        self.path = path
    }

    /// Builds the proof from hashes of complete subtrees.
    ///
    /// - Parameter hash: gives the hash of any complete subtree of the tree.
    package init(
        index: UInt64, size: UInt64, hash: (MerkleNode) throws(TransparencyLogError) -> MerkleHash
    ) throws(TransparencyLogError) {
        var path: [MerkleHash] = []
        for nodes in try Self.nodes(index: index, size: size) { path.append(try MerkleNode.fold(nodes, hash: hash)) }
        try self.init(index: index, size: size, path: path)
    }

    /// The number of hashes: one for each level below the point where the paths of the leaf and of the last leaf part,
    /// and one for each complete subtree to the left above it.
    private static func pathCount(index: UInt64, size: UInt64) -> Int {
        let inner = 64 - (index ^ (size - 1)).leadingZeroBitCount
        return inner + (inner == 64 ? 0 : (index >> UInt64(inner)).nonzeroBitCount)
    }

    /// For each hash of the path the complete subtrees that it is folded from.
    package static func nodes(index: UInt64, size: UInt64) throws(TransparencyLogError) -> [[MerkleNode]] {
        guard index < size, size <= UInt64(Int64.max) else {
            throw TransparencyLogError(.badProof, "index \(index) is not in a tree of \(size) leaves")
        }
        var siblings: [[MerkleNode]] = []
        var tree = 0..<size
        while tree.count > 1 {
            let middle = tree.lowerBound + (tree.upperBound - tree.lowerBound).splitPoint
            let left = tree.lowerBound..<middle
            let right = middle..<tree.upperBound
            siblings.append(MerkleNode.covering(index < middle ? right : left))
            tree = index < middle ? left : right
        }
        return siblings.reversed()
    }

    /// The root that the leaf and the path give. Compare it with a signed one, or use `verify`.
    package func root(leaf: MerkleHash) -> MerkleHash {
        var hash = leaf
        var position = index
        var last = size - 1
        for sibling in path {
            if position & 1 == 1 || position == last {
                hash = .node(sibling, hash)
                // At the right edge the tree has no node on these levels: the subtree is carried up unchanged.
                while position & 1 == 0, position != 0 {
                    position >>= 1
                    last >>= 1
                }
            } else {
                hash = .node(hash, sibling)
            }
            position >>= 1
            last >>= 1
        }
        return hash
    }

    /// - Throws: `bad_proof` when the leaf is not at the index of the tree with this root.
    package func verify(leaf: MerkleHash, root: MerkleHash) throws(TransparencyLogError) {
        let computed = self.root(leaf: leaf)
        guard computed == root else {
            throw TransparencyLogError(
                .badProof, "leaf \(index) of \(size) gives root \(computed), the checkpoint says \(root)")
        }
    }
}
