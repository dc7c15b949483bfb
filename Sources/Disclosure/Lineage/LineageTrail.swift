package import Accounts
import Batches
package import Energy
package import TransparencyLog

/// Which entries put which energy on which account: the way back from a figure to what was signed.
package struct LineageTrail: Sendable {
    /// What is to be traced: a job, a node, or one on the other; the hours are the replay's period.
    package struct Query: Sendable, Hashable {
        /// Pseudonym.
        package var job: String?
        package var node: String?

        package init(job: String?, node: String?) {
            self.job = job
            self.node = node
        }

        func wants(_ key: Ledger.Key) -> Bool {
            (job == nil || key.account.job == job) && (node == nil || key.node == node)
        }
    }

    package struct Part: Sendable, Hashable {
        /// Log index.
        package var entry: UInt64
        package var energy: ComponentEnergy
    }

    /// An entry that a traced sum rests on.
    package struct Source: Sendable, Hashable {
        package var kind: String
        package var leaf: MerkleHash
        package var signer: String
        /// Nil for a correction.
        package var interval: UTCInterval?
        package var incarnation: Int64?
        package var sequence: Int64?
        /// SHA-256 of the block of readings, nil where a batch has none.
        package var samplesSHA256: [UInt8]?
    }

    /// Beyond this a narrower question has to be asked: some hundred MB.
    package static let maximumParts = 1_000_000

    package let query: Query
    package private(set) var parts: [Ledger.Key: [Part]] = [:]
    package private(set) var sources: [UInt64: Source] = [:]
    package private(set) var partCount = 0

    package init(_ query: Query) { self.query = query }

    /// Some parts were left out.
    package var isCut: Bool { partCount > Self.maximumParts }

    /// - Parameter postings: those of the period.
    mutating func add(_ postings: [Posting], of batch: Batch, _ checked: CheckedEntry) {
        guard query.node == nil || query.node == batch.node else { return }
        var isWanted = false
        for posting in postings {
            let key = Ledger.Key(
                account: posting.account, node: batch.node, hour: posting.hour, provenance: posting.provenance,
                boundary: posting.boundary)
            guard query.wants(key) else { continue }
            var energy = ComponentEnergy()
            energy[posting.component] = Int128(posting.microjoules)
            isWanted = add(energy, checked.index, at: key) || isWanted
        }
        guard isWanted else { return }
        sources[checked.index] = Source(
            kind: "\(checked.entry.kind)", leaf: checked.leaf, signer: checked.signature.name,
            interval: batch.facts.interval, incarnation: batch.position.incarnation,
            sequence: batch.position.sequence, samplesSHA256: batch.samples?.sha256)
    }

    /// A correction takes from one sum and gives to another.
    mutating func add(_ energy: ComponentEnergy, at key: Ledger.Key, by checked: CheckedEntry) {
        guard query.wants(key), add(energy, checked.index, at: key) else { return }
        sources[checked.index] = Source(
            kind: "\(checked.entry.kind)", leaf: checked.leaf, signer: checked.signature.name)
    }

    private mutating func add(_ energy: ComponentEnergy, _ index: UInt64, at key: Ledger.Key) -> Bool {
        let before = parts[key]?.count ?? 0
        if before > 0, parts[key]?[before - 1].entry == index {
            parts[key]?[before - 1].energy.add(energy)
            return true
        }
        partCount += 1
        guard partCount <= Self.maximumParts else { return false }
        parts[key, default: []].append(Part(entry: index, energy: energy))
        return true
    }
}
