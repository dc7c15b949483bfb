import Testing
import TransparencyLog

@Suite struct NoteVectors {
    struct GoNotes: Decodable {
        struct Case: Decodable {
            var note: String
            var trusted: [String]
            var verified: Int?
            var unverified: Int?
        }
        var skeyPublishedTestOnly: [String: String]
        var vkeys: [String: String]
        var badVkeys: [String]
        var text: String
        var sigPeter: String
        var sigEnoch: String
        var valid: [Case]
        var invalidSignature: [String]
        var unverified: [Case]
        var malformed: [String]
        var malformedBytesHex: [String]
    }

    private let vectors: GoNotes

    init() throws { vectors = try VectorFile.decode("golang-x-mod/note.json") }

    private func keys(_ names: [String]) throws -> [VerifierKey] {
        try names.map { try VerifierKey(parsing: try #require(vectors.vkeys[$0])) }
    }

    @Test func goKeysRoundTrip() throws {
        for (name, text) in vectors.vkeys {
            let key = try VerifierKey(parsing: text)
            #expect(key.name == name)
            #expect(key.text == text)
        }
        let peterText = try #require(vectors.skeyPublishedTestOnly["PeterNeumann"])
        let peter = try SigningKey(parsing: peterText)
        #expect(peter.privateText == peterText)
        #expect(peter.verifier.text == vectors.vkeys["PeterNeumann"])
        let enoch = try SigningKey(name: "EnochRoot", seed: [UInt8](repeating: 0, count: 32))
        #expect(enoch.verifier.text == vectors.vkeys["EnochRoot"])
    }

    @Test func goSignaturesAreReproduced() throws {
        let peter = try SigningKey(parsing: try #require(vectors.skeyPublishedTestOnly["PeterNeumann"]))
        let enoch = try SigningKey(name: "EnochRoot", seed: [UInt8](repeating: 0, count: 32))
        let text = Array(vectors.text.utf8)
        #expect(try peter.sign(text).bytes == Array("\(vectors.text)\n\(vectors.sigPeter)".utf8))
        let both = try SignedNote(
            text: text, signatures: [peter.signature(for: text[...]), enoch.signature(for: text[...])])
        #expect(both.bytes == Array(vectors.valid[0].note.utf8))
    }

    @Test func goNotesOpen() throws {
        for vector in vectors.valid {
            let note = try SignedNote(parsing: Array(vector.note.utf8))
            let opened = try note.open(with: keys(vector.trusted))
            #expect(opened.verified.count == vector.verified)
            #expect(opened.unverified.count == vector.unverified)
            let again = try SignedNote(text: Array(note.text), signatures: note.signatures)
            #expect(again.bytes == Array(vector.note.utf8))
        }
    }

    @Test func goRefusals() throws {
        for text in vectors.invalidSignature {
            let note = try SignedNote(parsing: Array(text.utf8))
            expectRefusal(.badSignature) { try note.open(with: keys(["PeterNeumann"])) }
        }
        for vector in vectors.unverified {
            let note = try SignedNote(parsing: Array(vector.note.utf8))
            expectRefusal(.unsigned) { try note.open(with: keys(vector.trusted)) }
        }
        for text in vectors.malformed { expectRefusal(.badNote) { try SignedNote(parsing: Array(text.utf8)) } }
        for hex in vectors.malformedBytesHex {
            let bytes = try #require(Hexadecimal.decode(hex))
            expectRefusal(.badNote) { try SignedNote(parsing: bytes) }
        }
    }

    @Test func goBadKeys() throws {
        for text in vectors.badVkeys where text.contains("+") {
            expectRefusal(.badKey) { try VerifierKey(parsing: text) }
        }
        let good = Array(try #require(vectors.vkeys["PeterNeumann"]).utf8)
        for start in good.indices {
            for end in start...good.count where end - start < good.count {
                expectRefusal(.badKey) { try VerifierKey(parsing: String(decoding: good[start..<end], as: UTF8.self)) }
            }
            var changed = good
            changed[start] += 1
            expectRefusal(.badKey) { try VerifierKey(parsing: String(decoding: changed, as: UTF8.self)) }
        }
    }

    struct C2SPNote: Decodable {
        var vkey: String
        var note: String
    }

    @Test func c2spExample() throws {
        let vector: C2SPNote = try VectorFile.decode("c2sp/signed-note-example.json")
        let opened = try SignedNote(parsing: Array(vector.note.utf8)).open(with: [VerifierKey(parsing: vector.vkey)])
        #expect(opened.verified.count == 1)
        #expect(Array(opened.text) == Array("This is an example message.\n".utf8))
    }

    struct FormatKeys: Decodable {
        struct Wrong: Decodable { var vkey: String }
        var accept: [String]
        var publishedButWrongKeyId: Wrong
        var reject: [String]
    }

    @Test func transparencyDevKeys() throws {
        let vectors: FormatKeys = try VectorFile.decode("transparency-dev-formats/vkeys-cosignature.json")
        for text in vectors.accept { #expect(try VerifierKey(parsing: text).text == text) }
        for text in vectors.reject { expectRefusal(.badKey) { try VerifierKey(parsing: text) } }
        // Published with a key ID that is not its key's. With the right one it is known and ignored.
        let wrong = vectors.publishedButWrongKeyId.vkey
        expectRefusal(.badKey) { try VerifierKey(parsing: wrong) }
        let right = try VerifierKey(parsing: wrong.replacing("+5893dc2c+", with: "+31236897+"))
        #expect(right.type == .mlDSA44Cosignature)
        #expect(!right.type.isSupported)
    }
}

/// Expects a refusal of the module's own kind with this code.
func expectRefusal<Value>(
    _ code: TransparencyLogError.Code, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Value
) {
    do {
        _ = try body()
        Issue.record("accepted, expected \(code)", sourceLocation: sourceLocation)
    } catch let error as TransparencyLogError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        #expect(!error.description.contains("\n"), sourceLocation: sourceLocation)
    } catch {
        Issue.record("unexpected \(error)", sourceLocation: sourceLocation)
    }
}
