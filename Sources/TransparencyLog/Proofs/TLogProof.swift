/// An inclusion proof with its checkpoint in one file, to be verified offline (C2SP tlog-proof, `.tlog-proof`).
package struct TLogProof: Sendable, Hashable {
    package static let header = "c2sp.org/tlog-proof@v1"
    package static let maximumByteCount = 1 << 20

    package let index: UInt64
    /// The leaf's sibling first.
    package let path: [MerkleHash]
    /// Not covered by any signature: never to be trusted by itself.
    package let extra: [UInt8]?
    /// The checkpoint note, byte for byte, with all its cosignatures.
    package let checkpoint: [UInt8]

    package init(index: UInt64, path: [MerkleHash], checkpoint: [UInt8], extra: [UInt8]? = nil) {
        self.index = index
        self.path = path
        self.checkpoint = checkpoint
        self.extra = extra.flatMap { $0.isEmpty ? nil : $0 }
    }

    package init(_ proof: InclusionProof, checkpoint: SignedCheckpoint, extra: [UInt8]? = nil) {
        self.init(index: proof.index, path: proof.path, checkpoint: checkpoint.bytes, extra: extra)
    }

    /// Reads a proof. The checkpoint is read when the proof is verified.
    ///
    /// - Throws: `bad_proof`, with the line.
    package init(parsing bytes: [UInt8]) throws(TransparencyLogError) {
        guard bytes.count <= Self.maximumByteCount else {
            throw TransparencyLogError(
                .badProof, "the proof has \(bytes.count) bytes, the limit is \(Self.maximumByteCount)")
        }
        var lines = LineReader(bytes[...])
        guard let header = lines.next(), header.elementsEqual(Self.header.utf8) else {
            throw TransparencyLogError(.badProof, "line 1: not \(Self.header)")
        }
        var line = lines.next() ?? []
        var extra: [UInt8]?
        if let text = line.dropping(prefix: "extra ") {
            guard let bytes = Base64.decode(text), !bytes.isEmpty else {
                throw TransparencyLogError(.badProof, "line 2: extra data \(Quoted(text)) is not canonical base64")
            }
            extra = bytes
            line = lines.next() ?? []
        }
        guard let number = line.dropping(prefix: "index "), let index = CanonicalDecimal.parse(number) else {
            throw TransparencyLogError(.badProof, "line \(lines.lineNumber): expected 'index <n>', not \(Quoted(line))")
        }
        let path = try HashLines.read(&lines, code: .badProof)
        self.init(index: index, path: path, checkpoint: Array(lines.rest), extra: extra)
    }

    package var bytes: [UInt8] {
        var bytes = Array("\(Self.header)\n".utf8)
        if let extra {
            bytes += Array("extra ".utf8)
            Base64.append(extra[...], to: &bytes)
            bytes.append(newline)
        }
        bytes += Array("index \(index)\n".utf8)
        HashLines.append(path, to: &bytes)
        return bytes + checkpoint
    }

    /// Checks that `leaf` stands at `index` of a tree that the policy accepts.
    ///
    /// - Throws: what the checkpoint, the policy or the path are refused for.
    package func verify(leaf: MerkleHash, policy: TrustPolicy) throws(TransparencyLogError) -> PolicyVerdict {
        let verdict = try policy.verify(SignedCheckpoint(parsing: checkpoint))
        try inclusion(in: verdict.checkpoint.head).verify(leaf: leaf, root: verdict.checkpoint.head.root)
        return verdict
    }

    /// The bare inclusion proof for a tree whose head is already trusted.
    package func inclusion(in head: TreeHead) throws(TransparencyLogError) -> InclusionProof {
        try InclusionProof(index: index, size: head.size, path: path)
    }
}
