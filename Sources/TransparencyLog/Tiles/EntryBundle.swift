/// Address and encoding of a bundle of entries: each a big-endian 16-bit length and its bytes.
package struct EntryBundle: Sendable, Hashable {
    package static let maximumEntryByteCount = 65_535
    /// Of 256 entries, each with its length.
    package static let maximumByteCount = Tile.fullWidth * (2 + maximumEntryByteCount)

    package let index: UInt64
    /// Number of entries: 256, or fewer at the right edge.
    package let width: Int

    package var isPartial: Bool { width < Tile.fullWidth }
    /// Index in the log of its first entry.
    package var firstEntry: UInt64 { index * UInt64(Tile.fullWidth) }

    /// - Throws: `bad_tile` for an index that no log reaches, and for a width outside 1 to 256.
    package init(index: UInt64, width: Int = Tile.fullWidth) throws(TransparencyLogError) {
        guard index <= UInt64(Int64.max), (1...Tile.fullWidth).contains(width) else {
            throw TransparencyLogError(.badTile, "no entry bundle \(index) of width \(width)")
        }
        self.init(uncheckedIndex: index, width: width)
    }

    init(uncheckedIndex index: UInt64, width: Int) {
        self.index = index
        self.width = width
    }

    /// The bundle at a place in a tree of `size` leaves, as wide as it is there; nil where the tree has none.
    package init?(index: UInt64, inTreeOf size: UInt64) {
        guard let tile = Tile(level: 0, index: index, inTreeOf: size) else { return nil }
        self.init(uncheckedIndex: index, width: tile.width)
    }

    /// The bundle that holds an entry in a tree of `size` leaves; nil when the tree has no such entry.
    package init?(holding entry: UInt64, inTreeOf size: UInt64) {
        guard entry < size else { return nil }
        self.init(index: entry / UInt64(Tile.fullWidth), inTreeOf: size)
    }

    /// - Throws: `bad_entry` for an entry that is empty or over 65,535 bytes.
    package static func encode(_ entries: some Sequence<[UInt8]>) throws(TransparencyLogError) -> [UInt8] {
        var bytes: [UInt8] = []
        for entry in entries { try append(entry, to: &bytes) }
        return bytes
    }

    package static func append(_ entry: [UInt8], to bytes: inout [UInt8]) throws(TransparencyLogError) {
        guard (1...maximumEntryByteCount).contains(entry.count) else {
            throw TransparencyLogError(
                .badEntry, "an entry has 1 to \(maximumEntryByteCount) bytes, not \(entry.count)")
        }
        bytes.append(UInt8(entry.count >> 8))
        bytes.append(UInt8(entry.count & 0xFF))
        bytes += entry
    }

    /// The entries in `bytes`: this bundle, or the full one that has since replaced a partial one.
    ///
    /// - Throws: `bad_tile` when a length leads past the end, or the number of entries is wrong.
    package func entries(in bytes: [UInt8]) throws(TransparencyLogError) -> [ArraySlice<UInt8>] {
        var entries: [ArraySlice<UInt8>] = []
        entries.reserveCapacity(width)
        var position = 0
        while position < bytes.count {
            guard bytes.count - position >= 2 else {
                throw TransparencyLogError(.badTile, "\(path) ends inside a length")
            }
            let start = position + 2
            let end = start + Int(bytes[position]) << 8 + Int(bytes[position + 1])
            guard end <= bytes.count else {
                throw TransparencyLogError(.badTile, "\(path) ends inside entry \(entries.count)")
            }
            entries.append(bytes[start..<end])
            position = end
        }
        guard entries.count == width || entries.count == Tile.fullWidth else {
            throw TransparencyLogError(.badTile, "\(path) has \(entries.count) entries, expected \(width)")
        }
        return Array(entries.prefix(width))
    }
}
