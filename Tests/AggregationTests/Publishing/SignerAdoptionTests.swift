import Aggregation
import Identity
import Synchronization
import Testing
import TransparencyLog

/// A host takes over a log by what others know of it, and by nothing less.
@Suite struct SignerAdoptionTests {
    private let origin = "test.example/org/a"
    private let key: SigningKey
    private let witness: CosigningKey

    init() throws {
        key = try SigningKey(name: origin, seed: Array(repeating: 1, count: 32))
        witness = try CosigningKey(name: "\(origin)/self", seed: Array(repeating: 2, count: 32))
    }

    private func note(_ leaves: ArraySlice<MerkleHash>, by key: SigningKey? = nil) throws -> [UInt8] {
        let head = TreeHead(size: UInt64(leaves.count), root: MerkleHash.root(of: leaves))
        return try SignedCheckpoint(Checkpoint(origin: origin, head: head), signedBy: key ?? self.key).bytes
    }

    private func check(_ store: LeafStore, _ known: [[UInt8]]) async throws -> UInt64 {
        try await SignerAdoption.check(
            origin: origin, keys: [key.verifier], log: store.log,
            known: known.enumerated().map { SignerAdoption.Known(place: "file \($0)", note: $1) }
        ).checkpoint.size
    }

    @Test func newestOfAllThatIsKnownBecomesTheState() async throws {
        let (store, directory) = (LeafStore(), PublisherDirectory())
        store.grow(to: 700)
        let leaves = store.state.withLock { $0.leaves }
        let known = try [note(leaves.prefix(300)), note(leaves.prefix(500)), note(leaves.prefix(1))]
        #expect(try await check(store, known) == 500)
        let path = "\(directory.path)/signer"
        let newest = try SignedCheckpoint(parsing: known[1])
        try CheckpointSigner.adopt(newest.checkpoint.head, origin: origin, path: path)
        let signer = try CheckpointSigner(origin: origin, key: key, selfWitness: witness, path: path)
        let publisher = try await LogPublisher(
            signer: signer, log: store.log, directory: directory.path, now: { LeafStore.time })
        #expect(try await publisher.publish().checkpoint.size == 700)
        // What this host has signed since is not forgotten by adopting again.
        #expect(throws: PublishingError.self) {
            try CheckpointSigner.adopt(newest.checkpoint.head, origin: origin, path: path)
        }
    }

    @Test func refusesWhatContradictsTheDatabase() async throws {
        let store = LeafStore()
        store.grow(to: 100)
        let leaves = store.state.withLock { $0.leaves }
        let forked = leaves.enumerated().map { $0 == 40 ? MerkleHash.leaf(of: [7]) : $1 }
        let longer = leaves + [MerkleHash.leaf(of: [8])]
        let thief = try SigningKey(name: origin, seed: Array(repeating: 9, count: 32))
        await #expect(throws: SignerAdoption.Fault.nothingKnown(origin: origin)) { _ = try await check(store, []) }
        await #expect(throws: SignerAdoption.Fault.contradicted(origin: origin, place: "file 0", size: 60)) {
            _ = try await check(store, [try note(forked.prefix(60)), try note(leaves.prefix(80))])
        }
        await #expect(throws: SignerAdoption.Fault.behind(origin: origin, place: "file 0", size: 101, found: 100)) {
            _ = try await check(store, [try note(longer[...])])
        }
        await #expect(throws: SignerAdoption.Fault.self) {
            _ = try await check(store, [try note(leaves[...], by: thief)])
        }
    }
}
