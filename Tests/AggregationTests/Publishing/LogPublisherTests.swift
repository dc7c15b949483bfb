import Aggregation
import Energy
import Identity
import SeededRandom
import Synchronization
import Testing
import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct LogPublisherTests {
    private let origin = "test.example/org/a"
    private let key: SigningKey
    private let witness: CosigningKey

    init() throws {
        key = try SigningKey(name: origin, seed: Array(repeating: 1, count: 32))
        witness = try CosigningKey(name: "\(origin)/self", seed: Array(repeating: 2, count: 32))
    }

    private func publisher(_ store: LeafStore, _ directory: PublisherDirectory) async throws -> LogPublisher {
        let signer = try CheckpointSigner(
            origin: origin, key: key, selfWitness: witness, path: "\(directory.path)/signer")
        return try await LogPublisher(
            signer: signer, log: store.log, directory: directory.path, now: { LeafStore.time })
    }

    private func head(_ leaves: some Sequence<MerkleHash>) -> TreeHead {
        var frontier = MerkleFrontier()
        frontier.append(contentsOf: leaves)
        return TreeHead(size: frontier.size, root: frontier.root)
    }

    @Test func everyCheckpointExtendsTheOneBefore() async throws {
        let (store, directory) = (LeafStore(), PublisherDirectory())
        try CheckpointSigner.create(origin: origin, path: "\(directory.path)/signer")
        var publisher = try await publisher(store, directory)
        for size in [1, 2, 255, 256, 257, 300, 700] {
            store.grow(to: size)
            let signed = try await publisher.publish()
            _ = try signed.verify(origin: origin, log: key.verifier, witnesses: [witness.verifier])
            #expect(signed.checkpoint.head == head(store.state.withLock { $0.leaves }))
            // A restart goes on from the signer's file and the tiles.
            if size == 257 { publisher = try await self.publisher(store, directory) }
        }
        #expect(store.state.withLock { $0.checkpoints.count } == 7)
    }

    @Test func nothingIsSignedTwiceForOneSize() async throws {
        let (store, directory) = (LeafStore(), PublisherDirectory())
        try CheckpointSigner.create(origin: origin, path: "\(directory.path)/signer")
        let publisher = try await publisher(store, directory)
        store.grow(to: 5)
        let first = try await publisher.publish()
        #expect(try await publisher.publish() == first)
    }

    /// A crash between the signer's file and the database signs the same tree again, never another.
    @Test func crashAfterTheSignersFileSignsTheSameTree() async throws {
        let (store, directory) = (LeafStore(), PublisherDirectory())
        try CheckpointSigner.create(origin: origin, path: "\(directory.path)/signer")
        store.grow(to: 300)
        store.state.withLock { $0.failsToStore = true }
        let crashed = try await publisher(store, directory)
        await #expect(throws: LeafStore.Unavailable.self) { try await crashed.publish() }
        store.state.withLock { $0.failsToStore = false }
        let restarted = try await publisher(store, directory)
        #expect(try await restarted.publish().checkpoint.head == head(store.state.withLock { $0.leaves }))
        store.grow(to: 301)
        #expect(try await restarted.publish().checkpoint.size == 301)
    }

    @Test func restoredDatabaseIsNotSigned() async throws {
        let (store, directory) = (LeafStore(), PublisherDirectory())
        try CheckpointSigner.create(origin: origin, path: "\(directory.path)/signer")
        store.grow(to: 10)
        let running = try await publisher(store, directory)
        try await running.publish()
        store.state.withLock { $0.leaves.removeLast(3) }
        await #expect(throws: (any Error).self) { try await running.publish() }
        // Grown again by other entries: longer than before, but another log.
        store.grow(to: 20, seed: 9)
        await #expect(throws: PublishingError.self) { try await self.publisher(store, directory) }
        await #expect(throws: (any Error).self) { try await running.publish() }
    }

    /// Strangers and the signer itself read proofs from it, so that it would be found out at the worst moment.
    @Test func aChangedTileIsNamed() async throws {
        let (store, directory) = (LeafStore(), PublisherDirectory())
        try CheckpointSigner.create(origin: origin, path: "\(directory.path)/signer")
        store.grow(to: 600)
        try await publisher(store, directory).publish()
        let path = "\(directory.path)/tile/0/001"
        var bytes = try PrivateFile.read(path)
        bytes[40] ^= 1
        try PrivateFile.write(bytes, to: path, mode: 0o644)
        await #expect(throws: PublishingError.damagedTile(path: path)) { try await self.publisher(store, directory) }
        // What is missing follows from the database.
        #expect(unlink(path) == 0)
        store.grow(to: 601)
        #expect(try await publisher(store, directory).publish().checkpoint.size == 601)
        bytes[40] ^= 1
        #expect(try PrivateFile.read(path) == bytes)
    }

    /// A log that is published often would else hold more of old partial tiles than of everything else.
    @Test func aFullTileReplacesThePartialOnes() async throws {
        let (store, directory) = (LeafStore(), PublisherDirectory())
        try CheckpointSigner.create(origin: origin, path: "\(directory.path)/signer")
        let publisher = try await publisher(store, directory)
        for size in [50, 100, 300] {
            store.grow(to: size)
            try await publisher.publish()
            #expect(PrivateFile.exists("\(directory.path)/tile/0/000.p") == (size < 256))
        }
        // Whoever holds an older checkpoint still gets its tiles, and the witnesses their proofs.
        let leaves = store.state.withLock { $0.leaves }
        let files = TileFiles(directory: directory.path)
        for width in [1, 50, 100] {
            #expect(try files.read(Tile(level: 0, index: 0, width: width)) == leaves[..<width].flatMap(\.bytes))
        }
        #expect(try publisher.proof(from: 50, to: 100) == proof(from: 50, in: Array(leaves.prefix(100))))
        #expect(throws: TransparencyLogError.self) { try files.read(Tile(level: 0, index: 1, width: 45)) }

        // What a crash left goes with the next start; what a new disk lacks comes back, also of a log that stands
        // still.
        let left = "\(directory.path)/tile/0/000.p/200"
        try DirectoryTree.make(parentOf: left)
        try PrivateFile.write([1], to: left)
        let edge = "\(directory.path)/tile/0/001.p/44"
        let bytes = try PrivateFile.read(edge)
        #expect(unlink(edge) == 0)
        #expect(try await self.publisher(store, directory).latest?.checkpoint.size == 300)
        #expect(!PrivateFile.exists("\(directory.path)/tile/0/000.p"))
        #expect(try PrivateFile.read(edge) == bytes)
        try PrivateFile.write(Array(bytes.reversed()), to: edge, mode: 0o644)
        await #expect(throws: PublishingError.damagedTile(path: edge)) { try await self.publisher(store, directory) }
    }

    /// A tile that is missing is made of nothing but what was signed.
    @Test func noTileIsMadeOfAnEditedDatabase() async throws {
        let (store, directory) = (LeafStore(), PublisherDirectory())
        try CheckpointSigner.create(origin: origin, path: "\(directory.path)/signer")
        store.grow(to: 300)
        try await publisher(store, directory).publish()
        let path = "\(directory.path)/tile/0/000"
        #expect(unlink(path) == 0)
        let right = store.state.withLock { state in
            defer { state.leaves[7] = .leaf(of: [7]) }
            return state.leaves[7]
        }
        await #expect(throws: PublishingError.fork(origin: origin, size: 300)) {
            try await self.publisher(store, directory)
        }
        #expect(!PrivateFile.exists(path))
        store.state.withLock { $0.leaves[7] = right }
        #expect(try await publisher(store, directory).latest?.checkpoint.size == 300)
        #expect(PrivateFile.exists(path))
    }

    @Test func missingOrForeignSignerStateRefuses() throws {
        let directory = PublisherDirectory()
        let path = "\(directory.path)/signer"
        #expect(throws: PublishingError.missingState(path: path)) {
            try CheckpointSigner(origin: origin, key: key, selfWitness: witness, path: path)
        }
        try CheckpointSigner.create(origin: "test.example/org/b", path: path)
        #expect(throws: PublishingError.damagedState(path: path)) {
            try CheckpointSigner(origin: origin, key: key, selfWitness: witness, path: path)
        }
    }

    /// Whatever is offered with whatever proof, two signed trees are always consistent.
    @Test(arguments: 0..<20) func signerNeverContradictsItself(seed: UInt64) throws {
        let directory = PublisherDirectory()
        let path = "\(directory.path)/signer"
        try CheckpointSigner.create(origin: origin, path: path)
        var signer = try CheckpointSigner(origin: origin, key: key, selfWitness: witness, path: path)
        var random = SeededRandom(seed: seed)
        let honest = (0..<40).map { MerkleHash.leaf(of: [0, UInt8($0)]) }
        let forked = honest.enumerated().map { $0 < 7 ? $1 : MerkleHash.leaf(of: [1, UInt8($0)]) }
        var signed: [[MerkleHash]] = []
        for _ in 0..<60 {
            let source = random.next() % 2 == 0 ? honest : forked
            let leaves = Array(source.prefix(Int(random.next() % 41)))
            let proof = try? proof(from: Int(signer.last.size), in: leaves)
            if random.next() % 4 == 0 {
                signer = try CheckpointSigner(origin: origin, key: key, selfWitness: witness, path: path)
            }
            if (try? signer.sign(head(leaves), proof: proof ?? [], time: LeafStore.time)) != nil {
                signed.append(leaves)
            }
        }
        for pair in zip(signed, signed.dropFirst()) { #expect(pair.1.starts(with: pair.0), "seed \(seed)") }
    }

    private func proof(from size: Int, in leaves: [MerkleHash]) throws -> [MerkleHash] {
        guard size > 0, size < leaves.count else { return [] }
        return try ConsistencyProof(oldSize: UInt64(size), newSize: UInt64(leaves.count)) { node in
            let start = Int(node.index) << node.level
            return MerkleHash.root(of: leaves[start..<(start + (1 << node.level))])
        }.path
    }
}
