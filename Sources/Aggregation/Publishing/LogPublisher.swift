package import Energy
import Identity
import Synchronization
package import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Turns what is durable in a log into tiles and a signed checkpoint: one publisher for each log, on the host of its
/// key.
///
/// Order of durability, and what a crash after each step means (`PublishingStep` names them; Publishing.md explains):
/// 1. entries are committed in the database: they are in the log, not yet under a checkpoint;
/// 2. tiles are written: files that nobody is told of, written again with the same bytes;
/// 3. the signer's state is written: this tree may be signed from now on, nothing that contradicts it;
/// 4. the checkpoint is stored in the database: a restart shows it without signing again;
/// 5. the checkpoint is written beside the tiles and shown: senders may forget what it covers;
/// 6. cosignatures are put under it as they come.
/// Start-up runs the same steps from the signer's last tree.
package final class LogPublisher: Sendable {
    /// The log's database, as far as the publisher needs it.
    package struct Log: Sendable {
        package var size: @Sendable () async throws -> Int64
        /// Leaf hashes of the entries in a range of indexes, in order.
        package var leaves: @Sendable (Range<Int64>) async throws -> [MerkleHash]
        /// Keeps a checkpoint for good; the same tree may come again with more cosignatures.
        package var storeCheckpoint: @Sendable (_ size: Int64, _ note: [UInt8], _ time: UTCTime) async throws -> Void
        /// The newest that was stored, nil before the first.
        package var storedCheckpoint: @Sendable () async throws -> [UInt8]?

        package init(
            size: @escaping @Sendable () async throws -> Int64,
            leaves: @escaping @Sendable (Range<Int64>) async throws -> [MerkleHash],
            storeCheckpoint: @escaping @Sendable (_ size: Int64, _ note: [UInt8], _ time: UTCTime) async throws -> Void,
            storedCheckpoint: @escaping @Sendable () async throws -> [UInt8]?
        ) {
            self.size = size
            self.leaves = leaves
            self.storeCheckpoint = storeCheckpoint
            self.storedCheckpoint = storedCheckpoint
        }
    }

    private struct State {
        var signer: CheckpointSigner
        var builder: TileBuilder
        /// The newest leaf hash in the builder: the database must still say the same of it.
        var lastLeaf: MerkleHash?
        var latest: SignedCheckpoint?
        /// Why nothing is signed any more, nil while the log goes on.
        var haltReason: String?
    }

    private let log: Log
    private let directory: String
    private let now: @Sendable () -> UTCTime
    private let crash: @Sendable (PublishingStep) throws -> Void
    private let state: Mutex<State>
    /// One publication at a time; a second one waits for its turn.
    private let turn = AsyncTurn()
    package static let leavesPerRead: Int64 = 65_536

    /// - Parameters:
    ///   - directory: where the log's tiles lie.
    ///   - crash: throws where a test wants this host to die; nothing is undone then.
    package init(
        signer: CheckpointSigner, log: Log, directory: String, now: @escaping @Sendable () -> UTCTime,
        crash: @escaping @Sendable (PublishingStep) throws -> Void = { _ in }
    ) async throws {
        self.crash = crash
        self.log = log
        self.directory = directory
        self.now = now
        var builder = TileBuilder()
        let signed = signer.last
        var damaged: String?
        let lastLeaf = try await Self.extend(
            &builder, to: Int64(clamping: signed.size), log, origin: signer.origin
        ) { content in
            // The tiles follow from the database: on a new disk they are made again.
            let path = "\(directory)/\(content.tile.path)"
            guard access(path, F_OK) != 0 else {
                // Proofs to strangers and to our own signer are read from it.
                if try PrivateFile.read(path) != content.bytes { damaged = damaged ?? path }
                return
            }
            try DirectoryTree.make(parentOf: path)
            try PrivateFile.write(content.bytes, to: path, mode: 0o644)
        }
        // What the database holds now must be what was signed: a restored or edited database stops here.
        guard signed.size == 0 || builder.frontier.root == signed.root else {
            throw PublishingError.fork(origin: signer.origin, size: signed.size)
        }
        if let damaged { throw PublishingError.damagedTile(path: damaged) }
        let latest = try await log.storedCheckpoint().flatMap { signer.recognize($0) }
        state = Mutex(State(signer: signer, builder: builder, lastLeaf: lastLeaf, latest: latest))
    }

    /// The newest checkpoint, nil before the first of the log.
    package var latest: SignedCheckpoint? { state.withLock { $0.latest } }

    /// Publishes what the log holds by now.
    ///
    /// - Returns: the newest checkpoint; it covers every entry that was committed before the call.
    @discardableResult
    package func publish() async throws -> SignedCheckpoint {
        try await turn.take { [self] in
            var (signer, builder, lastLeaf, halted) = state.withLock {
                ($0.signer, $0.builder, $0.lastLeaf, $0.haltReason)
            }
            if let halted { throw PublishingError.halted(origin: signer.origin, reason: halted) }
            try signer.refresh()
            let size = try await log.size()
            try await confirm(builder.size, lastLeaf, in: size, signer.origin)
            if let latest, latest.checkpoint.size == UInt64(size) { return latest }
            let added = try await Self.extend(&builder, to: size, log, origin: signer.origin) { content in
                try write(content)
            }
            lastLeaf = added ?? lastLeaf
            for content in builder.takePartialTiles() { try write(content) }
            try crash(.tiles)
            let head = TreeHead(size: builder.size, root: builder.frontier.root)
            let proof = try consistency(from: signer.last, to: head)
            let time = now()
            let checkpoint = try signer.sign(head, proof: proof, time: time, crash: crash)
            try await log.storeCheckpoint(Int64(head.size), checkpoint.bytes, time)
            try crash(.stored)
            try PrivateFile.write(checkpoint.bytes, to: "\(directory)/checkpoint", mode: 0o644)
            try crash(.shown)
            let next = (signer, builder, lastLeaf, checkpoint)
            state.withLock { ($0.signer, $0.builder, $0.lastLeaf, $0.latest) = next }
            return checkpoint
        }
    }

    /// Puts a cosignature under a checkpoint of this log and keeps both.
    ///
    /// - Returns: the checkpoint with every cosignature that it has by now.
    package func add(_ cosignature: NoteSignature, to signed: SignedCheckpoint) async throws -> SignedCheckpoint {
        try await turn.take { [self] in
            let latest = self.latest
            let isLatest = latest?.checkpoint == signed.checkpoint
            let base = isLatest ? latest ?? signed : signed
            // The earliest time is the strongest statement.
            guard
                !base.note.signatures.contains(where: { $0.keyID == cosignature.keyID && $0.name == cosignature.name })
            else { return base }
            let improved = try base.adding([cosignature])
            try await log.storeCheckpoint(Int64(clamping: improved.checkpoint.size), improved.bytes, now())
            guard isLatest else { return improved }
            try PrivateFile.write(improved.bytes, to: "\(directory)/checkpoint", mode: 0o644)
            state.withLock { $0.latest = improved }
            return improved
        }
    }

    /// Changes the key that signs. Until `change` has ended nothing is published, so that no tree that holds the entry
    /// which names the new key is signed by the old one.
    package func changeKey<Value: Sendable>(
        _ change: @Sendable () async throws -> (key: SigningKey, value: Value)
    ) async throws -> Value {
        try await turn.take { [self] in
            let changed = try await change()
            state.withLock { $0.signer.change(to: changed.key) }
            return changed.value
        }
    }

    /// Signs nothing from now on: somebody was shown another tree under this log's key.
    package func halt(_ reason: String) { state.withLock { $0.haltReason = $0.haltReason ?? reason } }
    package var haltReason: String? { state.withLock { $0.haltReason } }

    /// Proof that a tree of this log continues an earlier one.
    package func proof(from old: UInt64, to new: UInt64) throws -> [MerkleHash] {
        try proof(from: old, in: TiledTree(size: new))
    }

    /// A database that was restored or edited while this process ran holds fewer entries or another last one.
    private func confirm(_ known: UInt64, _ leaf: MerkleHash?, in size: Int64, _ origin: String) async throws {
        guard UInt64(clamping: size) >= known else {
            throw PublishingError.behind(origin: origin, signed: known, offered: UInt64(clamping: size))
        }
        guard let leaf, known > 0 else { return }
        let index = Int64(known) - 1
        guard try await log.leaves(index..<(index + 1)).first == leaf else {
            throw PublishingError.fork(origin: origin, size: known)
        }
    }

    private func consistency(from old: TreeHead, to new: TreeHead) throws -> [MerkleHash] {
        guard old.size > 0, old.size < new.size else { return [] }
        return try proof(from: old.size, in: TiledTree(size: new.size))
    }

    private func proof(from old: UInt64, in tree: TiledTree) throws -> [MerkleHash] {
        try tree.consistencyProof(from: old) { tile throws(TransparencyLogError) in
            do {
                return try PrivateFile.read("\(directory)/\(tile.path)")
            } catch {
                throw TransparencyLogError(.badTile, "\(error)")
            }
        }.path
    }

    private func write(_ content: TileBuilder.Content) throws {
        let path = "\(directory)/\(content.tile.path)"
        try DirectoryTree.make(parentOf: path)
        try PrivateFile.write(content.bytes, to: path, mode: 0o644)
    }

    /// - Returns: the last leaf that was added, nil when none was.
    private static func extend(
        _ builder: inout TileBuilder, to size: Int64, _ log: Log, origin: String,
        _ completed: (TileBuilder.Content) throws -> Void
    ) async throws -> MerkleHash? {
        var last: MerkleHash?
        while Int64(builder.size) < size {
            let start = Int64(builder.size)
            let end = min(size, start + leavesPerRead)
            let leaves = try await log.leaves(start..<end)
            guard Int64(leaves.count) == end - start else {
                throw PublishingError.missingLeaves(
                    origin: origin, expected: UInt64(size), found: UInt64(start) + UInt64(leaves.count))
            }
            for leaf in leaves {
                for content in builder.append(leaf) { try completed(content) }
                last = leaf
            }
        }
        return last
    }
}
