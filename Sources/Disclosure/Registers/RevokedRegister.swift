import Accounts
import Batches
package import Energy
import TransparencyLog

/// Batches that were logged before their key was revoked and that stand behind the last place which the revocation
/// trusts: whoever had stolen the key may have made them. They count in the figures, since they were proved when they
/// came, and every report and audit names them.
package struct RevokedRegister: Sendable, Hashable, Codable {
    /// The end of the trust in a key, as the survey sees it beforehand.
    struct Mark: Sendable, Hashable, Codable {
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

    private struct Key: Sendable, Hashable, Codable {
        var mark: Mark
        var node: String
        var incarnation: Int64
    }

    /// What one batch posted, hour by hour.
    private struct Item: Sendable, Hashable, Codable {
        var sequence: Int64
        var interval: UTCInterval
        var microjoules: [Int64: Int128]
    }

    private let marks: [String: [Mark]]
    private var items: [Key: [Item]] = [:]

    package init() { marks = [:] }
    init(marks: [Mark]) { self.marks = Dictionary(grouping: marks, by: \.node) }

    var isIdle: Bool { marks.isEmpty }

    mutating func add(_ batch: Batch, _ postings: BatchPostings, signer: NoteSignature, at index: UInt64) {
        for mark in marks[signer.name] ?? []
        where index < mark.index && mark.keyID == signer.keyID && !mark.trusts(batch.position) {
            var item = Item(sequence: batch.position.sequence, interval: batch.facts.interval, microjoules: [:])
            for posting in postings.postings {
                item.microjoules[posting.hour, default: 0] += Int128(posting.microjoules)
            }
            items[Key(mark: mark, node: batch.node, incarnation: batch.position.incarnation), default: []].append(item)
        }
    }

    /// The runs whose revocation the first `size` entries hold, in order.
    ///
    /// - Parameter period: of which batches and energy are told, nil for all.
    package func runs(below size: UInt64, in period: UTCInterval?) -> [Run] {
        items.compactMap { key, items in
            guard key.mark.index < size else { return nil }
            let inside = items.filter { item in period.map { $0.intersection(item.interval) != nil } ?? true }
            guard let first = inside.first, let last = inside.last else { return nil }
            let energy = inside.flatMap(\.microjoules).filter { hour, _ in
                period.map { ($0.start.hour...$0.lastHour).contains(hour) } ?? true
            }
            return Run(
                node: key.node, revokedAt: key.mark.index, incarnation: key.incarnation, firstSequence: first.sequence,
                lastSequence: last.sequence, batches: Int64(inside.count),
                microjoules: energy.reduce(0) { $0 + $1.value })
        }.sorted { ($0.revokedAt, $0.node, $0.incarnation) < ($1.revokedAt, $1.node, $1.incarnation) }
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
