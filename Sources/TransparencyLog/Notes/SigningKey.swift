internal import Crypto

/// A private key that signs notes: a node's, a log's or an administrator's. Type 0x01.
package struct SigningKey: Sendable {
    private enum Holder: Sendable {
        case here(Ed25519Secret)
        /// The secret is somewhere else, such as on a token, and is asked to sign.
        case elsewhere(reference: String, sign: @Sendable ([UInt8]) throws -> [UInt8])
    }

    private let holder: Holder
    package let verifier: VerifierKey
    package var name: String { verifier.name }

    /// A key whose secret is held elsewhere.
    ///
    /// - Parameters:
    ///   - reference: what a key file says in the secret's place; no secret itself.
    ///   - sign: plain Ed25519 over a message, 64 bytes.
    package init(
        verifier: VerifierKey, reference: String, sign: @escaping @Sendable (_ message: [UInt8]) throws -> [UInt8]
    ) {
        self.verifier = verifier
        holder = .elsewhere(reference: reference, sign: sign)
    }

    private init(_ secret: Ed25519Secret) {
        verifier = secret.verifier
        holder = .here(secret)
    }

    /// - Parameter seed: 32 random bytes.
    package init(name: String, seed: [UInt8]) throws(TransparencyLogError) {
        try self.init(Ed25519Secret(name: name, type: .ed25519, seed: seed))
    }

    /// Reads `PRIVATE+KEY+<name>+<8 hex digits>+<base64(0x01 || seed)>`, the form that Go's note package writes.
    package init(parsing text: String) throws(TransparencyLogError) {
        try self.init(Ed25519Secret(parsing: text, type: .ed25519))
    }

    /// The same form again, or the reference. It is the secret: to be stored with mode 0600 and printed nowhere.
    package var privateText: String {
        switch holder {
        case .here(let secret): secret.text
        case .elsewhere(let reference, _): reference
        }
    }

    package func signature(for text: ArraySlice<UInt8>) throws(TransparencyLogError) -> NoteSignature {
        NoteSignature(name: name, keyID: verifier.keyID, value: try rawSignature(for: text))
    }

    /// A note of this one signature.
    package func sign(_ text: [UInt8]) throws(TransparencyLogError) -> SignedNote {
        try SignedNote(text: text, signatures: [signature(for: text[...])])
    }

    /// Plain Ed25519 over `message`, without note around it: for envelopes with a format of their own.
    ///
    /// The message must begin with words that no note text can have, or a note could be passed off as one.
    package func rawSignature(for message: [UInt8]) throws(TransparencyLogError) -> [UInt8] {
        try rawSignature(for: message[...])
    }

    private func rawSignature(for message: ArraySlice<UInt8>) throws(TransparencyLogError) -> [UInt8] {
        switch holder {
        case .here(let secret): return try secret.signature(for: message)
        case .elsewhere(_, let sign):
            do {
                return try sign(Array(message))
            } catch {
                throw TransparencyLogError(.badKey, "key \(Quoted(name)) could not sign: \(error)")
            }
        }
    }
}

/// A private key that cosigns checkpoints with the time. Type 0x04; never the key of a log.
package struct CosigningKey: Sendable {
    private let secret: Ed25519Secret
    package var verifier: VerifierKey { secret.verifier }
    package var name: String { verifier.name }

    /// - Parameter seed: 32 random bytes.
    package init(name: String, seed: [UInt8]) throws(TransparencyLogError) {
        secret = try Ed25519Secret(name: name, type: .cosignature, seed: seed)
    }

    /// Reads `PRIVATE+KEY+<name>+<8 hex digits>+<base64(0x04 || seed)>`.
    package init(parsing text: String) throws(TransparencyLogError) {
        secret = try Ed25519Secret(parsing: text, type: .cosignature)
    }

    package var privateText: String { secret.text }

    /// Says that `checkpoint` is the largest tree seen of its log at `time`.
    ///
    /// - Parameter time: POSIX seconds, above 0 and below 2⁶³.
    package func cosignature(
        of checkpoint: Checkpoint, time: UInt64
    ) throws(TransparencyLogError) -> NoteSignature {
        guard (1...UInt64(Int64.max)).contains(time) else {
            throw TransparencyLogError(.badSignature, "a cosignature cannot carry the time \(time)")
        }
        let message = Cosignature.message(checkpoint.text[...], time: time)
        let signature = try secret.signature(for: message[...])
        return NoteSignature(name: name, keyID: verifier.keyID, value: time.bigEndianBytes + signature)
    }
}

extension SigningKey: CustomStringConvertible, CustomReflectable {
    package var description: String { verifier.text }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}

extension CosigningKey: CustomStringConvertible, CustomReflectable {
    package var description: String { verifier.text }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// What both kinds of private key share: the seed, and the text form.
private struct Ed25519Secret: Sendable {
    private static let marker = "PRIVATE+KEY+"
    let verifier: VerifierKey
    private let key: Curve25519.Signing.PrivateKey

    init(name: String, type: SignatureType, seed: [UInt8]) throws(TransparencyLogError) {
        guard seed.count == 32, let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) else {
            throw TransparencyLogError(.badKey, "the seed of \(Quoted(name)) has \(seed.count) bytes, expected 32")
        }
        verifier = try VerifierKey(name: name, type: type, publicKey: Array(key.publicKey.rawRepresentation))
        self.key = key
    }

    /// No message here quotes the text: it is a secret even when it is damaged.
    init(parsing text: String, type: SignatureType) throws(TransparencyLogError) {
        guard let fields = Array(text.utf8)[...].dropping(prefix: Self.marker) else {
            throw TransparencyLogError(.badKey, "the private key does not begin with \(Self.marker)")
        }
        let parts = fields.split(separator: UInt8(ascii: "+"), maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let material = Base64.decode(parts[2]), material.count == 33 else {
            throw TransparencyLogError(.badKey, "the private key is not <marker><name>+<key ID>+<base64 of 33 bytes>")
        }
        guard material[0] == type.rawValue else {
            throw TransparencyLogError(.badKey, "the private key is of type \(material[0]), expected \(type.rawValue)")
        }
        try self.init(name: String(decoding: parts[0], as: UTF8.self), type: type, seed: Array(material.dropFirst()))
        guard parts[1].elementsEqual(verifier.keyIDHexadecimal.utf8) else {
            throw TransparencyLogError(.badKey, "private key \(Quoted(verifier.name)) has the ID of another key")
        }
    }

    var text: String {
        let material = Base64.encode([verifier.type.rawValue] + Array(key.rawRepresentation))
        return "\(Self.marker)\(verifier.name)+\(verifier.keyIDHexadecimal)+\(material)"
    }

    func signature(for message: ArraySlice<UInt8>) throws(TransparencyLogError) -> [UInt8] {
        do {
            return Array(try key.signature(for: message))
        } catch {
            throw TransparencyLogError(.badKey, "key \(Quoted(verifier.name)) could not sign: \(error)")
        }
    }
}
