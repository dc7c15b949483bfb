import SeededRandom
import Testing
import TransparencyLog

@Suite struct SignedNoteTests {
    private let key: SigningKey
    private let other: SigningKey
    private let text = Array("one\n\ntwo — three\n".utf8)

    init() throws {
        key = try SigningKey(name: "node-1.example", seed: [UInt8](repeating: 1, count: 32))
        other = try SigningKey(name: "node-2.example", seed: [UInt8](repeating: 2, count: 32))
    }

    private func parse(_ text: String) throws -> SignedNote { try SignedNote(parsing: Array(text.utf8)) }

    /// A line that is well formed, of a key that nobody has.
    private func line(_ number: Int) -> String {
        let content = [0, 0, UInt8(number >> 8), UInt8(number & 0xFF)] + [UInt8](repeating: 9, count: 64)
        return "— stranger.example \(Base64.encode(content))\n"
    }

    @Test func textsMayHaveEmptyLinesAndEndWithThem() throws {
        for text in [
            "one\n\ntwo\n", "\n", "\n\n", "a\n\n\n", "— looks like a signature\n", "— \n\n— \n", "ünïcödé 😀\n",
        ] {
            let note = try key.sign(Array(text.utf8))
            let parsed = try SignedNote(parsing: note.bytes)
            #expect(Array(parsed.text) == Array(text.utf8))
            #expect(parsed == note)
            #expect(try parsed.open(with: [key.verifier]).verified.count == 1)
        }
    }

    @Test func malformedNotesAreRefused() throws {
        let signature = String(decoding: try key.signature(for: Array("text\n".utf8)[...]).line, as: UTF8.self)
        _ = try parse("text\n\n\(signature)")
        let encoded = String(signature.split(separator: " ")[2].dropLast())
        for (note, why) in [
            ("", "nothing"), ("\n", "one line feed"), ("text\n", "no signature"), ("text\n\n", "no signature line"),
            ("text\n\(signature)", "no empty line"), ("text\n\n\(signature.dropLast())", "no final line feed"),
            ("text\n\n\(signature)\n", "an empty line at the end"), ("text\n\n\(signature)x", "an unfinished line"),
            ("text\r\n\r\n\(signature)", "carriage returns"),
            ("text\n\n\(signature.dropLast())\r\n", "carriage return"),
            ("te\u{0}xt\n\n\(signature)", "NUL"), ("te\txt\n\n\(signature)", "tab"),
            ("te\u{1F}xt\n\n\(signature)", "control"),
            ("text\n\n- node-1.example \(encoded)\n", "hyphen"), ("text\n\n—node-1.example \(encoded)\n", "no space"),
            ("text\n\n—  node-1.example \(encoded)\n", "two spaces"), ("text\n\n—  \(encoded)\n", "empty name"),
            ("text\n\n— node-1.example  \(encoded)\n", "two spaces"), ("text\n\n— node-1.example \n", "no signature"),
            ("text\n\n— node-1.example\n", "no signature"), ("text\n\n— no+de \(encoded)\n", "plus in the name"),
            ("text\n\n— no\u{A0}de \(encoded)\n", "no-break space"),
            ("text\n\n— no\u{2003}de \(encoded)\n", "em space"),
            ("text\n\n— no\u{3000}de \(encoded)\n", "ideographic space"), ("text\n\n— no\tde \(encoded)\n", "tab"),
            ("text\n\n— node-1.example \(encoded) \n", "trailing space"),
            ("text\n\n— node-1.example AAAA\n", "too short"),
            ("text\n\n— node-1.example AAAAAA==\n", "key ID alone"),
            ("text\n\n— node-1.example \(encoded.dropLast())\n", "cut"),
            ("text\n\n— node-1.example AAAAAAB=\n", "stray bits"),
            ("text\n\n— node-1.example AAAAA-A=\n", "other alphabet"),
        ] {
            expectRefusal(.badNote, "\(why)") { try parse(note) }
        }
        expectRefusal(.badNote) { try SignedNote(parsing: [0xFF, 10, 10] + Array(signature.utf8)) }
        expectRefusal(.badNote) { try SignedNote(parsing: [0xC0, 0x80, 10, 10] + Array(signature.utf8)) }
        expectRefusal(.badNote) {
            try SignedNote(parsing: Array("text\n\n— ".utf8) + [0xFF] + Array(" \(encoded)\n".utf8))
        }
    }

    @Test func numbersOfSignaturesAreBounded() throws {
        for count in [1, 16, 17, 100] {
            let note = try parse("text\n\n" + (0..<count).map(line).joined())
            #expect(note.signatures.count == count)
        }
        expectRefusal(.badNote) { try parse("text\n\n" + (0..<101).map(line).joined()) }
        expectRefusal(.badNote) { try SignedNote(text: text, signatures: []) }
        expectRefusal(.badNote) { try SignedNote(parsing: Array("text\n\n\(line(1))".utf8), maximumByteCount: 50) }
        expectRefusal(.badNote) { try key.sign(Array("text".utf8)) }
        expectRefusal(.badNote) { try key.sign([]) }
        expectRefusal(.badNote) { try key.sign(Array("a\rb\n".utf8)) }
    }

    @Test func openingTellsWhoSigned() throws {
        let signatures = try [key.signature(for: text[...]), other.signature(for: text[...])]
        let note = try SignedNote(text: text, signatures: signatures + signatures)
        let opened = try note.open(with: [other.verifier])
        #expect(opened.verified.map(\.key) == [other.verifier])
        #expect(opened.unverified == [signatures[0]])
        #expect(try note.open(with: [key.verifier, other.verifier]).verified.count == 2)
        expectRefusal(.unsigned) { try note.open(with: []) }
        let stranger = try SigningKey(name: "node-1.example", seed: [UInt8](repeating: 3, count: 32))
        expectRefusal(.unsigned) { try note.open(with: [stranger.verifier]) }
    }

    /// A bad line of a known key beside its good line: somebody tampered.
    @Test func oneBadSignatureOfAKnownKeyRefusesTheNote() throws {
        let good = try key.signature(for: text[...])
        let bad = try key.signature(for: Array("another\n".utf8)[...])
        for signatures in [[good, bad], [bad, good]] {
            let note = try SignedNote(text: text, signatures: signatures)
            expectRefusal(.badSignature) { try note.open(with: [key.verifier]) }
        }
        #expect(try SignedNote(text: text, signatures: [good]).adding([good]).signatures == [good])
    }

    @Test func everyFlippedBitIsNoticed() throws {
        let note = try key.sign(Array("size 12\nö\n".utf8)).bytes
        for position in note.indices {
            for bit in 0..<8 {
                var changed = note
                changed[position] ^= 1 << UInt8(bit)
                #expect(throws: TransparencyLogError.self, "byte \(position), bit \(bit)") {
                    try SignedNote(parsing: changed).open(with: [key.verifier])
                }
            }
        }
    }

    /// What parses renders to the same bytes, however it came to be.
    @Test func parsingIsInverseToRendering() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededRandom(seed: seed)
        let alphabet = Array("a \n—+é=\t\r0Az/".utf8)
        let original = try key.sign(Array("line\n\nline\n".utf8)).bytes
        var parsed = 0
        for _ in 0..<3000 {
            var bytes = original
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                let position = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[position] = alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
                case 1: bytes.remove(at: position)
                default: bytes.insert(alphabet[Int.random(in: 0..<alphabet.count, using: &random)], at: position)
                }
            }
            guard let note = try? SignedNote(parsing: bytes) else { continue }
            parsed += 1
            let again = try SignedNote(text: Array(note.text), signatures: note.signatures)
            #expect(again.bytes == bytes, "seed \(seed)")
        }
        #expect(parsed > 0)
    }
}
