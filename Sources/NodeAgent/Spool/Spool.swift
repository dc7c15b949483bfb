package import Batches
import Synchronization
package import TransparencyLog

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The agent's signed entries on disk until the log is known to hold them: one file an entry, `STEM.note`, with the
/// block that travels beside it, `STEM.samples`, and for the newest batch what the next start needs, `STEM.state`.
///
/// What a crash means at each step of `write`:
/// 1. before the note has its name: the entry does not exist. Files of its stem without a note are deleted at the
///    next start. Nobody has seen the signature, because an entry is sent only after `write` has returned, so signing
///    its place in the chain again is no contradiction.
/// 2. before the directory is synced: the note is there whole or not at all, as in 1.
/// 3. during `delete`: the note goes first; a block without a note is deleted at the next start. A note that comes
///    back is sent again and acknowledged as a duplicate.
///
/// A note without its block is an entry whose block was dropped under pressure; both are sent the same way.
package final class Spool: Sendable {
    package let path: String
    /// What an earlier run left, in the order in which it is to be sent: entries outside of chains by age, then chains.
    package let recovered: [SpoolItem]
    /// Files that were not notes and were put aside.
    package let damaged: [String]
    private let state: Mutex<SpoolState>
    private let lock: SpoolLock

    /// - Throws: when the directory cannot be made, listed or locked: two agents on one spool would sign one place
    ///   twice.
    package init(path: String, capacityBytes: Int = SpoolState.defaultCapacityBytes) throws(SpoolError) {
        self.path = path
        try DurableFile.makeDirectory(path)
        try DurableFile.makeDirectory(path + "/refused")
        lock = try SpoolLock(path + "/lock")
        let found = try SpoolRecovery.run(in: path)
        var state = SpoolState(capacityBytes: capacityBytes)
        for item in found.items {
            for old in state.add(item) { try DurableFile.delete(path + "/" + old.fileStem + ".samples") }
        }
        recovered = found.items.compactMap { state[$0.leaf] }
        damaged = found.damaged
        self.state = Mutex(state)
    }

    /// Lets another agent have the spool. Nothing may be written afterwards.
    package func close() { lock.release() }

    package var pressure: SpoolState.Pressure { state.withLock { $0.pressure } }
    package var byteCount: Int { state.withLock { $0.byteCount } }
    package var count: Int { state.withLock { $0.count } }
    package var capacityBytes: Int { state.withLock { $0.capacityBytes } }
    package var droppedBlocks: Int { state.withLock { $0.droppedBlocks } }

    /// Makes an entry durable. It may be sent when this returns.
    ///
    /// - Parameter resumePoint: what the next start needs to go on after this batch; replaces that of the batch before.
    package func write(_ entry: SignedEntry, resumePoint: [UInt8]? = nil) throws(SpoolError) {
        let item = SpoolItem(entry)
        let stem = path + "/" + item.fileStem
        if !entry.samples.isEmpty { try DurableFile.replace(stem + ".samples", with: entry.samples) }
        if let resumePoint { try DurableFile.replace(stem + ".state", with: resumePoint) }
        try DurableFile.replace(stem + ".note", with: entry.note)
        try DurableFile.syncDirectory(path)
        if resumePoint != nil, let position = entry.position, position.sequence > 0 {
            try DurableFile.delete("\(path)/\(position.incarnation)-\(position.sequence - 1).state")
        }
        let dropped = state.withLock { $0.add(item) }
        for old in dropped { try DurableFile.delete(path + "/" + old.fileStem + ".samples") }
    }

    /// An entry with the block that is left of it, nil when the spool does not hold it.
    package func read(_ leaf: MerkleHash) throws(SpoolError) -> SignedEntry? {
        guard let item = state.withLock({ $0[leaf] }) else { return nil }
        guard let note = try DurableFile.read(path + "/" + item.fileStem + ".note") else { return nil }
        let samples = try DurableFile.read(path + "/" + item.fileStem + ".samples") ?? []
        return SignedEntry(position: item.position, note: note, samples: samples)
    }

    /// What `write` was given beside the batch at this place, nil when there is nothing.
    package func resumePoint(at position: ChainPosition) throws(SpoolError) -> [UInt8]? {
        try DurableFile.read("\(path)/\(position.incarnation)-\(position.sequence).state")
    }

    /// The log holds the entry for certain.
    package func delete(_ leaf: MerkleHash) throws(SpoolError) {
        guard let item = state.withLock({ $0.remove(leaf) }) else { return }
        try DurableFile.delete(path + "/" + item.fileStem + ".note")
        try DurableFile.delete(path + "/" + item.fileStem + ".samples")
    }

    /// The log will never take the entry: it is kept with the reason, out of the way of the others.
    package func setAside(_ leaf: MerkleHash, reason: String) throws(SpoolError) {
        guard let item = state.withLock({ $0.remove(leaf) }) else { return }
        let target = path + "/refused/" + item.fileStem
        try DurableFile.replace(target + ".reason", with: Array((reason + "\n").utf8))
        try DurableFile.move(path + "/" + item.fileStem + ".samples", to: target + ".samples")
        try DurableFile.move(path + "/" + item.fileStem + ".note", to: target + ".note")
        try DurableFile.syncDirectory(path + "/refused")
        try DurableFile.syncDirectory(path)
    }

    /// The note of an entry that was set aside.
    package func readSetAside(_ item: SpoolItem) throws(SpoolError) -> [UInt8]? {
        try DurableFile.read("\(path)/refused/\(item.fileStem).note", maximumBytes: 1 << 20)
    }

    package static let checkpointName = "checkpoint"
    /// Entries of the log that name its new keys, each in base64 on a line of its own.
    package static let logKeysName = "log-keys"

    /// The entries that lead from the key of the enrolment to the log's present one; none before the first change.
    package func rememberedLogKeys() throws(SpoolError) -> [[UInt8]] {
        guard let bytes = try DurableFile.read(path + "/" + Self.logKeysName, maximumBytes: 1 << 20) else { return [] }
        return bytes.split(separator: UInt8(ascii: "\n")).compactMap { Base64.decode($0) }
    }

    /// The newest checkpoint that was remembered, nil before the first.
    package func rememberedCheckpoint() throws(SpoolError) -> [UInt8]? {
        try DurableFile.read(path + "/" + Self.checkpointName, maximumBytes: 1 << 20)
    }

    /// Remembers a checkpoint before anything is deleted on its word: a log that later shows a smaller tree has lost
    /// what this agent no longer has.
    ///
    /// The keys go first: a checkpoint whose key cannot be told any more would be forgotten.
    package func remember(checkpoint note: [UInt8], logKeys: [[UInt8]]) throws(SpoolError) {
        if !logKeys.isEmpty {
            let lines = logKeys.map { Base64.encode($0) + "\n" }.joined()
            try DurableFile.replace(path + "/" + Self.logKeysName, with: Array(lines.utf8))
            try DurableFile.syncDirectory(path)
        }
        try DurableFile.replace(path + "/" + Self.checkpointName, with: note)
        try DurableFile.syncDirectory(path)
    }
}

/// Keeps other agents away from a spool while this one lives; the kernel gives it back even after a crash.
private final class SpoolLock: Sendable {
    private let descriptor: Int32

    init(_ path: String) throws(SpoolError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SpoolError("open", path, errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            guard code == EWOULDBLOCK else { throw SpoolError("lock", path, code) }
            throw SpoolError("\(path) is held by another agent; stop it, or use another data directory")
        }
        self.descriptor = descriptor
    }

    func release() { _ = flock(descriptor, LOCK_UN) }

    deinit { close(descriptor) }
}
