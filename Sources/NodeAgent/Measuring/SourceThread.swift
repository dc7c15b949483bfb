import Energy
import Sensors
import Synchronization

/// A source that may take long: looked for and read on its own thread, so that a stuck device stops nothing but its own
/// readings. Its sensors are then named `timed-out` and held by the next cut.
final class SourceThread: Sendable {
    private struct State {
        /// Counts discoveries: readings of an earlier one have other places.
        var generation = 0
        var report: SourceReport
        var readings: [SensorReading] = []
        var refreshMilliseconds: [Int: Int64] = [:]
        var isDiscoveryWanted = true
        var isDiscovering = false
        /// Nil while none of the sensors is used: then the source is left alone.
        var periodMilliseconds: Int64?
        var readingSince: Int64?
        var lastTimeOut: Int64 = .min
        var isStopped = false
    }

    private let source: Mutex<any SensorSource>
    private let state: Mutex<State>
    private let wakeUp = WakeUp()
    private let discovered: WakeUp

    /// - Parameter discovered: signalled after each discovery.
    init(_ source: any SensorSource, discovered: WakeUp) {
        state = Mutex(
            State(
                report: .absent(
                    source.name, "it has not answered yet",
                    remedy: "none: it is taken as soon as it answers; if it never does, look at the device")))
        self.source = Mutex(source)
        self.discovered = discovered
    }

    /// A source that answers no reading for so long is timed out.
    private static func patienceNanoseconds(_ period: Int64) -> Int64 { max(10_000, 2 * period) * 1_000_000 }

    func start() {
        AgentThread.start { [self] in
            while let step = nextStep() {
                switch step {
                case .discover: discover()
                case .read(let period): read(periodMilliseconds: period)
                case .wait: wakeUp.wait(milliseconds: 3_600_000)
                }
            }
        }
    }

    private enum Step {
        case discover
        case read(periodMilliseconds: Int64)
        case wait
    }

    private func nextStep() -> Step? {
        state.withLock { state in
            if state.isStopped { return nil }
            if state.isDiscoveryWanted {
                state.isDiscoveryWanted = false
                state.isDiscovering = true
                return .discover
            }
            return state.periodMilliseconds.map { .read(periodMilliseconds: $0) } ?? .wait
        }
    }

    private func discover() {
        let report = source.withLock { $0.discover() }
        state.withLock { state in
            state.generation += 1
            state.report = report
            state.readings = []
            state.refreshMilliseconds = [:]
            state.isDiscovering = false
        }
        detectors.withLock { $0 = [:] }
        means.withLock { $0 = [:] }
        discovered.signal()
    }

    /// Detectors of the thread alone; behind a lock because the compiler cannot know.
    private let detectors = Mutex<[Int: RefreshDetector]>([:])
    private let means = Mutex<[Int: SecondMean]>([:])

    private func read(periodMilliseconds: Int64) {
        let began = AgentEnvironment.bootNanoseconds()
        state.withLock { $0.readingSince = began }
        var readings: [SensorReading] = []
        source.withLock { $0.read(nowNanoseconds: began, into: &readings) }
        let spent = AgentEnvironment.bootNanoseconds() - began
        if spent > Self.patienceNanoseconds(periodMilliseconds) {
            // It was called timed out; when this value was taken nobody knows.
            readings = []
        }
        let refreshes = detectors.withLock { Self.sift(&readings, &$0, periodMilliseconds) }
        if periodMilliseconds < 1000 { means.withLock { Self.thin(&readings, &$0, periodMilliseconds) } }
        state.withLock { state in
            state.readingSince = nil
            // Nobody collects while the node is suspended or a spool write hangs: the newest are kept.
            if state.readings.count > 65_536 { state.readings.removeAll() }
            state.readings += readings
            state.refreshMilliseconds = refreshes
        }
        // Asked at even times, a load that alternates evenly would always show the same side.
        let jitter = periodMilliseconds < 1000 ? Int64.random(in: -periodMilliseconds / 4...periodMilliseconds / 4) : 0
        wakeUp.wait(milliseconds: max(50, periodMilliseconds + jitter - spent / 1_000_000))
    }

    /// Writes down once a second what is asked more often.
    private static func thin(
        _ readings: inout [SensorReading], _ means: inout [Int: SecondMean], _ periodMilliseconds: Int64
    ) {
        readings = readings.compactMap { reading in
            means[reading.sensor, default: SecondMean(pollMilliseconds: periodMilliseconds)].take(reading)
        }
    }

    /// Leaves out repeated values of a power sensor that looks less often than it is asked.
    private static func sift(
        _ readings: inout [SensorReading], _ detectors: inout [Int: RefreshDetector], _ periodMilliseconds: Int64
    ) -> [Int: Int64] {
        readings.removeAll { reading in
            var detector = detectors[reading.sensor] ?? RefreshDetector(pollMilliseconds: periodMilliseconds)
            defer { detectors[reading.sensor] = detector }
            guard case .power(let power) = reading.reading.value else {
                detector.forget()
                return false
            }
            return !detector.take(power, at: reading.reading.monotonicNanoseconds)
        }
        return detectors.compactMapValues(\.refreshMilliseconds)
    }

    // MARK: From the measuring thread

    /// The newest report with its number; the number is 0 before the first.
    var report: (generation: Int, report: SourceReport) { state.withLock { ($0.generation, $0.report) } }

    var isDiscovered: Bool { state.withLock { $0.generation > 0 } }

    /// Looks for the sensors again, as soon as the thread is free.
    func requestDiscovery() {
        state.withLock { $0.isDiscoveryWanted = true }
        wakeUp.signal()
    }

    /// Sets how often the source is read; nil leaves it alone.
    func use(periodMilliseconds: Int64?) {
        let isChanged = state.withLock { state in
            defer { state.periodMilliseconds = periodMilliseconds }
            return state.periodMilliseconds != periodMilliseconds
        }
        if isChanged { wakeUp.signal() }
    }

    /// Takes what was read since; a read that hangs makes one reading of each sensor that says so, once a period.
    func collect(now: Int64, generation: Int, into buffer: inout [SensorReading]) -> [Int: Int64] {
        buffer.removeAll(keepingCapacity: true)
        return state.withLock { state in
            guard state.generation == generation else { return [:] }
            buffer.append(contentsOf: state.readings)
            state.readings.removeAll(keepingCapacity: true)
            if let since = state.readingSince, let period = state.periodMilliseconds,
                now - since > Self.patienceNanoseconds(period), now - period * 1_000_000 >= state.lastTimeOut
            {
                state.lastTimeOut = now
                for sensor in state.report.sensors.indices {
                    let reading = Reading(monotonicNanoseconds: now, value: .unreadable(.timedOut))
                    buffer.append(SensorReading(sensor: sensor, reading: reading))
                }
            }
            return state.refreshMilliseconds
        }
    }

    func stop() {
        state.withLock { $0.isStopped = true }
        wakeUp.signal()
    }
}
