/// Proof that the leaves between two sizes of a log are these, in this order, and no others.
///
/// The frontier at the start folds to the root at the start; the leaves appended to it give the root at the end.
/// Between two cosigned roots nothing can be left out, added or exchanged. Memory stays constant whatever the length.
package struct RangeReplay: Sendable {
    package let start: TreeHead
    package private(set) var frontier: MerkleFrontier

    /// - Parameters:
    ///   - start: the tree that the range follows; its root comes from a verified checkpoint.
    ///   - hashes: the frontier at `start.size`, the largest subtree first.
    /// - Throws: `bad_proof` when the frontier does not fold to the root.
    package init(from start: TreeHead, frontier hashes: [MerkleHash]) throws(TransparencyLogError) {
        let frontier = try MerkleFrontier(size: start.size, hashes: hashes)
        guard frontier.root == start.root else {
            throw TransparencyLogError(
                .badProof, "the frontier at \(start.size) folds to \(frontier.root), the checkpoint says \(start.root)")
        }
        self.start = start
        self.frontier = frontier
    }

    /// The index that the next appended leaf has in the log.
    package var nextIndex: UInt64 { frontier.size }

    package mutating func append(_ leaf: MerkleHash) { frontier.append(leaf) }

    /// The tree as replayed so far; also answers what the root was at an anchor inside the range.
    package var head: TreeHead { TreeHead(size: frontier.size, root: frontier.root) }

    /// - Throws: `bad_proof` when the leaves appended so far do not end exactly at `end`.
    package func finish(at end: TreeHead) throws(TransparencyLogError) {
        guard frontier.size == end.size else {
            throw TransparencyLogError(
                .badProof,
                "the range ends at \(frontier.size), the checkpoint at \(end.size): entries are missing or extra")
        }
        guard frontier.root == end.root else {
            throw TransparencyLogError(
                .badProof,
                "the \(end.size - start.size) leaves from \(start.size) give root \(frontier.root), "
                    + "the checkpoint says \(end.root)")
        }
    }
}
