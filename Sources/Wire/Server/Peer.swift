import Identity

/// Who is on the other end, as TLS has proven it.
package struct Peer: Sendable, Hashable {
    /// The common name of the client certificate.
    package let node: String
    /// SHA-256 of the certificate's SubjectPublicKeyInfo, 32 bytes.
    package let publicKeySHA256: [UInt8]
    /// Last second of the certificate's validity, Unix time. A stream may outlive it.
    package let certificateNotAfter: Int64
    /// The certificate's time was over at the handshake: nothing but renewal.
    package let isExpired: Bool
    /// Where the connection comes from, for the log.
    package let address: String

    package init(
        node: String, publicKeySHA256: [UInt8], certificateNotAfter: Int64, isExpired: Bool, address: String
    ) {
        self.node = node
        self.publicKeySHA256 = publicKeySHA256
        self.certificateNotAfter = certificateNotAfter
        self.isExpired = isExpired
        self.address = address
    }

    /// nil if the certificate names nobody.
    init?(_ certificate: IdentityCertificate, isExpired: Bool, address: String) {
        guard let node = certificate.commonName, !node.isEmpty else { return nil }
        self.init(
            node: node, publicKeySHA256: certificate.publicKeySHA256, certificateNotAfter: certificate.notAfter,
            isExpired: isExpired, address: address)
    }
}
