import Accounts
import Batches
import Disclosure
import Energy
import SeededRandom
import Testing
import TransparencyLog

/// What is remembered of nodes makes reading cheaper and decides nothing.
@Suite struct NodeMemoryTests {
    /// One node of a log, with sensors of its own name as accelerators have them.
    private struct Chain {
        let key: SigningKey
        var batch: Batch

        init(_ name: String, _ random: inout SeededRandom, sensors: Int = 4) throws {
            key = try SigningKey(name: name, seed: random.bytes(32))
            let start = UTCTime(hour: 490_896)
            let ids = (0..<sensors).map { "nvml:GPU-\(name)-\($0)" }
            let facts = IntervalFacts(
                interval: UTCInterval(start: start, end: UTCTime(microseconds: start.microseconds + 30_000_000)),
                monotonic: MonotonicInterval(startNanoseconds: 0, endNanoseconds: 30_000_000_000), state: .measured,
                host: nil,
                sensors: ids.map { id in
                    SensorFacts(
                        id: id, kind: "nvml", layer: .gpu, within: nil, provenance: .counter, epoch: 0,
                        firstMicrojoules: 0, lastMicrojoules: 5_000_000, readings: 30, longestGapMilliseconds: 1000,
                        bridgedMilliseconds: 0, missingMilliseconds: 0, periodMilliseconds: 1000,
                        idlePowerMilliwatts: 0, flags: [])
                },
                allocations: ids.prefix(2).map { id in
                    AllocationFacts(
                        job: Pseudonym.encode(random.bytes(16)), mode: .shared, devices: [DeviceHold(sensor: id)],
                        cpuMicroseconds: 0, reservedMillicores: 0, expectedNodes: nil, rank: nil, since: start)
                })
            batch = Batch(
                log: "log.example/org/o", node: name, position: ChainPosition(incarnation: 1, sequence: 0),
                previous: .emptyTree, anchor: nil, boot: name,
                clock: ClockState(letter: .synchronised, errorMicroseconds: 1), facts: facts, samples: nil,
                salt: random.bytes(16))
        }

        /// The next batch as it stands in the log; now and then something changes in it.
        mutating func next(_ random: inout SeededRandom) throws -> [UInt8] {
            batch.position.sequence += 1
            for index in batch.facts.sensors.indices {
                batch.facts.sensors[index].lastMicrojoules += Int64(random.next() % 1_000_000_000)
            }
            switch random.next() % 8 {
            case 0: batch.facts.sensors.shuffle(using: &random)
            case 1: batch.facts.allocations.shuffle(using: &random)
            case 2: for index in batch.facts.allocations.indices { batch.facts.allocations[index].rank = 1 }
            default: break
            }
            return try key.sign(batch.text).bytes
        }
    }

    private func check(
        _ bytes: [UInt8], _ recall: inout CheckedEntry.Recall
    ) throws(ReplayFailure) -> CheckedEntry {
        try CheckedEntry(index: 1, bytes: bytes, samples: nil, keys: nil, recall: &recall)
    }

    /// A log holds batches of many nodes in turns: each node's names are those of its own batch before.
    @Test func namesOfEachNodeAreReadOnce() throws {
        var random = SeededRandom(seed: 1)
        var chains = try (0..<40).map { try Chain("node-\($0)", &random) }
        var recall = CheckedEntry.Recall()
        var known: [String: SensorIdentity] = [:]
        for round in 0..<3 {
            for place in chains.indices {
                chains[place].batch.position.sequence += 1
                let note = try chains[place].key.sign(chains[place].batch.text).bytes
                guard case .batch(let batch) = try check(note, &recall).entry else { throw NotABatch() }
                let identity = try #require(batch.facts.sensors.first?.identity)
                if round > 0 { #expect(known[batch.node] === identity, "\(batch.node) in round \(round)") }
                known[batch.node] = identity
            }
        }
        #expect(recall.memory.count == 40)
    }

    private struct NotABatch: Error {}

    /// With room for a few nodes, few bytes or none: every entry is what it is by itself, and so is every refusal.
    @Test(arguments: 0..<24) func entriesAreTheSameWithAnyMemory(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var chains = try (0..<12).map { try Chain("node-\($0)", &random, sensors: $0 * 7 % 9) }
        let maximum = [1, 3, 8, 100][Int(random.next() % 4)]
        let bytes = [0, 1024, 6000, 1 << 20][Int(random.next() % 4)]
        var recall = CheckedEntry.Recall(NodeMemory(maximumNodes: maximum, maximumByteCount: bytes))
        for _ in 0..<150 {
            var note = try chains[Int(random.next() % 12)].next(&random)
            if random.next() % 4 == 0 { note[Int(random.next() % UInt64(note.count))] ^= 1 << UInt8(random.next() % 8) }
            let remembered = Result { () throws(ReplayFailure) in try check(note, &recall) }
            let alone = Result { () throws(ReplayFailure) in
                try CheckedEntry(index: 1, bytes: note, samples: nil, keys: nil)
            }
            switch (remembered, alone) {
            case (.success(let one), .success(let other)):
                #expect(one.entry == other.entry, "seed \(seed)")
                #expect(one.postings == other.postings, "seed \(seed)")
            case (.failure(let one), .failure(let other)): #expect("\(one)" == "\(other)", "seed \(seed)")
            default: Issue.record("seed \(seed): \(remembered) with memory, \(alone) without")
            }
            #expect(recall.memory.count <= maximum)
            #expect(recall.memory.byteCount <= bytes || recall.memory.count == 1)
        }
    }

    /// A log that names another node in every entry fills no more than there is.
    @Test func strangersMakeRoomForEachOther() throws {
        var random = SeededRandom(seed: 2)
        var chain = try Chain("node", &random)
        var recall = CheckedEntry.Recall(NodeMemory(maximumNodes: 16, maximumByteCount: 1 << 20))
        for number in 0..<200 {
            chain.batch.node = "node-\(number)"
            _ = try check(chain.key.sign(chain.batch.text).bytes, &recall)
        }
        #expect(recall.memory.count == 16)
        // One large text makes room for itself, however many small ones there are.
        recall = CheckedEntry.Recall(NodeMemory(maximumNodes: 1000, maximumByteCount: 64 << 10))
        for number in 0..<50 {
            chain.batch.node = "node-\(number)"
            _ = try check(chain.key.sign(chain.batch.text).bytes, &recall)
        }
        let large = try Chain("large", &random, sensors: 500)
        _ = try check(large.key.sign(large.batch.text).bytes, &recall)
        #expect(recall.memory.byteCount <= 64 << 10)
    }
}
