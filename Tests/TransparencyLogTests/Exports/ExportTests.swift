import Testing
import TransparencyLog

@Suite struct ExportTests {
    private let tree = ReferenceTree(leafCount: 13)
    private let key: SigningKey

    init() throws { key = try SigningKey(name: "log.example", seed: [UInt8](repeating: 1, count: 32)) }

    @Test func envelopesAreSignedAndVerified() throws {
        let second = try SigningKey(name: "organization.example", seed: [UInt8](repeating: 2, count: 32))
        let stranger = try SigningKey(name: "log.example", seed: [UInt8](repeating: 3, count: 32))
        let envelope = try DSSEEnvelope(
            payloadType: "application/vnd.in-toto+json", payload: Array("{}".utf8), signedBy: [key, second])
        #expect(try envelope.signers(among: [second.verifier, stranger.verifier]) == [second.verifier])
        #expect(try envelope.signers(among: [key.verifier, second.verifier]).count == 2)
        expectRefusal(.unsigned) { try envelope.signers(among: [stranger.verifier]) }
        let retyped = DSSEEnvelope(
            payloadType: "text/plain", payload: envelope.payload, signatures: envelope.signatures)
        expectRefusal(.unsigned) { try retyped.signers(among: [key.verifier]) }
    }

    @Test func envelopesBecomeJSON() {
        let envelope = DSSEEnvelope(
            payloadType: "a\"b\\c\n", payload: [1],
            signatures: [DSSEEnvelope.Signature(keyID: "k", value: [2]), DSSEEnvelope.Signature(keyID: "é", value: [])])
        let signatures = ##"[{"keyid":"k","sig":"Ag=="},{"keyid":"é","sig":""}]"##
        #expect(
            envelope.json
                == ##"{"payload":"AQ==","payloadType":"a\"b\\c\u000a","signatures":\##(signatures)}"##)
    }

    @Test func lengthsKeepTypeAndPayloadApart() {
        #expect(
            DSSEEnvelope.preAuthenticationEncoding(payloadType: "ab", payload: Array("c".utf8))
                != DSSEEnvelope.preAuthenticationEncoding(payloadType: "a", payload: Array("bc".utf8)))
        #expect(DSSEEnvelope.preAuthenticationEncoding(payloadType: "é", payload: []) == Array("DSSEv1 2 é 0 ".utf8))
    }

    @Test func receiptsRoundTripAndVerify() throws {
        for index in 0..<13 {
            let proof = try InclusionProof(index: UInt64(index), size: 13) { tree.hash($0) }
            let receipt = try COSEReceipt(.inclusion(proof), root: tree.root(13), signedBy: key)
            let decoded = try COSEReceipt(decoding: receipt.encoded)
            #expect(decoded == receipt)
            #expect(
                try decoded.verify(leaf: tree.leaves[index], key: key.verifier)
                    == TreeHead(size: 13, root: tree.root(13)))
            expectRefusal(.badSignature) { try decoded.verify(leaf: .emptyTree, key: key.verifier) }
        }
        for oldSize in 1...12 {
            let proof = try ConsistencyProof(oldSize: UInt64(oldSize), newSize: 13) { tree.hash($0) }
            let receipt = try COSEReceipt(.consistency(proof), root: tree.root(13), signedBy: key)
            let decoded = try COSEReceipt(decoding: receipt.encoded)
            let (old, new) = (
                TreeHead(size: UInt64(oldSize), root: tree.root(oldSize)), TreeHead(size: 13, root: tree.root(13))
            )
            try decoded.verify(old: old, new: new, key: key.verifier)
            expectRefusal(.badProof) {
                try decoded.verify(old: TreeHead(size: old.size, root: new.root), new: new, key: key.verifier)
            }
            expectRefusal(.badReceipt) { try decoded.verify(leaf: tree.leaves[0], key: key.verifier) }
        }
    }

    @Test func everyFlippedBitOfAReceiptIsNoticed() throws {
        let proof = try InclusionProof(index: 5, size: 13) { tree.hash($0) }
        let bytes = try COSEReceipt(.inclusion(proof), root: tree.root(13), signedBy: key).encoded
        for position in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[position] ^= 1 << UInt8(bit)
                guard let receipt = try? COSEReceipt(decoding: changed) else { continue }
                #expect(receipt.encoded == changed)
                #expect(throws: TransparencyLogError.self, "byte \(position), bit \(bit)") {
                    let head = try receipt.verify(leaf: tree.leaves[5], key: key.verifier)
                    // The size is not signed by itself; a receipt for another size must at least give another head.
                    if head != TreeHead(size: 13, root: tree.root(13)) {
                        throw TransparencyLogError(.badReceipt, "size")
                    }
                }
            }
        }
    }

    /// RFC 8949 appendix A, the part that is read.
    @Test(arguments: [
        ("00", CBOR.unsigned(0)), ("17", .unsigned(23)), ("1818", .unsigned(24)), ("1903e8", .unsigned(1000)),
        ("1a000f4240", .unsigned(1_000_000)), ("1b000000e8d4a51000", .unsigned(1_000_000_000_000)),
        ("1bffffffffffffffff", .unsigned(.max)), ("20", .integer(-1)), ("3903e7", .integer(-1000)),
        ("3bffffffffffffffff", .negative(.max)), ("40", .bytes([])), ("4401020304", .bytes([1, 2, 3, 4])),
        ("60", .text("")),
        ("62c3bc", .text("ü")), ("83010203", .array([.unsigned(1), .unsigned(2), .unsigned(3)])), ("f6", .null),
        ("a201020304", .map([CBOR.Pair(.unsigned(1), .unsigned(2)), CBOR.Pair(.unsigned(3), .unsigned(4))])),
        ("c11a514b67b0", .tagged(1, .unsigned(1_363_896_240))),
    ])
    func publishedItems(text: String, item: CBOR) throws {
        let bytes = try #require(Hexadecimal.decode(text))
        #expect(try CBOR(decoding: bytes) == item)
        #expect(item.encoded == bytes)
    }

    @Test(arguments: [
        "", "18", "1801", "1817", "190018", "1a00000018", "1a0000ffff", "1b00000000ffffffff", "41", "6161ff", "61ff",
        "81",
        "9f01ff", "5f4101ff", "bf00ff", "a10102f6", "a2010201", "a201020103", "1c", "1f", "ff", "f4", "f5", "f7",
        "f816",
        "f90000", "fb0000000000000000", "0000", "9bffffffffffffffff", "bbffffffffffffffff", "5bffffffffffffffff",
        "7affffffff",
    ])
    func otherItemsAreRefused(text: String) throws {
        let bytes = try #require(Hexadecimal.decode(text))
        expectRefusal(.badReceipt) { try CBOR(decoding: bytes) }
    }

    @Test func nestingIsBounded() {
        expectRefusal(.badReceipt) { try CBOR(decoding: [UInt8](repeating: 0x81, count: 100_000) + [0]) }
        expectRefusal(.badReceipt) { try CBOR(decoding: [UInt8](repeating: 0xC1, count: 100_000) + [0]) }
    }
}
