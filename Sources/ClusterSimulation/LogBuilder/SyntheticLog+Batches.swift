package import Batches
package import Energy
import SeededRandom
import TransparencyLog

extension SyntheticLog {
    /// Who holds the node in an interval.
    package struct Hold: Sendable {
        package var job: String
        package var mode: AllocationFacts.Mode
        package var isActive: Bool
        package var expectedNodes: Int64?

        package init(
            _ job: String, mode: AllocationFacts.Mode = .exclusive, isActive: Bool = true, expectedNodes: Int64? = nil
        ) {
            self.job = job
            self.mode = mode
            self.isActive = isActive
            self.expectedNodes = expectedNodes
        }
    }

    /// The next batch of a node: a node sensor around one package and one accelerator, with its readings.
    ///
    /// - Parameter restPerMille: what the node's sensor shows beyond its parts, in thousandths of them; below zero they
    ///   contradict each other.
    @discardableResult
    package mutating func batch(
        _ name: String, seconds: Int64 = 30, holds: [Hold] = [], withSamples: Bool = true,
        state: IntervalFacts.State = .measured, restPerMille: Int64? = nil
    ) throws -> UInt64 {
        guard var node = nodes[name], let key = keys[name] else { return 0 }
        let gpu = Int64(random.next() % 20_000_000_000)
        let package = Int64(random.next() % 5_000_000_000)
        let more = Int64(random.next() % 4_000_000_000)
        let advances = [
            gpu + package + (restPerMille.map { (gpu + package) / 1000 * $0 } ?? more), package, gpu,
        ]
        var sensors = Self.sensors
        for index in sensors.indices {
            sensors[index].firstMicrojoules = node.counters[sensors[index].id] ?? 0
            sensors[index].lastMicrojoules = sensors[index].firstMicrojoules + advances[index]
            sensors[index].readings = 2
            node.counters[sensors[index].id] = sensors[index].lastMicrojoules
        }
        let start = node.end
        let end = UTCTime(microseconds: start.microseconds + seconds * 1_000_000)
        let monotonic = MonotonicInterval(
            startNanoseconds: node.monotonicEnd, endNanoseconds: node.monotonicEnd + seconds * 1_000_000_000)
        let facts = IntervalFacts(
            interval: UTCInterval(start: start, end: end), monotonic: monotonic, state: state,
            host: HostFacts(millicores: 64_000, unheldCPUMicroseconds: Int64(random.next() % 100_000)),
            sensors: sensors,
            allocations: holds.map { hold in allocation(hold, count: holds.count, since: start) })
        let block = SampleBlock(series: sensors.map { Self.series($0, nanoseconds: seconds * 1_000_000_000) })
        let batch = Batch(
            log: origin, node: name, position: ChainPosition(incarnation: node.incarnation, sequence: node.sequence),
            previous: node.leaf, anchor: anchor, boot: node.boot,
            clock: ClockState(letter: .synchronised, errorMicroseconds: 500), facts: facts,
            samples: Self.commitment(block), salt: salt())
        let index = try append(.batch(batch), by: key, samples: withSamples ? block.bytes : nil)
        node.leaf = MerkleHash.leaf(of: entries[Int(index)])
        node.sequence += 1
        node.end = end
        node.monotonicEnd = monotonic.endNanoseconds
        nodes[name] = node
        now = max(now, end)
        return index
    }

    private mutating func allocation(_ hold: Hold, count: Int, since: UTCTime) -> AllocationFacts {
        AllocationFacts(
            job: hold.job, mode: hold.mode, devices: [DeviceHold(sensor: "nvml:GPU-0")],
            cpuMicroseconds: Int64(random.next() % 30_000_000), reservedMillicores: 64_000 / Int64(max(1, count)),
            expectedNodes: hold.expectedNodes, since: since, isActive: hold.isActive)
    }

    private static let sensors: [SensorFacts] = [
        sensor("dcmi:node", "dcmi", .nodeAC, nil), sensor("rapl:package-0", "rapl", .package, "dcmi:node"),
        sensor("nvml:GPU-0", "nvml", .gpu, "dcmi:node"),
    ]

    private static func sensor(_ id: String, _ kind: String, _ layer: Layer, _ within: String?) -> SensorFacts {
        SensorFacts(
            id: id, kind: kind, layer: layer, within: within, provenance: .counter, epoch: 0, firstMicrojoules: 0,
            lastMicrojoules: 0, readings: 0, longestGapMilliseconds: 1000, bridgedMilliseconds: 0,
            missingMilliseconds: 0,
            periodMilliseconds: 1000, idlePowerMilliwatts: 0, flags: [])
    }

    private static func series(_ sensor: SensorFacts, nanoseconds: Int64) -> SampleBlock.Series {
        SampleBlock.Series(
            quantity: .counter,
            points: [
                SampleBlock.Point(offsetNanoseconds: 0, value: sensor.firstMicrojoules),
                SampleBlock.Point(
                    offsetNanoseconds: nanoseconds / 2, value: (sensor.firstMicrojoules + sensor.lastMicrojoules) / 2),
                SampleBlock.Point(offsetNanoseconds: nanoseconds, value: sensor.lastMicrojoules),
            ])
    }

    private static func commitment(_ block: SampleBlock) -> SampleCommitment {
        let bytes = block.bytes
        return SampleCommitment(
            readings: Int64(block.readingCount), byteCount: Int64(bytes.count),
            sha256: MerkleHash.sha256(of: bytes).bytes)
    }

    // MARK: Recorded logs

    /// A recorded power log of one node or switch: an import entry and one batch an hour at most.
    package mutating func importLog(
        _ name: String, subject: ImportEntry.Subject = .node, job: String, interval: UTCInterval, joules: Int64,
        expectedNodes: Int64? = nil, by importer: String
    ) throws {
        guard let key = keys[importer] else { return }
        let sensor = subject == .node ? "mlperf:node" : "mlperf:switch"
        let entry = ImportEntry(
            log: origin, time: now, subject: subject, node: name, sensor: sensor, job: job,
            fileSHA256: random.bytes(32),
            fileByteCount: 4000, format: "mlperf", integration: .right, start: interval.start, stop: interval.end,
            anchor: anchor, salt: salt())
        let opening = try append(.imported(entry), by: key)
        var facts = Self.sensor(sensor, "mlperf", subject == .node ? .nodeAC : .network, nil)
        facts.provenance = subject == .node ? .recorded : .estimated
        facts.lastMicrojoules = joules * 1_000_000
        facts.readings = 60
        let batch = Batch(
            log: origin, node: name, position: ChainPosition(incarnation: Int64(opening), sequence: 0),
            previous: MerkleHash.leaf(of: entries[Int(opening)]), anchor: anchor, boot: nil,
            clock: ClockState(letter: .unknown, errorMicroseconds: nil),
            facts: IntervalFacts(
                interval: interval, monotonic: nil, state: .measured, host: nil, sensors: [facts],
                allocations: [
                    AllocationFacts(job: job, mode: .exclusive, expectedNodes: expectedNodes, since: interval.start)
                ]), samples: nil, salt: salt())
        try append(.batch(batch), by: key)
    }

    /// The node signed a second batch for the place of its last one.
    package mutating func conflict(_ name: String, second: [UInt8]) throws {
        guard let node = nodes[name] else { return }
        let entry = ConflictEntry(
            log: origin, time: now, node: name,
            position: ChainPosition(incarnation: node.incarnation, sequence: node.sequence - 1), firstLeaf: node.leaf,
            secondLeaf: MerkleHash.leaf(of: second), secondNote: second, salt: salt())
        try append(.conflict(entry), by: administration)
    }
}
