// Identity: who is who on the network.
//
// The aggregator's data directory holds one certificate authority. It issues the aggregator's server certificate and a
// client certificate for each node; nothing else is trusted. The module owns keys, certificates, requests and the
// judgement of a presented chain. It opens no connection and reads no clock: time is always an argument.

import Crypto
import SwiftASN1
import X509

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One X.509 certificate: its DER, and what this system reads from it.
///
/// Parsing says nothing about trust; ``CertificateTrust`` judges that.
package struct IdentityCertificate: Sendable, Hashable {
    let certificate: Certificate

    /// The certificate as presented, DER.
    package let der: [UInt8]
    /// SHA-256 of the SubjectPublicKeyInfo (RFC 7469 section 2.4): the same for every certificate of one key, 32 bytes.
    package let publicKeySHA256: [UInt8]

    package init(der: [UInt8]) throws(IdentityError) {
        do {
            self.certificate = try Certificate(derEncoded: der)
            self.publicKeySHA256 = Array(SHA256.hash(data: try Self.bytes(self.certificate.publicKey)))
        } catch {
            throw IdentityError(.malformed, "certificate: not an X.509 certificate in DER: \(error)")
        }
        self.der = der
    }

    init(_ certificate: Certificate) throws(IdentityError) {
        let der: [UInt8]
        do {
            der = try Self.bytes(certificate)
        } catch {
            throw IdentityError(.malformed, "certificate: cannot be encoded: \(error)")
        }
        try self.init(der: der)
    }

    private static func bytes(_ value: some DERSerializable) throws -> [UInt8] {
        var serializer = DER.Serializer()
        try serializer.serialize(value)
        return serializer.serializedBytes
    }

    /// Every certificate of a PEM file, in its order; at least one.
    package static func chain(pem: [UInt8]) throws(IdentityError) -> [IdentityCertificate] {
        let documents: [PEMDocument]
        do {
            documents = try PEMDocument.parseMultiple(pemString: String(decoding: pem, as: UTF8.self))
        } catch {
            throw IdentityError(.malformed, "certificate: not PEM: \(error)")
        }
        var chain: [IdentityCertificate] = []
        for document in documents where document.discriminator == Certificate.defaultPEMDiscriminator {
            chain.append(try IdentityCertificate(der: document.derBytes))
        }
        guard !chain.isEmpty else {
            throw IdentityError(.malformed, "certificate: the PEM text holds no CERTIFICATE block")
        }
        return chain
    }

    /// The first certificate of a PEM file.
    package init(pem: [UInt8]) throws(IdentityError) {
        self = try Self.chain(pem: pem)[0]
    }

    package var pem: [UInt8] {
        let document = PEMDocument(type: Certificate.defaultPEMDiscriminator, derBytes: self.der)
        return Array((document.pemString + "\n").utf8)
    }

    /// SHA-256 of the DER: what an enrolling node pins, 32 bytes.
    package var sha256: [UInt8] { Array(SHA256.hash(data: self.der)) }

    /// The subject's common name: the node's name in a client certificate.
    package var commonName: String? {
        for names in self.certificate.subject {
            for name in names where name.type == .RDNAttributeType.commonName {
                return String(name.value)
            }
        }
        return nil
    }

    /// First second of validity, Unix time.
    package var notBefore: Int64 { Self.seconds(self.certificate.notValidBefore) }

    /// Last second of validity, Unix time.
    package var notAfter: Int64 { Self.seconds(self.certificate.notValidAfter) }

    private static func seconds(_ date: Date) -> Int64 {
        Int64(exactly: date.timeIntervalSince1970.rounded(.down)) ?? .max
    }
}
