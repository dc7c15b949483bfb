/// What a log says of itself at one moment: origin, size and root (C2SP tlog-checkpoint).
package struct Checkpoint: Sendable, Hashable {
    /// The name of the log; one non-empty line.
    package let origin: String
    package let size: UInt64
    package let root: MerkleHash
    /// Opaque further lines; this project writes none.
    package let extensionLines: [String]

    package var head: TreeHead { TreeHead(size: size, root: root) }

    /// - Throws: `bad_checkpoint` for an origin or extension that is no single non-empty line.
    package init(
        origin: String, size: UInt64, root: MerkleHash, extensionLines: [String] = []
    ) throws(TransparencyLogError) {
        for line in [origin] + extensionLines where line.isEmpty || line.utf8.contains(where: { $0 < 0x20 }) {
            throw TransparencyLogError(.badCheckpoint, "\(Quoted(line)) is not one line of text")
        }
        self.origin = origin
        self.size = size
        self.root = root
        self.extensionLines = extensionLines
    }

    package init(origin: String, head: TreeHead) throws(TransparencyLogError) {
        try self.init(origin: origin, size: head.size, root: head.root)
    }

    /// Reads the text of a checkpoint note.
    package init(parsing text: ArraySlice<UInt8>) throws(TransparencyLogError) {
        var lines = LineReader(text)
        guard let origin = lines.next(), let size = lines.next(), let root = lines.next() else {
            throw TransparencyLogError(.badCheckpoint, "a checkpoint has three lines: origin, size, root")
        }
        guard let sizeNumber = CanonicalDecimal.parse(size) else {
            throw TransparencyLogError(.badCheckpoint, "line 2: size \(Quoted(size)) is not a plain decimal number")
        }
        guard let rootHash = MerkleHash(base64: root) else {
            throw TransparencyLogError(.badCheckpoint, "line 3: root \(Quoted(root)) is not base64 of 32 bytes")
        }
        var extensionLines: [String] = []
        while let line = lines.next() { extensionLines.append(try Self.string(line)) }
        guard lines.isAtEnd else {
            throw TransparencyLogError(.badCheckpoint, "the checkpoint does not end with a line feed")
        }
        try self.init(
            origin: Self.string(origin), size: sizeNumber, root: rootHash, extensionLines: extensionLines)
    }

    private static func string(_ line: ArraySlice<UInt8>) throws(TransparencyLogError) -> String {
        guard let string = String(validating: line, as: UTF8.self) else {
            throw TransparencyLogError(.badCheckpoint, "\(Quoted(line)) is not UTF-8")
        }
        return string
    }

    /// The text to be signed.
    package var text: [UInt8] {
        var text = Array("\(origin)\n\(size)\n".utf8)
        root.appendBase64(to: &text)
        text.append(newline)
        for line in extensionLines {
            text += Array(line.utf8)
            text.append(newline)
        }
        return text
    }
}
