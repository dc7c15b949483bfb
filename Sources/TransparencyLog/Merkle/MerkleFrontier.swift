/// The right edge of a Merkle tree: the roots of its complete subtrees, from left to right.
///
/// It is all that appending needs (63 hashes at most), and all that an auditor needs to begin a replay in the middle of
/// a log. There is one hash for each one bit of the size.
package struct MerkleFrontier: Sendable, Hashable, Codable {
    /// Number of leaves so far.
    package private(set) var size: UInt64
    /// The largest subtree first; `size.nonzeroBitCount` of them.
    package private(set) var hashes: [MerkleHash]

    /// The frontier of the empty tree.
    package init() {
        size = 0
        hashes = []
        hashes.reserveCapacity(64)
    }

    /// The frontier of a tree of `size` leaves, as stored or as given in a disclosure.
    ///
    /// It proves nothing by itself: compare `root` with a signed checkpoint.
    package init(size: UInt64, hashes: [MerkleHash]) throws(TransparencyLogError) {
        guard size <= UInt64(Int64.max) else {
            throw TransparencyLogError(.badProof, "frontier size \(size) is above 2^63 - 1")
        }
        guard hashes.count == size.nonzeroBitCount else {
            throw TransparencyLogError(
                .badProof,
                "frontier of \(size) leaves has \(hashes.count) hashes, expected \(size.nonzeroBitCount)")
        }
        self.size = size
        self.hashes = hashes
        self.hashes.reserveCapacity(64)
    }

    /// A frontier to be filled with `appendSubtree`, for sizes that are known to be possible.
    init(unchecked size: UInt64) {
        self.init()
        self.size = size
    }

    /// Adds the next complete subtree of a size that is already set.
    mutating func appendSubtree(_ root: MerkleHash) { hashes.append(root) }

    /// Appends a leaf: two hashes amortised over a log, of which one is the caller's leaf hash.
    package mutating func append(_ leaf: MerkleHash) {
        var hash = leaf
        // Each trailing one bit of the size is a complete subtree that this leaf completes to one of twice the size.
        var completed = (~size).trailingZeroBitCount
        while completed > 0 {
            hash = .node(hashes.removeLast(), hash)
            completed -= 1
        }
        hashes.append(hash)
        size += 1
    }

    /// Appends the 2^level leaves of a complete subtree of which nothing but its root is known.
    ///
    /// - Throws: `bad_proof` where no complete subtree of that level begins, and past 2^63 - 1 leaves.
    package mutating func append(subtree root: MerkleHash, level: Int) throws(TransparencyLogError) {
        guard (0...62).contains(level), size == 0 || size.trailingZeroBitCount >= level,
            size <= UInt64(Int64.max) - 1 << UInt64(level)
        else { throw TransparencyLogError(.badProof, "no complete subtree of level \(level) begins at leaf \(size)") }
        var hash = root
        var completed = (~(size >> UInt64(level))).trailingZeroBitCount
        while completed > 0 {
            hash = .node(hashes.removeLast(), hash)
            completed -= 1
        }
        hashes.append(hash)
        size += 1 << UInt64(level)
    }

    package mutating func append(contentsOf leaves: some Sequence<MerkleHash>) {
        for leaf in leaves { append(leaf) }
    }

    /// The root of the tree: the subtrees folded from the right.
    package var root: MerkleHash {
        guard var hash = hashes.last else { return .emptyTree }
        for left in hashes.dropLast().reversed() { hash = .node(left, hash) }
        return hash
    }
}

extension MerkleHash {
    /// The root of the tree over `leaves`, given their leaf hashes.
    package static func root(of leaves: some Sequence<MerkleHash>) -> MerkleHash {
        var frontier = MerkleFrontier()
        frontier.append(contentsOf: leaves)
        return frontier.root
    }
}
