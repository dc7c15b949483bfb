/// Address of a tile of hashes, 256 at most, in the layout of C2SP tlog-tiles with height 8.
///
/// Hash i of tile n at level l is the root of the complete subtree of 256^l leaves from leaf (256·n + i)·256^l on.
package struct Tile: Sendable, Hashable {
    package static let height = 8
    package static let fullWidth = 256

    /// 0 holds leaf hashes; each level above holds roots of full tiles of the level below.
    package let level: Int
    package let index: UInt64
    /// Number of hashes: 256, or fewer at the right edge.
    package let width: Int

    package var isPartial: Bool { width < Self.fullWidth }
    package var byteCount: Int { width * MerkleHash.byteCount }

    /// - Throws: `bad_tile` outside level 0 to 63, index 0 to 2⁶³ − 1, width 1 to 256.
    package init(level: Int, index: UInt64, width: Int = Tile.fullWidth) throws(TransparencyLogError) {
        guard (0...63).contains(level) else {
            throw TransparencyLogError(.badTile, "tile level \(level) is not in 0 to 63")
        }
        guard index <= UInt64(Int64.max), (1...Self.fullWidth).contains(width) else {
            throw TransparencyLogError(.badTile, "no tile \(index) of width \(width) at level \(level)")
        }
        self.init(uncheckedLevel: level, index: index, width: width)
    }

    init(uncheckedLevel level: Int, index: UInt64, width: Int) {
        self.level = level
        self.index = index
        self.width = width
    }

    /// The tile at a place in a tree of `size` leaves, as wide as it is there; nil where the tree has none.
    package init?(level: Int, index: UInt64, inTreeOf size: UInt64) {
        guard (0...63).contains(level) else { return nil }
        let hashes = Self.hashCount(level: level, size: size)
        let (first, overflow) = index.multipliedReportingOverflow(by: UInt64(Self.fullWidth))
        guard !overflow, first < hashes else { return nil }
        self.init(uncheckedLevel: level, index: index, width: Int(min(hashes - first, UInt64(Self.fullWidth))))
    }

    /// Number of hashes at a level: of complete subtrees of 256^level leaves.
    package static func hashCount(level: Int, size: UInt64) -> UInt64 {
        level * height < UInt64.bitWidth ? size >> UInt64(level * height) : 0
    }

    /// Number of levels that have at least one hash.
    package static func levelCount(size: UInt64) -> Int {
        (UInt64.bitWidth - size.leadingZeroBitCount + height - 1) / height
    }

    /// The hashes in `bytes`.
    ///
    /// - Parameter bytes: the tile, or the full tile that has since replaced a partial one.
    /// - Throws: `bad_tile` for any other length.
    package func hashes(in bytes: [UInt8]) throws(TransparencyLogError) -> [MerkleHash] {
        guard bytes.count == byteCount || bytes.count == Self.fullWidth * MerkleHash.byteCount else {
            throw TransparencyLogError(.badTile, "\(path) has \(bytes.count) bytes, expected \(byteCount)")
        }
        return bytes.withUnsafeBytes { bytes in
            (0..<width).map { MerkleHash(loading: UnsafeRawBufferPointer(rebasing: bytes[(32 * $0)..<(32 * $0 + 32)])) }
        }
    }
}

extension Tile {
    /// Where the root of a complete subtree stands in the tiles.
    struct Place: Hashable {
        var level: Int
        var index: UInt64
        /// The hashes of the tile that the subtree's root is over: one, or a power of two of them.
        var hashes: Range<Int>
    }

    static func place(of node: MerkleNode) -> Place {
        let inner = UInt64(node.level % height)
        let count = 1 << Int(inner)
        let position = Int(node.index & (1 << (UInt64(height) - inner) - 1)) * count
        return Place(
            level: node.level / height, index: node.index >> (UInt64(height) - inner),
            hashes: position..<(position + count))
    }
}
