package import TransparencyLog

/// The keys of a log's checkpoints, from one that somebody pinned to the newest, each named by the one before it.
///
/// It needs nothing but the signed entries: a node that pinned a key follows them without the rest of the log.
package struct LogKeySuccession: Sendable, Hashable {
    package let origin: String
    /// From the pinned key on.
    package private(set) var keys: [VerifierKey]
    /// The entries that lead from each key to the next, as signed.
    package private(set) var notes: [[UInt8]] = []

    package init(origin: String, pinned: VerifierKey) {
        self.origin = origin
        keys = [pinned]
    }

    package var newest: VerifierKey { keys[keys.count - 1] }

    /// Takes entries that lead on, in order. Those about keys before the pinned one, and those that are known, change
    /// nothing.
    ///
    /// - Throws: when an entry leads from the newest key to another one without its valid signature, or when it names
    ///   another successor for a key that has one.
    package mutating func follow(_ notes: [[UInt8]]) throws(TransparencyLogError) {
        for bytes in notes {
            let note = try SignedNote(parsing: bytes)
            guard let entry = try? LogKeyEntry(text: Array(note.text)), entry.log == origin else { continue }
            let (previous, key) = (try VerifierKey(parsing: entry.previous), try VerifierKey(parsing: entry.key))
            guard let place = keys.firstIndex(of: previous) else { continue }
            if place < keys.count - 1 {
                guard keys[place + 1] == key else {
                    throw TransparencyLogError(.badKey, "two successors of the log key \(previous.keyIDHexadecimal)")
                }
                continue
            }
            guard key.type == .ed25519, key.name == previous.name, !keys.contains(key) else {
                throw TransparencyLogError(.badKey, "the successor of the log key is no new Ed25519 key of its name")
            }
            guard let signature = note.signatures.first, note.signatures.count == 1, previous.matches(signature),
                previous.isValidSignature(signature, for: note.text)
            else {
                throw TransparencyLogError(
                    .badSignature, "the entry that names a new log key is not signed by the old one")
            }
            keys.append(key)
            self.notes.append(bytes)
        }
    }
}
