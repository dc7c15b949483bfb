package import Accounts
package import Batches
package import TransparencyLog

extension LogSequencer {
    /// An entry on its way into the log.
    package struct Item: Sendable {
        package let entry: VerifiedEntry
        /// What a batch posts; nil for every other entry and for one that is only compared.
        package let postings: BatchPostings?
        /// It was judged to be appended, at the size of the log for which it is sent.
        package var isNew = false

        /// The same for a log whose database keeps no sums.
        package var withoutPostings: Item { Item(entry: entry, postings: nil, isNew: isNew) }

        var byteCount: Int { entry.received.note.count + entry.received.samples.count }

        var isChained: Bool {
            if case .batch = entry.received.entry { true } else { false }
        }
    }

    /// What the log did with an item.
    package enum Verdict: Sendable, Hashable {
        case appended(index: Int64)
        case duplicate(index: Int64)
        /// Another entry stands in this place of the chain.
        case fork(firstIndex: Int64)
        case gap
        case closed
        /// A value that the database cannot hold.
        case unrepresentable
    }

    /// What the log did with a group.
    package enum Outcome: Sendable {
        /// A verdict for each item, in order.
        case committed([Verdict])
        /// Nothing: it has another size than the group was judged against.
        case moved
    }

    /// What the log holds from an index on.
    package struct Growth: Sendable {
        package var size: Int64
        /// Entries outside of chains, in order.
        package var records: [(index: Int64, note: [UInt8])]
        /// Chains that have new batches.
        package var chains: Set<Int64>

        package init(size: Int64, records: [(index: Int64, note: [UInt8])], chains: Set<Int64>) {
            self.size = size
            self.records = records
            self.chains = chains
        }
    }

    /// The log's database, as far as the sequencer needs it.
    package struct Log: Sendable {
        /// Appends a group in one durable transaction, if the log has this size.
        package var append: @Sendable ([Item], _ expectedSize: Int64) async throws -> Outcome
        /// What was appended from an index on.
        package var growth: @Sendable (Int64) async throws -> Growth
        /// Where a chain begins and ends in the log, nil when it holds no batch.
        package var chainEnds: @Sendable (ChainRegister.Chain) async throws -> ChainEnds?
        /// Leaf hash of the entry at an index.
        package var leaf: @Sendable (Int64) async throws -> MerkleHash?
        /// Root of the published tree of exactly this size, nil when none was published.
        package var root: @Sendable (UInt64) async throws -> MerkleHash?

        package init(
            append: @escaping @Sendable ([Item], _ expectedSize: Int64) async throws -> Outcome,
            growth: @escaping @Sendable (Int64) async throws -> Growth,
            chainEnds: @escaping @Sendable (ChainRegister.Chain) async throws -> ChainEnds?,
            leaf: @escaping @Sendable (Int64) async throws -> MerkleHash?,
            root: @escaping @Sendable (UInt64) async throws -> MerkleHash?
        ) {
            self.append = append
            self.growth = growth
            self.chainEnds = chainEnds
            self.leaf = leaf
            self.root = root
        }
    }

    /// First and last batch of a chain, with the last one's leaf hash.
    package struct ChainEnds: Sendable {
        package var first: Batch
        package var last: Batch
        package var leaf: MerkleHash
        /// Log index of the last one.
        package var lastIndex: Int64

        package init(first: Batch, last: Batch, leaf: MerkleHash, lastIndex: Int64) {
            self.first = first
            self.last = last
            self.leaf = leaf
            self.lastIndex = lastIndex
        }
    }
}
