package import Energy
package import TransparencyLog

/// One recorded log file, and the opening of its own chain. Signed by the importer or by the replaying agent.
package struct ImportEntry: Sendable, Hashable {
    /// What the file's sensor belongs to. A source, such as a switch, is never counted as a node.
    package enum Subject: String, Sendable, Hashable, CaseIterable, Codable { case node, source }

    package var log: String
    package var time: UTCTime
    package var subject: Subject
    package var node: String
    package var sensor: String
    package var job: String?
    package var fileSHA256: [UInt8]
    package var fileByteCount: Int64
    package var format: String
    /// Rule of integration, nil for a format that carries energy.
    package var integration: IntegrationRule?
    /// The job's window; readings outside it are imported and posted to `unattributed`.
    package var start: UTCTime?
    package var stop: UTCTime?
    package var anchor: TreeHead?
    package var salt: [UInt8]

    package init(
        log: String, time: UTCTime, subject: Subject, node: String, sensor: String, job: String?, fileSHA256: [UInt8],
        fileByteCount: Int64, format: String, integration: IntegrationRule?, start: UTCTime?, stop: UTCTime?,
        anchor: TreeHead?, salt: [UInt8]
    ) {
        self.log = log
        self.time = time
        self.subject = subject
        self.node = node
        self.sensor = sensor
        self.job = job
        self.fileSHA256 = fileSHA256
        self.fileByteCount = fileByteCount
        self.format = format
        self.integration = integration
        self.start = start
        self.stop = stop
        self.anchor = anchor
        self.salt = salt
    }

    package var text: [UInt8] {
        var writer = LineWriter()
        writer.version("wattest/import/v1")
        writer.opening(log, time)
        writer.line("subject") {
            $0.field(subject.rawValue)
            $0.field(node)
        }
        writer.line("sensor") { $0.field(sensor) }
        writer.line("job") { $0.field(job) }
        writer.line("file") {
            $0.base64(fileSHA256)
            $0.field(fileByteCount)
            $0.field(format)
        }
        writer.line("integration") { $0.field(integration?.rawValue) }
        writer.line("window") {
            $0.optionalTime(start)
            $0.optionalTime(stop)
        }
        writer.line("anchor") { $0.anchor(anchor) }
        writer.line("salt") { $0.base64(salt) }
        return writer.bytes
    }

    package init(text: [UInt8]) throws(NoteSyntaxError) {
        var reader = LineReader(text)
        try reader.version("wattest/import/v1")
        (log, time) = try reader.opening()
        try reader.begin("subject")
        subject = try reader.word("subject", of: Subject.self)
        node = try reader.name("node")
        try reader.endLine()
        sensor = try reader.nameLine("sensor")
        try reader.begin("job")
        job = reader.takeNothing() ? nil : try reader.pseudonym("job")
        try reader.endLine()
        try reader.begin("file")
        fileSHA256 = try reader.base64("file's SHA-256", count: 32)
        fileByteCount = try reader.integer("bytes of the file")
        format = try reader.name("format", maximumBytes: 32)
        try reader.endLine()
        try reader.begin("integration")
        integration = reader.takeNothing() ? nil : try reader.word("integration", of: IntegrationRule.self)
        try reader.endLine()
        try reader.begin("window")
        start = try reader.optionalTime("start")
        stop = try reader.optionalTime("stop")
        try reader.endLine()
        anchor = try reader.anchorLine()
        salt = try reader.saltLine()
        try reader.endText()
    }
}
