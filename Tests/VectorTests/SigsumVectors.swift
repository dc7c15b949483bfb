import Testing
import TransparencyLog

/// Sigsum logs hash and sign in the same formats, so its proofs exercise ours against keys of others.
@Suite struct SigsumVectors {
    struct Case: Decodable {
        var proof: String
        var messageHex: String
        var logKeySsh: String
        var submitKeySsh: String
        var witnessKeySsh: String?
    }

    /// The fields of `key=value` lines, by key.
    private func fields(_ text: String) -> [String: [String]] {
        var fields: [String: [String]] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
            fields[parts[0], default: []].append(parts[1])
        }
        return fields
    }

    private func publicKey(ssh text: String) throws -> [UInt8] {
        Array(try #require(Base64.decode(String(text.split(separator: " ")[1]))).suffix(32))
    }

    private func bytes(_ hexadecimal: some StringProtocol) throws -> [UInt8] {
        try #require(Hexadecimal.decode(String(hexadecimal)))
    }

    @Test func proofs() throws {
        let cases: [Case] = try VectorFile.decode("sigsum/proofs-v2.json")
        for vector in cases {
            let fields = fields(vector.proof)
            let logKey = try publicKey(ssh: vector.logKeySsh)
            let origin = "sigsum.org/v1/tree/\(MerkleHash.sha256(of: logKey).hexadecimal)"
            #expect(fields["log"] == [MerkleHash.sha256(of: logKey).hexadecimal])

            let leafFields = try #require(fields["leaf"]).joined().split(separator: " ")
            let checksum = MerkleHash.sha256(of: try bytes(vector.messageHex))
            let submitter = try VerifierKey(
                name: "submitter", type: .ed25519, publicKey: publicKey(ssh: vector.submitKeySsh))
            let signature = try bytes(leafFields[1])
            let statement = Array("sigsum.org/v1/tree-leaf".utf8) + [0] + checksum.bytes
            #expect(submitter.isValidSignature(signature, for: statement))
            let leaf = checksum.bytes + signature + MerkleHash.sha256(of: submitter.publicKey).bytes

            let size = try #require(UInt64(VectorFile.first(fields["size"])))
            let root = try #require(MerkleHash(hexadecimal: VectorFile.first(fields["root_hash"])))
            let checkpoint = try Checkpoint(origin: origin, size: size, root: root)
            let log = try VerifierKey(name: origin, type: .ed25519, publicKey: logKey)
            let headSignature = try bytes(VectorFile.first(fields["signature"]))
            #expect(log.isValidSignature(headSignature, for: checkpoint.text))
            try verifyCosignature(vector, of: checkpoint, fields: fields)

            let path = try (fields["node_hash"] ?? []).map { try #require(MerkleHash(hexadecimal: $0)) }
            let index = try #require(UInt64(VectorFile.first(fields["leaf_index"])))
            try InclusionProof(index: index, size: size, path: path).verify(leaf: .leaf(of: leaf), root: root)
        }
    }

    private func verifyCosignature(_ vector: Case, of checkpoint: Checkpoint, fields: [String: [String]]) throws {
        guard let ssh = vector.witnessKeySsh else { return }
        let witness = try VerifierKey(name: "witness.example", type: .cosignature, publicKey: publicKey(ssh: ssh))
        let parts = try #require(fields["cosignature"]?.first).split(separator: " ")
        let time = try #require(UInt64(parts[1]))
        let timeBytes = (0..<8).map { UInt8(time >> (56 - 8 * UInt64($0)) & 0xFF) }
        let keyID = try #require(Hexadecimal.decode(witness.keyIDHexadecimal))
        let line = "— witness.example \(Base64.encode(keyID + timeBytes + (try bytes(parts[2]))))"
        let signature = try NoteSignature(parsingLine: Array(line.utf8)[...])
        #expect(witness.isValidSignature(signature, for: checkpoint.text[...]))
        #expect(Cosignature(signature)?.time == time)
    }

    /// Sigsum's own policy files have bare keys without names: refused, with the line.
    @Test func builtinPolicyIsOfAnotherFormat() throws {
        let bytes = try VectorFile.bytes("sigsum/sigsum-generic-2025-1.builtin-policy")
        expectRefusal(.badPolicy) { try TrustPolicy(parsing: bytes) }
        do {
            _ = try TrustPolicy(parsing: bytes)
        } catch {
            #expect(error.reason.hasPrefix("line 5: "))
        }
    }
}
