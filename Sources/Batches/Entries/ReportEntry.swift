package import Energy
import TransparencyLog

/// An issued disclosure: its digest stands in the log, so that two different reports for one period cannot both be
/// hidden.
///
/// Signed by the administration key.
package struct ReportEntry: Sendable, Hashable {
    package var log: String
    package var time: UTCTime
    package var number: Int64
    package var period: UTCInterval
    package var audience: String
    /// The log prefix [0, size) that the report is a function of.
    package var size: Int64
    /// SHA-256 of the disclosure's JSON bytes.
    package var sha256: [UInt8]
    package var supersedes: Int64?
    package var reason: String?
    package var salt: [UInt8]

    package init(
        log: String, time: UTCTime, number: Int64, period: UTCInterval, audience: String, size: Int64,
        sha256: [UInt8], supersedes: Int64?, reason: String?, salt: [UInt8]
    ) {
        self.log = log
        self.time = time
        self.number = number
        self.period = period
        self.audience = audience
        self.size = size
        self.sha256 = sha256
        self.supersedes = supersedes
        self.reason = reason
        self.salt = salt
    }

    package var text: [UInt8] {
        var writer = LineWriter()
        writer.version("wattest/report/v1")
        writer.opening(log, time)
        writer.line("number") { $0.field(number) }
        writer.line("period") {
            $0.field(period.start.microseconds)
            $0.field(period.end.microseconds)
        }
        writer.line("audience") { $0.field(audience) }
        writer.line("size") { $0.field(size) }
        writer.line("digest") { $0.base64(sha256) }
        writer.line("supersedes") { $0.field(supersedes) }
        writer.line("reason") { $0.optionalText(reason) }
        writer.line("salt") { $0.base64(salt) }
        return writer.bytes
    }

    package init(text: [UInt8]) throws(NoteSyntaxError) {
        var reader = LineReader(text)
        try reader.version("wattest/report/v1")
        (log, time) = try reader.opening()
        try reader.begin("number")
        number = try reader.integer("number")
        try reader.endLine()
        try reader.begin("period")
        period = UTCInterval(
            start: UTCTime(microseconds: try reader.integer("start")),
            end: UTCTime(microseconds: try reader.integer("end")))
        try reader.endLine()
        audience = try reader.nameLine("audience", maximumBytes: 32)
        try reader.begin("size")
        size = try reader.integer("size")
        try reader.endLine()
        try reader.begin("digest")
        sha256 = try reader.base64("digest", count: 32)
        try reader.endLine()
        try reader.begin("supersedes")
        supersedes = try reader.optionalInteger("number")
        try reader.endLine()
        try reader.begin("reason")
        reason = try reader.optionalText("reason")
        try reader.endLine()
        salt = try reader.saltLine()
        try reader.endText()
    }
}
