import Crypto
import Testing
import TransparencyLog

@Suite struct ExportVectors {
    struct DSSE: Decodable {
        var payloadType: String
        var payload: String
        var pae: String
        var publicX: String
        var publicY: String
        var sig: String
    }

    @Test func dsse() throws {
        let vector: DSSE = try VectorFile.decode("dsse/vector.json")
        let message = DSSEEnvelope.preAuthenticationEncoding(
            payloadType: vector.payloadType, payload: Array(vector.payload.utf8))
        #expect(message == Array(vector.pae.utf8))
        let key = try P256.Signing.PublicKey(x963Representation: [4] + number(vector.publicX) + number(vector.publicY))
        let signature = try P256.Signing.ECDSASignature(rawRepresentation: try #require(Base64.decode(vector.sig)))
        #expect(key.isValidSignature(signature, for: message))
    }

    /// A decimal number as 32 bytes, the largest first.
    private func number(_ decimal: String) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 32)
        for digit in decimal.utf8 {
            var carry = Int(digit - UInt8(ascii: "0"))
            for position in bytes.indices.reversed() {
                carry += Int(bytes[position]) * 10
                bytes[position] = UInt8(carry & 0xFF)
                carry >>= 8
            }
        }
        return bytes
    }

    /// Signed with ES256, which is not checked here; syntax, proof and re-encoding are.
    @Test func publishedReceipts() throws {
        let inclusionBytes = try VectorFile.bytes("cose-receipts/inclusion-receipt.cbor")
        let inclusion = try COSEReceipt(decoding: inclusionBytes)
        #expect(inclusion.encoded == inclusionBytes)
        guard case .inclusion(let proof) = inclusion.proof else {
            Issue.record("not an inclusion receipt")
            return
        }
        #expect(proof.size == 5)
        #expect(proof.index == 3)
        let consistencyBytes = try VectorFile.bytes("cose-receipts/consistency-receipt.cbor")
        let consistency = try COSEReceipt(decoding: consistencyBytes)
        #expect(consistency.encoded == consistencyBytes)
        guard case .consistency(let proof) = consistency.proof else {
            Issue.record("not a consistency receipt")
            return
        }
        #expect(proof.oldSize == 3)
        #expect(proof.newSize == 5)
        let key = try SigningKey(name: "log.example", seed: [UInt8](repeating: 1, count: 32)).verifier
        expectRefusal(.badReceipt) { try inclusion.verify(leaf: .emptyTree, key: key) }
    }
}
