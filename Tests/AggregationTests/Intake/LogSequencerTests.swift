import Aggregation
import Batches
import ClusterSimulation
import Energy
import SeededRandom
import Synchronization
import Testing
import TransparencyLog

/// A synthetic log whose nodes are enrolled, and the batches that they will send.
private struct Stream {
    var source: SyntheticLog
    /// Entries before the first batch.
    var opening: Int

    init(seed: UInt64, nodes: Int, batches: Int, origin: String = "log.example/org/a") throws {
        source = try SyntheticLog(seed: seed, origin: origin)
        for node in 0..<nodes { try source.enrol("node-\(node)") }
        opening = source.entries.count
        for _ in 0..<batches {
            for node in 0..<nodes { try source.batch("node-\(node)") }
        }
    }

    func sequencer(_ log: MemoryLog) throws -> LogSequencer {
        var intake = try LogIntake(genesis: source.genesis)
        for (index, note) in source.entries.prefix(opening).enumerated() {
            let received = try ReceivedEntry(note: note, samples: [])
            intake.logged(received.entry, signer: received.signer, at: Int64(index), leaf: received.leaf)
        }
        return LogSequencer(intake: intake, log: log.log)
    }

    /// The batches of a node, in order, with their blocks.
    func batches(of node: String) throws -> [(note: [UInt8], samples: [UInt8])] {
        try source.entries.indices.dropFirst(opening).compactMap { index in
            guard case .batch(let batch) = try ReceivedEntry(note: source.entries[index], samples: []).entry,
                batch.node == node
            else { return nil }
            return (source.entries[index], source.samples[UInt64(index)] ?? [])
        }
    }
}

/// Submits and waits for the verdict.
private func submit(
    _ sequencer: LogSequencer, _ note: [UInt8], _ samples: [UInt8] = [], peer: String?
) async -> Result<Int64, Refusal> {
    let (results, done) = AsyncStream.makeStream(of: Result<Int64, Refusal>.self)
    do throws(Refusal) {
        await sequencer.submit(try ReceivedEntry(note: note, samples: samples), peer: peer) { done.yield($0) }
    } catch {
        return .failure(error)
    }
    for await result in results { return result }
    return .failure(Refusal(.overloaded, "no verdict"))
}

private func running<Value: Sendable>(
    _ sequencer: LogSequencer, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { await sequencer.run() }
        let value = try await body()
        sequencer.finish()
        try await group.waitForAll()
        return value
    }
}

@Suite struct LogSequencerTests {
    @Test func batchesGetConsecutiveIndexesAndDuplicatesTheFirstOne() async throws {
        let stream = try Stream(seed: 1, nodes: 2, batches: 5)
        let log = try MemoryLog(Array(stream.source.entries.prefix(stream.opening)))
        let sequencer = try stream.sequencer(log)
        let batches = try stream.batches(of: "node-0")
        try await running(sequencer) {
            for (number, batch) in batches.enumerated() {
                let index = try await submit(sequencer, batch.note, batch.samples, peer: "node-0").get()
                #expect(index == Int64(stream.opening + number))
            }
            let again = try await submit(sequencer, batches[2].note, batches[2].samples, peer: "node-0").get()
            #expect(again == Int64(stream.opening + 2))
        }
    }

    @Test func eachRefusalHasItsCode() async throws {
        let stream = try Stream(seed: 2, nodes: 2, batches: 3)
        let other = try Stream(seed: 3, nodes: 1, batches: 1, origin: "other.example/org/b")
        let log = try MemoryLog(Array(stream.source.entries.prefix(stream.opening)))
        let sequencer = try stream.sequencer(log)
        let batches = try stream.batches(of: "node-0")
        let foreign = try other.batches(of: "node-0")
        try await running(sequencer) {
            func code(_ note: [UInt8], _ samples: [UInt8] = [], peer: String? = "node-0") async -> Refusal.Code? {
                guard case .failure(let refusal) = await submit(sequencer, note, samples, peer: peer) else {
                    return nil
                }
                return refusal.code
            }
            #expect(await code(Array(repeating: 65, count: 65_536)) == .tooLarge)
            #expect(await code(Array(repeating: 65, count: 65_535)) == .badSyntax)
            #expect(await code(batches[0].note, peer: "node-1") == .certificateMismatch)
            #expect(await code(batches[0].note, peer: "stranger") == .unknownNode)
            #expect(await code(batches[1].note, batches[1].samples) == .chainGap)
            #expect(await code(batches[0].note, batches[1].samples) == .samplesMismatch)
            #expect(await code(foreign[0].note, foreign[0].samples) == .foreignLog)
            var forged = batches[0].note
            let signature = forged.count - 10
            forged[signature] = forged[signature] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            #expect(await code(forged, batches[0].samples) == .badSignature)
            // Nothing of all this has touched the chain.
            #expect(await code(batches[0].note, batches[0].samples) == nil)
            // A batch without its block is one whose block was given up; it is taken.
            #expect(await code(batches[1].note) == nil)
        }
    }

    @Test func secondEntryForOnePlaceIsAForkAndClosesTheChain() async throws {
        var stream = try Stream(seed: 4, nodes: 1, batches: 1)
        var twin = stream
        try stream.source.batch("node-0")
        twin.source.now = UTCTime(microseconds: twin.source.now.microseconds + 1)
        try twin.source.batch("node-0", seconds: 29)
        let log = try MemoryLog(Array(stream.source.entries.prefix(stream.opening)))
        let sequencer = try stream.sequencer(log)
        let (honest, second) = (try stream.batches(of: "node-0"), try twin.batches(of: "node-0"))
        try await running(sequencer) {
            for batch in honest { _ = try await submit(sequencer, batch.note, batch.samples, peer: "node-0").get() }
            let fork = await submit(sequencer, second[1].note, second[1].samples, peer: "node-0")
            guard case .failure(let refusal) = fork else {
                Issue.record("the fork was taken")
                return
            }
            #expect(refusal.code == .chainFork && refusal.isPermanent)
        }
    }

    /// Whatever is lost, repeated or submitted at once: every batch once, in its chain's order.
    @Test(arguments: 0..<20) func failuresAndDuplicatesLoseAndDoubleNothing(seed: UInt64) async throws {
        let stream = try Stream(seed: seed, nodes: 3, batches: 12)
        let log = try MemoryLog(Array(stream.source.entries.prefix(stream.opening)))
        var random = SeededRandom(seed: seed)
        let failures = (0..<6).map { _ in random.next() % 2 == 0 ? MemoryLog.Failure.before : .after }
        log.state.withLock { $0.failures = failures }
        let sequencer = try stream.sequencer(log)
        let chains = try (0..<3).map { try stream.batches(of: "node-\($0)") }
        try await running(sequencer) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (node, batches) in chains.enumerated() {
                    group.addTask {
                        for batch in batches {
                            // An honest agent sends again until it is told that the entry is durable.
                            var attempts = 0
                            while case .failure(let refusal) = await submit(
                                sequencer, batch.note, batch.samples, peer: "node-\(node)")
                            {
                                try #require(!refusal.isPermanent && attempts < 50, "seed \(seed): \(refusal)")
                                attempts += 1
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        let logged = log.state.withLock { $0.leaves }
        #expect(Set(logged).count == logged.count)
        #expect(Set(logged) == Set(stream.source.entries.map { MerkleHash.leaf(of: $0) }), "seed \(seed)")
    }
}
