import Batches
import Crypto
import Energy
import Identity
package import Store
import TransparencyLog

/// Makes a new installation: authority, database, first organization with its log and its tokens.
package struct Founding: Sendable {
    package let installation: Installation
    package let clock: ServiceClock

    package init(installation: Installation, clock: ServiceClock) {
        self.installation = installation
        self.clock = clock
    }

    /// What `init` prints.
    package struct Result: Sendable {
        package var slug: String
        package var origin: String
        package var joinToken: String
        package var authoritySHA256: [UInt8]
    }

    /// - Parameters:
    ///   - slug: what the organization and its log go by; see `LogNaming`.
    ///   - host: name under which the log's origin is made; it is pinned by every node and auditor.
    ///   - tokens: where keys are that are not made as files.
    ///   - pool: connections of the intake role on a migrated database.
    package func found(
        organization: String, slug: String, site: String, host: String, tokens: LogKeys.Tokens = LogKeys.Tokens(),
        pool: ConnectionPool
    ) async throws -> Result {
        let authority = try foundAuthority(organization)
        let founded = try await Self.foundOrganization(
            name: organization, slug: slug, site: site, host: host, tokens: tokens, installation: installation,
            pool: pool, clock: clock)
        let admin = Token.make(clock.random)
        let join = Token.make(clock.random)
        let expires = Timestamp(microseconds: clock.now().microseconds + 86_400_000_000)
        try await pool.run { connection throws(StoreError) in
            try connection.change(founded.log) { change throws(StoreError) in
                try change.add(
                    TokenRecord(
                        log: founded.log, sha256: Token.sha256(admin), kind: Token.Kind.operator.rawValue, name: "admin"
                    ))
                try change.add(
                    TokenRecord(
                        log: founded.log, sha256: Token.sha256(join), kind: Token.Kind.join.rawValue, name: "init",
                        usesLeft: 1, expires: expires))
            }
        }
        try PrivateFile.write(Array("\(host)\n".utf8), to: installation.originHostFile, mode: 0o644)
        let policy = try LogKeys(directory: installation.logDirectory(founded.slug)).policy
        try PrivateFile.write(Array(policy.utf8), to: installation.policy, mode: 0o644)
        // Last: the token is the mark that everything before it is there.
        try PrivateFile.write(Array("\(admin)\n".utf8), to: installation.adminToken)
        return Result(
            slug: founded.slug, origin: founded.origin, joinToken: join,
            authoritySHA256: authority.certificate.sha256)
    }

    private func foundAuthority(_ organization: String) throws -> CertificateAuthority {
        if installation.isBegun { return try installation.authority() }
        let authority = try CertificateAuthority(organization: organization, now: clock.now().seconds)
        try PrivateFile.write(authority.certificate.pem, to: installation.authorityCertificate, mode: 0o644)
        try PrivateFile.write(authority.key.pem, to: installation.authorityKey)
        return authority
    }

    /// Makes an organization with its keys, its log's genesis entry and its first site.
    package static func foundOrganization(
        name: String, slug: String, site: String, host: String, tokens: LogKeys.Tokens = LogKeys.Tokens(),
        installation: Installation, pool: ConnectionPool, clock: ServiceClock
    ) async throws -> Organization {
        let origin = LogNaming.origin(host: host, slug: slug)
        let directory = installation.logDirectory(slug)
        let keys = try LogKeys(origin: origin, tokens: tokens, random: clock.random)
        try keys.write(to: directory)
        let log = try await pool.run { connection throws(StoreError) in
            try connection.foundOrganization(slug: slug, name: name, origin: origin)
        }
        try await writeFirstEntries(log: log, keys: keys, slug: slug, name: name, site: site, pool: pool, clock: clock)
        try CheckpointSigner.create(origin: origin, path: "\(directory)/signer")
        return Organization(log: log, slug: slug, name: name, origin: origin)
    }

    private static func writeFirstEntries(
        log: Int32, keys: LogKeys, slug: String, name: String, site: String, pool: ConnectionPool, clock: ServiceClock
    ) async throws {
        let now = clock.now()
        let genesis = try keys.genesis(slug: slug, organization: name, time: now, salt: clock.random(16))
        let setting = SetEntry(
            log: keys.origin, time: now, field: "site", subject: site, value: Array("{}".utf8), effectiveFrom: nil,
            effectiveUntil: nil, by: "init", reason: nil, salt: clock.random(16))
        let first = try keys.administration.sign(setting.text).bytes
        let rows = [(EntryKind.genesis, genesis), (EntryKind.set, first)].map { kind, note in
            AppendRow(kind: kind, leaf: MerkleHash.leaf(of: note).bytes, note: note)
        }
        _ = try await pool.run { connection throws(StoreError) in
            _ = try connection.change(log) { change throws(StoreError) in try change.site(named: site) }
            return try connection.append(AppendGroup(log: log, rows: rows))
        }
    }
}

/// Bearer and join tokens. The database keeps their hashes only.
package enum Token {
    /// What a token may do; the numbers stand in the database.
    package enum Kind: Int16, Sendable {
        case bearer = 1
        case join = 2
        /// A bearer token that may also found organizations.
        case `operator` = 3
    }

    /// 32 random bytes, told from other secrets by their prefix.
    package static func make(_ random: (Int) -> [UInt8]) -> String {
        let text = Base64.encode(random(32)).map { character -> Character in
            switch character {
            case "+": "-"
            case "/": "_"
            default: character
            }
        }
        return "wattest_" + String(text.filter { $0 != "=" })
    }

    package static func sha256(_ token: String) -> [UInt8] { Array(SHA256.hash(data: Array(token.utf8))) }
}

extension UTCTime {
    package var seconds: Int64 { floorDivide(microseconds, by: 1_000_000) }
}
