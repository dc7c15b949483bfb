/// The body of `add-checkpoint` (C2SP tlog-witness): the size that the witness is thought to know, the proof from
/// there, and the checkpoint.
package struct AddCheckpointRequest: Sendable, Hashable {
    package static let maximumByteCount = 256 * 1024

    package let oldSize: UInt64
    package let path: [MerkleHash]
    package let checkpoint: SignedCheckpoint

    package init(oldSize: UInt64, path: [MerkleHash], checkpoint: SignedCheckpoint) {
        self.oldSize = oldSize
        self.path = path
        self.checkpoint = checkpoint
    }

    /// - Throws: `bad_request`, `bad_note` or `bad_checkpoint`
    package init(parsing bytes: [UInt8]) throws(TransparencyLogError) {
        guard bytes.count <= Self.maximumByteCount else {
            throw TransparencyLogError(.badRequest, "\(bytes.count) bytes, the limit is \(Self.maximumByteCount)")
        }
        var lines = LineReader(bytes[...])
        guard let line = lines.next(), let number = line.dropping(prefix: "old "),
            let oldSize = CanonicalDecimal.parse(number)
        else {
            throw TransparencyLogError(.badRequest, "line 1: expected 'old <size>'")
        }
        let path = try HashLines.read(&lines, code: .badRequest)
        self.init(oldSize: oldSize, path: path, checkpoint: try SignedCheckpoint(parsing: Array(lines.rest)))
    }

    package var bytes: [UInt8] {
        var bytes = Array("old \(oldSize)\n".utf8)
        HashLines.append(path, to: &bytes)
        return bytes + checkpoint.bytes
    }
}
