package import TransparencyLog

/// The newest checkpoint of the log that this agent has verified. It never goes back.
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
                "the log shows size \(new) after it has signed size \(old): it lost entries, or two servers sign for it"
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
    private let key: VerifierKey
    /// The newest checkpoint as received.
    package private(set) var newest: VerifiedCheckpoint?

    /// - Parameter remembered: the note that an earlier run remembered; one that does not verify counts as none.
    package init(origin: String, key: VerifierKey, remembered note: [UInt8]? = nil) {
        self.origin = origin
        self.key = key
        newest = note.flatMap { try? SignedCheckpoint(parsing: $0).verify(origin: origin, log: key) }
    }

    package var head: TreeHead? { newest?.head }

    /// Takes a checkpoint.
    ///
    /// - Returns: the head when it is newer than the last one, nil when it is the same.
    package mutating func take(_ note: [UInt8]) throws(Fault) -> TreeHead? {
        let checkpoint: VerifiedCheckpoint
        do {
            checkpoint = try SignedCheckpoint(parsing: note).verify(origin: origin, log: key)
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
        newest = checkpoint
        return checkpoint.head
    }
}
