package import Energy
package import TransparencyLog

/// An agent that fell behind its own chain opens a new one and says what was lost. Signed by the node.
package struct ResumeEntry: Sendable, Hashable {
    package var log: String
    package var time: UTCTime
    package var node: String
    /// The last position of the old chain that the node stands by.
    package var lastGood: ChainPosition
    /// Leaf hash of the entry at that position, or of the opening entry when there is none.
    package var previous: MerkleHash
    /// The span of UTC whose batches are lost, nil when nothing is.
    package var lost: UTCInterval?
    package var reason: String
    package var anchor: TreeHead?
    package var salt: [UInt8]

    package init(
        log: String, time: UTCTime, node: String, lastGood: ChainPosition, previous: MerkleHash, lost: UTCInterval?,
        reason: String, anchor: TreeHead?, salt: [UInt8]
    ) {
        self.log = log
        self.time = time
        self.node = node
        self.lastGood = lastGood
        self.previous = previous
        self.lost = lost
        self.reason = reason
        self.anchor = anchor
        self.salt = salt
    }

    package var text: [UInt8] {
        var writer = LineWriter()
        writer.version("wattest/resume/v1")
        writer.opening(log, time)
        writer.line("node") { $0.field(node) }
        writer.line("after") {
            $0.field(lastGood.incarnation)
            $0.field(lastGood.sequence)
        }
        writer.line("prev") { $0.base64(previous.bytes) }
        writer.line("lost") {
            $0.optionalTime(lost?.start)
            $0.optionalTime(lost?.end)
        }
        writer.line("reason") { $0.encodedText(reason) }
        writer.line("anchor") { $0.anchor(anchor) }
        writer.line("salt") { $0.base64(salt) }
        return writer.bytes
    }

    package init(text: [UInt8]) throws(NoteSyntaxError) {
        var reader = LineReader(text)
        try reader.version("wattest/resume/v1")
        (log, time) = try reader.opening()
        node = try reader.nameLine("node")
        try reader.begin("after")
        lastGood = ChainPosition(
            incarnation: try reader.integer("incarnation"), sequence: try reader.integer("seq"))
        try reader.endLine()
        previous = try reader.hashLine("prev")
        try reader.begin("lost")
        let start = try reader.optionalTime("start")
        let end = try reader.optionalTime("end")
        guard (start == nil) == (end == nil) else { throw reader.failure("both ends of the lost span, or none") }
        lost = start.flatMap { start in end.map { UTCInterval(start: start, end: $0) } }
        try reader.endLine()
        try reader.begin("reason")
        reason = try reader.encodedText("reason")
        try reader.endLine()
        anchor = try reader.anchorLine()
        salt = try reader.saltLine()
        try reader.endText()
    }
}
