import SeededRandom
import Testing
import TransparencyLog

@Suite struct TileTests {
    @Test func theExampleOfTheSpecification() throws {
        let tiles = try TileSet(from: 0, to: 70_000).tiles
        #expect(tiles.count { $0.level == 0 && !$0.isPartial } == 273)
        #expect(tiles.filter(\.isPartial).map(\.path) == ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"])
        #expect(tiles.count { $0.level == 1 && !$0.isPartial } == 1)
        #expect(tiles.count == 273 + 1 + 1 + 1 + 1)
        #expect(try TileSet(from: 0, to: 256).tiles.map(\.path) == ["tile/0/000", "tile/1/000.p/1"])
        #expect(try TileSet(from: 0, to: 0).tiles.isEmpty)
        #expect(try TileSet(from: 70_000, to: 70_000).tiles.isEmpty)
        expectRefusal(.badTile) { try TileSet(from: 2, to: 1) }
        expectRefusal(.badTile) { try TileSet(from: 0, to: 1 << 63) }
    }

    /// Growing in any steps writes, in the end, exactly the tiles of the size.
    @Test func planAndBuilderAgreeForRandomGrowth() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededRandom(seed: seed)
        let leaf = MerkleHash.leaf(of: [])
        for _ in 0..<10 {
            var builder = TileBuilder()
            var frontier = MerkleFrontier()
            var stored: [Tile: [UInt8]] = [:]
            while builder.size < 2_000 {
                let old = builder.size
                let new = old + UInt64.random(in: 0...400, using: &random)
                var written: [TileBuilder.Content] = []
                for _ in old..<new {
                    written += builder.append(leaf)
                    frontier.append(leaf)
                }
                written += builder.takePartialTiles()
                #expect(Set(written.map(\.tile)) == Set(try TileSet(from: old, to: new).tiles), "seed \(seed)")
                for content in written { stored[content.tile] = content.bytes }
                #expect(builder.frontier == frontier, "seed \(seed)")
                #expect(builder.takePartialTiles().isEmpty)
                // A restart reads the edge and goes on as if nothing had been.
                builder = try TileBuilder(size: new) { tile throws(TransparencyLogError) in
                    try Self.read(tile, stored)
                }
                #expect(builder.frontier == frontier, "seed \(seed)")
            }
        }
    }

    private static func read(_ tile: Tile, _ stored: [Tile: [UInt8]]) throws(TransparencyLogError) -> [UInt8] {
        guard let bytes = stored[tile] else { throw TransparencyLogError(.missingHash, tile.path) }
        return bytes
    }

    @Test func widthsAtEverySize() throws {
        for size in [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 1 << 62] as [UInt64] {
            for level in 0...8 {
                let hashes = level == 8 ? 0 : size >> UInt64(8 * level)
                let last = hashes / 256
                let width = Int(hashes % 256)
                #expect(Tile(level: level, index: last, inTreeOf: size)?.width == (width == 0 ? nil : width))
                #expect(Tile(level: level, index: last + 1, inTreeOf: size) == nil)
                if last > 0 { #expect(Tile(level: level, index: last - 1, inTreeOf: size)?.width == 256) }
            }
        }
        #expect(Tile(level: 0, index: .max, inTreeOf: .max) == nil)
        #expect(Tile(level: 63, index: 0, inTreeOf: .max) == nil)
        #expect(Tile(level: 64, index: 0, inTreeOf: .max) == nil)
    }

    @Test(arguments: [
        "", "/", "tile", "tile/", "tile/0", "tile/0/", "tile/00/000", "tile/64/000", "tile/-1/000", "tile/0/0",
        "tile/0/00",
        "tile/0/0000", "tile/0/000/", "tile/0/001/234", "tile/0/x001", "tile/0/x001/x234", "tile/0/x000/001",
        "tile/0/x000/x000/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000.P/1", "tile/0/000.p/-1", "tile/0/000.p/1/", "/tile/0/000", "tile//000", "tile/0/../000",
        "tile/0/x1/000",
        "tile/0/0a0", "tile/0/X001/234", "tile/data/000", "tile/entries/", "tile/entries/0", "tile/0/000 ",
        "tile/0/%30",
        "tile/8/0/000", "checkpoint/", "Checkpoint", "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/0/x018/x446/x744/x073/x709/x551/616", "tile/0/x009/x223/x372/x036/x854/x775/808",
    ])
    func otherPathsAreRefused(path: String) {
        expectRefusal(.badTile) { try LogResource(parsing: path) }
    }

    @Test func pathsRoundTrip() throws {
        var random = SeededRandom(seed: 7)
        for _ in 0..<2_000 {
            let index = random.next() >> UInt64.random(in: 1...63, using: &random)
            let width = Int.random(in: 1...256, using: &random)
            let tile = try Tile(level: Int.random(in: 0...63, using: &random), index: index, width: width)
            #expect(try LogResource(parsing: tile.path) == .tile(tile))
            let bundle = try EntryBundle(index: index, width: width)
            #expect(try LogResource(parsing: bundle.path) == .entries(bundle))
        }
        #expect(try LogResource(parsing: "checkpoint") == .checkpoint)
    }

    @Test func tilesOfWrongLengthAreRefused() throws {
        let tile = try Tile(level: 0, index: 0, width: 3)
        for count in [0, 95, 97, 64, 128, 8_191, 8_193] {
            expectRefusal(.badTile) { try tile.hashes(in: [UInt8](repeating: 0, count: count)) }
        }
        #expect(try tile.hashes(in: [UInt8](repeating: 0, count: 96)).count == 3)
        // The full tile that has since replaced the partial one.
        #expect(try tile.hashes(in: [UInt8](repeating: 0, count: 8_192)).count == 3)
    }
}

@Suite struct EntryBundleTests {
    @Test func entriesRoundTrip() throws {
        var random = SeededRandom(seed: 3)
        for count in [1, 2, 17, 255, 256] {
            let entries = (0..<count).map { _ in random.bytes(Int.random(in: 1...300, using: &random)) }
            let bytes = try EntryBundle.encode(entries)
            let bundle = try EntryBundle(index: 0, width: count)
            #expect(try bundle.entries(in: bytes).map { Array($0) } == entries)
            for cut in [1, 2, bytes.count / 2] where cut < bytes.count {
                expectRefusal(.badTile) { try bundle.entries(in: Array(bytes.dropLast(cut))) }
            }
            expectRefusal(.badTile) { try bundle.entries(in: bytes + [0]) }
            expectRefusal(.badTile) { try bundle.entries(in: bytes + [0xFF, 0xFF, 1]) }
            if count < 255 { expectRefusal(.badTile) { try bundle.entries(in: bytes + [0, 1, 7]) } }
        }
    }

    @Test func entriesHaveABound() throws {
        #expect(try EntryBundle.encode([[UInt8](repeating: 1, count: 65_535)]).prefix(2) == [0xFF, 0xFF])
        expectRefusal(.badEntry) { try EntryBundle.encode([[UInt8](repeating: 1, count: 65_536)]) }
        expectRefusal(.badEntry) { try EntryBundle.encode([[]]) }
    }

    @Test func aFullBundleServesForAPartialOne() throws {
        let bytes = try EntryBundle.encode((0..<256).map { [UInt8($0)] })
        #expect(try EntryBundle(index: 0, width: 5).entries(in: bytes).map { Array($0) } == (0..<5).map { [UInt8($0)] })
    }
}
