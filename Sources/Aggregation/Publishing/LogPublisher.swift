package import Energy
import Identity
import Synchronization
package import TransparencyLog

/// Turns what is durable in a log into tiles and a signed checkpoint: one publisher for each log, on the host of its
/// key.
///
/// Order of durability, and what a crash after each step means (`PublishingStep` names them; Publishing.md explains):
/// 1. entries are committed in the database: they are in the log, not yet under a checkpoint;
/// 2. tiles are written: files that nobody is told of, written again with the same bytes;
/// 3. the signer's state is written: this tree may be signed from now on, nothing that contradicts it;
/// 4. the checkpoint is stored in the database: a restart shows it without signing again;
/// 5. the checkpoint is written beside the tiles and shown: senders may forget what it covers;
/// 6. partial tiles that a full one has replaced are removed; the next start removes what a crash left of them;
/// 7. cosignatures are put under it as they come.
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
        /// Why nothing is signed any more, none while the log goes on.
        var halts: [Halt] = []
    }

    private struct Halt: Hashable {
        var reason: String
        /// Key of the witness who said so, nil where this host did.
        var witness: String?
    }

    private let log: Log
    private let directory: String
    private let tiles: TileFiles
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
        tiles = TileFiles(directory: directory)
        let (builder, lastLeaf) = try await Self.confirmed(signer, log, tiles)
        let latest = try await log.storedCheckpoint().flatMap { signer.recognize($0) }
        state = Mutex(State(signer: signer, builder: builder, lastLeaf: lastLeaf, latest: latest))
    }

    /// What the database and the tiles hold of the last tree that was signed. A restored or edited database stops here,
    /// as does a changed tile: proofs to strangers and to our own signer are read from it. Missing ones are made again,
    /// once it is certain from what.
    private static func confirmed(
        _ signer: CheckpointSigner, _ log: Log, _ tiles: TileFiles
    ) async throws -> (TileBuilder, lastLeaf: MerkleHash?) {
        let signed = signer.last
        var builder = TileBuilder()
        var damaged: String?
        var isComplete = true
        var replaced: [Tile] = []
        func look(_ content: TileBuilder.Content) throws {
            switch try tiles.state(of: content) {
            case .there: break
            case .missing: isComplete = false
            case .other(let path): damaged = damaged ?? path
            }
            if tiles.hasPartials(of: content.tile) { replaced.append(content.tile) }
        }
        let lastLeaf = try await extend(
            &builder, to: Int64(clamping: signed.size), log, origin: signer.origin, look)
        for content in builder.takePartialTiles() { try look(content) }
        guard signed.size == 0 || builder.frontier.root == signed.root else {
            throw PublishingError.fork(origin: signer.origin, size: signed.size)
        }
        if let damaged { throw PublishingError.damagedTile(path: damaged) }
        if !isComplete {
            var again = TileBuilder()
            func make(_ content: TileBuilder.Content) throws {
                if case .missing = try tiles.state(of: content) { try tiles.write(content) }
            }
            _ = try await extend(&again, to: Int64(clamping: signed.size), log, origin: signer.origin, make)
            for content in again.takePartialTiles() { try make(content) }
        }
        for tile in replaced { tiles.removePartials(of: tile) }
        return (builder, lastLeaf)
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
                ($0.signer, $0.builder, $0.lastLeaf, $0.halts.first?.reason)
            }
            if let halted { throw PublishingError.halted(origin: signer.origin, reason: halted) }
            try signer.refresh()
            let size = try await log.size()
            try await confirm(builder.size, lastLeaf, in: size, signer.origin)
            if let latest, latest.checkpoint.size == UInt64(size) { return latest }
            var full: [Tile] = []
            let added = try await Self.extend(&builder, to: size, log, origin: signer.origin) { content in
                try tiles.write(content)
                full.append(content.tile)
            }
            lastLeaf = added ?? lastLeaf
            for content in builder.takePartialTiles() { try tiles.write(content) }
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
            for tile in full { tiles.removePartials(of: tile) }
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
    ///
    /// - Parameter witness: key of the witness who says so.
    package func halt(_ reason: String, witness: VerifierKey? = nil) {
        let halt = Halt(reason: reason, witness: witness?.text)
        state.withLock { state in
            // Each time that it is asked it may word it otherwise.
            let isKnown = state.halts.contains { $0 == halt || $0.witness != nil && $0.witness == halt.witness }
            if !isKnown { state.halts.append(halt) }
        }
    }

    /// Goes on where only witnesses said otherwise who are not believed any more.
    ///
    /// - Parameter witnesses: keys of those who are.
    package func believe(only witnesses: [VerifierKey]) {
        let keys = Set(witnesses.map(\.text))
        state.withLock { $0.halts.removeAll { $0.witness.map { !keys.contains($0) } ?? false } }
    }

    package var haltReason: String? { state.withLock { $0.halts.first?.reason } }

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
        try tree.consistencyProof(from: old) { tile throws(TransparencyLogError) in try tiles.read(tile) }.path
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
