import Testing
import TransparencyLog

@Suite struct KeyTests {
    private let seed = [UInt8](1...32)

    @Test func keysRoundTripThroughText() throws {
        for name in ["a", "log.example/org/7c2e", "zähler.example", "名前"] {
            let key = try SigningKey(name: name, seed: seed)
            #expect(try VerifierKey(parsing: key.verifier.text) == key.verifier)
            #expect(try SigningKey(parsing: key.privateText).verifier == key.verifier)
            let cosigner = try CosigningKey(name: name, seed: seed)
            #expect(try VerifierKey(parsing: cosigner.verifier.text) == cosigner.verifier)
            #expect(try CosigningKey(parsing: cosigner.privateText).verifier == cosigner.verifier)
            #expect(cosigner.verifier.keyID != key.verifier.keyID)
            expectRefusal(.badKey) { try SigningKey(parsing: cosigner.privateText) }
            expectRefusal(.badKey) { try CosigningKey(parsing: key.privateText) }
        }
    }

    @Test(arguments: ["", "two words", "plus+", "tab\t", "line\n", "no\u{A0}break", "para\u{2029}graph", "nul\u{0}"])
    func badNamesAreRefused(name: String) {
        expectRefusal(.badKey) { try SigningKey(name: name, seed: seed) }
    }

    @Test func wrongLengthsAreRefused() throws {
        for count in [0, 31, 33, 64] {
            let bytes = [UInt8](repeating: 5, count: count)
            expectRefusal(.badKey) { try SigningKey(name: "node.example", seed: bytes) }
            expectRefusal(.badKey) { try VerifierKey(name: "node.example", type: .ed25519, publicKey: bytes) }
            expectRefusal(.badKey) { try VerifierKey(name: "node.example", type: .cosignature, publicKey: bytes) }
        }
    }

    /// All eight points of small order, all their second encodings, and every y that is not reduced.
    @Test func dangerousPointsAreRefused() {
        func point(_ low: UInt8, fill: UInt8, high: UInt8) -> [UInt8] {
            [low] + [UInt8](repeating: fill, count: 30) + [high]
        }
        for sign: UInt8 in [0, 0x80] {
            for low: UInt8 in [0, 1] {
                expectRefusal(.badKey) { try verifier(point(low, fill: 0, high: sign)) }
            }
            for low: UInt8 in 0xEC...0xFF {
                expectRefusal(.badKey) { try verifier(point(low, fill: 0xFF, high: 0x7F | sign)) }
            }
            // One below is a reduced y of no small order.
            #expect(throws: Never.self) { try verifier(point(0xEB, fill: 0xFF, high: 0x7F | sign)) }
        }
    }

    private func verifier(_ key: [UInt8]) throws -> VerifierKey {
        try VerifierKey(name: "node.example", type: .ed25519, publicKey: key)
    }

    @Test func otherSpellingsOfAVerifierKeyAreRefused() throws {
        let text = try SigningKey(name: "node.example", seed: seed).verifier.text
        let parts = text.split(separator: "+", maxSplits: 2).map(String.init)
        for other in [
            "\(parts[0])+\(parts[1].uppercased())x+\(parts[2])", "\(parts[0])+\(parts[1].dropFirst())+\(parts[2])",
            "\(parts[0])+0\(parts[1])+\(parts[2])", "\(parts[0])+\(parts[1])+\(parts[2])=",
            "\(parts[0])+00000000+\(parts[2])",
            " \(text)", "\(text)\n", "\(parts[0])+\(parts[1])", "", "++", "\(parts[0])+\(parts[1])+",
        ] {
            expectRefusal(.badKey) { try VerifierKey(parsing: other) }
        }
        let upper = parts[1].uppercased()
        if upper != parts[1] { expectRefusal(.badKey) { try VerifierKey(parsing: "\(parts[0])+\(upper)+\(parts[2])") } }
    }

    /// ECDSA keys are known and ignored; their key ID is over the DER alone, whatever the name.
    @Test func unsupportedKindsAreCarriedAndIgnored() throws {
        let der = [UInt8](repeating: 0x30, count: 91)
        let key = try VerifierKey(name: "old.example", type: .ecdsa, publicKey: der)
        #expect(key.keyIDHexadecimal == String(MerkleHash.sha256(of: der).hexadecimal.prefix(8)))
        #expect(try VerifierKey(parsing: key.text) == key)
        let signer = try SigningKey(name: "node.example", seed: seed)
        let text = Array("text\n".utf8)
        let keyID = try #require(Hexadecimal.decode(key.keyIDHexadecimal))
        let line = Array("— old.example \(Base64.encode(keyID + [1, 2, 3]))".utf8)
        let note = try SignedNote(
            text: text, signatures: [NoteSignature(parsingLine: line[...]), signer.signature(for: text[...])])
        #expect(try note.open(with: [key, signer.verifier]).unverified.count == 1)
        expectRefusal(.unsigned) { try note.open(with: [key]) }
    }

    /// A second spelling of a letter is another name, though Swift's strings call them equal.
    @Test func namesAreComparedAsBytes() throws {
        let composed = try SigningKey(name: "z\u{E4}hler", seed: seed)
        let decomposed = try SigningKey(name: "za\u{308}hler", seed: seed)
        #expect(composed.name == decomposed.name)
        #expect(composed.verifier != decomposed.verifier)
        let note = try composed.sign(Array("text\n".utf8))
        expectRefusal(.unsigned) { try note.open(with: [decomposed.verifier]) }
    }

    @Test func secretsAreNotPrinted() throws {
        let key = try SigningKey(name: "node.example", seed: seed)
        let cosigner = try CosigningKey(name: "node.example", seed: seed)
        var dumped = ""
        dump(key, to: &dumped)
        dump(cosigner, to: &dumped)
        for text in ["\(key)", String(reflecting: key), "\(cosigner)", String(reflecting: cosigner), dumped] {
            #expect(!text.contains("PRIVATE"))
            #expect(!text.contains(Base64.encode([1] + seed).dropLast(4)))
        }
        let damaged = String(key.privateText.dropLast())
        let reason = expectRefusal(.badKey) { try SigningKey(parsing: damaged) }
        #expect(!reason.contains(Base64.encode([1] + seed).prefix(10)))
    }
}
