import Testing
import TransparencyLog

@Suite struct TLogProofTests {
    private let tree = ReferenceTree(leafCount: 11)
    private let log: SigningKey
    private let policy: TrustPolicy
    private let proof: TLogProof

    init() throws {
        log = try SigningKey(name: "log.example", seed: [UInt8](repeating: 1, count: 32))
        policy = try TrustPolicy(parsing: Array("log \(log.verifier)\nquorum none\n".utf8))
        let tree = tree
        let checkpoint = try Checkpoint(origin: "log.example", size: 11, root: tree.root(11))
        proof = TLogProof(
            try InclusionProof(index: 5, size: 11) { tree.hash($0) },
            checkpoint: try SignedCheckpoint(checkpoint, signedBy: log), extra: [1, 2, 3])
    }

    @Test func itRoundTripsAndVerifies() throws {
        let parsed = try TLogProof(parsing: proof.bytes)
        #expect(parsed == proof)
        #expect(parsed.bytes == proof.bytes)
        #expect(try parsed.verify(leaf: tree.leaves[5], policy: policy).checkpoint.head.root == tree.root(11))
        expectRefusal(.badProof) { try parsed.verify(leaf: tree.leaves[4], policy: policy) }
        let other = TLogProof(index: 4, path: parsed.path, checkpoint: parsed.checkpoint)
        expectRefusal(.badProof) { try other.verify(leaf: tree.leaves[5], policy: policy) }
    }

    /// Of all single flipped bits only those in the unauthenticated line are not noticed, and they change nothing else.
    @Test func everyFlippedBitIsNoticed() throws {
        for position in proof.bytes.indices {
            for bit in 0..<8 {
                var changed = proof.bytes
                changed[position] ^= 1 << UInt8(bit)
                guard let parsed = try? TLogProof(parsing: changed),
                    (try? parsed.verify(leaf: tree.leaves[5], policy: policy)) != nil
                else { continue }
                #expect(parsed.extra != proof.extra, "byte \(position), bit \(bit)")
                #expect((parsed.index, parsed.path) == (proof.index, proof.path))
                #expect(parsed.checkpoint == proof.checkpoint)
            }
        }
    }

    @Test func otherSpellingsAreRefused() throws {
        let hash = MerkleHash.emptyTree.base64
        for text in [
            "", "c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v1\n", "c2sp.org/tlog-proof@v2\nindex 0\n\nx\n",
            "c2sp.org/tlog-proof@v1\nindex 05\n\nx\n", "c2sp.org/tlog-proof@v1\nindex +5\n\nx\n",
            "c2sp.org/tlog-proof@v1\nindex\n\nx\n", "c2sp.org/tlog-proof@v1\nindex 5 \n\nx\n",
            "c2sp.org/tlog-proof@v1\nextra \nindex 5\n\nx\n", "c2sp.org/tlog-proof@v1\nextra AQ=\nindex 5\n\nx\n",
            "c2sp.org/tlog-proof@v1\nindex 5\nextra AQ==\n\nx\n", "c2sp.org/tlog-proof@v1\nindex 5\n\(hash)\nx\n",
            "c2sp.org/tlog-proof@v1\nindex 5\n\(hash)", "c2sp.org/tlog-proof@v1\r\nindex 5\r\n\r\nx\r\n",
            "c2sp.org/tlog-proof@v1\nindex 5\n" + String(repeating: "\(hash)\n", count: 64) + "\nx\n",
        ] {
            expectRefusal(.badProof, "\(text)") { try TLogProof(parsing: Array(text.utf8)) }
        }
        let full = "c2sp.org/tlog-proof@v1\nindex 5\n" + String(repeating: "\(hash)\n", count: 63) + "\nx\n"
        #expect(try TLogProof(parsing: Array(full.utf8)).path.count == 63)
    }
}
