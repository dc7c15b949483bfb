package import Identity
import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The files of one aggregator's data directory.
///
///     ca.pem, ca.key            the authority that certifies servers and nodes
///     server.pem, server.key    what the listeners show
///     admin.token               bearer token of the first organization, 0600
///     policy.txt                whom an auditor of the first log has to trust
///     logs/<slug>/              keys, signer state, checkpoint and tiles of each log
///     postgres/                 the private database cluster
package struct Installation: Sendable {
    package let directory: String

    package init(directory: String) {
        var path = directory
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.directory = path
    }

    package var authorityCertificate: String { "\(directory)/ca.pem" }
    package var authorityKey: String { "\(directory)/ca.key" }
    package var serverCertificate: String { "\(directory)/server.pem" }
    package var serverKey: String { "\(directory)/server.key" }
    package var adminToken: String { "\(directory)/admin.token" }
    package var policy: String { "\(directory)/policy.txt" }
    /// Host name of the logs' origins: nodes and auditors pin it, so it outlives a renamed machine.
    package var originHostFile: String { "\(directory)/origin.host" }

    /// The host that `init` was given, nil in an installation that has not kept it.
    package var originHost: String? {
        guard let bytes = try? PrivateFile.read(originHostFile) else { return nil }
        let text = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        return text.isEmpty ? nil : text
    }

    package func logDirectory(_ slug: String) -> String { "\(directory)/logs/\(slug)" }

    /// The organization that `init` founded, by the log that its policy names; nil before `init`.
    package var firstSlug: String? {
        guard let bytes = try? PrivateFile.read(policy), let policy = try? TrustPolicy(parsing: bytes) else {
            return nil
        }
        return policy.logs.first?.key.name.split(separator: "/").last.map(String.init)
    }

    /// Whether `init` has finished here: the token is what it writes last.
    package var isComplete: Bool { access(adminToken, F_OK) == 0 }
    package var isBegun: Bool { access(authorityKey, F_OK) == 0 }

    /// Whether the logs lie in a private cluster in the data directory, and not in a database that a URL names.
    package var hasPrivateDatabase: Bool { access("\(directory)/postgres", F_OK) == 0 }

    package func authority() throws -> CertificateAuthority {
        try CertificateAuthority(
            certificatePEM: try PrivateFile.read(authorityCertificate),
            keyPEM: try PrivateFile.readSecret(authorityKey))
    }

    /// The listeners' certificate with the authority's behind it, and its key; issued anew when the names changed or
    /// less than a third of its time is left.
    package func serverCredentials(
        names: [String], addresses: [String], now: Int64
    ) throws -> (certificatesPEM: [UInt8], keyPEM: [UInt8]) {
        let authority = try authority()
        let wanted = (names + addresses).sorted().joined(separator: "\n")
        let namesFile = "\(directory)/server.names"
        if access(serverKey, F_OK) == 0, access(namesFile, F_OK) == 0,
            String(decoding: try PrivateFile.read(namesFile), as: UTF8.self) == wanted
        {
            let pem = try PrivateFile.read(serverCertificate)
            let certificate = try IdentityCertificate.chain(pem: pem).first
            if let certificate, certificate.notAfter - now > (certificate.notAfter - certificate.notBefore) / 3 {
                return (pem, try PrivateFile.readSecret(serverKey))
            }
        }
        let key = IdentityKey()
        let certificate = try authority.issueServer(names: names, addresses: addresses, key: key, now: now)
        let pem = certificate.pem + authority.certificate.pem
        try PrivateFile.write(key.pem, to: serverKey)
        try PrivateFile.write(pem, to: serverCertificate, mode: 0o644)
        try PrivateFile.write(Array(wanted.utf8), to: namesFile, mode: 0o644)
        return (pem, key.pem)
    }
}
