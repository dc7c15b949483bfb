/// A payload with signatures over it and its type (Dead Simple Signing Envelope 1.0).
package struct DSSEEnvelope: Sendable, Hashable {
    package struct Signature: Sendable, Hashable {
        /// A hint; never trusted.
        package let keyID: String
        package let value: [UInt8]

        package init(keyID: String, value: [UInt8]) {
            self.keyID = keyID
            self.value = value
        }
    }

    package let payloadType: String
    package let payload: [UInt8]
    package let signatures: [Signature]

    package init(payloadType: String, payload: [UInt8], signatures: [Signature]) {
        self.payloadType = payloadType
        self.payload = payload
        self.signatures = signatures
    }

    /// Signs with each key in turn.
    package init(
        payloadType: String, payload: [UInt8], signedBy keys: [SigningKey]
    ) throws(TransparencyLogError) {
        let message = Self.preAuthenticationEncoding(payloadType: payloadType, payload: payload)
        var signatures: [Signature] = []
        for key in keys {
            let keyID = "\(key.name)+\(key.verifier.keyIDHexadecimal)"
            signatures.append(Signature(keyID: keyID, value: try key.rawSignature(for: message)))
        }
        self.init(payloadType: payloadType, payload: payload, signatures: signatures)
    }

    /// What is signed: both parts with their lengths, so that no byte can move from one to the other.
    package static func preAuthenticationEncoding(payloadType: String, payload: [UInt8]) -> [UInt8] {
        Array("DSSEv1 \(payloadType.utf8.count) \(payloadType) \(payload.count) ".utf8) + payload
    }

    /// The keys, out of `keys`, that signed. Every signature is tried with every key: key IDs are hints.
    ///
    /// - Throws: `unsigned` when there is none.
    package func signers(among keys: [VerifierKey]) throws(TransparencyLogError) -> [VerifierKey] {
        let message = Self.preAuthenticationEncoding(payloadType: payloadType, payload: payload)
        let signers = keys.filter { key in
            signatures.contains { key.type == .ed25519 && key.isValidSignature($0.value, for: message) }
        }
        guard !signers.isEmpty else {
            throw TransparencyLogError(.unsigned, "none of the \(keys.count) known keys signed the envelope")
        }
        return signers
    }

    /// The envelope as JSON, in one line and one order of fields.
    package var json: String {
        let signatures = signatures.map { signature in
            "{\"keyid\":\(Self.quoted(signature.keyID)),\"sig\":\"\(Base64.encode(signature.value))\"}"
        }
        return "{\"payload\":\"\(Base64.encode(payload))\",\"payloadType\":\(Self.quoted(payloadType)),"
            + "\"signatures\":[\(signatures.joined(separator: ","))]}"
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\u{0}"..<"\u{20}": quoted += "\\u00\(Hexadecimal.encode([UInt8(scalar.value)]))"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
