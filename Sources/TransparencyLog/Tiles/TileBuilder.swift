/// Grows the tiles of a log leaf by leaf: what a sequencer writes between two checkpoints.
///
/// It holds the unfinished tile of each level and nothing else, so any number of leaves passes through in constant
/// memory.
package struct TileBuilder: Sendable {
    package struct Content: Sendable, Hashable {
        package let tile: Tile
        package let hashes: [MerkleHash]

        package var bytes: [UInt8] {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(tile.byteCount)
            for hash in hashes { hash.append(to: &bytes) }
            return bytes
        }
    }

    package private(set) var size: UInt64
    /// The hashes of the rightmost tile of each level, fewer than 256.
    private var edges: [[MerkleHash]]
    private var changed: [Bool]

    package init() {
        size = 0
        edges = []
        changed = []
    }

    /// Continues a log.
    ///
    /// - Parameter read: gives the partial tiles at the right edge, as listed by `edge(of:)`.
    package init(
        size: UInt64, read: (Tile) throws(TransparencyLogError) -> [UInt8]
    ) throws(TransparencyLogError) {
        self.init()
        guard size <= UInt64(Int64.max) else {
            throw TransparencyLogError(.badTile, "a log of \(size) leaves cannot be")
        }
        self.size = size
        edges = Array(repeating: [], count: Tile.levelCount(size: size))
        changed = Array(repeating: false, count: edges.count)
        for tile in Self.edge(of: size) { edges[tile.level] = try tile.hashes(in: read(tile)) }
    }

    /// The partial tiles of a tree of `size` leaves, from level 0 up.
    package static func edge(of size: UInt64) -> [Tile] {
        (0..<Tile.levelCount(size: size)).compactMap { level in
            let hashes = Tile.hashCount(level: level, size: size)
            let width = Int(hashes % UInt64(Tile.fullWidth))
            guard width > 0 else { return nil }
            return Tile(uncheckedLevel: level, index: hashes / UInt64(Tile.fullWidth), width: width)
        }
    }

    /// Appends a leaf hash.
    ///
    /// - Returns: the full tiles that it completes: mostly none, at most one a level.
    package mutating func append(_ leaf: MerkleHash) -> [Content] {
        var completed: [Content] = []
        var hash = leaf
        size += 1
        for level in 0... {
            if level == edges.count {
                edges.append([])
                changed.append(false)
            }
            edges[level].append(hash)
            changed[level] = true
            guard edges[level].count == Tile.fullWidth else { break }
            let index = (Tile.hashCount(level: level, size: size) - 1) / UInt64(Tile.fullWidth)
            let tile = Tile(uncheckedLevel: level, index: index, width: Tile.fullWidth)
            completed.append(Content(tile: tile, hashes: edges[level]))
            hash = .root(of: edges[level])
            edges[level].removeAll(keepingCapacity: true)
            changed[level] = false
        }
        return completed
    }

    /// The partial tiles that changed since the beginning or the last call: to be written with the next checkpoint.
    package mutating func takePartialTiles() -> [Content] {
        let tiles = Self.edge(of: size).filter { changed[$0.level] }
        changed = Array(repeating: false, count: edges.count)
        return tiles.map { Content(tile: $0, hashes: edges[$0.level]) }
    }

    /// The frontier at this size, out of the partial tiles alone.
    package var frontier: MerkleFrontier {
        var frontier = MerkleFrontier(unchecked: size)
        for hashes in edges.reversed() {
            var start = 0
            while start < hashes.count {
                let count = 1 << (Int.bitWidth - 1 - (hashes.count - start).leadingZeroBitCount)
                frontier.appendSubtree(.root(of: hashes[start..<(start + count)]))
                start += count
            }
        }
        return frontier
    }
}
