import Batches
import Energy
import TransparencyLog

/// A node of the year, which signs batches of whole hours: so few stand for the year's billion, and what a report reads
/// is the same, the sums of each node and hour.
struct YearNode {
    let log: String
    let name: String
    let key: SigningKey
    let incarnation: Int64
    private var sequence: Int64 = 0
    private var previous: MerkleHash
    private var counters: [Int64] = [0, 0, 0, 0]
    private var hour = 0

    init(log: String, name: String, key: SigningKey, incarnation: Int64, opening: MerkleHash) {
        self.log = log
        self.name = name
        self.key = key
        self.incarnation = incarnation
        previous = opening
    }

    /// The next batch of the chain, up to an hour of the year.
    ///
    /// - Parameter hourly: microjoules of accelerators, processors, memory and the rest in one hour.
    mutating func batch(until end: Int, job: String?, hourly: [Int64]) throws -> [UInt8] {
        let count = Int64(end - hour)
        let start = UTCTime(hour: YearPlan.start + Int64(hour))
        let sensors = sensors(advances: hourly.map { $0 * count }, seconds: count * 3600)
        let facts = IntervalFacts(
            interval: UTCInterval(start: start, end: UTCTime(hour: YearPlan.start + Int64(end))),
            monotonic: MonotonicInterval(
                startNanoseconds: Int64(hour) * 3_600_000_000_000, endNanoseconds: Int64(end) * 3_600_000_000_000),
            state: .measured, host: HostFacts(millicores: 128_000, unheldCPUMicroseconds: 0), sensors: sensors,
            allocations: job.map { job in
                [
                    AllocationFacts(
                        job: job, mode: .exclusive, devices: [DeviceHold(sensor: Self.names[3].id)],
                        cpuMicroseconds: count * 1_000_000, reservedMillicores: 128_000, expectedNodes: nil,
                        since: start)
                ]
            } ?? [])
        let batch = Batch(
            log: log, node: name, position: ChainPosition(incarnation: incarnation, sequence: sequence),
            previous: previous, anchor: nil, boot: "6d1c0f2e-0000-4000-8000-000000000000",
            clock: ClockState(letter: .synchronised, errorMicroseconds: 500), facts: facts, samples: nil,
            salt: Array(repeating: UInt8(truncatingIfNeeded: sequence), count: 16))
        let note = try key.sign(batch.text).bytes
        previous = MerkleHash.leaf(of: note)
        sequence += 1
        hour = end
        return note
    }

    private static let names: [(id: String, kind: String, layer: Layer, within: String?)] = [
        ("dcmi:node", "dcmi", .nodeAC, nil), ("rapl:package-0", "rapl", .package, "dcmi:node"),
        ("rapl:dram-0", "rapl", .dram, "dcmi:node"), ("nvml:GPU-0", "nvml", .gpu, "dcmi:node"),
    ]

    private mutating func sensors(advances: [Int64], seconds: Int64) -> [SensorFacts] {
        let steps = [advances.reduce(0, +), advances[1], advances[2], advances[0]]
        return Self.names.indices.map { index in
            let first = counters[index]
            counters[index] += steps[index]
            let name = Self.names[index]
            return SensorFacts(
                id: name.id, kind: name.kind, layer: name.layer, within: name.within, provenance: .counter, epoch: 0,
                firstMicrojoules: first, lastMicrojoules: counters[index], readings: seconds,
                longestGapMilliseconds: 1000, bridgedMilliseconds: 0, missingMilliseconds: 0, periodMilliseconds: 1000,
                idlePowerMilliwatts: 0, flags: [])
        }
    }
}
