import Crypto
import SwiftASN1
import X509

/// A P-256 private key of a TLS endpoint or of the authority.
///
/// P-256 and not Ed25519: browsers and load balancers in front of an aggregator do not speak Ed25519 certificates.
package struct IdentityKey: Sendable {
    let key: P256.Signing.PrivateKey

    /// A fresh key from the system's random source.
    package init() {
        self.key = P256.Signing.PrivateKey()
    }

    package init(pem: [UInt8]) throws(IdentityError) {
        do {
            self.key = try P256.Signing.PrivateKey(pemRepresentation: String(decoding: pem, as: UTF8.self))
        } catch {
            // The library's error may quote the input; a private key must never reach a log.
            throw IdentityError(.malformed, "private key: not a P-256 key in PEM (PKCS #8 or SEC 1)")
        }
    }

    /// PKCS #8 PEM. A secret: write it with ``PrivateFile`` only.
    package var pem: [UInt8] { Array((self.key.pemRepresentation + "\n").utf8) }

    /// A PKCS #10 request for a client certificate, DER, with the node's name as common name.
    package func request(node: String) throws(IdentityError) -> [UInt8] {
        do {
            let request = try CertificateSigningRequest(
                version: .v1,
                subject: DistinguishedName { CommonName(node) },
                privateKey: Certificate.PrivateKey(self.key),
                attributes: CertificateSigningRequest.Attributes(),
                signatureAlgorithm: .ecdsaWithSHA256)
            var serializer = DER.Serializer()
            try serializer.serialize(request)
            return serializer.serializedBytes
        } catch {
            throw IdentityError(.badName, "certificate request for '\(node)': \(error)")
        }
    }
}
