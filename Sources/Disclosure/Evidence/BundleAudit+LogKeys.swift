import Batches
import TransparencyLog

/// The life of the log's own key.
extension BundleAudit {
    /// Judges a checkpoint by the auditor's policy. Where the log has changed its key since the policy was written, by
    /// the successor that the policy's key has named in a signed entry, and by nothing else.
    func evaluate(_ signed: SignedCheckpoint) throws -> PolicyVerdict {
        let origin = signed.checkpoint.origin
        let pinned = policy.logs.map(\.key).filter { $0.name.isIdentical(to: origin) }
        let isSigned = pinned.contains { key in signed.note.signatures.contains { key.matches($0) } }
        guard !isSigned, let key = pinned.first, let successor = try successor(of: key, signing: signed) else {
            return try policy.evaluate(signed)
        }
        return try policy.replacing(key, by: successor).evaluate(signed)
    }

    /// The later key of a succession by which a checkpoint is signed.
    private func successor(of pinned: VerifierKey, signing signed: SignedCheckpoint) throws -> VerifierKey? {
        var succession = LogKeySuccession(origin: signed.checkpoint.origin, pinned: pinned)
        try succession.follow(logKeyNotes())
        return succession.keys.dropFirst().first { key in signed.note.signatures.contains { key.matches($0) } }
    }

    /// Every entry of the bundle that names a log key. Their own signatures speak for them; that they stand in the log
    /// is checked with the rest of it.
    private func logKeyNotes() throws(ReplayFailure) -> [[UInt8]] {
        let opening = Array(Entry.Kind.logKey.version.utf8)
        var notes: [(index: UInt64, note: [UInt8])] = []
        for path in source.paths {
            guard case .entries(let bundle) = BundlePath(path) else { continue }
            for (offset, entry) in try Self.entries(of: bundle, in: source.bytes(of: path)).enumerated()
            where entry.starts(with: opening) {
                notes.append((bundle.firstEntry + UInt64(offset), Array(entry)))
            }
        }
        return notes.sorted { $0.index < $1.index }.map(\.note)
    }

    /// The key that signed a tree must be the one that the tree's own entries name for its size.
    func checkLogKey(
        of checkpoint: VerifiedCheckpoint, _ replay: LogReplay, _ report: inout AuditReport
    ) throws(ReplayFailure) {
        guard let signers = replay.signers else {
            throw ReplayFailure(.syntax, at: UInt64(0), "the first entry of a log is its genesis entry")
        }
        let keys = signers.logKeys
        let due = signers.logKey(at: checkpoint.head.size)
        guard due == checkpoint.log else {
            let index = keys.last { $0.key == due }?.index ?? 0
            let what =
                keys.count == 1
                ? "the log's first entry names another log key than the policy"
                : "the checkpoint is signed by another log key than the entries name for its size"
            throw ReplayFailure(
                .signer, at: UInt64(clamping: index), what, expected: checkpoint.log.text, found: due.text)
        }
        guard keys.count > 1 else { return }
        report.proved.append(
            "the log's key changed at entry \(keys.dropFirst().map { "\($0.index)" }.joined(separator: ", ")), each"
                + " time signed by the key before and consented by the administration key")
        report.counts.append(("log_key_changes", Int64(keys.count - 1)))
        let pinned = policy.logs.map(\.key).first { $0.name.isIdentical(to: checkpoint.checkpoint.origin) }
        if let pinned, pinned != due {
            report.notCovered.append(
                "whether log key \(pinned.keyIDHexadecimal) of your policy was changed by its owner: a thief of it and"
                    + " of the administration key could have; compare \(due.text) with the operator's word")
        }
    }
}
