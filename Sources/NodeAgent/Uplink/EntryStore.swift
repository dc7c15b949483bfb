import Batches
import Synchronization
package import TransparencyLog

/// Where the bytes of unsettled entries are: on disk for what is measured, in memory for what can be made again.
package protocol EntryStore: Sendable {
    func read(_ leaf: MerkleHash) throws(SpoolError) -> SignedEntry?
    func delete(_ leaf: MerkleHash) throws(SpoolError)
    func setAside(_ leaf: MerkleHash, reason: String) throws(SpoolError)
    /// Makes a checkpoint durable, with the entries that lead to the key that signed it.
    func remember(checkpoint note: [UInt8], logKeys: [[UInt8]]) throws(SpoolError)
}

extension Spool: EntryStore {}

/// Entries of an import: an interrupted one makes the same bytes again, so nothing need be on disk.
package final class EntryMemory: EntryStore {
    private let entries = Mutex<[MerkleHash: SignedEntry]>([:])

    package init() {}

    package func add(_ entry: SignedEntry) { entries.withLock { $0[entry.leaf] = entry } }
    package func read(_ leaf: MerkleHash) -> SignedEntry? { entries.withLock { $0[leaf] } }
    package func delete(_ leaf: MerkleHash) { entries.withLock { $0[leaf] = nil } }
    package func setAside(_ leaf: MerkleHash, reason: String) { delete(leaf) }
    package func remember(checkpoint note: [UInt8], logKeys: [[UInt8]]) {}
}
