package import Batches
import Energy
import Identity
import JSONText
import PinnedHTTPS
import TransparencyLog

/// Asks an aggregator to enroll a signer against a one-time token.
package struct EnrolmentRequest: Sendable {
    /// `https://HOST:PORT`.
    package var server: String
    /// SHA-256 of the authority's certificate, 64 hexadecimal digits; from it alone the server is believed.
    package var authoritySHA256: String
    package var token: String
    package var node: String
    package var role: NodeEntry.Role
    package var directory: String
    /// Where the node is at home, when it enrols with an organization whose jobs it only runs.
    package var guest: Guest?

    package struct Guest: Sendable {
        package var home: Enrolment
        /// Slug of the organization that the token must be of.
        package var tenant: String

        package init(home: Enrolment, tenant: String) {
            self.home = home
            self.tenant = tenant
        }
    }

    package init(
        server: String, authoritySHA256: String, token: String, node: String, role: NodeEntry.Role, directory: String
    ) {
        self.server = server
        self.authoritySHA256 = authoritySHA256
        self.token = token
        self.node = node
        self.role = role
        self.directory = directory
    }

    package struct Outcome: Sendable {
        package var enrolment: Enrolment
        /// The directory held the same enrolment before; nothing was asked for.
        package var wasEnrolled: Bool
    }

    /// Enrols, or finds that the directory is enrolled already.
    ///
    /// The keys are on disk before they are sent: an answer that is lost costs a token, never a key that signs
    /// somewhere.
    ///
    /// - Parameters:
    ///   - now: Unix time in seconds, by which the server's certificate is judged.
    ///   - seed: 32 random bytes for the signing key, used when the directory has none.
    package func run(now: @escaping @Sendable () -> Int64, seed: [UInt8]) async throws(AgentError) -> Outcome {
        let address = try checked()
        if let known = try existing() { return Outcome(enrolment: known, wasEnrolled: true) }
        do {
            try DurableFile.makeDirectory(directory)
            let signing = try signingKey(seed)
            let tls = try tlsKey()
            let request = try body(signing, tls)
            let reply = try await post(request, to: address, now: now)
            return Outcome(
                enrolment: try keep(reply.parsed, authority: reply.authority, signing), wasEnrolled: false)
        } catch {
            throw Self.translate(error)
        }
    }

    private static func translate(_ error: any Error) -> AgentError {
        switch error {
        case let error as AgentError: return error
        case let error as SpoolError: return AgentError(error)
        case let error as PinnedHTTPSError: return AgentError(.unavailable, error.description)
        default: return AgentError(.file, "\(error)")
        }
    }

    private func checked() throws(AgentError) -> NetworkAddress {
        let prefix = "https://"
        let rest = server.hasPrefix(prefix) ? server.dropFirst(prefix.count) : Substring(server)
        let host = rest.hasSuffix("/") ? String(rest.dropLast()) : String(rest)
        guard !server.hasPrefix("http://"), let address = NetworkAddress(host) else {
            throw AgentError(.usage, "--server `\(server)` is not https://HOST:PORT")
        }
        guard let digest = Hexadecimal.decode(authoritySHA256.lowercased()), digest.count == 32 else {
            throw AgentError(
                .usage,
                "--ca-sha256 is not 64 hexadecimal digits; `wattest-aggregator init` and `token create` print it")
        }
        guard SensorDescription.isWellFormed(node) else {
            throw AgentError(.usage, "--node `\(node)` is not a name of 1 to 128 letters, digits and ._:/-")
        }
        return address
    }

    /// The directory's enrolment if it is for the same node and server.
    private func existing() throws(AgentError) -> Enrolment? {
        let known: Enrolment
        do {
            known = try Enrolment(directory: directory)
        } catch {
            if error.code == .notEnrolled { return nil }
            throw error
        }
        guard known.node == node, known.role == role, known.authority.sha256.hexadecimal == authoritySHA256.lowercased()
        else {
            throw AgentError(
                .refused,
                "\(directory) is enrolled as \(known.node) in \(known.log) already; "
                    + "use another --data-dir, or delete it"
            )
        }
        return known
    }

    private func signingKey(_ seed: [UInt8]) throws -> SigningKey {
        let path = directory + "/" + Enrolment.signingKeyName
        if try DurableFile.read(path, maximumBytes: 4096) != nil {
            let text = try PrivateFile.readSecret(path).prefix { $0 != UInt8(ascii: "\n") }
            let key = try SigningKey(parsing: String(decoding: text, as: UTF8.self))
            if key.name == node { return key }
        }
        let key = try SigningKey(name: node, seed: seed)
        try PrivateFile.write(Array((key.privateText + "\n").utf8), to: path)
        return key
    }

    private func tlsKey() throws -> IdentityKey {
        let path = directory + "/" + Enrolment.tlsKeyName
        if try DurableFile.read(path, maximumBytes: 65_536) != nil {
            return try IdentityKey(pem: PrivateFile.readSecret(path))
        }
        let key = IdentityKey()
        try PrivateFile.write(key.pem, to: path)
        return key
    }

    private func body(_ signing: SigningKey, _ tls: IdentityKey) throws -> [UInt8] {
        let request = Base64.encode(try tls.request(node: node))
        var lines = ["-----BEGIN CERTIFICATE REQUEST-----"]
        var rest = request[...]
        while !rest.isEmpty {
            lines.append(String(rest.prefix(64)))
            rest = rest.dropFirst(64)
        }
        lines.append("-----END CERTIFICATE REQUEST-----")
        var json = JSONObject()
        json.append("token", .string(token))
        json.append("node", .string(node))
        json.append("role", .string(role.rawValue))
        json.append("tls_csr", .string(lines.joined(separator: "\n") + "\n"))
        json.append("signing_vkey", .string(signing.verifier.text))
        if let guest { json.append("home", try Self.claim(guest, signing.verifier)) }
        return JSONValue.object(json).rendered()
    }

    private static func claim(_ guest: Guest, _ key: VerifierKey) throws -> JSONValue {
        let proof = GuestProof(home: guest.home.log, node: guest.home.node, key: key.text)
        return [
            "log": .string(proof.home), "node": .string(proof.node),
            "proof": .string(Base64.encode(try guest.home.signingKey.sign(proof.text).bytes)),
        ]
    }

    private func post(
        _ body: [UInt8], to address: NetworkAddress, now: @escaping @Sendable () -> Int64
    ) async throws -> (parsed: EnrolmentReply, authority: IdentityCertificate) {
        let digest = Hexadecimal.decode(authoritySHA256.lowercased()) ?? []
        let client = PinnedHTTPS(server: address, trust: .pinned(sha256: digest), now: now)
        let reply = try await client.post("/v1/enroll", json: body)
        guard reply.status == 200 else { throw Self.refusal(reply, address) }
        return (try EnrolmentReply(parsing: reply.body), reply.authority)
    }

    /// The server's own words from its problem document (RFC 9457).
    private static func refusal(_ reply: HTTPSReply, _ address: NetworkAddress) -> AgentError {
        let problem = try? JSONValue(parsing: reply.body)
        let text = [problem?["title"]?.string, problem?["detail"]?.string].compactMap { $0 }.joined(separator: ": ")
        let code: AgentError.Code = reply.status >= 500 ? .unavailable : .refused
        return AgentError(code, "\(address) answers \(reply.status): \(text.isEmpty ? "no reason given" : text)")
    }

    private func keep(
        _ reply: EnrolmentReply, authority: IdentityCertificate, _ signing: SigningKey
    ) throws -> Enrolment {
        guard reply.node == node else {
            throw AgentError(.refused, "the answer to the enrolment is for node \(reply.node), not \(node)")
        }
        if let guest, Tenancy.slug(ofLog: reply.log) != guest.tenant {
            throw AgentError(
                .refused,
                "the token is of \(Tenancy.slug(ofLog: reply.log)), not \(guest.tenant); the node is in its log now: "
                    + "retire it there, and take a token of \(guest.tenant)")
        }
        guard let certificate = reply.certificate else {
            throw AgentError(.refused, "the answer to the enrolment has no certificate")
        }
        _ = try IdentityCertificate.chain(pem: Array(certificate.utf8))
        try PrivateFile.write(Array(certificate.utf8), to: directory + "/" + Enrolment.tlsName, mode: 0o644)
        // The authority that the pin has proven, not the one that the answer names.
        try PrivateFile.write(authority.pem, to: directory + "/" + Enrolment.authorityName, mode: 0o644)
        let record = reply.record(role: role, server: server).rendered(.pretty)
        try PrivateFile.write(record, to: directory + "/" + Enrolment.recordName, mode: 0o600)
        return Enrolment(
            directory: directory, role: role, server: server, reply: reply, signingKey: signing, authority: authority)
    }
}

extension [UInt8] {
    fileprivate var hexadecimal: String { Hexadecimal.encode(self) }
}
