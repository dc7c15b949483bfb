import SwiftASN1
@_spi(FixedExpiryValidationTime) import X509

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a presented chain is worth.
package enum CertificateVerdict: Sendable, Hashable {
    /// Issued by the authority, for this use, and within its time.
    case trusted(IdentityCertificate)
    /// Issued by the authority, for this use, but its time is over. Good for renewal only.
    case expired(IdentityCertificate)
    /// Issued by the authority, but its time has not begun: the clock of one side is wrong.
    case notYetValid(IdentityCertificate)
    /// No path to the authority.
    case unknownAuthority
    /// Issued by the authority for another use or another host.
    case wrongUse
    /// Not a certificate.
    case malformed
}

/// What a certificate is presented for.
package enum CertificateUse: Sendable, Hashable {
    /// A node that opens a connection.
    case client
    /// The host that a connection was opened to: a DNS name or an IP address in text.
    case server(host: String)
}

/// Judges presented chains against one authority, by RFC 5280 and RFC 6125.
package struct CertificateTrust: Sendable {
    package let authority: IdentityCertificate

    package init(authority: IdentityCertificate) {
        self.authority = authority
    }

    /// - Parameters:
    ///   - chain: DER, as the peer sent it: leaf first.
    ///   - now: Unix time in seconds.
    package func judge(chain: [[UInt8]], use: CertificateUse, now: Int64) async -> CertificateVerdict {
        guard let first = chain.first, let leaf = try? IdentityCertificate(der: first) else { return .malformed }
        var intermediates: [Certificate] = []
        // A peer may send what it likes; more than a few certificates are an attack on the path search.
        for der in chain.dropFirst().prefix(4) {
            guard let certificate = try? Certificate(derEncoded: der) else { return .malformed }
            intermediates.append(certificate)
        }
        // The path is judged at the nearest second of the leaf's own validity, so that "ours but expired" and "never
        // ours" stay two verdicts.
        let path = TrustPath(
            leaf: leaf.certificate, intermediates: intermediates, root: self.authority.certificate,
            time: Date(timeIntervalSince1970: Double(min(max(now, leaf.notBefore), leaf.notAfter))))
        guard await path.isValid(), now <= self.authority.notAfter else { return .unknownAuthority }
        guard await Self.isFor(use, leaf.certificate, path) else { return .wrongUse }
        if now > leaf.notAfter { return .expired(leaf) }
        if now < leaf.notBefore { return .notYetValid(leaf) }
        return .trusted(leaf)
    }

    private static func isFor(_ use: CertificateUse, _ leaf: Certificate, _ path: TrustPath) async -> Bool {
        // A leaf that says nothing about its use is not one of this authority's.
        guard let usages = try? leaf.extensions.extendedKeyUsage else { return false }
        switch use {
        case .client: return usages.contains(.clientAuth)
        case .server(let host):
            guard usages.contains(.serverAuth) else { return false }
            return await path.isValid(host: host)
        }
    }
}

/// A leaf, what may lie between, and the root.
private struct TrustPath {
    let leaf: Certificate
    let intermediates: [Certificate]
    let root: Certificate
    let time: Date

    func isValid() async -> Bool {
        var verifier = Verifier(rootCertificates: CertificateStore([self.root])) {
            RFC5280Policy(fixedExpiryValidationTime: self.time)
        }
        let result = await verifier.validate(leaf: self.leaf, intermediates: CertificateStore(self.intermediates))
        if case .validCertificate = result { return true }
        return false
    }

    /// The same, and the leaf is for this name or address.
    func isValid(host: String) async -> Bool {
        let isAddress = IPAddress.bytes(host) != nil
        var verifier = Verifier(rootCertificates: CertificateStore([self.root])) {
            RFC5280Policy(fixedExpiryValidationTime: self.time)
            ServerIdentityPolicy(serverHostname: isAddress ? nil : host, serverIP: isAddress ? host : nil)
        }
        let result = await verifier.validate(leaf: self.leaf, intermediates: CertificateStore(self.intermediates))
        if case .validCertificate = result { return true }
        return false
    }
}
