package import Energy
package import Sensors
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Reads every source of the node: the quick ones in the tick, each slow one on a thread of its own.
///
/// Owned by the measuring thread; only the mailboxes of slow sources are shared.
package struct Sampler {
    /// One reading of the sensor at a place of `layering.sensors`.
    package struct Sample: Sendable {
        package var sensor: Int
        package var reading: Reading
        package var breaksEpoch: Bool
    }

    private struct Quick {
        var source: any SensorSource
        /// Places in `layering.sensors` of the source's sensors, nil for those that are not used.
        var places: [Int?]
    }

    package private(set) var report: SensorsReport
    private var quick: [Quick] = []
    private var slow: [(source: SlowSource, places: [Int?])] = []
    private var buffer: [SensorReading] = []
    package private(set) var samples: [Sample] = []

    /// Looks for the sensors of all sources. Sources without one that is used are asked nothing afterwards.
    package init(sources: [any SensorSource]) {
        var found: [(source: any SensorSource, report: SourceReport)] = []
        for var source in sources {
            let report = source.discover()
            found.append((source, report))
        }
        report = SensorsReport(reports: found.map(\.report))
        let placed = report.layering.sensors
        for (index, (source, report)) in found.enumerated() {
            let places = report.sensors.indices.map { sensor in
                placed.firstIndex { $0.source == index && $0.sensor == sensor }
            }
            guard places.contains(where: { $0 != nil }) else { continue }
            if source.isSlow {
                let periods = places.compactMap { $0.map { placed[$0].description.periodMilliseconds } }
                slow.append((SlowSource(source, periodMilliseconds: max(1000, periods.min() ?? 1000)), places))
            } else {
                quick.append(Quick(source: source, places: places))
            }
        }
        for (source, _) in slow { source.start() }
    }

    /// The sensors in use, in the order of a batch's lines.
    package var descriptions: [SensorDescription] { report.layering.sensors.map(\.description) }

    /// Reads once; the readings are in `samples` until the next call.
    package mutating func read(now: Int64) {
        samples.removeAll(keepingCapacity: true)
        for index in quick.indices {
            buffer.removeAll(keepingCapacity: true)
            quick[index].source.read(nowNanoseconds: now, into: &buffer)
            append(quick[index].places)
        }
        for (source, places) in slow {
            source.collect(into: &buffer)
            append(places)
        }
    }

    private mutating func append(_ places: [Int?]) {
        for reading in buffer {
            guard reading.sensor < places.count, let place = places[reading.sensor] else { continue }
            samples.append(Sample(sensor: place, reading: reading.reading, breaksEpoch: reading.breaksEpoch))
        }
    }

    package func stop() {
        for (source, _) in slow { source.stop() }
    }
}

/// A source that may take long: read on its own thread, so that a stuck device stops nothing but its own readings.
/// Those sensors are then held by the next cut.
private final class SlowSource: Sendable {
    private struct Mailbox {
        var readings: [SensorReading] = []
        var isStopped = false
    }

    private let source: Mutex<any SensorSource>
    private let periodMilliseconds: Int64
    private let mailbox = Mutex(Mailbox())

    init(_ source: any SensorSource, periodMilliseconds: Int64) {
        self.source = Mutex(source)
        self.periodMilliseconds = periodMilliseconds
    }

    func start() {
        AgentThread.start { [self] in
            while !mailbox.withLock({ $0.isStopped }) {
                let began = AgentEnvironment.bootNanoseconds()
                var readings: [SensorReading] = []
                source.withLock { $0.read(nowNanoseconds: began, into: &readings) }
                mailbox.withLock { box in
                    // Nobody collects while the node is suspended or a spool write hangs: the newest are kept.
                    if box.readings.count > 65_536 { box.readings.removeAll() }
                    box.readings += readings
                }
                let spent = (AgentEnvironment.bootNanoseconds() - began) / 1_000_000
                AgentThread.sleep(milliseconds: max(50, periodMilliseconds - spent))
            }
        }
    }

    func collect(into buffer: inout [SensorReading]) {
        buffer.removeAll(keepingCapacity: true)
        mailbox.withLock { box in
            buffer.append(contentsOf: box.readings)
            box.readings.removeAll(keepingCapacity: true)
        }
    }

    func stop() { mailbox.withLock { $0.isStopped = true } }
}
