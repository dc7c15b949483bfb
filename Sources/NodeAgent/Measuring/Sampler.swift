package import Energy
package import Sensors

/// Reads every source of the node: the quick ones in the tick, each slow one on a thread of its own.
///
/// Owned by the measuring thread. Sources stay for the sampler's life and are looked through again on request; what
/// they then show is in `report`, and is read as soon as it is adopted. Until then only what was known is read.
package struct Sampler: ~Copyable {
    /// One reading of the sensor at a place of `descriptions`.
    package struct Sample: Sendable {
        package var sensor: Int
        package var reading: Reading
        package var breaksEpoch: Bool
    }

    private enum Lane {
        case quick(any SensorSource, SourceReport)
        case slow(SourceThread, generation: Int)
    }

    private var lanes: [Lane] = []
    /// For each lane the places in `descriptions` of its sensors, nil for those that are not used.
    private var places: [[Int?]] = []
    private let discovered = WakeUp()
    private let maximumPowerMicrowatts: [String: Int64]
    private var buffer: [SensorReading] = []

    /// What was found last.
    package private(set) var report: SensorsReport
    /// The sensors that are read, in the order of a batch's lines.
    package private(set) var descriptions: [SensorDescription]
    package private(set) var samples: [Sample] = []

    /// Places of the sensors that could not be read when they were looked for.
    package private(set) var unreadable: Set<Int> = []

    /// How long the first look waits for slow sources; a later answer is taken when it comes.
    package static let patienceMilliseconds: Int64 = 5000

    /// Looks for the sensors of all sources.
    ///
    /// - Parameter maximumPowerMicrowatts: what the operator says that a sensor's part can draw, by identity.
    package init(
        sources: [any SensorSource], maximumPowerMicrowatts: [String: Int64] = [:],
        patienceMilliseconds: Int64 = Sampler.patienceMilliseconds
    ) {
        self.maximumPowerMicrowatts = maximumPowerMicrowatts
        report = SensorsReport(reports: [])
        descriptions = []
        for source in sources where source.isSlow {
            let thread = SourceThread(source, discovered: discovered)
            thread.start()
            lanes.append(.slow(thread, generation: 0))
        }
        // Quick ones are looked for while the slow ones are busy.
        var slow = lanes.makeIterator()
        lanes = sources.map { source in
            if source.isSlow, let lane = slow.next() { return lane }
            var source = source
            let report = source.discover()
            return .quick(source, report)
        }
        let end = AgentEnvironment.bootNanoseconds() + patienceMilliseconds * 1_000_000
        while lanes.contains(where: { if case .slow(let thread, _) = $0 { !thread.isDiscovered } else { false } }) {
            let left = (end - AgentEnvironment.bootNanoseconds()) / 1_000_000
            guard left > 0 else { break }
            discovered.wait(milliseconds: min(left, 100))
        }
        survey()
        adopt()
    }

    // MARK: Looking

    /// Looks for the sensors again: the quick sources now, the slow ones when they can.
    package mutating func rediscover() {
        for index in lanes.indices {
            switch lanes[index] {
            case .quick(var source, _):
                let report = source.discover()
                lanes[index] = .quick(source, report)
            case .slow(let thread, _): thread.requestDiscovery()
            }
        }
        survey()
    }

    /// Takes on what slow sources have found since.
    package mutating func update() {
        let isNews = lanes.contains { lane in
            if case .slow(let thread, let generation) = lane { thread.report.generation != generation } else { false }
        }
        if isNews { survey() }
    }

    /// Whether other sensors were found than are read.
    package var isOutdated: Bool { report.layering.sensors.map(\.description) != descriptions }

    /// Reads from now on what was found.
    package mutating func adopt() {
        descriptions = report.layering.sensors.map(\.description)
        refreshMilliseconds = [:]
        place()
    }

    private mutating func survey() {
        var reports: [SourceReport] = []
        for index in lanes.indices {
            switch lanes[index] {
            case .quick(_, let report): reports.append(bounded(report))
            case .slow(let thread, _):
                let (generation, report) = thread.report
                lanes[index] = .slow(thread, generation: generation)
                reports.append(bounded(report))
            }
        }
        report = SensorsReport(reports: reports)
        place()
    }

    private func bounded(_ report: SourceReport) -> SourceReport {
        var report = report
        for index in report.sensors.indices {
            if let power = maximumPowerMicrowatts[report.sensors[index].description.id] {
                report.sensors[index].description.bound(maximumPowerMicrowatts: power)
            }
        }
        return report
    }

    /// A sensor that is read already keeps its place, whatever else was found, while its unit is the same.
    private mutating func place() {
        let positions = Dictionary(descriptions.enumerated().map { ($1.id, $0) }) { first, _ in first }
        unreadable = Set(
            report.layering.sensors.filter { !$0.found.access.isReadable }.compactMap { positions[$0.description.id] })
        places = lanes.indices.map { source in
            var places = [Int?](repeating: nil, count: report.reports[source].sensors.count)
            for placed in report.layering.sensors where placed.source == source {
                guard let position = positions[placed.description.id],
                    descriptions[position].quantity == placed.description.quantity
                else { continue }
                places[placed.sensor] = position
            }
            return places
        }
        for (source, lane) in lanes.enumerated() {
            guard case .slow(let thread, _) = lane else { continue }
            thread.use(
                periodMilliseconds: places[source].compactMap { $0.map { descriptions[$0].pollMilliseconds } }.min())
        }
    }

    // MARK: Reading

    /// The shortest period of a sensor that is read in the tick, a second at most.
    package var tickMilliseconds: Int64 {
        var shortest: Int64 = 1000
        for (source, lane) in lanes.enumerated() {
            guard case .quick = lane else { continue }
            for place in places[source] {
                if let place { shortest = min(shortest, descriptions[place].periodMilliseconds) }
            }
        }
        return max(50, shortest)
    }

    /// Reads once; the readings are in `samples` until the next call.
    package mutating func read(now: Int64) {
        samples.removeAll(keepingCapacity: true)
        for index in lanes.indices {
            switch lanes[index] {
            case .quick(var source, let report):
                guard places[index].contains(where: { $0 != nil }) else { continue }
                buffer.removeAll(keepingCapacity: true)
                // The source is moved out and back, so that its buffers are not copied.
                lanes[index] = .quick(NoSource(), report)
                source.read(nowNanoseconds: now, into: &buffer)
                lanes[index] = .quick(source, report)
                append(places[index])
            case .slow(let thread, let generation):
                let refreshes = thread.collect(now: now, generation: generation, into: &buffer)
                append(places[index])
                for (sensor, refresh) in refreshes { learn(refresh, places[index], sensor) }
            }
        }
    }

    private mutating func append(_ places: [Int?]) {
        for reading in buffer {
            guard reading.sensor < places.count, let place = places[reading.sensor] else { continue }
            samples.append(Sample(sensor: place, reading: reading.reading, breaksEpoch: reading.breaksEpoch))
        }
    }

    /// Refresh times that slow power sensors showed, by place; they are longer than the sensors' own periods.
    package private(set) var refreshMilliseconds: [Int: Int64] = [:]

    private mutating func learn(_ refresh: Int64, _ places: [Int?], _ sensor: Int) {
        guard sensor < places.count, let place = places[sensor] else { return }
        refreshMilliseconds[place] = refresh
    }

    package func stop() {
        for case .slow(let thread, _) in lanes { thread.stop() }
    }
}

/// Stands where a source is while it is being read.
private struct NoSource: SensorSource {
    let name = ""
    let isSlow = false
    mutating func discover() -> SourceReport { SourceReport(source: name) }
    mutating func read(nowNanoseconds: Int64, into readings: inout [SensorReading]) {}
}
