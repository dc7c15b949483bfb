import Testing
import TransparencyLog

@Suite struct TiledTreeTests {
    /// A log of 70,000 leaves, the sizes at which it was published, and all its tiles.
    private static let log = PublishedLog(sizes: [1, 255, 256, 257, 300, 65_535, 65_536, 65_537, 70_000])

    struct PublishedLog: Sendable {
        var heads: [TreeHead] = []
        var frontiers: [MerkleFrontier] = []
        var tiles: [Tile: [UInt8]] = [:]

        init(sizes: [UInt64]) {
            var builder = TileBuilder()
            for size in sizes {
                for index in builder.size..<size {
                    for content in builder.append(Self.leaf(index)) { tiles[content.tile] = content.bytes }
                }
                for content in builder.takePartialTiles() { tiles[content.tile] = content.bytes }
                frontiers.append(builder.frontier)
                heads.append(TreeHead(size: size, root: builder.frontier.root))
            }
        }

        static func leaf(_ index: UInt64) -> MerkleHash { .leaf(of: Array("leaf \(index)".utf8)) }

        func read(_ tile: Tile) throws(TransparencyLogError) -> [UInt8] {
            guard let bytes = tiles[tile] else { throw TransparencyLogError(.missingHash, tile.path) }
            return bytes
        }
    }

    @Test func rootsAndFrontiers() throws {
        for (head, frontier) in zip(Self.log.heads, Self.log.frontiers) {
            let tree = TiledTree(size: head.size)
            #expect(try tree.root(read: Self.log.read) == head.root)
            #expect(try tree.frontier(read: Self.log.read) == frontier)
        }
        #expect(try TiledTree(size: 0).root { _ in [] } == .emptyTree)
    }

    @Test func inclusionAtManyIndexes() throws {
        for head in Self.log.heads {
            let step = Swift.max(1, head.size / 37)
            for index in stride(from: 0, to: head.size, by: Int(step)) {
                let proof = try TiledTree(size: head.size).inclusionProof(of: index, read: Self.log.read)
                try proof.verify(leaf: PublishedLog.leaf(index), root: head.root)
                #expect(try TiledTree(size: head.size).tiles(for: .inclusion(index: index)).count <= 5)
            }
        }
    }

    @Test func consistencyBetweenAllPublishedSizes() throws {
        for (position, new) in Self.log.heads.enumerated() {
            for old in Self.log.heads[...position] {
                try TiledTree(size: new.size).consistencyProof(from: old.size, read: Self.log.read)
                    .verify(old: old, new: new)
            }
        }
    }

    @Test func missingAndDamagedTilesAreNoticed() throws {
        let head = try #require(Self.log.heads.last)
        let tree = TiledTree(size: head.size)
        let needed = try tree.tiles(for: .inclusion(index: 12_345))
        for tile in needed {
            expectRefusal(.missingHash) {
                try tree.inclusionProof(of: 12_345) { asked throws(TransparencyLogError) in
                    guard asked != tile else { throw TransparencyLogError(.missingHash, asked.path) }
                    return try Self.log.read(asked)
                }
            }
            let damaged = try tree.inclusionProof(of: 12_345) { asked throws(TransparencyLogError) in
                var bytes = try Self.log.read(asked)
                if asked == tile { for position in bytes.indices { bytes[position] ^= 1 } }
                return bytes
            }
            expectRefusal(.badProof) { try damaged.verify(leaf: PublishedLog.leaf(12_345), root: head.root) }
        }
        expectRefusal(.badProof) { try tree.inclusionProof(of: head.size, read: Self.log.read) }
        expectRefusal(.badProof) { try tree.consistencyProof(from: 0, read: Self.log.read) }
        expectRefusal(.badProof) { try tree.consistencyProof(from: head.size + 1, read: Self.log.read) }
    }
}
