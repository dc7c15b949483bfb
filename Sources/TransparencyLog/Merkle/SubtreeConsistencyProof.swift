/// Proof that a subtree is part of a tree: that the leaves [start, end) of both are the same.
///
/// A subtree begins where a complete one of at least its length can begin. A consistency proof is the case start = 0;
/// cosignatures over subtrees (C2SP tlog-cosignature, Merkle tree certificates section 4.4) rest on the general one.
package struct SubtreeConsistencyProof: Sendable, Hashable {
    package let start: UInt64
    package let end: UInt64
    package let size: UInt64
    package let path: [MerkleHash]

    /// - Throws: `bad_proof` for what is no subtree of the tree, and for a path that cannot be one.
    package init(start: UInt64, end: UInt64, size: UInt64, path: [MerkleHash]) throws(TransparencyLogError) {
        try Self.check(start: start, end: end, size: size)
        guard path.isEmpty == (start == end || start == 0 && end == size),
            path.count <= ConsistencyProof.maximumPathCount + 1
        else {
            throw TransparencyLogError(
                .badProof, "the proof of [\(start), \(end)) in \(size) cannot have \(path.count) hashes")
        }
        self.start = start
        self.end = end
        self.size = size
        self.path = path
    }

    /// Builds the proof from hashes of complete subtrees of the tree.
    package init(
        start: UInt64, end: UInt64, size: UInt64, hash: (MerkleNode) throws(TransparencyLogError) -> MerkleHash
    ) throws(TransparencyLogError) {
        try Self.check(start: start, end: end, size: size)
        var siblings: [[MerkleNode]] = []
        var tree = start < end ? 0..<size : start..<end
        // Whether the verifier knows the hash of what is left: the subtree itself, and not a part of it.
        var isKnown = true
        while tree.lowerBound < start || tree.upperBound > end {
            let middle = tree.lowerBound + (tree.upperBound - tree.lowerBound).splitPoint
            let left = tree.lowerBound..<middle
            let right = middle..<tree.upperBound
            if end <= middle {
                siblings.append(MerkleNode.covering(right))
                tree = left
            } else {
                siblings.append(MerkleNode.covering(left))
                isKnown = isKnown && start >= middle
                tree = right
            }
        }
        if !isKnown { siblings.append(MerkleNode.covering(tree)) }
        var path: [MerkleHash] = []
        for nodes in siblings.reversed() { path.append(try MerkleNode.fold(nodes, hash: hash)) }
        try self.init(start: start, end: end, size: size, path: path)
    }

    private static func check(start: UInt64, end: UInt64, size: UInt64) throws(TransparencyLogError) {
        guard isSubtree(start: start, end: end), end <= size, size <= UInt64(Int64.max) else {
            throw TransparencyLogError(.badProof, "[\(start), \(end)) is not a subtree of a tree of \(size) leaves")
        }
    }

    /// At a place where a complete subtree of at least its length begins. The empty one is part of every tree: its
    /// proof is empty, and proves nothing.
    private static func isSubtree(start: UInt64, end: UInt64) -> Bool {
        guard start < end else { return start == end }
        let bits = 64 - (end - start - 1).leadingZeroBitCount
        return start.trailingZeroBitCount >= bits
    }

    /// - Throws: `bad_proof` when the tree does not hold the subtree.
    package func verify(subtree: MerkleHash, root: MerkleHash) throws(TransparencyLogError) {
        if start == end, subtree == .emptyTree { return }
        guard start < end, let computed = roots(subtree), computed.subtree == subtree, computed.root == root else {
            throw TransparencyLogError(
                .badProof, "[\(start), \(end)) with hash \(subtree) is not part of the tree of \(size) leaves")
        }
    }

    /// Both hashes as the path gives them, or nil when its length is wrong.
    private func roots(_ known: MerkleHash) -> (subtree: MerkleHash, root: MerkleHash)? {
        var (first, position, last) = (start, end - 1, size - 1)
        func shift() {
            first >>= 1
            position >>= 1
            last >>= 1
        }
        // Up to the largest part of the subtree that is a node of the tree as well.
        while first != position, position == last || position & 1 == 1 { shift() }
        // A subtree that ends with the tree is carried up its right edge as a whole; a complete one is a node of it.
        let isNode = first == position
        guard let seed = isNode ? known : path.first else { return nil }
        var (subtree, root) = (seed, seed)
        for hash in isNode ? path[...] : path.dropFirst() {
            guard last > 0 else { return nil }
            if position & 1 == 1 || position == last {
                if first < position { subtree = .node(hash, subtree) }
                root = .node(hash, root)
                while position & 1 == 0, position != 0 { shift() }
            } else {
                root = .node(root, hash)
            }
            shift()
        }
        return last == 0 ? (subtree, root) : nil
    }
}
