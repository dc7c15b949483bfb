/// A checkpoint note as received: its syntax is checked, its signatures are not.
package struct SignedCheckpoint: Sendable, Hashable {
    package let note: SignedNote
    package let checkpoint: Checkpoint

    package init(parsing bytes: [UInt8]) throws(TransparencyLogError) {
        try self.init(note: SignedNote(parsing: bytes))
    }

    package init(note: SignedNote) throws(TransparencyLogError) {
        self.note = note
        checkpoint = try Checkpoint(parsing: note.text)
    }

    /// Signs a checkpoint as its log.
    package init(_ checkpoint: Checkpoint, signedBy key: SigningKey) throws(TransparencyLogError) {
        note = try key.sign(checkpoint.text)
        self.checkpoint = checkpoint
    }

    package var bytes: [UInt8] { note.bytes }

    /// Checks that the log signed, and every cosignature of a known witness.
    ///
    /// - Parameters:
    ///   - log: the log's key; an ordinary signature, so that a witness key cannot stand in for the log.
    ///   - origin: the expected first line.
    /// - Throws: `bad_checkpoint` for another origin, `unsigned` without the log's signature, `bad_signature`.
    package func verify(
        origin: String, log: VerifierKey, witnesses: [VerifierKey] = []
    ) throws(TransparencyLogError) -> VerifiedCheckpoint {
        guard checkpoint.origin.isIdentical(to: origin) else {
            throw TransparencyLogError(
                .badCheckpoint, "the checkpoint is of \(Quoted(checkpoint.origin)), expected \(Quoted(origin))")
        }
        guard checkpoint.size > 0 || checkpoint.root == .emptyTree else {
            throw TransparencyLogError(.badCheckpoint, "a checkpoint of size 0 has another root than the empty tree")
        }
        let opened = try note.open(with: [log] + witnesses)
        guard opened.verified.contains(where: { $0.key == log }) else {
            throw TransparencyLogError(.unsigned, "\(Quoted(log.name)) did not sign the checkpoint, only witnesses did")
        }
        return VerifiedCheckpoint(signed: self, opened: opened, log: log)
    }

    /// The same checkpoint with further cosignatures.
    package func adding(_ signatures: [NoteSignature]) throws(TransparencyLogError) -> SignedCheckpoint {
        try SignedCheckpoint(note: note.adding(signatures))
    }
}

/// A checkpoint that its log signed, with the cosignatures of the witnesses that were asked for.
package struct VerifiedCheckpoint: Sendable, Hashable {
    package struct Witnessed: Sendable, Hashable {
        package let key: VerifierKey
        /// POSIX seconds.
        package let time: UInt64
    }

    package let signed: SignedCheckpoint
    package let log: VerifierKey
    /// In the order of their lines. A witness that signed at several times occurs once for each.
    package let cosignatures: [Witnessed]

    package var checkpoint: Checkpoint { signed.checkpoint }
    package var head: TreeHead { checkpoint.head }

    fileprivate init(signed: SignedCheckpoint, opened: OpenedNote, log: VerifierKey) {
        self.signed = signed
        self.log = log
        cosignatures = opened.verified.compactMap { verified in
            guard verified.key.type == .cosignature, let cosignature = Cosignature(verified.signature) else {
                return nil
            }
            return Witnessed(key: verified.key, time: cosignature.time)
        }
    }
}
