import Batches
import Crypto
import Energy
import SeededRandom
import TransparencyLog

/// The standard batch of every benchmark: 30 s, 13 sensors, 2 jobs, 390 readings.
struct StandardBatch {
    let log: String
    let node: String
    let key: SigningKey
    let incarnation: Int64
    /// The newest checkpoint that the node has seen.
    var anchor: TreeHead?
    private var sequence: Int64 = 0
    private var previous: MerkleHash
    private var values = [Int64](repeating: 0, count: 13)
    private var random: SeededRandom
    private let boot: String
    private let names: [Name]
    private static let start: Int64 = 1_790_000_000_000_000

    /// - Parameter seed: another one for each node: accelerators and boots have numbers that no other node has.
    init(log: String, node: String, key: SigningKey, incarnation: Int64, opening: MerkleHash, seed: UInt64) {
        self.log = log
        self.node = node
        self.key = key
        self.incarnation = incarnation
        previous = opening
        random = SeededRandom(seed: seed)
        let digits = String(seed & 0xFFFF, radix: 16)
        let number = String(repeating: "0", count: 4 - digits.count) + digits
        boot = "6d1c0f2e-\(number)-4000-8000-000000000000"
        names = Self.names(ofNode: number)
    }

    /// The next batch of the chain, signed, with its sample block.
    mutating func next() throws -> (note: [UInt8], samples: [UInt8]) {
        let block = SampleBlock(series: series())
        let samples = block.bytes
        let start = Self.start + sequence * 30_000_000
        let facts = IntervalFacts(
            interval: UTCInterval(
                start: UTCTime(microseconds: start), end: UTCTime(microseconds: start + 30_000_000)),
            monotonic: MonotonicInterval(
                startNanoseconds: sequence * 30_000_000_000, endNanoseconds: (sequence + 1) * 30_000_000_000),
            state: .measured, host: HostFacts(millicores: 128_000, unheldCPUMicroseconds: 1_000_000),
            sensors: sensors(block), allocations: allocations())
        let batch = Batch(
            log: log, node: node, position: ChainPosition(incarnation: incarnation, sequence: sequence),
            previous: previous, anchor: anchor, boot: boot,
            clock: ClockState(letter: .synchronised, errorMicroseconds: 500), facts: facts,
            samples: SampleCommitment(
                readings: Int64(block.readingCount), byteCount: Int64(samples.count),
                sha256: Array(SHA256.hash(data: samples))), salt: random.bytes(16))
        let note = try key.sign(batch.text).bytes
        previous = MerkleHash.leaf(of: note)
        sequence += 1
        return (note, samples)
    }

    private struct Name {
        var id: String
        var kind: String
        var layer: Layer
        var within: String?
    }

    /// As agents name them: processors and memory by their zones, accelerators by their UUIDs.
    private static func names(ofNode number: String) -> [Name] {
        [Name(id: "dcmi:node", kind: "dcmi", layer: .nodeDC)]
            + (0..<2).flatMap { package in
                [
                    Name(id: "rapl:package-\(package)", kind: "rapl", layer: .package, within: "dcmi:node"),
                    Name(id: "rapl:dram-\(package)", kind: "rapl", layer: .dram, within: "dcmi:node"),
                ]
            }
            + (0..<8).map { device in
                Name(
                    id: "nvml:GPU-5f1e0002-\(number)-4000-8000-00000000000\(device)", kind: "nvml", layer: .gpu,
                    within: "dcmi:node")
            }
    }

    /// Counters read once a second in one pass, from the reading that ended the interval before to this one's end.
    private mutating func series() -> [SampleBlock.Series] {
        let times = (0...30).map { Int64($0) * 1_000_000_000 }
        return values.indices.map { index in
            var value = values[index]
            let points = times.map { time in
                if time > 0 { value += 1000 * Int64(200_000 + random.next() % 20_000) }
                return SampleBlock.Point(offsetNanoseconds: time, value: value)
            }
            return SampleBlock.Series(quantity: .counter, points: points)
        }
    }

    private mutating func sensors(_ block: SampleBlock) -> [SensorFacts] {
        names.indices.map { index in
            let name = names[index]
            let begin = values[index]
            let last = block.series[index].points.last?.value ?? begin
            values[index] = last
            return SensorFacts(
                id: name.id, kind: name.kind, layer: name.layer, within: name.within, provenance: .counter, epoch: 0,
                firstMicrojoules: begin, lastMicrojoules: last, readings: 30, longestGapMilliseconds: 1000,
                bridgedMilliseconds: 0, missingMilliseconds: 0, periodMilliseconds: 1000, idlePowerMilliwatts: 50_000,
                flags: [])
        }
    }

    private func allocations() -> [AllocationFacts] {
        (0..<2).map { job in
            AllocationFacts(
                job: Pseudonym.of(jobKey: "c/slurm/\(job)@1790000000", salt: []), mode: .shared,
                devices: (0..<4).map { DeviceHold(sensor: names[5 + job * 4 + $0].id) },
                cpuMicroseconds: 100_000_000 + Int64(job), reservedMillicores: 64_000, expectedNodes: 16,
                rank: Int64(job), since: UTCTime(microseconds: Self.start))
        }
    }
}
