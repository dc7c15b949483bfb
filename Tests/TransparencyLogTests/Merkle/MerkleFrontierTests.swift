import Testing
import TransparencyLog

@Suite struct MerkleFrontierTests {
    private let tree = ReferenceTree(leafCount: 300)

    @Test func rootsAtEverySizeAgreeWithTheDefinition() {
        var frontier = MerkleFrontier()
        for size in 0...300 {
            #expect(frontier.size == UInt64(size))
            #expect(frontier.root == tree.root(size))
            #expect(frontier.hashes.count == size.nonzeroBitCount)
            if size < 300 { frontier.append(tree.leaves[size]) }
        }
    }

    @Test func everyFrontierCanBeContinued() throws {
        var frontier = MerkleFrontier()
        for size in 0..<300 {
            var restored = try MerkleFrontier(size: UInt64(size), hashes: frontier.hashes)
            restored.append(contentsOf: tree.leaves[size...].prefix(20))
            #expect(restored.root == tree.root(min(size + 20, 300)))
            frontier.append(tree.leaves[size])
        }
    }

    @Test func wrongNumbersOfHashesAreRefused() {
        expectRefusal(.badProof) { try MerkleFrontier(size: 3, hashes: [.emptyTree]) }
        expectRefusal(.badProof) { try MerkleFrontier(size: 0, hashes: [.emptyTree]) }
        expectRefusal(.badProof) { try MerkleFrontier(size: 1 << 63, hashes: [.emptyTree]) }
    }

    @Test func theEmptyTreeIsTheHashOfNothing() {
        #expect(
            MerkleFrontier().root.hexadecimal == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(MerkleHash.root(of: []) == .emptyTree)
    }

    @Test func everyRangeReplaysAndNothingElseDoes() throws {
        var starts = [MerkleFrontier()]
        for leaf in tree.leaves {
            var next = starts[starts.count - 1]
            next.append(leaf)
            starts.append(next)
        }
        for start in stride(from: 0, through: 300, by: 7) {
            for end in stride(from: start, through: 300, by: 13) {
                let from = TreeHead(size: UInt64(start), root: tree.root(start))
                var replay = try RangeReplay(from: from, frontier: starts[start].hashes)
                for leaf in tree.leaves[start..<end] { replay.append(leaf) }
                try replay.finish(at: TreeHead(size: UInt64(end), root: tree.root(end)))
                #expect(replay.nextIndex == UInt64(end))
                guard end < 300 else { continue }
                expectRefusal(.badProof) {
                    try replay.finish(at: TreeHead(size: UInt64(end + 1), root: tree.root(end + 1)))
                }
                expectRefusal(.badProof) {
                    try replay.finish(at: TreeHead(size: UInt64(end), root: tree.root(end + 1)))
                }
            }
        }
    }
}
