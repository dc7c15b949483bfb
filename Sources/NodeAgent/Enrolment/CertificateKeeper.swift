import Identity
import TransparencyLog
package import Wire

/// Keeps the TLS certificate of an enrolled signer valid: renewed when a third of its life is left, also after its end.
package struct CertificateKeeper: Sendable {
    private let enrolment: Enrolment
    private let now: @Sendable () -> Int64

    package init(_ enrolment: Enrolment, now: @escaping @Sendable () -> Int64 = AgentEnvironment.unixSeconds) {
        self.enrolment = enrolment
        self.now = now
    }

    /// Whether the certificate is in the last third of its life.
    package static func isDue(notBefore: Int64, notAfter: Int64, now: Int64) -> Bool {
        now >= notAfter - (notAfter - notBefore) / 3
    }

    /// A client with a certificate that is valid now.
    package func client() async throws -> IngestClient {
        let client = try IngestClient(configuration: enrolment.clientConfiguration())
        let certificate = try IdentityCertificate(pem: enrolment.certificatesPEM())
        let time = now()
        guard Self.isDue(notBefore: certificate.notBefore, notAfter: certificate.notAfter, now: time) else {
            return client
        }
        do {
            try await renew(client)
        } catch {
            // Until its last second the old one still serves; after that the error is the reason of no connection.
            if time > certificate.notAfter { throw error }
            return client
        }
        return try IngestClient(configuration: enrolment.clientConfiguration())
    }

    /// The signing key answers for the new TLS key; the key itself stays, so that a crash between the two files cannot
    /// part a certificate from its key.
    private func renew(_ client: IngestClient) async throws {
        let request = try IdentityKey(pem: enrolment.tlsKeyPEM()).request(node: enrolment.node)
        let key = enrolment.signingKey
        let certificates = try await client.renew(request: request) { try key.rawSignature(for: $0) }
        _ = try IdentityCertificate.chain(pem: certificates)
        try PrivateFile.write(certificates, to: enrolment.directory + "/" + Enrolment.tlsName, mode: 0o644)
    }
}
