import Batches
import TransparencyLog

extension TrustPolicy {
    /// The policy that judges a checkpoint. Where the log has changed its key since this one was written, it has the
    /// successor that the policy's key has named in a signed entry, and nothing else.
    ///
    /// - Parameter notes: the entries that name log keys, in the log's order. Their own signatures speak for them;
    ///   that they stand in the log is checked with the rest of it.
    func following(_ signed: SignedCheckpoint, notes: () throws -> [[UInt8]]) throws -> TrustPolicy {
        let origin = signed.checkpoint.origin
        func isSigner(_ key: VerifierKey) -> Bool { signed.note.signatures.contains { key.matches($0) } }
        let pinned = logs.map(\.key).filter { $0.name.isIdentical(to: origin) }
        guard !pinned.contains(where: isSigner), let key = pinned.first else { return self }
        var succession = LogKeySuccession(origin: origin, pinned: key)
        try succession.follow(notes())
        guard let successor = succession.keys.dropFirst().first(where: isSigner) else { return self }
        return replacing(key, by: successor)
    }
}

extension VerifierKey {
    /// What nobody but the operator can answer, once a successor signs in a pinned key's place.
    func doubt(about successor: VerifierKey) -> String {
        "whether log key \(keyIDHexadecimal) of your policy was changed by its owner: a thief of it and of the"
            + " administration key could have; compare \(successor.text) with the operator's word"
    }
}
