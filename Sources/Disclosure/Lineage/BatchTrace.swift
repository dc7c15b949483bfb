package import Accounts
package import Batches
import Energy
import TransparencyLog

/// Finds the entries of a log from which node-hours were made, by posting every batch again.
///
/// The entries are those of a log that was replayed already: nothing is checked here, so that one pass over the bytes
/// is enough.
package struct BatchTrace: Sendable {
    /// One batch's part of a node-hour.
    package struct Source: Sendable, Hashable {
        package var index: UInt64
        package var position: ChainPosition
        package var microjoules: Int128
    }

    private struct Place: Hashable {
        var node: String
        var hour: Int64
    }

    private let components: [Ledger.Key: Component?]
    private let nodes: Set<String>
    private let places: Set<Place>
    private var chains = ChainRegister()
    private var recall = CheckedEntry.Recall()
    private var index: UInt64 = 0
    private var found: [Ledger.Key: [Source]] = [:]
    private var moves: [Ledger.Key: [UInt64]] = [:]

    /// - Parameter terms: whose batches are wanted, each key once.
    package init(_ terms: [FigureTrace.Term]) {
        components = Dictionary(terms.map { ($0.key, $0.component) }) { first, _ in first }
        nodes = Set(terms.map(\.key.node))
        places = Set(terms.map { Place(node: $0.key.node, hour: $0.key.hour) })
    }

    /// Takes the next entry, from the first one of the log on.
    package mutating func append(_ bytes: [UInt8]) throws(ReplayFailure) {
        defer { index += 1 }
        let checked = try CheckedEntry(index: index, bytes: bytes, samples: nil, keys: nil, recall: &recall)
        guard case .batch(let batch) = checked.entry else {
            chains.apply(
                checked.entry, signer: checked.signature.name, at: Int64(clamping: index), leaf: checked.leaf)
            if case .correct(let correction) = checked.entry { note(correction) }
            return
        }
        // An interval counts as covered twice by what its own node's chains said before, so others need no look.
        guard nodes.contains(batch.node) else { return }
        let isSuperseded = chains.add(batch)
        let postings =
            isSuperseded
            ? AttributionRule.attribution1.post(batch.facts, superseded: true)
            : checked.postings ?? AttributionRule.attribution1.post(batch.facts)
        take(postings.postings, of: batch)
    }

    private mutating func take(_ postings: [Posting], of batch: Batch) {
        var sums: [Ledger.Key: Int128] = [:]
        for posting in postings {
            let key = Ledger.Key(
                account: posting.account, node: batch.node, hour: posting.hour, provenance: posting.provenance,
                boundary: posting.boundary)
            guard let component = components[key], component == nil || component == posting.component else { continue }
            sums[key, default: 0] += Int128(posting.microjoules)
        }
        for (key, sum) in sums {
            found[key, default: []].append(Source(index: index, position: batch.position, microjoules: sum))
        }
    }

    private mutating func note(_ correction: CorrectEntry) {
        for move in correction.moves where places.contains(Place(node: move.node, hour: move.hour.hour)) {
            let accounts = [Account(move.from), Account(move.to)]
            for key in components.keys
            where key.node == move.node && key.hour == move.hour.hour && accounts.contains(key.account)
                && moves[key]?.last != index
            {
                moves[key, default: []].append(index)
            }
        }
    }

    /// The batches of a node-hour in the order of the log.
    package func sources(of key: Ledger.Key) -> [Source] { found[key] ?? [] }
    /// Entries that moved energy into or out of it by a person's word.
    package func corrections(of key: Ledger.Key) -> [UInt64] { moves[key] ?? [] }
}
