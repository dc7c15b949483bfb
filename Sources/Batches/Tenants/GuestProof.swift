package import TransparencyLog

/// The word of a node's home key for the key with which it signs in another organization's log.
package struct GuestProof: Sendable, Hashable {
    /// Origin of the home log.
    package var home: String
    /// The node's name there.
    package var node: String
    /// The new key.
    package var key: String

    package init(home: String, node: String, key: String) {
        self.home = home
        self.node = node
        self.key = key
    }

    /// The text that the home key signs; no entry of a log begins like it.
    package var text: [UInt8] { Array("wattest/guest/v1\nhome \(home)\nnode \(node)\nkey \(key)\n".utf8) }

    /// Whether a note says exactly this under a key.
    package func isProved(by note: [UInt8], _ verifier: VerifierKey) -> Bool {
        guard let signed = try? SignedNote(parsing: note), Array(signed.text) == text, signed.signatures.count == 1,
            verifier.matches(signed.signatures[0])
        else { return false }
        return verifier.isValidSignature(signed.signatures[0], for: signed.text)
    }
}
