internal import Crypto

/// A public key with its name, as written in a vkey: `<name>+<8 hex digits>+<base64(type || key)>`.
///
/// Every way in checks the key ID and the key itself, so a value of this type is always fit to verify with.
package struct VerifierKey: Sendable {
    private let material: Material

    /// What all copies of a key share: every entry of a log that is checked has one of them.
    private final class Material: Sendable {
        let name: String
        let type: SignatureType
        let keyID: UInt32
        let publicKey: [UInt8]
        let ed25519: Curve25519.Signing.PublicKey?

        init(name: String, type: SignatureType, publicKey: [UInt8]) {
            self.name = name
            self.type = type
            self.publicKey = publicKey
            keyID = type.keyID(name: name, publicKey: publicKey)
            ed25519 = type.isSupported ? try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey) : nil
        }
    }

    package var name: String { material.name }
    package var type: SignatureType { material.type }
    package var keyID: UInt32 { material.keyID }
    /// 32 bytes for Ed25519, the DER of the SubjectPublicKeyInfo for ECDSA.
    package var publicKey: [UInt8] { material.publicKey }

    /// - Throws: `bad_key` for a bad name, a wrong length, and points of small order or with a second encoding.
    package init(name: String, type: SignatureType, publicKey: [UInt8]) throws(TransparencyLogError) {
        guard KeyName.isValid(Array(name.utf8)[...]) else {
            throw TransparencyLogError(
                .badKey, "key name \(Quoted(name)) is empty or has a space, control or plus sign")
        }
        if let expected = type.publicKeyByteCount, publicKey.count != expected {
            throw TransparencyLogError(
                .badKey, "key \(Quoted(name)) has \(publicKey.count) bytes, expected \(expected)")
        }
        if type.isSupported, let fault = Ed25519PublicKeyCheck.fault(in: publicKey) {
            throw TransparencyLogError(.badKey, "key \(Quoted(name)) \(fault.rawValue)")
        }
        material = Material(name: name, type: type, publicKey: publicKey)
    }

    /// Reads a vkey.
    package init(parsing text: String) throws(TransparencyLogError) {
        // Base64 has plus signs of its own: only the first two separate.
        let parts = text.utf8.split(separator: UInt8(ascii: "+"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else {
            throw TransparencyLogError(.badKey, "verifier key \(Quoted(text)) is not <name>+<key ID>+<key>")
        }
        let name = String(Substring(parts[0]))
        guard parts[1].count == 8, let keyID = Hexadecimal.decode(parts[1]) else {
            throw TransparencyLogError(.badKey, "the key ID of \(Quoted(name)) is not 8 lower-case hexadecimal digits")
        }
        guard let material = Base64.decode(Array(parts[2])), let typeByte = material.first else {
            throw TransparencyLogError(.badKey, "the key of \(Quoted(name)) is not base64")
        }
        guard let type = SignatureType(rawValue: typeByte) else {
            throw TransparencyLogError(.badKey, "the key of \(Quoted(name)) is of unknown type \(typeByte)")
        }
        try self.init(name: name, type: type, publicKey: Array(material.dropFirst()))
        guard keyID.reduce(0, { $0 << 8 | UInt32($1) }) == self.keyID else {
            throw TransparencyLogError(
                .badKey,
                "the key ID of \(Quoted(name)) is \(Hexadecimal.encode(keyID)), its key gives \(keyIDHexadecimal)")
        }
    }

    package var keyIDHexadecimal: String { Hexadecimal.encode(keyID.bigEndianBytes) }

    /// The vkey.
    package var text: String { "\(name)+\(keyIDHexadecimal)+\(Base64.encode([type.rawValue] + publicKey))" }

    /// Whether `signature` names this key. Name and ID together: an ID alone is easily made to collide.
    package func matches(_ signature: NoteSignature) -> Bool {
        signature.keyID == keyID && signature.name.isIdentical(to: name)
    }

    /// Whether `signature` is this key's over `text`; for a cosignature, over `text` at the time that it states.
    package func isValidSignature(_ signature: NoteSignature, for text: ArraySlice<UInt8>) -> Bool {
        guard matches(signature) else { return false }
        switch type {
        case .ed25519:
            return isValidSignature(signature.value, for: text)
        case .cosignature:
            guard let cosignature = Cosignature(signature) else { return false }
            return isValidSignature(cosignature.signature, for: Cosignature.message(text, time: cosignature.time)[...])
        case .ecdsa, .mlDSA44Cosignature:
            return false
        }
    }

    /// Plain Ed25519 over `message`, without name, key ID or note around it.
    package func isValidSignature(_ signature: ArraySlice<UInt8>, for message: ArraySlice<UInt8>) -> Bool {
        material.ed25519?.isValidSignature(signature, for: message) ?? false
    }

    package func isValidSignature(_ signature: [UInt8], for message: [UInt8]) -> Bool {
        isValidSignature(signature[...], for: message[...])
    }
}

extension VerifierKey: Hashable, CustomStringConvertible {
    package static func == (left: VerifierKey, right: VerifierKey) -> Bool {
        left.material === right.material
            || left.type == right.type && left.publicKey == right.publicKey && left.name.isIdentical(to: right.name)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(keyID)
        hasher.combine(publicKey)
    }

    package var description: String { text }
}

extension VerifierKey: Codable {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    package init(from decoder: any Decoder) throws {
        try self.init(parsing: try decoder.singleValueContainer().decode(String.self))
    }
}

extension UInt32 {
    var bigEndianBytes: [UInt8] { withUnsafeBytes(of: bigEndian) { [UInt8]($0) } }
}
