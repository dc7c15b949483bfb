/// Proof that a tree is the beginning of a larger one (RFC 9162 section 2.1.4).
package struct ConsistencyProof: Sendable, Hashable {
    /// A proof in a tree of 2⁶³ leaves has no more; the witness protocol allows no more.
    package static let maximumPathCount = 63

    package let oldSize: UInt64
    package let newSize: UInt64
    package let path: [MerkleHash]

    /// - Throws: `bad_proof` for an empty old tree, which every tree continues and which proves nothing, for a shrunk
    ///   tree, and for a path that cannot be one.
    package init(oldSize: UInt64, newSize: UInt64, path: [MerkleHash]) throws(TransparencyLogError) {
        guard oldSize > 0 else {
            throw TransparencyLogError(.badProof, "consistency with an empty tree proves nothing")
        }
        guard oldSize <= newSize else {
            throw TransparencyLogError(.badProof, "a tree of \(newSize) leaves cannot continue one of \(oldSize)")
        }
        guard path.isEmpty == (oldSize == newSize), path.count <= Self.maximumPathCount else {
            throw TransparencyLogError(
                .badProof, "a consistency proof from \(oldSize) to \(newSize) cannot have \(path.count) hashes")
        }
        self.oldSize = oldSize
        self.newSize = newSize
        self.path = path
    }

    /// Builds the proof from hashes of complete subtrees of the new tree.
    package init(
        oldSize: UInt64, newSize: UInt64, hash: (MerkleNode) throws(TransparencyLogError) -> MerkleHash
    ) throws(TransparencyLogError) {
        var path: [MerkleHash] = []
        for nodes in try Self.nodes(oldSize: oldSize, newSize: newSize) {
            path.append(try MerkleNode.fold(nodes, hash: hash))
        }
        try self.init(oldSize: oldSize, newSize: newSize, path: path)
    }

    /// For each hash of the path the complete subtrees that it is folded from.
    package static func nodes(oldSize: UInt64, newSize: UInt64) throws(TransparencyLogError) -> [[MerkleNode]] {
        guard oldSize > 0, oldSize <= newSize, newSize <= UInt64(Int64.max) else {
            throw TransparencyLogError(.badProof, "no consistency proof from \(oldSize) to \(newSize)")
        }
        var subtrees: [[MerkleNode]] = []
        var tree = 0..<newSize
        // Down the new tree along the right edge of the old one.
        while tree.upperBound != oldSize {
            let middle = tree.lowerBound + (tree.upperBound - tree.lowerBound).splitPoint
            let left = tree.lowerBound..<middle
            let right = middle..<tree.upperBound
            subtrees.append(MerkleNode.covering(oldSize <= middle ? right : left))
            tree = oldSize <= middle ? left : right
        }
        // The old root itself is known to the verifier and left out.
        if tree.lowerBound > 0 { subtrees.append(MerkleNode.covering(tree)) }
        return subtrees.reversed()
    }

    /// - Throws: `bad_proof` when the new tree does not continue the old one.
    package func verify(oldRoot: MerkleHash, newRoot: MerkleHash) throws(TransparencyLogError) {
        guard let computed = roots(oldRoot: oldRoot), computed.old == oldRoot, computed.new == newRoot else {
            throw TransparencyLogError(
                .badProof, "the tree of \(newSize) leaves does not continue that of \(oldSize) with root \(oldRoot)")
        }
    }

    /// Both roots as the path gives them, or nil when its length is wrong.
    private func roots(oldRoot: MerkleHash) -> (old: MerkleHash, new: MerkleHash)? {
        guard oldSize < newSize else { return (oldRoot, oldRoot) }
        var position = oldSize - 1
        var last = newSize - 1
        let skipped = UInt64((~position).trailingZeroBitCount)
        position >>= skipped
        last >>= skipped
        // An old tree that is complete is a node of the new one, and the proof starts from its root.
        let isComplete = oldSize.nonzeroBitCount == 1
        guard let seed = isComplete ? oldRoot : path.first else { return nil }
        var old = seed
        var new = seed
        for hash in isComplete ? path[...] : path.dropFirst() {
            guard last > 0 else { return nil }
            if position & 1 == 1 || position == last {
                old = .node(hash, old)
                new = .node(hash, new)
                while position & 1 == 0, position != 0 {
                    position >>= 1
                    last >>= 1
                }
            } else {
                new = .node(new, hash)
            }
            position >>= 1
            last >>= 1
        }
        return last == 0 ? (old, new) : nil
    }

    /// - Throws: `bad_proof`
    package func verify(old: TreeHead, new: TreeHead) throws(TransparencyLogError) {
        guard old.size == oldSize, new.size == newSize else {
            throw TransparencyLogError(
                .badProof, "the proof is from \(oldSize) to \(newSize), the trees are of \(old.size) and \(new.size)")
        }
        try verify(oldRoot: old.root, newRoot: new.root)
    }
}
