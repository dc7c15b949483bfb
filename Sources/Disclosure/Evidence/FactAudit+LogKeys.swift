import Batches
import TransparencyLog

/// The log's own key, where it has changed since the auditor wrote the policy: the facts that name it lead on.
extension FactAudit {
    static let keyRemedy =
        "; if the log has changed its key since the policy was written, add the proof of the entry that names the new"
        + " one (wattest/logkey/v1)"

    /// The entries among the facts that name log keys, in the log's order.
    static func logKeyNotes(in facts: [Fact]) -> [[UInt8]] {
        let opening = Array(Entry.Kind.logKey.version.utf8)
        return facts.compactMap { fact -> (index: UInt64, note: [UInt8])? in
            switch fact.proof {
            case .file(let bytes):
                guard let proof = try? TLogProof(parsing: bytes), let note = proof.extra else { return nil }
                return (proof.index, note)
            case .receipt(let bytes, let note):
                guard let receipt = try? COSEReceipt(decoding: bytes), case .inclusion(let proof) = receipt.proof
                else { return nil }
                return (proof.index, note)
            }
        }.filter { $0.note.starts(with: opening) }.sorted { $0.index < $1.index }.map(\.note)
    }

    /// - Returns: the key that must have signed the entry, nil where the facts do not say which that was.
    static func take(
        _ change: LogKeyEntry, of fact: Proved, _ signers: inout SignerRegister?
    ) throws(ReplayFailure) -> VerifierKey? {
        guard let key = signers?.logKey, key.text == change.previous else { return nil }
        if let refusal = signers?.apply(change, at: Int64(clamping: fact.index)) {
            throw ReplayFailure(.signer, at: fact.place, refusal.message)
        }
        return key
    }

    /// A key that the log has left signs no tree any more that holds its successor.
    func checkLogKeys(
        of proved: [Proved], _ signers: SignerRegister?, _ report: inout AuditReport
    ) throws(ReplayFailure) {
        let known = signers?.logKeys ?? []
        for fact in proved where known.contains(where: { $0.key == fact.key }) {
            guard let due = signers?.logKey(at: fact.size), due != fact.key else { continue }
            throw ReplayFailure(
                .signer, at: fact.place, "it is signed by another log key than the entries name for its size",
                expected: due.text, found: fact.key.text)
        }
        if known.count > 1 {
            report.proved.append(
                "the log's key changed at entry \(known.dropFirst().map { "\($0.index)" }.joined(separator: ", ")),"
                    + " each time signed by the key before and consented by the administration key")
            report.count("log_key_changes", Int64(known.count - 1))
        }
        guard let newest = proved.max(by: { $0.size < $1.size })?.key,
            let pinned = policy.logs.map(\.key).first(where: { $0.name.isIdentical(to: newest.name) }),
            !policy.logs.contains(where: { $0.key == newest })
        else { return }
        if known.count < 2 {
            report.notCovered.append("whether the administration key consented to the new log key: entry 0 is not here")
        }
        report.notCovered.append(pinned.doubt(about: newest))
    }
}
