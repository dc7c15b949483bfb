package import Energy
import TransparencyLog

/// Index 0 of every log: whose it is and which keys speak for it. Signed by the administration key that it names.
package struct GenesisEntry: Sendable, Hashable {
    package var log: String
    package var time: UTCTime
    package var slug: String
    package var organization: String
    /// Verifier keys of the log's checkpoints, of the organization's administration, and of the operator's own
    /// cosigner.
    package var logKey: String
    package var administrationKey: String
    package var selfWitnessKey: String
    package var salt: [UInt8]

    package init(
        log: String, time: UTCTime, slug: String, organization: String, logKey: String, administrationKey: String,
        selfWitnessKey: String, salt: [UInt8]
    ) {
        self.log = log
        self.time = time
        self.slug = slug
        self.organization = organization
        self.logKey = logKey
        self.administrationKey = administrationKey
        self.selfWitnessKey = selfWitnessKey
        self.salt = salt
    }

    package var text: [UInt8] {
        var writer = LineWriter()
        writer.version("wattest/genesis/v1")
        writer.opening(log, time)
        writer.line("organization") {
            $0.field(slug)
            $0.encodedText(organization)
        }
        writer.line("key") { $0.field(logKey) }
        writer.line("administration") { $0.field(administrationKey) }
        writer.line("self") { $0.field(selfWitnessKey) }
        writer.line("salt") { $0.base64(salt) }
        return writer.bytes
    }

    package init(text: [UInt8]) throws(NoteSyntaxError) {
        var reader = LineReader(text)
        try reader.version("wattest/genesis/v1")
        (log, time) = try reader.opening()
        try reader.begin("organization")
        slug = try reader.name("slug", maximumBytes: 40)
        organization = try reader.encodedText("organization")
        try reader.endLine()
        logKey = try reader.keyLine("key")
        administrationKey = try reader.keyLine("administration")
        selfWitnessKey = try reader.keyLine("self")
        salt = try reader.saltLine()
        try reader.endText()
    }
}

extension LineWriter {
    /// The two lines that follow every version word but the batch's.
    mutating func opening(_ log: String, _ time: UTCTime) {
        line("log") { $0.field(log) }
        line("time") { $0.field(time.microseconds) }
    }

    mutating func optionalTime(_ time: UTCTime?) { field(time?.microseconds) }

    mutating func optionalText(_ text: String?) {
        if let text { encodedText(text) } else { nothing() }
    }
}

extension LineReader {
    mutating func opening() throws(NoteSyntaxError) -> (String, UTCTime) {
        let log = try nameLine("log", maximumBytes: 255)
        try begin("time")
        let time = UTCTime(microseconds: try integer("time"))
        try endLine()
        return (log, time)
    }

    mutating func keyLine(_ keyword: StaticString) throws(NoteSyntaxError) -> String {
        try begin(keyword)
        let key = try verifierKey(keyword)
        try endLine()
        return key
    }

    mutating func optionalTime(_ what: StaticString) throws(NoteSyntaxError) -> UTCTime? {
        takeNothing() ? nil : UTCTime(microseconds: try integer(what))
    }

    mutating func optionalInteger(_ what: StaticString) throws(NoteSyntaxError) -> Int64? {
        takeNothing() ? nil : try integer(what)
    }

    mutating func optionalText(_ what: StaticString) throws(NoteSyntaxError) -> String? {
        takeNothing() ? nil : try encodedText(what)
    }
}
