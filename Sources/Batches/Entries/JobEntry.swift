package import Energy
import TransparencyLog

/// What somebody saw of a job: its manifest at the start, its end. Signed by whoever saw it.
package struct JobEntry: Sendable, Hashable {
    package enum Event: String, Sendable, Hashable, CaseIterable { case start, update, end }

    /// Who saw it. A scheduler's word comes before an agent's, an agent's before a claim.
    package enum Witness: String, Sendable, Hashable, CaseIterable, Codable {
        case scheduler, agent, importer, `operator`
    }

    package var log: String
    package var time: UTCTime
    package var event: Event
    package var job: String
    package var attempt: Int64
    package var witness: Witness
    /// Name of the witness: the signing key's name.
    package var by: String
    package var start: UTCTime?
    package var stop: UTCTime?
    package var expectedNodes: Int64?
    /// The nodes of the allocation, empty when only their number is known.
    package var nodes: [String]
    /// SHA-256 of the record (key, names, labels, salt) that lies outside the log and travels beside this entry.
    package var recordSHA256: [UInt8]?
    package var salt: [UInt8]

    package init(
        log: String, time: UTCTime, event: Event, job: String, attempt: Int64, witness: Witness, by: String,
        start: UTCTime?, stop: UTCTime?, expectedNodes: Int64?, nodes: [String], recordSHA256: [UInt8]?, salt: [UInt8]
    ) {
        self.log = log
        self.time = time
        self.event = event
        self.job = job
        self.attempt = attempt
        self.witness = witness
        self.by = by
        self.start = start
        self.stop = stop
        self.expectedNodes = expectedNodes
        self.nodes = nodes
        self.recordSHA256 = recordSHA256
        self.salt = salt
    }

    package static let maximumNodesListed = 400

    package var text: [UInt8] {
        var writer = LineWriter()
        writer.version("wattest/job/v1")
        writer.opening(log, time)
        writer.line("event") { $0.field(event.rawValue) }
        writer.line("job") {
            $0.field(job)
            $0.field(attempt)
        }
        writer.line("by") {
            $0.field(witness.rawValue)
            $0.field(by)
        }
        writer.line("window") {
            $0.optionalTime(start)
            $0.optionalTime(stop)
        }
        writer.line("expected") { $0.field(expectedNodes) }
        for node in nodes { writer.line("on") { $0.field(node) } }
        writer.line("record") { writer in
            guard let recordSHA256 else { return writer.nothing() }
            writer.base64(recordSHA256)
        }
        writer.line("salt") { $0.base64(salt) }
        return writer.bytes
    }

    package init(text: [UInt8]) throws(NoteSyntaxError) {
        var reader = LineReader(text)
        try reader.version("wattest/job/v1")
        (log, time) = try reader.opening()
        try reader.begin("event")
        event = try reader.word("event", of: Event.self)
        try reader.endLine()
        try reader.begin("job")
        job = try reader.pseudonym("job")
        attempt = try reader.integer("attempt")
        try reader.endLine()
        try reader.begin("by")
        witness = try reader.word("witness", of: Witness.self)
        by = try reader.name("witness's name")
        try reader.endLine()
        try reader.begin("window")
        start = try reader.optionalTime("start")
        stop = try reader.optionalTime("stop")
        try reader.endLine()
        try reader.begin("expected")
        expectedNodes = try reader.optionalInteger("expected nodes")
        try reader.endLine()
        nodes = []
        while reader.startsLine("on") {
            guard nodes.count < Self.maximumNodesListed else { throw reader.failure("at most 400 nodes") }
            nodes.append(try reader.nameLine("on"))
        }
        try reader.begin("record")
        recordSHA256 = reader.takeNothing() ? nil : try reader.base64("record's SHA-256", count: 32)
        try reader.endLine()
        salt = try reader.saltLine()
        try reader.endText()
    }
}
