import Testing
import TransparencyLog

@Suite struct CheckpointVectors {
    struct TesseraKeys: Decodable {
        var vkey: String
        var skeyPublishedTestOnly: String
        var entriesInOrder: [String]
    }

    @Test func tesseraCheckpoints() throws {
        let keys: TesseraKeys = try VectorFile.decode("tessera-testlog/keys.json")
        let log = try VerifierKey(parsing: keys.vkey)
        let signer = try SigningKey(parsing: keys.skeyPublishedTestOnly)
        var frontier = MerkleFrontier()
        for size in 0...15 {
            let bytes = try VectorFile.bytes("tessera-testlog/checkpoint.\(size)")
            let verified = try SignedCheckpoint(parsing: bytes).verify(origin: "example.com/log/testdata", log: log)
            #expect(verified.head == TreeHead(size: UInt64(size), root: frontier.root))
            #expect(try SignedCheckpoint(verified.checkpoint, signedBy: signer).bytes == bytes)
            if size < 15 { frontier.append(.leaf(of: Array(keys.entriesInOrder[size].utf8))) }
        }
        #expect(try VectorFile.bytes("tessera-testlog/checkpoint") == VectorFile.bytes("tessera-testlog/checkpoint.15"))
    }

    struct ParseCases: Decodable {
        struct Accepted: Decodable {
            var text: String
            var rest: String
        }
        var accept: [Accepted]
        var reject: [String]
    }

    /// Their parser takes roots of any length; ours takes 32 bytes, so the accepted texts are tried with such a root.
    @Test func transparencyDevTexts() throws {
        let cases: ParseCases = try VectorFile.decode("transparency-dev-formats/checkpoint-parse.json")
        for vector in cases.accept {
            expectRefusal(.badCheckpoint) { try Checkpoint(parsing: Array(vector.text.utf8)[...]) }
            var lines = vector.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            lines[2] = MerkleHash.emptyTree.base64
            let text = Array(lines.joined(separator: "\n").utf8)
            let checkpoint = try Checkpoint(parsing: text[...])
            #expect(checkpoint.text == text)
            #expect(checkpoint.extensionLines.map { $0 + "\n" }.joined() == vector.rest)
        }
        for text in cases.reject { expectRefusal(.badCheckpoint) { try Checkpoint(parsing: Array(text.utf8)[...]) } }
    }

    @Test func c2spExamplesParse() throws {
        for path in ["c2sp/checkpoint-example.txt", "c2sp/cosigned-checkpoint-example.txt"] {
            let bytes = try VectorFile.bytes(path)
            let signed = try SignedCheckpoint(parsing: bytes)
            #expect(signed.checkpoint.origin == "example.com/behind-the-sofa")
            #expect(signed.checkpoint.size == 20_852_163)
            let again = try SignedNote(text: signed.checkpoint.text, signatures: signed.note.signatures)
            #expect(again.bytes == bytes)
        }
        let cosigned = try SignedNote(parsing: VectorFile.bytes("c2sp/cosigned-checkpoint-example.txt"))
        #expect(Cosignature(cosigned.signatures[1])?.time == 1_679_315_147)
    }

    struct SumDatabase: Decodable {
        var vkey: String
        var checkpoint: String
    }

    /// A real head, whose key name is not its origin.
    @Test func goChecksumDatabase() throws {
        let vector: SumDatabase = try VectorFile.decode("torchwood-litewitness/sumdb-real-checkpoint.json")
        let verified = try SignedCheckpoint(parsing: Array(vector.checkpoint.utf8))
            .verify(origin: "go.sum database tree", log: VerifierKey(parsing: vector.vkey))
        #expect(verified.head.size == 35_225_469)
    }

    struct GoTreeText: Decodable {
        struct Tree: Decodable {
            var origin: String
            var size: UInt64
            var hashOfLeafUtf8: String
            var want: String
        }
        var treeText: Tree
    }

    @Test func goTreeText() throws {
        let vector = try VectorFile.decode("golang-x-mod/tlog.json", as: GoTreeText.self).treeText
        let checkpoint = try Checkpoint(
            origin: vector.origin, size: vector.size, root: .leaf(of: Array(vector.hashOfLeafUtf8.utf8)))
        #expect(String(decoding: checkpoint.text, as: UTF8.self) == vector.want)
    }

    struct CosignatureCase: Decodable {
        var sigB64: String
        var timestamp: UInt64?
    }

    @Test func cosignatureTimes() throws {
        let cases: [CosignatureCase] = try VectorFile.decode("transparency-dev-formats/cosignature-timestamp.json")
        for vector in cases {
            let line = Array("— witness.example \(vector.sigB64)".utf8)
            let signature = try? NoteSignature(parsingLine: line[...])
            #expect(signature.flatMap { Cosignature($0) }?.time == vector.timestamp)
        }
    }

    struct SigsumCheckpoint: Decodable {
        var privateSeedHexPublishedTestOnly: String
        var checkpoint: String
    }

    @Test func sigsumCheckpoint() throws {
        let vector: SigsumCheckpoint = try VectorFile.decode("sigsum/checkpoint-signed.json")
        let signed = try SignedCheckpoint(parsing: Array(vector.checkpoint.utf8))
        let seed = try #require(Hexadecimal.decode(vector.privateSeedHexPublishedTestOnly))
        let key = try SigningKey(name: signed.checkpoint.origin, seed: seed)
        let keyHash = MerkleHash.sha256(of: key.verifier.publicKey)
        #expect(signed.checkpoint.origin == "sigsum.org/v1/tree/\(keyHash.hexadecimal)")
        _ = try signed.verify(origin: signed.checkpoint.origin, log: key.verifier)
        #expect(try SignedCheckpoint(signed.checkpoint, signedBy: key).bytes == signed.bytes)
    }
}
