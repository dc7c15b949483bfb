import Crypto
import SwiftASN1
import X509

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The authority of one installation: issues the aggregator's server certificate and the nodes' client certificates.
///
/// A leaf is valid from five minutes before its issue, because the clock of the node that first uses it may be behind.
package struct CertificateAuthority: Sendable {
    /// The self-signed certificate; public.
    package let certificate: IdentityCertificate
    /// The signing key; never leaves the authority's host.
    package let key: IdentityKey

    static let secondsPerDay: Int64 = 86_400
    static let clockSlackSeconds: Int64 = 300

    /// A new authority, valid for ten years (3,653 days) from `now`.
    ///
    /// - Parameters:
    ///   - organization: the name that the certificate carries.
    ///   - now: Unix time in seconds.
    package init(organization: String, now: Int64) throws(IdentityError) {
        let key = IdentityKey()
        let name: DistinguishedName
        do {
            name = try DistinguishedName {
                OrganizationName(organization)
                CommonName("Wattest authority")
            }
        } catch {
            throw IdentityError(.badName, "authority for '\(organization)': \(error)")
        }
        let publicKey = Certificate.PublicKey(key.key.publicKey)
        let validity = Validity(now: now, days: 3_653)
        self.certificate = try Self.issue(
            subject: name, publicKey: publicKey, issuer: name, issuerKey: key, validity: validity
        ) {
            Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
            Critical(KeyUsage(keyCertSign: true, cRLSign: true))
            SubjectKeyIdentifier(hash: publicKey)
        }
        self.key = key
    }

    /// The authority that was written as PEM.
    package init(certificatePEM: [UInt8], keyPEM: [UInt8]) throws(IdentityError) {
        self.certificate = try IdentityCertificate(pem: certificatePEM)
        self.key = try IdentityKey(pem: keyPEM)
        guard self.certificate.certificate.publicKey == Certificate.PublicKey(self.key.key.publicKey) else {
            throw IdentityError(
                .keyMismatch, "authority: the private key does not belong to the certificate: restore the pair")
        }
    }

    /// A certificate for the aggregator's listeners.
    ///
    /// - Parameters:
    ///   - names: DNS names under which agents and people reach it.
    ///   - addresses: IPv4 and IPv6 addresses, in text.
    ///   - now: Unix time in seconds.
    package func issueServer(
        names: [String], addresses: [String], key: IdentityKey, now: Int64, days: Int64 = 397
    ) throws(IdentityError) -> IdentityCertificate {
        var alternatives: [GeneralName] = []
        for name in names {
            guard Self.isHostName(name) else {
                throw IdentityError(
                    .badName, "server certificate: '\(name)' is not a DNS name: use letters, digits, '-'")
            }
            alternatives.append(.dnsName(name))
        }
        for address in addresses {
            guard let bytes = IPAddress.bytes(address) else {
                throw IdentityError(.badName, "server certificate: '\(address)' is not an IPv4 or IPv6 address")
            }
            alternatives.append(.ipAddress(ASN1OctetString(contentBytes: bytes[...])))
        }
        guard let first = names.first ?? addresses.first else {
            throw IdentityError(.badName, "server certificate: no name and no address given: name at least one")
        }
        return try self.issueLeaf(
            commonName: first, publicKey: Certificate.PublicKey(key.key.publicKey), usage: .serverAuth,
            alternatives: alternatives, validity: Validity(now: now, days: days))
    }

    /// A client certificate for a node, from its request.
    ///
    /// Only the request's key is taken; the name is the caller's, who has checked a token or a signature for it.
    ///
    /// - Parameters:
    ///   - request: PKCS #10, DER.
    ///   - node: the common name.
    ///   - now: Unix time in seconds.
    package func issueClient(
        request: [UInt8], node: String, now: Int64, days: Int64 = 90
    ) throws(IdentityError) -> IdentityCertificate {
        let parsed: CertificateSigningRequest
        do {
            parsed = try CertificateSigningRequest(derEncoded: request)
        } catch {
            throw IdentityError(.badRequest, "certificate request of '\(node)': not PKCS #10 in DER: \(error)")
        }
        // Without this proof of possession a node could have another one's public key certified under its own name.
        guard parsed.publicKey.isValidSignature(parsed.signature, for: parsed) else {
            throw IdentityError(.badRequest, "certificate request of '\(node)': its own signature does not verify")
        }
        guard P256.Signing.PublicKey(parsed.publicKey) != nil else {
            throw IdentityError(.badRequest, "certificate request of '\(node)': the key is not P-256")
        }
        return try self.issueLeaf(
            commonName: node, publicKey: parsed.publicKey, usage: .clientAuth, alternatives: [],
            validity: Validity(now: now, days: days))
    }

    private func issueLeaf(
        commonName: String, publicKey: Certificate.PublicKey, usage: ExtendedKeyUsage.Usage,
        alternatives: [GeneralName], validity: Validity
    ) throws(IdentityError) -> IdentityCertificate {
        let subject: DistinguishedName
        do {
            subject = try DistinguishedName { CommonName(commonName) }
        } catch {
            throw IdentityError(.badName, "certificate for '\(commonName)': \(error)")
        }
        let identifier = SubjectKeyIdentifier(hash: self.certificate.certificate.publicKey).keyIdentifier
        return try Self.issue(
            subject: subject, publicKey: publicKey, issuer: self.certificate.certificate.subject,
            issuerKey: self.key, validity: validity
        ) {
            Critical(BasicConstraints.notCertificateAuthority)
            Critical(KeyUsage(digitalSignature: true))
            try ExtendedKeyUsage([usage])
            SubjectKeyIdentifier(hash: publicKey)
            AuthorityKeyIdentifier(keyIdentifier: identifier)
            if !alternatives.isEmpty {
                SubjectAlternativeNames(alternatives)
            }
        }
    }

    private static func issue(
        subject: DistinguishedName, publicKey: Certificate.PublicKey, issuer: DistinguishedName,
        issuerKey: IdentityKey, validity: Validity,
        @ExtensionsBuilder extensions: () throws -> Result<Certificate.Extensions, any Error>
    ) throws(IdentityError) -> IdentityCertificate {
        let certificate: Certificate
        do {
            certificate = try Certificate(
                version: .v3,
                serialNumber: Certificate.SerialNumber(),
                publicKey: publicKey,
                notValidBefore: validity.notBefore,
                notValidAfter: validity.notAfter,
                issuer: issuer,
                subject: subject,
                signatureAlgorithm: .ecdsaWithSHA256,
                extensions: try Certificate.Extensions(builder: extensions),
                issuerPrivateKey: Certificate.PrivateKey(issuerKey.key))
        } catch {
            throw IdentityError(.badName, "certificate for \(subject): \(error)")
        }
        return try IdentityCertificate(certificate)
    }

    /// Letters, digits, hyphens and dots, a leading wildcard label at most (RFC 5280 section 4.2.1.6, RFC 6125).
    private static func isHostName(_ name: String) -> Bool {
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        guard !labels.isEmpty, name.utf8.count <= 253 else { return false }
        return labels.enumerated().allSatisfy { position, label in
            if position == 0, label == "*", labels.count > 2 { return true }
            return (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                        true
                    default: false
                    }
                }
        }
    }
}

/// From five minutes before `now` to `days` after it.
private struct Validity {
    let notBefore: Date
    let notAfter: Date

    init(now: Int64, days: Int64) {
        self.notBefore = Date(timeIntervalSince1970: Double(now) - Double(CertificateAuthority.clockSlackSeconds))
        self.notAfter = Date(
            timeIntervalSince1970: Double(now) + Double(days) * Double(CertificateAuthority.secondsPerDay))
    }
}
