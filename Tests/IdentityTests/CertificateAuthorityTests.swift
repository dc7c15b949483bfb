import Testing

@testable import Identity

/// 2026-01-01T00:00:00Z.
private let start: Int64 = 1_767_225_600
private let day: Int64 = 86_400

@Suite struct CertificateAuthorityTests {
    private let authority: CertificateAuthority
    private let trust: CertificateTrust

    init() throws {
        self.authority = try CertificateAuthority(organization: "Example Supercomputing", now: start)
        self.trust = CertificateTrust(authority: self.authority.certificate)
    }

    private func client(_ node: String = "node-1", now: Int64 = start) throws -> IdentityCertificate {
        try self.authority.issueClient(request: try IdentityKey().request(node: node), node: node, now: now)
    }

    @Test func authorityLastsTenYears() {
        #expect(self.authority.certificate.notBefore == start - 300)
        #expect(self.authority.certificate.notAfter == start + 3_653 * day)
    }

    @Test func authorityIsReadBackFromItsPEM() throws {
        let copy = try CertificateAuthority(
            certificatePEM: self.authority.certificate.pem, keyPEM: self.authority.key.pem)
        #expect(copy.certificate == self.authority.certificate)
        #expect(copy.certificate.sha256 == self.authority.certificate.sha256)
    }

    @Test func keyOfAnotherAuthorityIsRefused() throws {
        let error = #expect(throws: IdentityError.self) {
            try CertificateAuthority(certificatePEM: self.authority.certificate.pem, keyPEM: IdentityKey().pem)
        }
        #expect(error?.code == .keyMismatch)
    }

    @Test func clientCertificateNamesItsNodeAndLastsNinetyDays() async throws {
        let certificate = try self.client("node-7")
        #expect(certificate.commonName == "node-7")
        #expect(certificate.notAfter == start + 90 * day)
        #expect(
            await self.trust.judge(chain: [certificate.der], use: .client, now: start) == .trusted(certificate))
    }

    @Test func nameComesFromTheCallerAndNotFromTheRequest() throws {
        let request = try IdentityKey().request(node: "somebody-else")
        #expect(try self.authority.issueClient(request: request, node: "node-1", now: start).commonName == "node-1")
    }

    @Test func requestWithForeignKeyIsRefused() throws {
        var request = try IdentityKey().request(node: "node-1")
        // The signature is the last field: another one no longer proves possession of the key.
        request[request.count - 1] ^= 1
        let error = #expect(throws: IdentityError.self) {
            try self.authority.issueClient(request: request, node: "node-1", now: start)
        }
        #expect(error?.code == .badRequest)
    }

    @Test(arguments: [[], [0x30], [UInt8](repeating: 0xFF, count: 300)] as [[UInt8]])
    func rubbishIsAnErrorAndNotACrash(_ bytes: [UInt8]) async {
        #expect(throws: IdentityError.self) {
            try self.authority.issueClient(request: bytes, node: "n", now: start)
        }
        #expect(throws: IdentityError.self) { try IdentityCertificate(der: bytes) }
        #expect(throws: IdentityError.self) { try IdentityCertificate.chain(pem: bytes) }
        #expect(throws: IdentityError.self) { try IdentityKey(pem: bytes) }
        #expect(await self.trust.judge(chain: [bytes], use: .client, now: start) == .malformed)
        #expect(await self.trust.judge(chain: [], use: .client, now: start) == .malformed)
    }

    @Test func keyIdentifiesThroughRenewals() throws {
        let key = IdentityKey()
        let first = try self.authority.issueClient(request: key.request(node: "n"), node: "n", now: start)
        let second = try self.authority.issueClient(request: key.request(node: "n"), node: "n", now: start + day)
        #expect(first.publicKeySHA256 == second.publicKeySHA256)
        #expect(first.publicKeySHA256.count == 32)
        #expect(first.sha256 != second.sha256)
    }

    @Test(arguments: [
        (["a_b.example", "*.example.org", "localhost"], [], true), ([], ["127.0.0.1", "::1"], true),
        ([], [], false), (["-a"], [], false), (["a..b"], [], false), (["*"], [], false), (["exa mple"], [], false),
        ([], ["300.1.1.1"], false), ([], ["example.org"], false),
    ])
    func serverNames(_ names: [String], _ addresses: [String], _ isGood: Bool) throws {
        let issue = {
            try self.authority.issueServer(names: names, addresses: addresses, key: IdentityKey(), now: start)
        }
        if isGood {
            _ = try issue()
        } else {
            #expect(throws: IdentityError.self) { try issue() }
        }
    }
}

@Suite struct CertificateTrustTests {
    private let authority: CertificateAuthority
    private let trust: CertificateTrust

    init() throws {
        self.authority = try CertificateAuthority(organization: "Example", now: start)
        self.trust = CertificateTrust(authority: self.authority.certificate)
    }

    private func client(now: Int64 = start) throws -> IdentityCertificate {
        try self.authority.issueClient(request: try IdentityKey().request(node: "n"), node: "n", now: now)
    }

    @Test func timeMakesThreeVerdicts() async throws {
        let certificate = try self.client(now: start + 10 * day)
        let judge = { (now: Int64) in await self.trust.judge(chain: [certificate.der], use: .client, now: now) }
        #expect(await judge(certificate.notBefore - 1) == .notYetValid(certificate))
        #expect(await judge(certificate.notBefore) == .trusted(certificate))
        #expect(await judge(certificate.notAfter) == .trusted(certificate))
        #expect(await judge(certificate.notAfter + 1) == .expired(certificate))
    }

    @Test func nothingOutlivesItsAuthority() async throws {
        let certificate = try self.client(now: start + 3_650 * day)
        let now = self.authority.certificate.notAfter + 1
        #expect(await self.trust.judge(chain: [certificate.der], use: .client, now: now) == .unknownAuthority)
    }

    @Test func anotherAuthorityOfTheSameNameIsUnknown() async throws {
        let twin = try CertificateAuthority(organization: "Example", now: start)
        let certificate = try twin.issueClient(request: IdentityKey().request(node: "n"), node: "n", now: start)
        for chain in [[certificate.der], [certificate.der, twin.certificate.der]] {
            #expect(await self.trust.judge(chain: chain, use: .client, now: start) == .unknownAuthority)
            // Also long after its time: an unknown certificate is never merely "expired".
            #expect(await self.trust.judge(chain: chain, use: .client, now: start + 900 * day) == .unknownAuthority)
        }
    }

    @Test func leafCannotIssue() async throws {
        let key = IdentityKey()
        let leaf = try self.authority.issueClient(request: key.request(node: "n"), node: "n", now: start)
        let impostor = try CertificateAuthority(certificatePEM: leaf.pem, keyPEM: key.pem)
        let forged = try impostor.issueClient(request: IdentityKey().request(node: "m"), node: "m", now: start)
        let verdict = await self.trust.judge(chain: [forged.der, leaf.der], use: .client, now: start)
        #expect(verdict == .unknownAuthority)
    }

    @Test func usesAreNotInterchangeable() async throws {
        let client = try self.client()
        let server = try self.authority.issueServer(
            names: ["aggregator.example"], addresses: [], key: IdentityKey(), now: start)
        #expect(await self.trust.judge(chain: [server.der], use: .client, now: start) == .wrongUse)
        #expect(await self.trust.judge(chain: [client.der], use: .server(host: "n"), now: start) == .wrongUse)
        let root = self.authority.certificate
        #expect(await self.trust.judge(chain: [root.der], use: .client, now: start) == .wrongUse)
    }

    @Test(arguments: [
        ("aggregator.example", true), ("AGGREGATOR.example", true), ("other.example", false),
        ("10.1.2.3", true), ("10.1.2.4", false), ("2001:db8::1", true), ("2001:db8:0::1", true), ("::1", false),
    ])
    func hosts(_ host: String, _ isNamed: Bool) async throws {
        let certificate = try self.authority.issueServer(
            names: ["aggregator.example"], addresses: ["10.1.2.3", "2001:db8::1"], key: IdentityKey(), now: start)
        let verdict = await self.trust.judge(chain: [certificate.der], use: .server(host: host), now: start)
        #expect(verdict == (isNamed ? .trusted(certificate) : .wrongUse))
    }
}
