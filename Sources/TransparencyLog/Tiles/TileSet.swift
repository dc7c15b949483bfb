/// Which tiles and bundles come into being or change when a log grows from one size to another.
package struct TileSet: Sendable, Hashable {
    package let oldSize: UInt64
    package let newSize: UInt64

    /// - Throws: `bad_tile` when the log would shrink or passes 2⁶³ − 1.
    package init(from oldSize: UInt64, to newSize: UInt64) throws(TransparencyLogError) {
        guard oldSize <= newSize, newSize <= UInt64(Int64.max) else {
            throw TransparencyLogError(.badTile, "a log cannot grow from \(oldSize) to \(newSize)")
        }
        self.oldSize = oldSize
        self.newSize = newSize
    }

    /// The tiles to be written, level by level, from left to right. A full tile replaces the partial one of its place.
    package var tiles: [Tile] {
        (0..<Tile.levelCount(size: newSize)).flatMap { level in
            changed(level: level).compactMap { Tile(level: level, index: $0, inTreeOf: newSize) }
        }
    }

    /// The entry bundles to be written, from left to right.
    package var bundles: [EntryBundle] {
        changed(level: 0).compactMap { EntryBundle(index: $0, inTreeOf: newSize) }
    }

    private func changed(level: Int) -> Range<UInt64> {
        let width = UInt64(Tile.fullWidth)
        let old = Tile.hashCount(level: level, size: oldSize)
        let new = Tile.hashCount(level: level, size: newSize)
        return old == new ? 0..<0 : (old / width)..<((new + width - 1) / width)
    }
}
