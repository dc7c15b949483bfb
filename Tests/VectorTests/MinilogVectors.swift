import Testing
import TransparencyLog

/// A small log of an organization with cosigned checkpoints, proofs, a policy and a receipt.
@Suite struct MinilogVectors {
    struct Keys: Decodable {
        var log: String
        var nodes: [String]
        var witnesses: [String]
        var seedsPublishedTestOnlyHex: [String: String]
    }

    private let folder = "generated/minilog"
    private let keys: Keys
    private let policy: TrustPolicy
    private let entries: [[UInt8]]

    init() throws {
        keys = try VectorFile.decode("generated/minilog/keys.json")
        policy = try TrustPolicy(parsing: VectorFile.bytes("generated/minilog/policy.txt"))
        var entries: [[UInt8]] = []
        for index in 0...1 {
            let bundle = try #require(EntryBundle(index: UInt64(index), inTreeOf: 300))
            entries += try bundle.entries(in: VectorFile.bytes("generated/minilog/\(bundle.path)")).map { Array($0) }
        }
        self.entries = entries
    }

    private func read(_ tile: Tile) throws(TransparencyLogError) -> [UInt8] {
        do {
            return try VectorFile.bytes("\(folder)/\(tile.path)")
        } catch {
            throw TransparencyLogError(.missingHash, tile.path)
        }
    }

    private func head(_ size: UInt64) throws -> TreeHead {
        try policy.verify(SignedCheckpoint(parsing: VectorFile.bytes("\(folder)/checkpoint.\(size)"))).checkpoint.head
    }

    @Test func batchesAreSignedByTheirNodes() throws {
        let nodes = try keys.nodes.map { try VerifierKey(parsing: $0) }
        for entry in entries {
            let opened = try SignedNote(parsing: entry).open(with: nodes)
            #expect(opened.verified.count == 1)
            #expect(opened.unverified.isEmpty)
        }
    }

    @Test func checkpointsAreReproduced() throws {
        let seeds = try keys.seedsPublishedTestOnlyHex.mapValues { try #require(Hexadecimal.decode($0)) }
        let logKey = try VerifierKey(parsing: keys.log)
        let log = try SigningKey(name: logKey.name, seed: try #require(seeds[logKey.name]))
        #expect(log.verifier == logKey)
        for size in [UInt64(120), 256, 300] {
            let bytes = try VectorFile.bytes("\(folder)/checkpoint.\(size)")
            let verdict = try policy.verify(SignedCheckpoint(parsing: bytes))
            #expect(verdict.cosignerCount == 2)
            var signed = try SignedCheckpoint(verdict.checkpoint.checkpoint, signedBy: log)
            for result in verdict.witnesses {
                let name = result.witness.key.name
                let key = try CosigningKey(name: name, seed: try #require(seeds[name]))
                #expect(keys.witnesses.contains(key.verifier.text))
                let time = try #require(result.time)
                signed = try signed.adding([key.cosignature(of: signed.checkpoint, time: time)])
            }
            #expect(signed.bytes == bytes)
        }
    }

    @Test func proofsVerifyAndAreRebuiltFromTiles() throws {
        let checkpoint = try SignedCheckpoint(parsing: VectorFile.bytes("\(folder)/checkpoint.300"))
        let tree = TiledTree(size: 300)
        for index in [0, 42, 255, 256, 299] {
            let bytes = try VectorFile.bytes("\(folder)/proofs/\(index).tlog-proof")
            let proof = try TLogProof(parsing: bytes)
            #expect(proof.bytes == bytes)
            let leaf = MerkleHash.leaf(of: entries[index])
            let verdict = try proof.verify(leaf: leaf, policy: policy)
            #expect(verdict.checkpoint.head.size == 300)
            let rebuilt = try tree.inclusionProof(of: UInt64(index), read: read)
            #expect(TLogProof(rebuilt, checkpoint: checkpoint).bytes == bytes)
            expectRefusal(.badProof) { try proof.verify(leaf: .leaf(of: entries[index] + [0]), policy: policy) }
        }
    }

    struct Consistency: Decodable {
        var from: UInt64
        var to: UInt64
        var proof: [String]
    }

    @Test func consistency() throws {
        let vectors: [Consistency] = try VectorFile.decode("generated/minilog/consistency.json")
        #expect(vectors.count == 3)
        for vector in vectors {
            let path = try vector.proof.map { try #require(MerkleHash(base64: $0)) }
            let proof = try ConsistencyProof(oldSize: vector.from, newSize: vector.to, path: path)
            try proof.verify(old: head(vector.from), new: head(vector.to))
            if vector.to == 300 {
                #expect(try TiledTree(size: 300).consistencyProof(from: vector.from, read: read) == proof)
            }
        }
    }

    struct Period: Decodable {
        var start: UInt64
        var end: UInt64
        var frontierAtStart: [String]
        var rootAtStart: String
        var rootAtEnd: String
    }

    @Test func periodReplays() throws {
        let period: Period = try VectorFile.decode("generated/minilog/period-120-300.json")
        let frontier = try period.frontierAtStart.map { try #require(MerkleHash(base64: $0)) }
        let (start, end) = (try head(period.start), try head(period.end))
        #expect(start.root.base64 == period.rootAtStart)
        #expect(end.root.base64 == period.rootAtEnd)
        let leaves = entries[120..<300].map { MerkleHash.leaf(of: $0) }

        func replay(_ leaves: [MerkleHash]) throws {
            var replay = try RangeReplay(from: start, frontier: frontier)
            for leaf in leaves { replay.append(leaf) }
            try replay.finish(at: end)
        }
        try replay(leaves)
        expectRefusal(.badProof) { try replay(leaves.dropLast()) }
        expectRefusal(.badProof) { try replay(Array(leaves[..<50] + leaves[51...])) }
        expectRefusal(.badProof) {
            var swapped = leaves
            swapped.swapAt(7, 8)
            try replay(swapped)
        }
        expectRefusal(.badProof) { try RangeReplay(from: start, frontier: frontier.reversed()) }
        expectRefusal(.badProof) { try RangeReplay(from: start, frontier: frontier.dropLast()) }
    }

    @Test func receipt() throws {
        let bytes = try VectorFile.bytes("\(folder)/proofs/42.receipt.cbor")
        let receipt = try COSEReceipt(decoding: bytes)
        let log = try VerifierKey(parsing: keys.log)
        let leaf = MerkleHash.leaf(of: entries[42])
        #expect(try receipt.verify(leaf: leaf, key: log) == head(300))
        #expect(receipt.encoded == bytes)
        let seed = try #require(keys.seedsPublishedTestOnlyHex[log.name])
        let key = try SigningKey(name: log.name, seed: try #require(Hexadecimal.decode(seed)))
        #expect(try COSEReceipt(receipt.proof, root: head(300).root, signedBy: key).encoded == bytes)
        expectRefusal(.badSignature) { try receipt.verify(leaf: .leaf(of: entries[43]), key: log) }
    }
}
