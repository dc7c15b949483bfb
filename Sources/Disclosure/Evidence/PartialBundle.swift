package import TransparencyLog

/// A bundle of 256 entries of which some are withheld: the others in their places, and the leaf hashes of those.
///
/// The entries stand as in a C2SP bundle, a withheld one with length 0, which no entry of a log has.
package enum PartialBundle {
    package enum Item: Sendable, Hashable {
        case entry(ArraySlice<UInt8>)
        case withheld(MerkleHash)
    }

    package static func encode(_ items: [Item]) throws(TransparencyLogError) -> (entries: [UInt8], leaves: [UInt8]) {
        var entries: [UInt8] = []
        var leaves: [UInt8] = []
        for item in items {
            switch item {
            case .entry(let bytes): try EntryBundle.append(Array(bytes), to: &entries)
            case .withheld(let leaf):
                entries += [0, 0]
                leaf.append(to: &leaves)
            }
        }
        return (entries, leaves)
    }

    /// - Returns: nil unless there are exactly `width` places, and a leaf hash for each that is withheld.
    package static func decode(_ entries: [UInt8], leaves: [UInt8], width: Int) -> [Item]? {
        var items: [Item] = []
        var position = 0
        var leaf = 0
        while position < entries.count {
            guard items.count < width, entries.count - position >= 2 else { return nil }
            let start = position + 2
            let end = start + Int(entries[position]) << 8 + Int(entries[position + 1])
            guard end <= entries.count else { return nil }
            if end > start {
                items.append(.entry(entries[start..<end]))
            } else {
                guard leaves.count - leaf >= MerkleHash.byteCount,
                    let hash = MerkleHash(leaves[leaf..<(leaf + MerkleHash.byteCount)])
                else { return nil }
                leaf += MerkleHash.byteCount
                items.append(.withheld(hash))
            }
            position = end
        }
        return items.count == width && leaf == leaves.count && leaf > 0 ? items : nil
    }
}
