package import Energy
import TransparencyLog

/// A new key for the log's checkpoints: whoever pinned the old one follows this entry, and nothing else.
///
/// Signed by the old key. The administration key consents in a line of its own, so that a thief of the log's key alone
/// names no successor that an audit accepts.
package struct LogKeyEntry: Sendable, Hashable {
    package var log: String
    package var time: UTCTime
    /// Verifier key that signed checkpoints so far.
    package var previous: String
    /// Verifier key that signs every tree which holds this entry.
    package var key: String
    package var by: String
    package var reason: String
    package var salt: [UInt8]
    /// Ed25519 of the administration key over `consentMessage`; 64 bytes.
    package var consent: [UInt8]

    package init(
        log: String, time: UTCTime, previous: String, key: String, by: String, reason: String, salt: [UInt8],
        consent: [UInt8]
    ) {
        self.log = log
        self.time = time
        self.previous = previous
        self.key = key
        self.by = by
        self.reason = reason
        self.salt = salt
        self.consent = consent
    }

    /// What the administration key signs: one byte that no note begins with, then the lines in front of its own.
    package var consentMessage: [UInt8] { [0xFF] + opening.bytes }

    private var opening: LineWriter {
        var writer = LineWriter()
        writer.version("wattest/logkey/v1")
        writer.opening(log, time)
        writer.line("previous") { $0.field(previous) }
        writer.line("key") { $0.field(key) }
        writer.line("by") { $0.encodedText(by) }
        writer.line("reason") { $0.encodedText(reason) }
        writer.line("salt") { $0.base64(salt) }
        return writer
    }

    package var text: [UInt8] {
        var writer = opening
        writer.line("consent") { $0.base64(consent) }
        return writer.bytes
    }

    package init(text: [UInt8]) throws(NoteSyntaxError) {
        var reader = LineReader(text)
        try reader.version("wattest/logkey/v1")
        (log, time) = try reader.opening()
        previous = try reader.keyLine("previous")
        key = try reader.keyLine("key")
        try reader.begin("by")
        by = try reader.encodedText("by")
        try reader.endLine()
        try reader.begin("reason")
        reason = try reader.encodedText("reason")
        try reader.endLine()
        salt = try reader.saltLine()
        try reader.begin("consent")
        consent = try reader.base64("consent", count: 64)
        try reader.endLine()
        try reader.endText()
    }
}
