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
        let founded: Organization
        do {
            founded = try await Self.foundOrganization(
                name: organization, slug: slug, site: site, host: host, tokens: tokens, installation: installation,
                pool: pool, clock: clock)
        } catch FoundingError.exists(let known) {
            // An earlier run ended behind this step, if the keys are here.
            guard try Self.hasKeys(of: known, installation) else { throw FoundingError.exists(known) }
            founded = known
        }
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

    private static func hasKeys(of organization: Organization, _ installation: Installation) throws -> Bool {
        let directory = installation.logDirectory(organization.slug)
        return try PrivateFile.exists("\(directory)/log.key")
            && LogKeys(directory: directory).origin == organization.origin
    }

    private func foundAuthority(_ organization: String) throws -> CertificateAuthority {
        if installation.isBegun { return try installation.authority() }
        let authority = try CertificateAuthority(organization: organization, now: clock.now().seconds)
        try PrivateFile.write(authority.certificate.pem, to: installation.authorityCertificate, mode: 0o644)
        try PrivateFile.write(authority.key.pem, to: installation.authorityKey)
        return authority
    }

    /// Makes an organization with its keys, its log's genesis entry and its first site, or ends what a crash left
    /// half done.
    ///
    /// Keys and the signer's file lie on disk before the database knows the organization, and one process at a time
    /// founds it: keys that another one wrote over those in a genesis entry would end that log.
    ///
    /// - Parameter crash: throws where a test wants this host to die.
    /// - Throws: `FoundingError` where it is founded already, by another process now, or its keys have signed before.
    package static func foundOrganization(
        name: String, slug: String, site: String, host: String, tokens: LogKeys.Tokens = LogKeys.Tokens(),
        installation: Installation, pool: ConnectionPool, clock: ServiceClock,
        crash: (FoundingStep) throws -> Void = { _ in }
    ) async throws -> Organization {
        let origin = LogNaming.origin(host: host, slug: slug)
        let directory = installation.logDirectory(slug)
        try DirectoryTree.make(directory)
        guard let lock = try SignerLock(atOnce: "\(directory)/founding") else {
            throw FoundingError.underWay(slug: slug)
        }
        defer { lock.release() }
        let known = try await pool.run { connection throws(StoreError) in try connection.organizations() }
            .first { $0.slug == slug }
        if let known, try await size(of: known.log, pool) > 0 { throw FoundingError.exists(known) }
        let keys = try Self.keys(in: directory, origin: known?.origin ?? origin, tokens, clock)
        try crash(.keys)
        if !PrivateFile.exists("\(directory)/signer") {
            try CheckpointSigner.create(origin: keys.origin, path: "\(directory)/signer")
        }
        try crash(.signerState)
        let organization: Organization
        if let known {
            organization = known
        } else {
            let log = try await pool.run { connection throws(StoreError) in
                try connection.foundOrganization(slug: slug, name: name, origin: origin)
            }
            organization = Organization(log: log, slug: slug, name: name, origin: origin)
        }
        try crash(.organization)
        try await writeFirstEntries(
            log: organization.log, keys: keys, slug: slug, name: organization.name, site: site, pool: pool, clock: clock
        )
        try crash(.entries)
        return organization
    }

    package static func size(of log: Int32, _ pool: ConnectionPool) async throws -> Int64 {
        try await pool.run { connection throws(StoreError) in
            try connection.snapshot(of: log) { snapshot throws(StoreError) in snapshot.size }
        }
    }

    /// New keys, or those of a founding that ended before anything was signed with them.
    private static func keys(
        in directory: String, origin: String, _ tokens: LogKeys.Tokens, _ clock: ServiceClock
    ) throws -> LogKeys {
        if PrivateFile.exists("\(directory)/signer") {
            let signed = try CheckpointSigner.state(origin: origin, path: "\(directory)/signer")
            guard signed.size == 0 else { throw FoundingError.hasSigned(directory: directory, size: signed.size) }
            if tokens.log == nil, tokens.administration == nil, let kept = try? LogKeys(directory: directory),
                kept.origin == origin
            {
                return kept
            }
        }
        let keys = try LogKeys(origin: origin, tokens: tokens, random: clock.random)
        try keys.write(to: directory)
        return keys
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

/// The moments of a founding after which a crash leaves something behind, in their order.
package enum FoundingStep: String, Sendable, Hashable, CaseIterable {
    /// Keys lie on disk; nobody knows of them.
    case keys
    /// The signer's file says that nothing was signed.
    case signerState
    /// The database has the organization with an empty log.
    case organization
    /// The log has its genesis entry.
    case entries
}

/// Why an organization is not founded.
package enum FoundingError: Error, Sendable, Equatable, CustomStringConvertible {
    case exists(Organization)
    case underWay(slug: String)
    case hasSigned(directory: String, size: UInt64)

    package var description: String {
        switch self {
        case .exists(let organization): "the organization '\(organization.slug)' exists already; give another slug"
        case .underWay(let slug): "the organization '\(slug)' is being founded by another process; look again later"
        case .hasSigned(let directory, let size):
            "\(directory) has the keys of a log that signed \(size) entries, which the database does not have: restore"
                + " the database, or move the directory away"
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
