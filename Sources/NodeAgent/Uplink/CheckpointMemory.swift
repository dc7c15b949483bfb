import Batches
package import TransparencyLog

/// The newest checkpoint of the log that this agent has verified. It never goes back.
///
/// The log's key was pinned at enrolment. Another key is believed once an entry signed by the one before it names it;
/// from then on the old key's signature is worth nothing here.
///
/// A smaller tree, or another root at the same size, is a log that contradicts itself: it is refused and told, because
/// an agent deletes entries on the word of a checkpoint. That a larger tree contains the smaller one is for the
/// witnesses to prove; the anchors in this agent's batches pin every checkpoint it has seen into the log itself.
package struct CheckpointMemory: Sendable {
    package enum Fault: Error, Sendable, Hashable, CustomStringConvertible {
        case unverified(String)
        /// The log shows a smaller tree than one that it has signed.
        case shrunk(from: UInt64, to: UInt64)
        /// The log has signed two roots for one size.
        case forked(size: UInt64)

        package var description: String {
            switch self {
            case .unverified(let reason): "the checkpoint does not verify: \(reason)"
            case .shrunk(let old, let new):
                "the log shows size \(new) after it has signed size \(old): it lost entries, or two servers sign for"
                    + " it; restore its newest database and signer's file"
            case .forked(let size):
                "the log has signed two different roots for size \(size): keep the spool as evidence"
            }
        }

        package var word: String {
            switch self {
            case .unverified: "unverified"
            case .shrunk: "shrunk"
            case .forked: "forked"
            }
        }
    }

    private let origin: String
    private var succession: LogKeySuccession
    /// The newest checkpoint as received.
    package private(set) var newest: VerifiedCheckpoint?

    /// - Parameters:
    ///   - remembered: the note that an earlier run remembered; one that does not verify counts as none.
    ///   - logKeys: the entries that an earlier run followed from the pinned key.
    package init(origin: String, key: VerifierKey, remembered note: [UInt8]? = nil, logKeys: [[UInt8]] = []) {
        self.origin = origin
        var succession = LogKeySuccession(origin: origin, pinned: key)
        try? succession.follow(logKeys)
        self.succession = succession
        // The run before may have ended between the two files: then the checkpoint is still of the key before.
        newest = note.flatMap { bytes in
            succession.keys.reversed().lazy.compactMap { key in
                try? SignedCheckpoint(parsing: bytes).verify(origin: origin, log: key)
            }.first
        }
    }

    /// The entries that lead from the pinned key to the one that is believed now.
    package var logKeys: [[UInt8]] { succession.notes }

    package var head: TreeHead? { newest?.head }

    /// Takes a checkpoint.
    ///
    /// - Parameter logKeys: entries that lead to the key that signed it.
    /// - Returns: the head when it is newer than the last one, nil when it is the same.
    package mutating func take(_ note: [UInt8], logKeys: [[UInt8]] = []) throws(Fault) -> TreeHead? {
        let checkpoint: VerifiedCheckpoint
        var followed = succession
        do {
            try followed.follow(logKeys)
            checkpoint = try SignedCheckpoint(parsing: note).verify(origin: origin, log: followed.newest)
        } catch {
            throw .unverified("\(error)")
        }
        if let head {
            guard checkpoint.head.size >= head.size else {
                throw .shrunk(from: head.size, to: checkpoint.head.size)
            }
            if checkpoint.head.size == head.size {
                guard checkpoint.head.root == head.root else { throw .forked(size: head.size) }
                return nil
            }
        }
        succession = followed
        newest = checkpoint
        return checkpoint.head
    }
}
