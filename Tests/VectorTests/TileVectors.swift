import Testing

@testable import TransparencyLog

@Suite struct TileVectors {
    struct Paths: Decodable {
        struct EntriesPath: Decodable {
            var seq: UInt64
            var logSize: UInt64
            var want: String
        }
        struct TilePath: Decodable {
            var level: Int
            var index: UInt64
            var partial: Int
            var want: String
        }
        struct Parsed: Decodable {
            var level: String
            var index: String
            var want: [UInt64]
        }
        struct Node: Decodable {
            var treeLevel: Int
            var treeIndex: UInt64
            var want: [UInt64]
        }
        var nodeToTile: [Node]
        var entriesPathForLogIndex: [EntriesPath]
        var tilePath: [TilePath]
        var parseOk: [Parsed]
        var parseError: [[String]]
    }

    @Test func tesseraPaths() throws {
        let vectors: Paths = try VectorFile.decode("tessera-paths/paths.json")
        for vector in vectors.entriesPathForLogIndex {
            #expect(EntryBundle(holding: vector.seq, inTreeOf: vector.logSize)?.path == vector.want)
        }
        for vector in vectors.tilePath {
            let width = vector.partial == 0 ? Tile.fullWidth : vector.partial
            #expect(try Tile(level: vector.level, index: vector.index, width: width).path == vector.want)
        }
        for vector in vectors.parseOk {
            let width = vector.want[2] == 0 ? Tile.fullWidth : Int(vector.want[2])
            let tile = try Tile(level: Int(vector.want[0]), index: vector.want[1], width: width)
            #expect(try LogResource(parsing: "tile/\(vector.level)/\(vector.index)") == .tile(tile))
        }
        for vector in vectors.parseError {
            expectRefusal(.badTile) { try LogResource(parsing: "tile/\(vector[0])/\(vector[1])") }
        }
    }

    @Test func tesseraNodes() throws {
        let vectors: Paths = try VectorFile.decode("tessera-paths/paths.json")
        for vector in vectors.nodeToTile {
            let place = Tile.place(of: MerkleNode(level: vector.treeLevel, index: vector.treeIndex))
            #expect([UInt64(place.level), place.index] == Array(vector.want[..<2]))
            #expect(place.hashes.count == 1 << vector.want[2])
            #expect(UInt64(place.hashes.lowerBound) == vector.want[3] << vector.want[2])
        }
    }

    struct GoPaths: Decodable {
        struct Case: Decodable {
            var path: String
            var tile: [Int64]?
        }
        var tilePathsHeightGeneral: [Case]
    }

    /// Go's paths begin with the height; without it, and with a width other than full, they are ours.
    @Test func goPaths() throws {
        let vectors: GoPaths = try VectorFile.decode("golang-x-mod/tlog.json")
        for vector in vectors.tilePathsHeightGeneral {
            let elements = vector.path.split(separator: "/").dropFirst(2).joined(separator: "/")
            guard let tile = vector.tile, tile[1] >= 0 else {
                expectRefusal(.badTile) { try LogResource(parsing: "tile/\(elements)") }
                continue
            }
            let isFull = tile[3] == 1 << tile[0]
            let ours = try Tile(
                level: Int(tile[1]), index: UInt64(tile[2]), width: isFull ? Tile.fullWidth : Int(tile[3]))
            #expect(ours.path == "tile/\(elements)")
            #expect(try LogResource(parsing: ours.path) == .tile(ours))
        }
    }

    /// Rebuilds whole published logs and compares every file.
    @Test(arguments: ["tessera-testlog", "generated/minilog"])
    func logsAreRebuiltByteForByte(folder: String) throws {
        let sizes: [UInt64] = folder.hasPrefix("tessera") ? Array(1...15) : [120, 300]
        let last = try #require(sizes.last)
        var entries: [[UInt8]] = []
        for index in 0...((last - 1) / 256) {
            let bundle = try #require(EntryBundle(index: index, inTreeOf: last))
            entries += try bundle.entries(in: VectorFile.bytes("\(folder)/\(bundle.path)")).map { Array($0) }
        }
        #expect(entries.count == Int(last))
        var builder = TileBuilder()
        var written: Set<Tile> = []
        for size in sizes {
            let planned = try TileSet(from: builder.size, to: size)
            for bundle in planned.bundles {
                let slice = entries[Int(bundle.firstEntry)..<(Int(bundle.firstEntry) + bundle.width)]
                #expect(try EntryBundle.encode(slice) == VectorFile.bytes("\(folder)/\(bundle.path)"))
            }
            var contents: [TileBuilder.Content] = []
            while builder.size < size { contents += builder.append(.leaf(of: entries[Int(builder.size)])) }
            contents += builder.takePartialTiles()
            #expect(Set(contents.map(\.tile)) == Set(planned.tiles))
            for content in contents {
                #expect(try content.bytes == VectorFile.bytes("\(folder)/\(content.tile.path)"))
                written.insert(content.tile)
            }
            let signed = try SignedCheckpoint(parsing: VectorFile.bytes("\(folder)/checkpoint.\(size)"))
            #expect(builder.frontier.root == signed.checkpoint.root)
        }
        #expect(written.count == (folder.hasPrefix("tessera") ? 15 : 4))
    }
}
