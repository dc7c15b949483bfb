import Batches
import TransparencyLog

/// The life of the log's own key.
extension BundleAudit {
    /// Judges a checkpoint by the auditor's policy, or by the key that the log has changed to since.
    func evaluate(_ signed: SignedCheckpoint) throws -> PolicyVerdict {
        try policy.following(signed, notes: logKeyNotes).evaluate(signed)
    }

    /// The same of a checkpoint that the auditor got earlier, which a key may have signed that the log has left since.
    ///
    /// The keys in front of the policy's are the log's own word, which the replay holds to the signed tree.
    func evaluateEarlier(_ signed: SignedCheckpoint, _ newest: Checkpoint) throws -> VerifiedCheckpoint {
        do {
            return try evaluate(signed).checkpoint
        } catch let error as TransparencyLogError where error.code == .unsigned {
            guard let genesis = try firstEntry(inLogOf: newest.size).genesis else { throw error }
            var succession = LogKeySuccession(
                origin: newest.origin, pinned: try VerifierKey(parsing: genesis.logKey))
            try succession.follow(logKeyNotes())
            for key in succession.keys {
                if let verified = try? signed.verify(origin: newest.origin, log: key) { return verified }
            }
            throw error
        }
    }

    /// Every entry of the bundle that names a log key.
    private func logKeyNotes() throws(ReplayFailure) -> [[UInt8]] {
        let opening = Array(Entry.Kind.logKey.version.utf8)
        var notes: [(index: UInt64, note: [UInt8])] = []
        for path in source.paths {
            guard let (first, entries) = try shownEntries(of: path) else { continue }
            for (offset, entry) in entries.enumerated() where entry?.starts(with: opening) == true {
                notes.append((first + UInt64(offset), Array(entry ?? [])))
            }
        }
        return notes.sorted { $0.index < $1.index }.map(\.note)
    }

    /// The entries in a file, nil in the place of each that is withheld; nil for other files.
    private func shownEntries(
        of path: String
    ) throws(ReplayFailure) -> (first: UInt64, entries: [ArraySlice<UInt8>?])? {
        switch BundlePath(path) {
        case .entries(let bundle):
            return (bundle.firstEntry, try Self.entries(of: bundle, in: source.bytes(of: path)))
        case .disclosed(let bundle):
            let leaves = try source.bytes(of: BundlePath.withheld(bundle).path)
            let items = PartialBundle.decode(try source.bytes(of: path), leaves: leaves, width: bundle.width) ?? []
            return (
                bundle.firstEntry,
                items.map { item in
                    guard case .entry(let bytes) = item else { return nil }
                    return bytes
                }
            )
        default: return nil
        }
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
            report.notCovered.append(pinned.doubt(about: due))
        }
    }
}
