/// A node's request for a new client certificate, its challenge already checked.
package struct CertificateRenewal: Sendable, Hashable {
    /// PKCS #10, DER.
    package let request: [UInt8]
    /// What the node's signing key has signed.
    package let signedBytes: [UInt8]
    /// Ed25519 signature, 64 bytes if honest.
    package let signature: [UInt8]

    /// What a node signs to renew: 0xFF, "wattest/renew/1", a line feed, the challenge, the request.
    ///
    /// The same key signs notes. A note is UTF-8 and cannot begin with 0xFF, so no peer can pass off a challenge as a
    /// note or have a note answer a challenge.
    package static func signedBytes(challenge: [UInt8], request: [UInt8]) -> [UInt8] {
        [0xFF] + Array("wattest/renew/1\n".utf8) + challenge + request
    }
}

/// What the aggregator says to a renewal.
package enum RenewalDecision: Sendable, Hashable {
    /// PEM: the node's new certificate, then the authority's.
    case issued(certificates: [UInt8])
    case refused(code: RefusalCode, message: String)
}
