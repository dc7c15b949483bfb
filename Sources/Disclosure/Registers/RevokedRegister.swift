import Accounts
import Batches
import Energy
import TransparencyLog

/// Batches that were logged before their key was revoked and that stand behind the last place which the revocation
/// trusts: whoever had stolen the key may have made them. They count in the figures, since they were proved when they
/// came, and every report and audit names them.
package struct RevokedRegister: Sendable, Hashable {
    /// The end of the trust in a key, as the survey sees it beforehand.
    struct Mark: Sendable, Hashable {
        var node: String
        var keyID: UInt32
        /// Nil when nothing of the key is trusted.
        var lastTrusted: ChainPosition?
        /// Of the revocation.
        var index: UInt64
    }

    package struct Run: Sendable, Hashable {
        package var node: String
        /// Log index of the revocation.
        package var revokedAt: UInt64
        package var incarnation: Int64
        package var firstSequence: Int64
        package var lastSequence: Int64
        package var batches: Int64
        /// What the batches posted inside of the period that is read.
        package var microjoules: Int128
    }

    private struct Key: Sendable, Hashable {
        var mark: Mark
        var incarnation: Int64
    }

    private let marks: [String: [Mark]]
    private var runs: [Key: Run] = [:]

    package init() { marks = [:] }
    init(marks: [Mark]) { self.marks = Dictionary(grouping: marks, by: \.node) }

    var isIdle: Bool { marks.isEmpty }

    /// - Parameter microjoules: what the batch posted in the hours that are read.
    mutating func add(_ batch: Batch, signer: NoteSignature, microjoules: Int128, at index: UInt64) {
        for mark in marks[signer.name] ?? []
        where index < mark.index && mark.keyID == signer.keyID && !mark.trusts(batch.position) {
            let (incarnation, sequence) = (batch.position.incarnation, batch.position.sequence)
            var run =
                runs[Key(mark: mark, incarnation: incarnation)]
                ?? Run(
                    node: batch.node, revokedAt: mark.index, incarnation: incarnation, firstSequence: sequence,
                    lastSequence: sequence, batches: 0, microjoules: 0)
            run.lastSequence = sequence
            run.batches += 1
            run.microjoules += microjoules
            runs[Key(mark: mark, incarnation: incarnation)] = run
        }
    }

    /// The runs whose revocation the first `size` entries hold, in order.
    package func runs(below size: UInt64) -> [Run] {
        runs.values.filter { $0.revokedAt < size }.sorted {
            ($0.revokedAt, $0.node, $0.incarnation) < ($1.revokedAt, $1.node, $1.incarnation)
        }
    }
}

extension RevokedRegister.Mark {
    init?(_ entry: NodeEntry, index: UInt64) {
        guard entry.action == .revoke, let key = try? VerifierKey(parsing: entry.key) else { return nil }
        self.init(node: entry.node, keyID: key.keyID, lastTrusted: entry.position, index: index)
    }

    func trusts(_ position: ChainPosition) -> Bool {
        guard let lastTrusted else { return false }
        return (position.incarnation, position.sequence) <= (lastTrusted.incarnation, lastTrusted.sequence)
    }
}
