import Batches
package import Energy
package import HardwareKeys
import Identity
package import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The keys of one organization's log on the host that signs it.
package struct LogKeys: Sendable {
    package let origin: String
    package private(set) var log: SigningKey
    package let administration: SigningKey
    package let selfWitness: CosigningKey
    /// Under it the pseudonyms of the log's jobs are made.
    package let jobSalt: [UInt8]

    /// Keys that lie on PKCS #11 tokens and not in files.
    package struct Tokens: Sendable {
        package var log: TokenURI?
        package var administration: TokenURI?

        package init(log: TokenURI? = nil, administration: TokenURI? = nil) {
            self.log = log
            self.administration = administration
        }
    }

    /// Makes new keys.
    ///
    /// - Parameters:
    ///   - random: so many random bytes.
    ///   - tokens: where the keys are that are not made here.
    package init(origin: String, tokens: Tokens = Tokens(), random: (Int) -> [UInt8]) throws {
        func key(_ name: String, _ uri: TokenURI?) throws -> SigningKey {
            guard let uri else { return try SigningKey(name: name, seed: random(32)) }
            return try TokenKey(uri).signingKey(name: name)
        }
        self.origin = origin
        log = try key(origin, tokens.log)
        administration = try key("\(origin)/admin", tokens.administration)
        selfWitness = try CosigningKey(name: "\(origin)/self", seed: random(32))
        jobSalt = random(16)
    }

    /// Reads the keys of a log's directory.
    package init(directory: String) throws {
        func text(_ name: String) throws -> String {
            let bytes = try PrivateFile.readSecret("\(directory)/\(name)")
            return String(decoding: bytes.filter { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        }
        log = try StoredKey.signingKey(parsing: text("log.key"))
        administration = try StoredKey.signingKey(parsing: text("administration.key"))
        selfWitness = try CosigningKey(parsing: text("self.key"))
        guard let salt = Base64.decode(try text("job.salt")), salt.count == 16 else {
            throw IdentityError(.file, "\(directory)/job.salt: not 16 bytes in base64; restore it from a backup")
        }
        jobSalt = salt
        origin = log.name
    }

    /// Where a new log key waits until the log names it.
    static func nextLogKeyFile(_ directory: String) -> String { "\(directory)/log.key.next" }

    /// Reads the keys of a log's directory, and ends a change of the log's key that a crash interrupted.
    ///
    /// - Parameter logKey: the key that the log's entries name.
    package static func settled(directory: String, logKey: VerifierKey) throws -> LogKeys {
        let keys = try LogKeys(directory: directory)
        guard keys.log.verifier != logKey else { return keys }
        if let next = try nextLogKey(directory), next.verifier == logKey {
            return try keys.promoting(next, in: directory)
        }
        throw IdentityError(
            .file, "\(directory)/log.key is not the key \(logKey.keyIDHexadecimal) that the log names; restore that one"
        )
    }

    /// The new log key that a change has prepared, nil without one.
    static func nextLogKey(_ directory: String) throws -> SigningKey? {
        guard PrivateFile.exists(nextLogKeyFile(directory)) else { return nil }
        return try key(nextLogKeyFile(directory))
    }

    /// Puts the prepared key in the place of the old one, which is forgotten.
    func promoting(_ next: SigningKey, in directory: String) throws -> LogKeys {
        guard rename(Self.nextLogKeyFile(directory), "\(directory)/log.key") == 0 else {
            throw IdentityError(
                .file, "cannot replace \(directory)/log.key: \(String(cString: strerror(errno)))")
        }
        var keys = self
        keys.log = next
        return keys
    }

    private static func key(_ path: String) throws -> SigningKey {
        let bytes = try PrivateFile.readSecret(path)
        return try StoredKey.signingKey(
            parsing: String(decoding: bytes.filter { $0 != UInt8(ascii: "\n") }, as: UTF8.self))
    }

    /// The operator's keys: none of them is an independent witness of this log.
    package var verifiers: [VerifierKey] { [log.verifier, administration.verifier, selfWitness.verifier] }

    package func write(to directory: String) throws {
        try DirectoryTree.make(directory)
        for (name, text) in [
            ("log.key", log.privateText), ("administration.key", administration.privateText),
            ("self.key", selfWitness.privateText), ("job.salt", Base64.encode(jobSalt)),
        ] {
            try PrivateFile.write(Array("\(text)\n".utf8), to: "\(directory)/\(name)")
        }
    }

    /// The entry at index 0, signed by the administration key.
    package func genesis(slug: String, organization: String, time: UTCTime, salt: [UInt8]) throws -> [UInt8] {
        let entry = GenesisEntry(
            log: origin, time: time, slug: slug, organization: organization, logKey: log.verifier.text,
            administrationKey: administration.verifier.text, selfWitnessKey: selfWitness.verifier.text, salt: salt)
        return try administration.sign(entry.text).bytes
    }

    /// Whom an auditor has to trust: the log's key. The operator's own cosigner counts for no quorum.
    package var policy: String { "log \(log.verifier.text)\nquorum none\n" }
}

/// Names that organizations and logs go by.
package enum LogNaming {
    /// A slug `[a-z0-9-]{1,40}` made of a name, or nil when nothing is left of it.
    package static func slug(of name: String) -> String? {
        var slug = ""
        for byte in name.lowercased().utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                slug.unicodeScalars.append(Unicode.Scalar(byte))
            default: if !slug.isEmpty, slug.last != "-" { slug += "-" }
            }
        }
        slug = String(slug.prefix(40))
        while slug.last == "-" { slug.removeLast() }
        return slug.isEmpty ? nil : slug
    }

    /// What a slug looks like, for those who choose one.
    package static let slugForm = "1 to 40 of a-z, 0-9 and -"

    package static func isSlug(_ text: String) -> Bool {
        (1...40).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
            }
    }

    /// Origin of an organization's log at a host.
    package static func origin(host: String, slug: String) -> String {
        let plain = host.lowercased().utf8.filter { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
        }
        let name = String(decoding: plain, as: UTF8.self)
        return "\(name.isEmpty ? "localhost" : name)/org/\(slug)"
    }
}
