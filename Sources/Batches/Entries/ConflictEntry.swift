package import Energy
package import TransparencyLog

/// Two different signed entries for one place in a chain: proof of equivocation that anyone can check. The chain ends
/// here.
///
/// Signed by the administration key; both notes carry the node's own signature.
package struct ConflictEntry: Sendable, Hashable {
    package var log: String
    package var time: UTCTime
    package var node: String
    package var position: ChainPosition
    package var firstLeaf: MerkleHash
    package var secondLeaf: MerkleHash
    /// The second note, nil when it is too large to be carried; it is kept beside the log then.
    package var secondNote: [UInt8]?
    package var salt: [UInt8]

    package init(
        log: String, time: UTCTime, node: String, position: ChainPosition, firstLeaf: MerkleHash,
        secondLeaf: MerkleHash, secondNote: [UInt8]?, salt: [UInt8]
    ) {
        self.log = log
        self.time = time
        self.node = node
        self.position = position
        self.firstLeaf = firstLeaf
        self.secondLeaf = secondLeaf
        self.secondNote = secondNote
        self.salt = salt
    }

    package static let maximumNoteBytes = 40_000

    package var text: [UInt8] {
        var writer = LineWriter()
        writer.version("wattest/conflict/v1")
        writer.opening(log, time)
        writer.line("node") { $0.field(node) }
        writer.line("chain") {
            $0.field(position.incarnation)
            $0.field(position.sequence)
        }
        writer.line("first") { $0.base64(firstLeaf.bytes) }
        writer.line("second") { $0.base64(secondLeaf.bytes) }
        writer.line("note") { writer in
            guard let secondNote else { return writer.nothing() }
            writer.base64(secondNote)
        }
        writer.line("salt") { $0.base64(salt) }
        return writer.bytes
    }

    package init(text: [UInt8]) throws(NoteSyntaxError) {
        var reader = LineReader(text)
        try reader.version("wattest/conflict/v1")
        (log, time) = try reader.opening()
        node = try reader.nameLine("node")
        position = try reader.chainLine()
        firstLeaf = try reader.hashLine("first")
        secondLeaf = try reader.hashLine("second")
        try reader.begin("note")
        secondNote = reader.takeNothing() ? nil : try reader.base64("note", maximumCount: Self.maximumNoteBytes)
        try reader.endLine()
        salt = try reader.saltLine()
        try reader.endText()
    }
}
