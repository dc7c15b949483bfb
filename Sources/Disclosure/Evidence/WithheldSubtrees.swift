package import TransparencyLog

/// Entries that a bundle withholds in whole bundles of 256: the roots of the largest complete subtrees over them, in
/// the order of the log. A year before the period is a few lines.
///
/// One line for each: level, index, base64 of the root.
package struct WithheldSubtrees: Sendable, Hashable {
    package struct Subtree: Sendable, Hashable {
        package var node: MerkleNode
        package var root: MerkleHash

        package var firstEntry: UInt64 { node.index << UInt64(node.level) }
        package var count: UInt64 { 1 << UInt64(node.level) }
    }

    package private(set) var subtrees: [Subtree] = []

    package init() {}

    package var isEmpty: Bool { subtrees.isEmpty }

    /// Takes the next whole bundle of leaves; two halves of one subtree become that subtree.
    mutating func append(bundle index: UInt64, root: MerkleHash) {
        var next = Subtree(node: MerkleNode(level: Tile.height, index: index), root: root)
        while let last = subtrees.last, last.node.level == next.node.level, next.node.index & 1 == 1,
            last.node.index + 1 == next.node.index
        {
            subtrees.removeLast()
            next = Subtree(
                node: MerkleNode(level: next.node.level + 1, index: next.node.index >> 1),
                root: .node(last.root, next.root))
        }
        subtrees.append(next)
    }

    package var bytes: [UInt8] {
        var text = ""
        for subtree in subtrees { text += "\(subtree.node.level) \(subtree.node.index) \(subtree.root.base64)\n" }
        return Array(text.utf8)
    }

    /// - Throws: for anything that `bytes` would not have written for a tree of `size` leaves.
    package init(parsing bytes: [UInt8], inTreeOf size: UInt64) throws(ReplayFailure) {
        let place = BundlePath.subtrees.path
        guard bytes.last == UInt8(ascii: "\n") else {
            throw ReplayFailure(.file, at: place, "it does not end with a line feed")
        }
        var end: UInt64 = 0
        for (number, line) in bytes.dropLast().split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .enumerated()
        {
            guard let subtree = Self.subtree(line, inTreeOf: size), subtree.firstEntry >= end else {
                throw ReplayFailure(
                    .file, at: place, "line \(number + 1): expected level, index and root of the next complete subtree")
            }
            end = subtree.firstEntry + subtree.count
            subtrees.append(subtree)
        }
        guard self.bytes == bytes else {
            throw ReplayFailure(.file, at: place, "its text is a second spelling of what it says")
        }
    }

    private static func subtree(_ line: ArraySlice<UInt8>, inTreeOf size: UInt64) -> Subtree? {
        let fields = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard fields.count == 3, let level = CanonicalDecimal.parse(fields[0]), (8...62).contains(level),
            let index = CanonicalDecimal.parse(fields[1]), index < size >> level,
            let root = MerkleHash(base64: fields[2])
        else { return nil }
        return Subtree(node: MerkleNode(level: Int(level), index: index), root: root)
    }
}
