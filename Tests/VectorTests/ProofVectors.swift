import Testing
import TransparencyLog

@Suite struct ProofVectors {
    struct Cases: Decodable {
        struct Rendered: Decodable {
            var index: UInt64
            var hashes: [String]
            var checkpoint: String
            var extraUtf8: String?
            var want: String
        }
        var marshal: [Rendered]
        var reject: [String]
    }

    @Test func transparencyDevProofs() throws {
        let cases: Cases = try VectorFile.decode("transparency-dev-formats/tlog-proof.json")
        for vector in cases.marshal {
            let proof = TLogProof(
                index: vector.index, path: try vector.hashes.map { try #require(MerkleHash(base64: $0)) },
                checkpoint: Array(vector.checkpoint.utf8), extra: vector.extraUtf8.map { Array($0.utf8) })
            #expect(proof.bytes == Array(vector.want.utf8))
            #expect(try TLogProof(parsing: proof.bytes) == proof)
        }
        for text in cases.reject { expectRefusal(.badProof) { try TLogProof(parsing: Array(text.utf8)) } }
    }

    struct RekorResponse: Decodable {
        struct Inclusion: Decodable {
            struct Checkpoint: Decodable { var envelope: String }
            var logIndex: String
            var rootHash: String
            var treeSize: String
            var hashes: [String]
            var checkpoint: Checkpoint
        }
        var inclusionProof: Inclusion
        var canonicalizedBody: String
    }

    @Test func rekorEntry() throws {
        let response: RekorResponse = try VectorFile.decode("rekor-v2/entry-response-example.json")
        let signed = try SignedCheckpoint(parsing: Array(response.inclusionProof.checkpoint.envelope.utf8))
        let body = try #require(Base64.decode(response.canonicalizedBody))
        let proof = try InclusionProof(
            index: try #require(UInt64(response.inclusionProof.logIndex)), size: signed.checkpoint.size,
            path: try response.inclusionProof.hashes.map { try #require(MerkleHash(base64: $0)) })
        try proof.verify(leaf: .leaf(of: body), root: signed.checkpoint.root)
        // Published as base64 of hexadecimal.
        let published = try #require(Base64.decode(response.inclusionProof.rootHash))
        #expect(published == Array(signed.checkpoint.root.hexadecimal.utf8))
    }
}
