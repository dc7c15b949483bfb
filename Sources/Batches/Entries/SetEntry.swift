package import Energy
import TransparencyLog

/// One configured input that a report reads: site, PUE, class, contract, factor choice. Signed by the administration
/// key.
///
/// For one field and subject the entry with the highest index below the report's end wins, from its effective time on.
package struct SetEntry: Sendable, Hashable {
    package var log: String
    package var time: UTCTime
    /// What is set, for example `site.pue` or `job.class`.
    package var field: String
    /// To what it applies: a site's name, a job's pseudonym; nil for the organization.
    package var subject: String?
    /// JSON text of at most `maximumValueBytes`.
    package var value: [UInt8]
    package var effectiveFrom: UTCTime?
    package var effectiveUntil: UTCTime?
    package var by: String
    package var reason: String?
    package var salt: [UInt8]

    package init(
        log: String, time: UTCTime, field: String, subject: String?, value: [UInt8], effectiveFrom: UTCTime?,
        effectiveUntil: UTCTime?, by: String, reason: String?, salt: [UInt8]
    ) {
        self.log = log
        self.time = time
        self.field = field
        self.subject = subject
        self.value = value
        self.effectiveFrom = effectiveFrom
        self.effectiveUntil = effectiveUntil
        self.by = by
        self.reason = reason
        self.salt = salt
    }

    package static let maximumValueBytes = 40_000

    package var text: [UInt8] {
        var writer = LineWriter()
        writer.version("wattest/set/v1")
        writer.opening(log, time)
        writer.line("field") { $0.field(field) }
        writer.line("subject") { $0.optionalText(subject) }
        writer.line("value") { $0.base64(value) }
        writer.line("effective") {
            $0.optionalTime(effectiveFrom)
            $0.optionalTime(effectiveUntil)
        }
        writer.line("by") { $0.encodedText(by) }
        writer.line("reason") { $0.optionalText(reason) }
        writer.line("salt") { $0.base64(salt) }
        return writer.bytes
    }

    package init(text: [UInt8]) throws(NoteSyntaxError) {
        var reader = LineReader(text)
        try reader.version("wattest/set/v1")
        (log, time) = try reader.opening()
        field = try reader.nameLine("field", maximumBytes: 64)
        try reader.begin("subject")
        subject = try reader.optionalText("subject")
        try reader.endLine()
        try reader.begin("value")
        value = try reader.base64("value", maximumCount: Self.maximumValueBytes)
        try reader.endLine()
        try reader.begin("effective")
        effectiveFrom = try reader.optionalTime("effective from")
        effectiveUntil = try reader.optionalTime("effective until")
        try reader.endLine()
        try reader.begin("by")
        by = try reader.encodedText("by")
        try reader.endLine()
        try reader.begin("reason")
        reason = try reader.optionalText("reason")
        try reader.endLine()
        salt = try reader.saltLine()
        try reader.endText()
    }
}
