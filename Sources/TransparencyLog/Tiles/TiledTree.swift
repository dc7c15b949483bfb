/// A tree of a given size whose hashes lie in tiles: proofs of any log out of a few tiles, without the rest.
///
/// `tiles(for:)` says beforehand which tiles a request reads, so that a caller can fetch them together. What was built
/// from stored tiles is checked against the signed root before it is served.
package struct TiledTree: Sendable, Hashable {
    package enum Request: Sendable, Hashable {
        case root
        case inclusion(index: UInt64)
        case consistency(oldSize: UInt64)
    }

    package let size: UInt64

    package init(size: UInt64) { self.size = size }

    /// The tiles that answer a request, each once.
    package func tiles(for request: Request) throws(TransparencyLogError) -> [Tile] {
        let nodes = try nodes(for: request).joined()
        var seen: Set<Tile> = []
        return nodes.compactMap { tile(at: Tile.place(of: $0)) }.filter { seen.insert($0).inserted }
    }

    package func root(
        read: (Tile) throws(TransparencyLogError) -> [UInt8]
    ) throws(TransparencyLogError) -> MerkleHash {
        try frontier(read: read).root
    }

    /// The complete subtrees from left to right; what a disclosure of a range begins with.
    package func frontier(
        read: (Tile) throws(TransparencyLogError) -> [UInt8]
    ) throws(TransparencyLogError) -> MerkleFrontier {
        let tiles = try load(.root, read: read)
        var hashes: [MerkleHash] = []
        for node in MerkleNode.covering(0..<size) { hashes.append(try hash(of: node, in: tiles)) }
        return try MerkleFrontier(size: size, hashes: hashes)
    }

    package func inclusionProof(
        of index: UInt64, read: (Tile) throws(TransparencyLogError) -> [UInt8]
    ) throws(TransparencyLogError) -> InclusionProof {
        let tiles = try load(.inclusion(index: index), read: read)
        return try InclusionProof(index: index, size: size) { node throws(TransparencyLogError) in
            try hash(of: node, in: tiles)
        }
    }

    package func consistencyProof(
        from oldSize: UInt64, read: (Tile) throws(TransparencyLogError) -> [UInt8]
    ) throws(TransparencyLogError) -> ConsistencyProof {
        let tiles = try load(.consistency(oldSize: oldSize), read: read)
        return try ConsistencyProof(oldSize: oldSize, newSize: size) { node throws(TransparencyLogError) in
            try hash(of: node, in: tiles)
        }
    }

    private func nodes(for request: Request) throws(TransparencyLogError) -> [[MerkleNode]] {
        switch request {
        case .root: [MerkleNode.covering(0..<size)]
        case .inclusion(let index): try InclusionProof.nodes(index: index, size: size)
        case .consistency(let oldSize): try ConsistencyProof.nodes(oldSize: oldSize, newSize: size)
        }
    }

    private func tile(at place: Tile.Place) -> Tile? {
        Tile(level: place.level, index: place.index, inTreeOf: size)
    }

    private func load(
        _ request: Request, read: (Tile) throws(TransparencyLogError) -> [UInt8]
    ) throws(TransparencyLogError) -> [Tile: [MerkleHash]] {
        var loaded: [Tile: [MerkleHash]] = [:]
        for tile in try tiles(for: request) { loaded[tile] = try tile.hashes(in: read(tile)) }
        return loaded
    }

    private func hash(
        of node: MerkleNode, in tiles: [Tile: [MerkleHash]]
    ) throws(TransparencyLogError) -> MerkleHash {
        let place = Tile.place(of: node)
        guard let tile = tile(at: place), let hashes = tiles[tile], place.hashes.upperBound <= hashes.count else {
            throw TransparencyLogError(
                .missingHash, "no tile at level \(place.level), index \(place.index) for \(size) leaves")
        }
        return .root(of: hashes[place.hashes])
    }
}
