/// A note of which at least one signature was verified with a key that the caller knows.
package struct OpenedNote: Sendable, Hashable {
    package struct Verified: Sendable, Hashable {
        package let key: VerifierKey
        package let signature: NoteSignature
    }

    package let note: SignedNote
    /// Equal lines count once.
    package let verified: [Verified]
    /// Of keys that are not known or of kinds that cannot be checked.
    package let unverified: [NoteSignature]

    package var text: ArraySlice<UInt8> { note.text }

    fileprivate init(note: SignedNote, verified: [Verified], unverified: [NoteSignature]) {
        self.note = note
        self.verified = verified
        self.unverified = unverified
    }
}

extension SignedNote {
    /// Checks the signatures of all known keys.
    ///
    /// Signatures of unknown keys are ignored. One bad signature that claims a known key refuses the note, also beside
    /// a good one of the same key: somebody tampered with it.
    ///
    /// - Throws: `bad_signature`, or `unsigned` when no known key signed.
    package func open(with keys: [VerifierKey]) throws(TransparencyLogError) -> OpenedNote {
        var verified: [OpenedNote.Verified] = []
        var unverified: [NoteSignature] = []
        for (index, signature) in signatures.enumerated() {
            if signatures[..<index].contains(signature) { continue }
            guard let key = keys.first(where: { $0.type.isSupported && $0.matches(signature) }) else {
                unverified.append(signature)
                continue
            }
            guard key.isValidSignature(signature, for: text) else {
                throw TransparencyLogError(
                    .badSignature, "the signature of \(Quoted(signature.name))+\(key.keyIDHexadecimal) is not valid")
            }
            verified.append(OpenedNote.Verified(key: key, signature: signature))
        }
        guard !verified.isEmpty else {
            throw TransparencyLogError(.unsigned, "none of the \(keys.count) known keys signed the note")
        }
        return OpenedNote(note: self, verified: verified, unverified: unverified)
    }
}
