import Testing
import TransparencyLog

/// The edge cases on which Ed25519 libraries disagree (C2SP CCTV).
@Suite struct Ed25519Vectors {
    struct Case: Decodable {
        var number: Int
        var key: String
        var sig: String
        var msg: String
        var flags: [String]?
    }

    @Test func edgeCases() throws {
        let cases: [Case] = try VectorFile.decode("cctv-ed25519/ed25519vectors.json")
        #expect(cases.count == 914)
        var refused = 0
        var accepted = 0
        for vector in cases {
            let flags = Set(vector.flags ?? [])
            let bytes = try #require(Hexadecimal.decode(vector.key))
            let mustRefuse = !flags.isDisjoint(with: ["low_order_A", "non_canonical_A"])
            guard let key = try? VerifierKey(name: "edge.example", type: .ed25519, publicKey: bytes) else {
                #expect(mustRefuse, "vector \(vector.number) has a good key")
                refused += 1
                continue
            }
            #expect(!mustRefuse, "vector \(vector.number) has a bad key")
            // What the reference implementation accepts: no cofactor, R compared as bytes, S reduced.
            let want = flags.isDisjoint(with: ["low_order_residue", "non_canonical_R", "reencoded_k"])
            let signature = try #require(Hexadecimal.decode(vector.sig))
            #expect(key.isValidSignature(signature, for: Array(vector.msg.utf8)) == want, "vector \(vector.number)")
            accepted += want ? 1 : 0
        }
        #expect(refused == 526)
        #expect(accepted == 86)
    }
}
