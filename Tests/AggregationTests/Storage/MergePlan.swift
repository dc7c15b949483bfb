import Batches
import ClusterSimulation
import Energy
import SeededRandom
import Testing
import TransparencyLog

/// A random plan: nodes, the jobs that hold them, and every entry that the agents will send.
struct MergePlan {
    /// Genesis, enrolments and resumes: they stand first, since chains are named by their indexes.
    private(set) var log: SyntheticLog
    /// What is sent in any order, with who sends it; nil for the aggregator's own.
    private(set) var entries: [(note: [UInt8], peer: String?)] = []
    private(set) var jobs: [String] = []

    /// - Parameter withOverlaps: some nodes write two chains about the same time; the one that is logged later is
    ///   superseded, so that rows depend on the log's order, and on nothing else.
    init(seed: UInt64, withOverlaps: Bool) throws {
        log = try SyntheticLog(seed: seed, origin: "log.example/plan-\(seed)")
        var random = SeededRandom(seed: seed &+ 1)
        let names = (1...Int.random(in: 2...4, using: &random)).map { "n\($0)" }
        for name in names { try log.enrol(name) }
        let records = (0..<3).map { log.record("\($0)") }
        jobs = records.map(\.pseudonym)
        var chains = names.compactMap { log.nodes[$0] }
        if withOverlaps {
            for name in names where Bool.random(using: &random) {
                try log.resume(name)
                if let node = log.nodes[name] { chains.append(node) }
            }
        }
        for chain in chains { try write(chain, &random) }
        for record in records { try describe(record, names, &random) }
    }

    private mutating func write(_ chain: SyntheticNode, _ random: inout SeededRandom) throws {
        let key = try #require(log.keys[chain.name])
        var (leaf, counters) = (chain.leaf, [Int64](repeating: 0, count: 3))
        var end = chain.end.microseconds + Int64.random(in: 0...60, using: &random) * 1_000_000
        var monotonic: Int64 = 1_000_000_000
        for sequence in 0..<Int64.random(in: 3...9, using: &random) {
            let seconds = Int64.random(in: 1...300, using: &random)
            let advances = Self.advances(&random)
            let facts = IntervalFacts(
                interval: UTCInterval(
                    start: UTCTime(microseconds: end), end: UTCTime(microseconds: end + seconds * 1_000_000)),
                monotonic: MonotonicInterval(
                    startNanoseconds: monotonic, endNanoseconds: monotonic + seconds * 1_000_000_000),
                state: Bool.random(using: &random) ? .measured : .outage,
                host: HostFacts(millicores: 64_000, unheldCPUMicroseconds: .random(in: 0...9_999_999, using: &random)),
                sensors: Self.sensors(counters, advances), allocations: allocations(&random))
            let batch = Batch(
                log: log.origin, node: chain.name,
                position: ChainPosition(incarnation: chain.incarnation, sequence: sequence), previous: leaf,
                anchor: nil,
                boot: "b", clock: ClockState(letter: .synchronised, errorMicroseconds: 1), facts: facts, samples: nil,
                salt: random.bytes(16))
            let note = try key.sign(batch.text).bytes
            entries.append((note, chain.name))
            leaf = MerkleHash.leaf(of: note)
            end += seconds * 1_000_000
            monotonic += seconds * 1_000_000_000
            for index in counters.indices { counters[index] += advances[index] }
        }
    }

    private static func advances(_ random: inout SeededRandom) -> [Int64] {
        let (gpu, package) = (
            Int64.random(in: 0...200_000_000_000, using: &random), Int64.random(in: 0...40_000_000_000, using: &random)
        )
        return [gpu + package + .random(in: -1_000_000...50_000_000_000, using: &random), package, gpu]
    }

    private static func sensors(_ first: [Int64], _ advances: [Int64]) -> [SensorFacts] {
        let layers: [(String, Layer, String?)] = [
            ("dcmi:node", .nodeAC, nil), ("rapl:package-0", .package, "dcmi:node"), ("nvml:GPU-0", .gpu, "dcmi:node"),
        ]
        return layers.enumerated().map { index, layer in
            SensorFacts(
                id: layer.0, kind: "test", layer: layer.1, within: layer.2, provenance: .counter, epoch: 0,
                firstMicrojoules: first[index], lastMicrojoules: first[index] + advances[index], readings: 9,
                longestGapMilliseconds: 1000, bridgedMilliseconds: 0, missingMilliseconds: 0, periodMilliseconds: 1000,
                idlePowerMilliwatts: 40_000, flags: [])
        }
    }

    private func allocations(_ random: inout SeededRandom) -> [AllocationFacts] {
        let held = jobs.filter { _ in Bool.random(using: &random) }
        return held.map { job in
            AllocationFacts(
                job: job, mode: .shared, devices: [DeviceHold(sensor: "nvml:GPU-0", weight: nil)],
                cpuMicroseconds: .random(in: 0...900_000_000, using: &random),
                reservedMillicores: .random(in: 0...20_000, using: &random), since: log.now,
                isActive: Int.random(in: 0..<4, using: &random) > 0)
        }
    }

    /// Its life as two attempts, its class, by the administration.
    private mutating func describe(_ record: JobRecord, _ nodes: [String], _ random: inout SeededRandom) throws {
        for attempt in 0..<2 as Range<Int64> {
            let start = UTCTime(microseconds: log.now.microseconds + attempt * 300_000_000)
            let entry = JobEntry(
                log: log.origin, time: log.now, event: .update, job: record.pseudonym, attempt: attempt,
                witness: .operator, by: log.administration.name, start: start,
                stop: UTCTime(microseconds: start.microseconds + 240_000_000), expectedNodes: Int64(nodes.count),
                nodes: nodes, recordSHA256: record.sha256, salt: random.bytes(16))
            entries.append((try log.administration.sign(entry.text).bytes, nil))
        }
    }
}
