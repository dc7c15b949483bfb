package import Batches
package import Identity
import JSONText
package import TransparencyLog
package import Wire

/// What a signer has from its enrolment: its keys, its log, and where its chain begins.
///
/// In its directory: `signing.key` and `tls.key` (0600), `tls.pem`, `ca.pem`, and `agent.json`, which is written last
/// and makes the enrolment complete.
package struct Enrolment: Sendable {
    package var directory: String
    package var role: NodeEntry.Role
    /// Where the enrolment was asked for, `https://HOST:PORT`.
    package var server: String
    package var ingest: NetworkAddress
    /// Origin of the log.
    package var log: String
    package var logKey: VerifierKey
    package var node: String
    package var site: String
    /// Log index and leaf hash of the enrol entry, which opens a node's first chain.
    package var incarnation: Int64
    package var openingLeaf: MerkleHash
    /// The log's salt for job pseudonyms.
    package var jobSalt: [UInt8]
    package var intervalSeconds: Int64
    package var signingKey: SigningKey
    package var authority: IdentityCertificate

    static let signingKeyName = "signing.key"
    static let nextKeyName = "signing.key.next"
    static let tlsKeyName = "tls.key"
    static let tlsName = "tls.pem"
    static let authorityName = "ca.pem"
    static let recordName = "agent.json"

    /// Reads the enrolment of a directory.
    ///
    /// - Throws: `notEnrolled` when there is none, `file` when a part of it is damaged.
    package init(directory: String) throws(AgentError) {
        let path = directory + "/" + Self.recordName
        let bytes: [UInt8]?
        do {
            bytes = try DurableFile.read(path, maximumBytes: 1 << 20)
        } catch {
            throw AgentError(error)
        }
        guard let bytes else {
            throw AgentError(.notEnrolled, "\(directory) holds no enrolment; run `wattest-agent enroll` with it first")
        }
        do {
            try KeyRotation.finish(directory)
            let key = try PrivateFile.readSecret(directory + "/" + Self.signingKeyName)
            let text = String(decoding: key.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
            let authority = try IdentityCertificate(pem: PrivateFile.read(directory + "/" + Self.authorityName))
            let reply = try EnrolmentReply(parsing: bytes)
            self.init(
                directory: directory, role: reply.role ?? .node, server: reply.server ?? "", reply: reply,
                signingKey: try SigningKey(parsing: text), authority: authority)
        } catch {
            throw AgentError(.file, "the enrolment in \(directory) is damaged: \(error); restore it, or enroll again")
        }
    }

    init(
        directory: String, role: NodeEntry.Role, server: String, reply: EnrolmentReply, signingKey: SigningKey,
        authority: IdentityCertificate
    ) {
        self.directory = directory
        self.role = role
        self.server = server
        ingest = reply.ingest
        log = reply.log
        logKey = reply.logKey
        node = reply.node
        site = reply.site
        incarnation = reply.incarnation
        openingLeaf = reply.leaf
        jobSalt = reply.jobSalt
        intervalSeconds = reply.intervalSeconds
        self.signingKey = signingKey
        self.authority = authority
    }

    /// PEM of the certificate that is valid now; renewal replaces the file.
    package func certificatesPEM() throws(IdentityError) -> [UInt8] {
        try PrivateFile.read(directory + "/" + Self.tlsName)
    }

    package func tlsKeyPEM() throws(IdentityError) -> [UInt8] {
        try PrivateFile.readSecret(directory + "/" + Self.tlsKeyName)
    }

    /// How to reach the ingest port as this signer.
    package func clientConfiguration() throws(IdentityError) -> IngestClient.Configuration {
        IngestClient.Configuration(
            server: ingest, certificatesPEM: try certificatesPEM(), keyPEM: try tlsKeyPEM(), authority: authority)
    }

    package var uplink: Uplink.Configuration {
        Uplink.Configuration(log: log, logKey: logKey, node: node, agentVersion: AgentVersion.text)
    }
}

/// The version that an agent states to the aggregator.
package enum AgentVersion {
    package static let text = "wattest-agent/0.1"
}
