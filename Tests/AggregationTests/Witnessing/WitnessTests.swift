import Aggregation
import Energy
import HTTPEdge
import Identity
import Logging
import ServiceLifecycle
import Synchronization
import Testing
import TransparencyLog

/// A log, its publisher and its witnesses, each witness behind a real port.
@Suite(.timeLimit(.minutes(2))) struct WitnessTests {
    private static let clock = ServiceClock(
        now: { LeafStore.time }, random: { Array(repeating: 7, count: $0) }, milliseconds: { 0 })

    /// One witness and its directory.
    private struct Bed {
        let directory = PublisherDirectory()
        let key: CosigningKey

        init(_ number: UInt8, log: VerifierKey) throws {
            let witness = WitnessDirectory(path: directory.path)
            key = try witness.key(name: "witness.example/w\(number)") { Array(repeating: 40 + number, count: 32) }
            #expect(try witness.add(log))
        }

        func service() throws -> WitnessService {
            try WitnessService(
                directory: WitnessDirectory(path: directory.path), key: key, clock: WitnessTests.clock)
        }
    }

    private let origin = "test.example/org/a"
    private let key: SigningKey

    init() throws { key = try SigningKey(name: origin, seed: Array(repeating: 1, count: 32)) }

    private func publisher(_ store: LeafStore, _ directory: PublisherDirectory) async throws -> LogPublisher {
        let path = "\(directory.path)/signer"
        if !PrivateFile.exists(path) { try CheckpointSigner.create(origin: origin, path: path) }
        let signer = try CheckpointSigner(
            origin: origin, key: key,
            selfWitness: try CosigningKey(name: "\(origin)/self", seed: Array(repeating: 2, count: 32)), path: path)
        return try await LogPublisher(signer: signer, log: store.log, directory: directory.path, now: Self.clock.now)
    }

    /// What the rounds reported.
    private final class Story: Sendable {
        let halted = Mutex<String?>(nil)
        let failures = Mutex<[String]>([])
    }

    private func rounds(
        _ publisher: LogPublisher, _ feed: CheckpointFeed, _ policy: WitnessPolicy, _ story: Story,
        _ transport: WitnessTransport
    ) -> WitnessRounds {
        let rounds = WitnessRounds(
            feed: feed,
            log: WitnessRounds.Log(
                proof: { try publisher.proof(from: $0, to: $1) },
                cosigned: { signature, checkpoint in
                    guard let improved = try? await publisher.add(signature, to: checkpoint) else { return }
                    let names = policy.policy.witnesses.filter { witness in
                        improved.note.signatures.contains { witness.key.matches($0) }
                    }.map(\.name)
                    feed.improve(improved, reachesQuorum: policy.policy.isQuorum(Set(names)))
                },
                halt: { reason, witness in
                    publisher.halt(reason, witness: witness)
                    story.halted.withLock { $0 = reason }
                },
                report: { witness, failure in story.failures.withLock { $0.append("\(witness): \(failure)") } }),
            transport: transport,
            environment: WitnessRounds.Environment(nowMilliseconds: { 0 }, jitter: { 0 }))
        rounds.follow(policy)
        return rounds
    }

    /// Posts straight into a service, or nowhere.
    private func transport(_ services: [String: WitnessService]) -> WitnessTransport {
        WitnessTransport(post: { url, body in
            guard let service = services.first(where: { url == "http://\($0.key)/add-checkpoint" })?.value else {
                throw LeafStore.Unavailable()
            }
            let answer = await service.addCheckpoint(body, from: "test")
            return WitnessTransport.Reply(status: answer.status, body: answer.body)
        })
    }

    private func policy(_ lines: String) throws -> WitnessPolicy {
        try WitnessPolicy(parsing: Array(lines.utf8), ownKeys: [key.verifier])
    }

    @Test func quorumOverHTTPStandsUnderTheCheckpoint() async throws {
        let bed = try Bed(1, log: key.verifier)
        let service = try bed.service()
        let (bound, announce) = AsyncStream.makeStream(of: NetworkAddress.self)
        let server = try HTTPSServer(
            configuration: .init(
                address: NetworkAddress(host: "127.0.0.1", port: 0), certificatesPEM: [], keyPEM: []),
            router: WitnessRoutes(service).router(), logger: Logger(label: "test"), onBound: { announce.yield($0) })
        let group = ServiceGroup(services: [server], logger: Logger(label: "test"))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            var addresses = bound.makeAsyncIterator()
            let address = try #require(await addresses.next())
            let policy = try policy("witness w1 \(bed.key.verifier.text) http://\(address)\nquorum w1\n")
            let (store, directory, feed, story) = (LeafStore(), PublisherDirectory(), CheckpointFeed(), Story())
            let publisher = try await publisher(store, directory)
            let transport = try WitnessTransport.http()
            let rounds = rounds(publisher, feed, policy, story, transport)
            tasks.addTask { await rounds.run() }
            for size in [1, 256, 300] {
                store.grow(to: size)
                feed.announce(try await publisher.publish())
                let witnessed = try #require(await feed.witnessed(from: UInt64(size), patience: .seconds(20)))
                let auditor = try TrustPolicy(parsing: Array(policy.published(logKeys: [key.verifier]).utf8))
                #expect(try auditor.verify(witnessed).cosignerCount == 1)
            }
            #expect(store.state.withLock { $0.checkpoints.count } == 6)
            // What a monitor reads is the same tree under the log's and the witness's signature.
            let known = try #require(try WitnessDirectory(path: bed.directory.path).known(origin))
            #expect(known.head.size == 300)
            rounds.finish()
            await transport.close()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    @Test func absentWitnessDelaysNothingAndComesBackLater() async throws {
        let beds = try [Bed(1, log: key.verifier), Bed(2, log: key.verifier), Bed(3, log: key.verifier)]
        let lines = beds.enumerated().map { "witness w\($0 + 1) \($1.key.verifier.text) http://w\($0 + 1)\n" }.joined()
        let policy = try policy(lines + "group two 2 w1 w2 w3\nquorum two\n")
        let (store, directory, feed, story) = (LeafStore(), PublisherDirectory(), CheckpointFeed(), Story())
        let publisher = try await publisher(store, directory)
        // The third one is away.
        let rounds = rounds(
            publisher, feed, policy, story,
            transport(["w1": try beds[0].service(), "w2": try beds[1].service()]))
        store.grow(to: 9)
        let checkpoint = try await publisher.publish()
        feed.announce(checkpoint)
        await rounds.confirm(checkpoint)
        let witnessed = try #require(feed.witnessed)
        #expect(witnessed.note.signatures.count == 4)
        #expect(rounds.status.map(\.isHealthy) == [true, true, false])
        #expect(story.failures.withLock { $0 } == ["w3: it did not answer"])
        #expect(story.halted.withLock { $0 } == nil)
    }

    @Test func pauseGrowsToItsBound() throws {
        let bed = try Bed(1, log: key.verifier)
        let witness = try #require(try policy("witness w1 \(bed.key.verifier.text) http://w1\nquorum w1\n").asked.first)
        var (course, now) = (WitnessCourse(witness), Int64(0))
        for _ in 0..<20 {
            now += WitnessCourse.maximumPauseMilliseconds
            let isDue = course.begin(size: 5, nowMilliseconds: now)
            #expect(isDue)
            course.failed(.unavailable(status: 503), knownSize: 0, nowMilliseconds: now, jitter: 999)
        }
        let isEarly = course.begin(size: 5, nowMilliseconds: now + WitnessCourse.maximumPauseMilliseconds - 1)
        #expect(!isEarly)
    }

    /// Host and database were restored together: the signer's own memory is as old as the rest, the witness's is not.
    @Test(arguments: [false, true]) func restoredHostIsStoppedByItsWitness(isForked: Bool) async throws {
        let bed = try Bed(1, log: key.verifier)
        let policy = try policy("witness w1 \(bed.key.verifier.text) http://w1\nquorum w1\n")
        let (store, directory) = (LeafStore(), PublisherDirectory())
        store.grow(to: 20)
        let publisher = try await publisher(store, directory)
        let first = try await publisher.publish()
        let older = store.copy
        let restored = PublisherDirectory()
        let state = try PrivateFile.readSecret("\(directory.path)/signer")
        try PrivateFile.write(state, to: "\(restored.path)/signer")
        let feed = CheckpointFeed()
        let rounds = rounds(publisher, feed, policy, Story(), transport(["w1": try bed.service()]))
        feed.announce(first)
        await rounds.confirm(first)
        store.grow(to: 30)
        let second = try await publisher.publish()
        feed.announce(second)
        await rounds.confirm(second)
        #expect(feed.witnessed?.checkpoint.size == 30)

        // The copy, with a witness that was restarted in between.
        let again = try await self.publisher(older, restored)
        var stored = try #require(again.latest)
        if isForked {
            older.grow(to: 40, seed: 9)
            stored = try await again.publish()
        }
        let story = Story()
        let lateRounds = self.rounds(again, CheckpointFeed(), policy, story, transport(["w1": try bed.service()]))
        await lateRounds.confirm(stored)
        #expect(story.halted.withLock { $0 }?.contains(isForked ? "another tree" : "30 entries") == true)
        older.grow(to: 50, seed: 9)
        await #expect(throws: PublishingError.self) { try await again.publish() }
    }

    @Test func witnessRefusesWhatItMust() async throws {
        let bed = try Bed(1, log: key.verifier)
        let stranger = try SigningKey(name: "stranger.example/org/b", seed: Array(repeating: 8, count: 32))
        let service = try bed.service()
        let leaves = (0..<30).map { MerkleHash.leaf(of: [UInt8($0)]) }
        func request(_ key: SigningKey, _ origin: String, old: Int, new: [MerkleHash]) throws -> [UInt8] {
            let head = TreeHead(size: UInt64(new.count), root: MerkleHash.root(of: new[...]))
            let path =
                old > 0 && old < new.count
                ? try ConsistencyProof(oldSize: UInt64(old), newSize: UInt64(new.count)) { node in
                    let start = Int(node.index) << node.level
                    return MerkleHash.root(of: new[start..<(start + (1 << node.level))])
                }.path : []
            let signed = try SignedCheckpoint(Checkpoint(origin: origin, head: head), signedBy: key)
            return AddCheckpointRequest(oldSize: UInt64(old), path: path, checkpoint: signed).bytes
        }
        func status(_ body: [UInt8], _ service: WitnessService) async -> Int {
            await service.addCheckpoint(body, from: "test").status
        }
        #expect(await status(try request(stranger, stranger.name, old: 0, new: leaves), service) == 404)
        let thief = try SigningKey(name: origin, seed: Array(repeating: 9, count: 32))
        #expect(await status(try request(thief, origin, old: 0, new: leaves), service) == 403)
        #expect(await status(try request(key, origin, old: 0, new: Array(leaves.prefix(20))), service) == 200)
        // A witness that starts again knows what it has said.
        let restarted = try bed.service()
        let rollback = try request(key, origin, old: 0, new: Array(leaves.prefix(10)))
        let refused = await restarted.addCheckpoint(rollback, from: "test")
        #expect(refused.status == 409 && refused.body == Array("20\n".utf8))
        let forked = leaves.enumerated().map { $0 == 3 ? MerkleHash.leaf(of: [99]) : $1 }
        #expect(await status(try request(key, origin, old: 20, new: forked), restarted) == 422)
        #expect(await status(try request(key, origin, old: 20, new: leaves), restarted) == 200)
        #expect(await status(Array("old 1\n".utf8), restarted) == 400)
        // Added while it runs.
        #expect(try WitnessDirectory(path: bed.directory.path).add(stranger.verifier))
        #expect(await status(try request(stranger, stranger.name, old: 0, new: leaves), restarted) == 200)
        // A witness that has lost its memory does not start.
        let name = WitnessDirectory.name(of: origin)
        try PrivateFile.write([], to: "\(bed.directory.path)/logs/\(name).state")
        #expect(throws: (any Error).self) { try bed.service() }
    }

    @Test func callersAreLimited() {
        var limit = RateLimit(perSecond: 2, burst: 3)
        func taken(_ caller: String, at now: Int64, times: Int) -> Int {
            (0..<times).count { _ in limit.take(caller, nowMilliseconds: now) }
        }
        #expect(taken("a", at: 0, times: 5) == 3)
        #expect(taken("b", at: 0, times: 1) == 1)
        #expect(taken("a", at: 500, times: 2) == 1)
        #expect(taken("a", at: 60_000, times: 4) == 3)
    }

    @Test func operatorsOwnKeysAreNoWitnesses() throws {
        let own = try VerifierKey(name: "w", type: .cosignature, publicKey: key.verifier.publicKey)
        #expect(throws: WitnessPolicy.Fault.self) { try policy("witness w \(own.text) http://w\nquorum w\n") }
        #expect(throws: WitnessPolicy.Fault.self) { try policy("log \(key.verifier.text)\nquorum none\n") }
        #expect(throws: WitnessPolicy.Fault.self) { try policy("quorum w\n") }
    }
}
