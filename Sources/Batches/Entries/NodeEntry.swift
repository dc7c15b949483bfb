package import Energy
import TransparencyLog

/// The life of a signer: enrolled, its key rotated or revoked, retired.
///
/// Signed by the organization's administration key; a rotation is signed by the node's old key.
package struct NodeEntry: Sendable, Hashable {
    package enum Action: String, Sendable, Hashable, CaseIterable { case enrol, rotate, revoke, retire }

    /// What the signer may do. An importer signs the chains of recorded logs and is never counted as a node.
    package enum Role: String, Sendable, Hashable, CaseIterable, Codable { case node, importer }

    package var log: String
    package var time: UTCTime
    package var action: Action
    package var node: String
    package var role: Role
    package var site: String
    /// The key that is valid from here on; the key that ends, in a revocation or retirement.
    package var key: String
    /// First position of a new key, or the last trusted one of a revoked key.
    package var position: ChainPosition?
    /// Index from which nothing older is taken under a revoked key.
    package var cutoffIndex: Int64?
    /// Logs of other organizations that the node may write to.
    package var otherLogs: [String]
    package var salt: [UInt8]

    package init(
        log: String, time: UTCTime, action: Action, node: String, role: Role, site: String, key: String,
        position: ChainPosition? = nil, cutoffIndex: Int64? = nil, otherLogs: [String] = [], salt: [UInt8]
    ) {
        self.log = log
        self.time = time
        self.action = action
        self.node = node
        self.role = role
        self.site = site
        self.key = key
        self.position = position
        self.cutoffIndex = cutoffIndex
        self.otherLogs = otherLogs
        self.salt = salt
    }

    package var text: [UInt8] {
        var writer = LineWriter()
        writer.version("wattest/node/v1")
        writer.opening(log, time)
        writer.line("action") { $0.field(action.rawValue) }
        writer.line("node") { $0.field(node) }
        writer.line("role") { $0.field(role.rawValue) }
        writer.line("site") { $0.encodedText(site) }
        writer.line("key") { $0.field(key) }
        writer.line("position") { writer in
            guard let position else { return writer.nothing() }
            writer.field(position.incarnation)
            writer.field(position.sequence)
        }
        writer.line("cutoff") { $0.field(cutoffIndex) }
        writer.line("logs") { $0.field(otherLogs.isEmpty ? nil : otherLogs.joined(separator: ",")) }
        writer.line("salt") { $0.base64(salt) }
        return writer.bytes
    }

    package init(text: [UInt8]) throws(NoteSyntaxError) {
        var reader = LineReader(text)
        try reader.version("wattest/node/v1")
        (log, time) = try reader.opening()
        try reader.begin("action")
        action = try reader.word("action", of: Action.self)
        try reader.endLine()
        node = try reader.nameLine("node")
        try reader.begin("role")
        role = try reader.word("role", of: Role.self)
        try reader.endLine()
        try reader.begin("site")
        site = try reader.encodedText("site")
        try reader.endLine()
        key = try reader.keyLine("key")
        try reader.begin("position")
        position =
            reader.takeNothing()
            ? nil : ChainPosition(incarnation: try reader.integer("incarnation"), sequence: try reader.integer("seq"))
        try reader.endLine()
        try reader.begin("cutoff")
        cutoffIndex = try reader.optionalInteger("index")
        try reader.endLine()
        try reader.begin("logs")
        otherLogs = reader.takeNothing() ? [] : try reader.list("logs")
        guard otherLogs.allSatisfy({ SensorDescription.isWellFormed($0, maximumBytes: 160) }) else {
            throw reader.failure("logs, a comma-separated list of origins")
        }
        try reader.endLine()
        salt = try reader.saltLine()
        try reader.endText()
    }
}
