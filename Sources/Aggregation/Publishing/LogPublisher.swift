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
/// Order of durability, and what a crash after each step means:
/// 1. entries are committed in the database: they are in the log, not yet under a checkpoint;
/// 2. tiles are written: files that nobody is told of, written again with the same bytes;
/// 3. the signer's state is written: this tree may be signed from now on, nothing that contradicts it;
/// 4. the checkpoint is stored and shown: senders may forget what it covers.
/// Start-up runs the same steps from the signer's last tree.
package final class LogPublisher: Sendable {
    /// The log's database, as far as the publisher needs it.
    package struct Log: Sendable {
        package var size: @Sendable () async throws -> Int64
        /// Leaf hashes of the entries in a range of indexes, in order.
        package var leaves: @Sendable (Range<Int64>) async throws -> [MerkleHash]
        package var storeCheckpoint: @Sendable (_ size: Int64, _ note: [UInt8], _ time: UInt64) async throws -> Void

        package init(
            size: @escaping @Sendable () async throws -> Int64,
            leaves: @escaping @Sendable (Range<Int64>) async throws -> [MerkleHash],
            storeCheckpoint: @escaping @Sendable (_ size: Int64, _ note: [UInt8], _ time: UInt64) async throws -> Void
        ) {
            self.size = size
            self.leaves = leaves
            self.storeCheckpoint = storeCheckpoint
        }
    }

    private struct State {
        var signer: CheckpointSigner
        var builder: TileBuilder
        /// The newest leaf hash in the builder: the database must still say the same of it.
        var lastLeaf: MerkleHash?
        var latest: SignedCheckpoint?
    }

    private let log: Log
    private let directory: String
    private let now: @Sendable () -> UInt64
    private let state: Mutex<State>
    /// One publication at a time; a second one waits for its turn.
    private let turn = AsyncTurn()
    package static let leavesPerRead: Int64 = 65_536

    /// - Parameters:
    ///   - directory: where the log's tiles lie.
    ///   - now: POSIX seconds.
    package init(
        signer: CheckpointSigner, log: Log, directory: String, now: @escaping @Sendable () -> UInt64
    ) async throws {
        self.log = log
        self.directory = directory
        self.now = now
        var builder = TileBuilder()
        let signed = signer.last
        let lastLeaf = try await Self.extend(
            &builder, to: Int64(clamping: signed.size), log, origin: signer.origin
        ) { content in
            // The tiles follow from the database: on a new disk they are made again.
            let path = "\(directory)/\(content.tile.path)"
            guard access(path, F_OK) != 0 else { return }
            try DirectoryTree.make(parentOf: path)
            try PrivateFile.write(content.bytes, to: path, mode: 0o644)
        }
        // What the database holds now must be what was signed: a restored or edited database stops here.
        guard signed.size == 0 || builder.frontier.root == signed.root else {
            throw PublishingError.fork(origin: signer.origin, size: signed.size)
        }
        state = Mutex(State(signer: signer, builder: builder, lastLeaf: lastLeaf, latest: nil))
    }

    /// The newest checkpoint, nil before the first publication of this process.
    package var latest: SignedCheckpoint? { state.withLock { $0.latest } }

    /// Publishes what the log holds by now.
    ///
    /// - Returns: the newest checkpoint; it covers every entry that was committed before the call.
    @discardableResult
    package func publish() async throws -> SignedCheckpoint {
        try await turn.take { [self] in
            let size = try await log.size()
            var (signer, builder, lastLeaf) = state.withLock { ($0.signer, $0.builder, $0.lastLeaf) }
            try await confirm(builder.size, lastLeaf, in: size, signer.origin)
            if let latest, latest.checkpoint.size == UInt64(size) { return latest }
            let added = try await Self.extend(&builder, to: size, log, origin: signer.origin) { content in
                try write(content)
            }
            lastLeaf = added ?? lastLeaf
            for content in builder.takePartialTiles() { try write(content) }
            let head = TreeHead(size: builder.size, root: builder.frontier.root)
            let proof = try consistency(from: signer.last, to: head)
            let time = now()
            let checkpoint = try signer.sign(head, proof: proof, time: time)
            try await log.storeCheckpoint(Int64(head.size), checkpoint.bytes, time)
            try PrivateFile.write(checkpoint.bytes, to: "\(directory)/checkpoint", mode: 0o644)
            let next = State(signer: signer, builder: builder, lastLeaf: lastLeaf, latest: checkpoint)
            state.withLock { $0 = next }
            return checkpoint
        }
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
        return try TiledTree(size: new.size).consistencyProof(from: old.size) { tile throws(TransparencyLogError) in
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
