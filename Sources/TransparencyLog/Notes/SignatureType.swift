internal import Crypto

/// The kinds of signature that the C2SP signed-note registry names.
package enum SignatureType: UInt8, Sendable, Hashable {
    /// Ed25519 over the text.
    case ed25519 = 0x01
    /// ECDSA over the text; its key ID is over the DER form of the key alone.
    case ecdsa = 0x02
    /// Ed25519 over the text of a checkpoint and a time (tlog-cosignature).
    case cosignature = 0x04
    /// ML-DSA-44 over a binary statement (tlog-cosignature).
    case mlDSA44Cosignature = 0x06

    /// Whether this module can check such a signature. Others are carried and ignored, like those of unknown keys.
    package var isSupported: Bool { self == .ed25519 || self == .cosignature }

    /// Length of the public key, where it is fixed.
    var publicKeyByteCount: Int? {
        switch self {
        case .ed25519, .cosignature: 32
        case .mlDSA44Cosignature: 1312
        case .ecdsa: nil
        }
    }

    /// The first four bytes of the hash that names a key in signature lines.
    func keyID(name: String, publicKey: [UInt8]) -> UInt32 {
        var hasher = SHA256()
        if self != .ecdsa {
            hasher.update(data: Array(name.utf8))
            hasher.update(data: [newline, rawValue])
        }
        hasher.update(data: publicKey)
        return hasher.finalize().prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }
}
