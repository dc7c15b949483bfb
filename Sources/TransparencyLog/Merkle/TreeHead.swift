/// A tree at one size: how many leaves, and the root over them.
package struct TreeHead: Sendable, Hashable {
    package var size: UInt64
    package var root: MerkleHash

    package init(size: UInt64, root: MerkleHash) {
        self.size = size
        self.root = root
    }

    package static let empty = TreeHead(size: 0, root: .emptyTree)
}
