import Aggregation
import Energy
import SeededRandom
import Synchronization
import Testing
import TransparencyLog

/// Whatever happens to a publisher, the signatures that ever leave it are of one history.
///
/// Each row does something to a host, and collects every checkpoint that was signed: also those that nobody was shown.
/// At the end every pair of them must be consistent.
@Suite struct PublishingCrashTests {
    struct Crash: Error {}

    /// One host with its key: signer file, tiles, the process that publishes.
    private final class Host: Sendable {
        let origin = "test.example/org/a"
        let key: SigningKey
        let directory = PublisherDirectory()
        /// Leaves of every tree under a signature, whether it was shown or not.
        let signed = Mutex<[(head: TreeHead, leaves: [MerkleHash])]>([])

        init() throws {
            key = try SigningKey(name: origin, seed: Array(repeating: 1, count: 32))
            try CheckpointSigner.create(origin: origin, path: "\(directory.path)/signer")
        }

        /// What was edited in a database, as it was: a running publisher has it in its tree.
        let edited = Mutex<[Int: MerkleHash]>([:])

        /// A new process of this host on a database.
        func process(
            _ store: LeafStore, crash: @escaping @Sendable (PublishingStep) throws -> Void = { _ in }
        ) async throws -> LogPublisher {
            let signer = try CheckpointSigner(
                origin: origin, key: key,
                selfWitness: try CosigningKey(name: "\(origin)/self", seed: Array(repeating: 2, count: 32)),
                path: "\(directory.path)/signer")
            return try await LogPublisher(
                signer: signer, log: store.log, directory: directory.path, now: { LeafStore.time },
                crash: { [self] step in
                    if step == .signed { note(store) }
                    try crash(step)
                })
        }

        /// What a signature was made over: the tree in the signer's file, from the leaves that the store holds.
        private func note(_ store: LeafStore) {
            let leaves = store.state.withLock { $0.leaves }
            guard let head = try? head(), Int(head.size) <= leaves.count else {
                return signed.withLock { $0.append((.empty, [])) }
            }
            var tree = Array(leaves.prefix(Int(head.size)))
            if MerkleHash.root(of: tree[...]) != head.root {
                for (index, leaf) in edited.withLock({ $0 }) where index < tree.count { tree[index] = leaf }
            }
            signed.withLock { [tree] in $0.append((head, tree)) }
        }

        func head() throws -> TreeHead {
            let signer = try CheckpointSigner(
                origin: origin, key: key,
                selfWitness: try CosigningKey(name: "\(origin)/self", seed: Array(repeating: 2, count: 32)),
                path: "\(directory.path)/signer")
            return signer.last
        }

        /// Every pair of trees that was ever signed, checked by a consistency proof and by their roots.
        func expectOneHistory(_ row: Comment) throws {
            let signed = signed.withLock { $0 }.sorted { $0.head.size < $1.head.size }
            for (head, leaves) in signed { #expect(MerkleHash.root(of: leaves[...]) == head.root, row) }
            for (position, old) in signed.enumerated() {
                for new in signed[(position + 1)...] {
                    guard old.head.size < new.head.size else {
                        #expect(old.head == new.head, row)
                        continue
                    }
                    let proof = try ConsistencyProof(oldSize: old.head.size, newSize: new.head.size) { node in
                        let start = Int(node.index) << node.level
                        return MerkleHash.root(of: new.leaves[start..<(start + (1 << node.level))])
                    }
                    #expect(throws: Never.self, row) { try proof.verify(old: old.head, new: new.head) }
                }
            }
        }
    }

    /// The process dies at a step, at several sizes around the edges of tiles; the next one goes on.
    @Test(arguments: PublishingStep.allCases, [1, 2, 255, 256, 257, 700])
    func crashAtEveryStep(step: PublishingStep, size: Int) async throws {
        let (host, store) = (try Host(), LeafStore())
        store.grow(to: 1)
        _ = try await host.process(store).publish()
        store.grow(to: size + 1)
        let dying = try await host.process(store) { if $0 == step { throw Crash() } }
        await #expect(throws: Crash.self) { try await dying.publish() }
        // More arrives before the restart: the tree that was half published is not the next one.
        store.grow(to: size + 3)
        let next = try await host.process(store).publish()
        #expect(next.checkpoint.size == UInt64(size + 3))
        try host.expectOneHistory("\(step) at \(size)")
    }

    /// It dies again and again, at random steps.
    @Test(arguments: 0..<12) func crashesInARow(seed: UInt64) async throws {
        let (host, store) = (try Host(), LeafStore())
        let random = Mutex(SeededRandom(seed: seed))
        for round in 1...30 {
            store.grow(to: round * 23)
            let process = try await host.process(store) { _ in
                if random.withLock({ $0.next() }) % 4 == 0 { throw Crash() }
            }
            _ = try? await process.publish()
            _ = try? await process.publish()
        }
        store.grow(to: 31 * 23)
        #expect(try await host.process(store).publish().checkpoint.size == 31 * 23)
        try host.expectOneHistory("seed \(seed)")
    }

    /// What may happen to the database behind a publisher.
    enum Mishap: String, CaseIterable, Sendable {
        case restored, restoredAndGrown, restoredAndGrownFurther, entryChanged, lastEntryChanged, emptied
    }

    private static func befall(_ store: LeafStore, _ mishap: Mishap) {
        switch mishap {
        case .restored: store.state.withLock { $0.leaves.removeLast(40) }
        case .restoredAndGrown:
            store.state.withLock { $0.leaves.removeLast(40) }
            store.grow(to: 300, seed: 7)
        case .restoredAndGrownFurther:
            store.state.withLock { $0.leaves.removeLast(40) }
            store.grow(to: 420, seed: 7)
        case .entryChanged: store.state.withLock { $0.leaves[100] = MerkleHash.leaf(of: [9]) }
        case .lastEntryChanged: store.state.withLock { $0.leaves[299] = MerkleHash.leaf(of: [9]) }
        case .emptied: store.state.withLock { $0.leaves = [] }
        }
    }

    /// Under a running publisher and under a new one, with more entries behind it.
    @Test(arguments: Mishap.allCases, [false, true]) func database(mishap: Mishap, isRestarted: Bool) async throws {
        let (host, store) = (try Host(), LeafStore())
        store.grow(to: 300)
        let running = try await host.process(store)
        _ = try await running.publish()
        let honest = store.copy
        host.edited.withLock { $0 = [100: honest.state.withLock { $0.leaves[100] }] }
        Self.befall(store, mishap)
        for more in [0, 1, 150] {
            let size = store.state.withLock { $0.leaves.count }
            if more > 0, mishap != .emptied { store.grow(to: size + more, seed: 5) }
            let publisher = isRestarted ? try? await host.process(store) : running
            _ = try? await publisher?.publish()
        }
        // With the true database back, the log goes on. A running publisher has the edited entry in its tree as it was,
        // and what came behind it is signed: there the entry is put back instead.
        var truth = honest
        if mishap == .entryChanged, !isRestarted {
            let entry = honest.state.withLock { $0.leaves[100] }
            store.state.withLock { $0.leaves[100] = entry }
            truth = store
        }
        let size = truth.state.withLock { $0.leaves.count } + 10
        truth.grow(to: size)
        #expect(try await host.process(truth).publish().checkpoint.size == UInt64(size))
        // A running process that read half of one and half of the other has signed neither.
        try host.expectOneHistory("\(mishap), restarted \(isRestarted)")
    }

    /// Two processes on one database and one signer file, in turns and at the same time.
    @Test(arguments: 0..<6) func twoPublishers(seed: UInt64) async throws {
        let (host, store) = (try Host(), LeafStore())
        store.grow(to: 5)
        let (first, second) = (try await host.process(store), try await host.process(store))
        var random = SeededRandom(seed: seed)
        for round in 1...20 {
            store.grow(to: 5 + round * 17)
            switch random.next() % 3 {
            case 0: _ = try? await first.publish()
            case 1: _ = try? await second.publish()
            default:
                await withTaskGroup(of: Void.self) { group in
                    for publisher in [first, second] {
                        group.addTask { _ = try? await publisher.publish() }
                    }
                }
            }
        }
        _ = try await first.publish()
        #expect(try host.head().size == 5 + 20 * 17)
        try host.expectOneHistory("seed \(seed)")
    }

    /// The second one stands on an older copy of the database, which then grows by itself.
    @Test func secondPublisherOnARestoredCopy() async throws {
        let (host, store) = (try Host(), LeafStore())
        store.grow(to: 50)
        let first = try await host.process(store)
        let copy = store.copy
        let second = try await host.process(copy)
        _ = try await first.publish()
        store.grow(to: 80)
        _ = try await first.publish()
        copy.grow(to: 60, seed: 3)
        await #expect(throws: PublishingError.self) { try await second.publish() }
        copy.grow(to: 200, seed: 3)
        await #expect(throws: PublishingError.self) { try await second.publish() }
        store.grow(to: 81)
        #expect(try await first.publish().checkpoint.size == 81)
        try host.expectOneHistory("restored copy")
    }

    /// A log that was told of a fork signs nothing more, whatever it holds.
    @Test func haltedPublisher() async throws {
        let (host, store) = (try Host(), LeafStore())
        store.grow(to: 3)
        let publisher = try await host.process(store)
        _ = try await publisher.publish()
        publisher.halt("a witness has seen more")
        store.grow(to: 4)
        await #expect(throws: PublishingError.halted(origin: host.origin, reason: "a witness has seen more")) {
            try await publisher.publish()
        }
        #expect(try host.head().size == 3)
    }

    /// Each has a say as long as the policy names it, and none has one over what this host knows itself.
    @Test func aWitnessThatIsNotBelievedHaltsNothing() async throws {
        let (host, store) = (try Host(), LeafStore())
        store.grow(to: 3)
        let publisher = try await host.process(store)
        let witnesses = try (1...2).map { number in
            try SigningKey(name: "w\(number)", seed: Array(repeating: UInt8(number), count: 32)).verifier
        }
        for witness in witnesses { publisher.halt("\(witness.name) has seen more", witness: witness) }
        publisher.believe(only: [witnesses[1]])
        #expect(publisher.haltReason == "w2 has seen more")
        await #expect(throws: PublishingError.self) { try await publisher.publish() }
        publisher.believe(only: [])
        #expect(try await publisher.publish().checkpoint.size == 3)
        publisher.halt("a change of its key was interrupted")
        publisher.believe(only: [])
        store.grow(to: 4)
        await #expect(throws: PublishingError.self) { try await publisher.publish() }
    }
}
