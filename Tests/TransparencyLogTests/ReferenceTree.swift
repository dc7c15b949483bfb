import TransparencyLog

/// A whole tree in memory, computed by the recursion of RFC 6962 section 2.1, to compare with.
final class ReferenceTree {
    let leaves: [MerkleHash]
    private var known: [Range<Int>: MerkleHash] = [:]

    init(leafCount: Int) {
        leaves = (0..<leafCount).map { .leaf(of: Array("leaf \($0)".utf8)) }
    }

    func root(_ size: Int) -> MerkleHash { hash(0..<size) }

    func hash(_ range: Range<Int>) -> MerkleHash {
        if range.isEmpty { return .emptyTree }
        if range.count == 1 { return leaves[range.lowerBound] }
        if let hash = known[range] { return hash }
        var split = 1
        while split * 2 < range.count { split *= 2 }
        let middle = range.lowerBound + split
        let result = MerkleHash.node(hash(range.lowerBound..<middle), hash(middle..<range.upperBound))
        known[range] = result
        return result
    }

    func hash(_ node: MerkleNode) -> MerkleHash {
        let start = Int(node.index) << node.level
        return hash(start..<(start + 1 << node.level))
    }

    /// The path by its recursive definition.
    func path(_ index: Int, in range: Range<Int>) -> [MerkleHash] {
        if range.count == 1 { return [] }
        var split = 1
        while split * 2 < range.count { split *= 2 }
        let middle = range.lowerBound + split
        let (left, right) = (range.lowerBound..<middle, middle..<range.upperBound)
        return index < middle ? path(index, in: left) + [hash(right)] : path(index, in: right) + [hash(left)]
    }
}
