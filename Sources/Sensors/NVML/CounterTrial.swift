import CNVML
import Energy

/// Compares the energy counter of every NVIDIA GPU with the integral of its power, idle and under load: whether the
/// counter can be trusted on this part is a fact to be measured, not assumed.
package struct CounterTrial: Sendable {
    private let libraryPath: String
    private let now: @Sendable () -> Int64
    private let wait: @Sendable (Int64) -> Void

    /// - Parameters:
    ///   - now: CLOCK_BOOTTIME in nanoseconds.
    ///   - wait: lets so many nanoseconds pass.
    package init(
        libraryPath: String = "libnvidia-ml.so.1", now: @escaping @Sendable () -> Int64 = NodeClock.bootNanoseconds,
        wait: @escaping @Sendable (Int64) -> Void = NodeClock.pause(nanoseconds:)
    ) {
        self.libraryPath = libraryPath
        self.now = now
        self.wait = wait
    }

    /// One GPU over one phase.
    package struct Course: Sendable, Hashable {
        package var uuid: String
        package var part: String
        package var driver: String
        package var phase: String
        package var milliseconds: Int64
        /// By the counter, and by integrated power.
        package var counterMillijoules: Int64
        package var integralMillijoules: Int64
        package var powerSource: String
        /// Median time and energy between two values of the counter; nil where it moved less than twice.
        package var stepMilliseconds: Int64?
        package var stepMillijoules: Int64?
        /// Latency of the counter's call in µs: median, 99th percentile, largest.
        package var latencyMicroseconds: (median: Int64, high: Int64, largest: Int64) {
            (latencies[0], latencies[1], latencies[2])
        }
        var latencies: [Int64]

        /// (counter − integral) / counter in thousandths; nil where the counter stood.
        package var residualPerMille: Int64? {
            counterMillijoules == 0
                ? nil : (counterMillijoules - integralMillijoules) * 1000 / counterMillijoules
        }
    }

    /// Time between two looks: counters move every 20 to 100 ms.
    private static let pollNanoseconds: Int64 = 10_000_000

    /// Runs one phase on all GPUs at once.
    ///
    /// - Returns: a course of each GPU that has a counter and a power, or why there is none.
    package func run(phase: String, seconds: Int64) -> Result<[Course], TransportFailure> {
        guard let loaded = LoadedLibrary(path: libraryPath), let library = NVMLLibrary(loaded) else {
            return .failure(TransportFailure(reason: .gone, text: "\(libraryPath) cannot be loaded"))
        }
        let code = library.initialise()
        guard code == 0 else {
            return .failure(TransportFailure(reason: .failed, text: "nvmlInit_v2: \(NVMLStatus.text(code))"))
        }
        defer { _ = library.shutdown() }
        var watches = boards(library)
        guard !watches.isEmpty else {
            return .failure(TransportFailure(reason: .unsupported, text: "no GPU has an energy counter and a power"))
        }
        let end = now() + seconds * 1_000_000_000
        while now() < end {
            for index in watches.indices { watches[index].look(library, now) }
            wait(Self.pollNanoseconds)
        }
        return .success(watches.compactMap { $0.course(phase: phase) })
    }

    private func boards(_ library: NVMLLibrary) -> [BoardWatch] {
        var count: UInt32 = 0
        guard library.deviceCount(&count) == 0 else { return [] }
        var version = [CChar](repeating: 0, count: 96)
        _ = library.driverVersion?(&version, UInt32(version.count))
        let text = String(decoding: version.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let driver = text.isEmpty ? "unknown" : text
        return (0..<min(count, 64)).compactMap { index in
            var pointer: UnsafeMutableRawPointer?
            guard library.deviceByIndex(index, &pointer) == 0 else { return nil }
            return BoardWatch(DeviceHandle(pointer), library, driver: driver)
        }
    }
}

/// The readings of one board in one phase.
private struct BoardWatch {
    private let device: DeviceHandle
    private let uuid: String
    private let name: String
    private let driver: String
    private let counter: NVMLSource.Way
    private let power: NVMLSource.Way
    private var integral = PowerIntegral(rule: .trapezoid)
    private var first: (energy: UInt64, nanoseconds: Int64)?
    private var last: (energy: UInt64, nanoseconds: Int64)?
    private var integralAtFirst: Int64 = 0
    private var integralAtLast: Int64 = 0
    /// The power of the module where it is shown beside the GPU's: the counter of a superchip may count either.
    private let modulePower: UInt32?
    private var moduleIntegral = PowerIntegral(rule: .trapezoid)
    private var moduleAtFirst: Int64 = 0
    private var moduleAtLast: Int64 = 0
    private var steps: [(nanoseconds: Int64, energy: UInt64)] = []
    private var latencies: [Int64] = []

    /// Nil where the board has no counter or no power.
    init?(_ device: DeviceHandle, _ library: NVMLLibrary, driver: String) {
        func works(_ way: NVMLSource.Way) -> Bool { BoardWatch.raw(way, device, library) != nil }
        guard case .success(let uuid) = library.text(library.uuid, device),
            let counter = [NVMLSource.Way.energyField, .energyCall].first(where: works),
            let power = [
                NVMLSource.Way.powerField(NVMLField.powerInstant), .powerField(NVMLField.powerAverage), .powerUsage,
            ].first(where: works)
        else { return nil }
        self.device = device
        self.uuid = uuid
        self.driver = driver
        self.counter = counter
        self.power = power
        modulePower = [NVMLField.powerInstant, NVMLField.powerAverage].first {
            (library.milliwatts($0, .module, device) ?? 0) > 0
        }
        name = (try? library.text(library.name, device).get()) ?? "GPU"
    }

    private static func raw(_ way: NVMLSource.Way, _ device: DeviceHandle, _ library: NVMLLibrary) -> UInt64? {
        var instant: Int64 = 0
        return try? NVMLSource.take(way, device, library, clock: { 0 }, instant: &instant).1.get()
    }

    mutating func look(_ library: NVMLLibrary, _ now: () -> Int64) {
        let asked = now()
        let energy = Self.raw(counter, device, library)
        let answered = now()
        latencies.append((answered - asked) / 1000)
        if let power = Self.raw(power, device, library), power < 100_000_000 {
            _ = integral.add(nanoseconds: answered, microwatts: Int64(power) * 1000)
        }
        if let modulePower, let power = library.milliwatts(modulePower, .module, device), power < 100_000_000 {
            _ = moduleIntegral.add(nanoseconds: answered, microwatts: Int64(power) * 1000)
        }
        guard let energy, energy <= UInt64(Int64.max) else { return }
        // The phase counts from one change of the counter to another, so that its steps do not blur the ends.
        guard let before = last else {
            last = (energy, answered)
            return
        }
        guard energy != before.energy else { return }
        last = (energy, answered)
        integralAtLast = integral.microjoules
        moduleAtLast = moduleIntegral.microjoules
        guard energy > before.energy, first != nil else {
            first = (energy, answered)
            integralAtFirst = integral.microjoules
            moduleAtFirst = moduleIntegral.microjoules
            steps = []
            return
        }
        if let previous = steps.last?.nanoseconds ?? first?.nanoseconds, answered > previous {
            steps.append((answered, energy - before.energy))
        }
    }

    func course(phase: String) -> CounterTrial.Course? {
        guard !latencies.isEmpty else { return nil }
        let sorted = latencies.sorted()
        let instants = [first?.nanoseconds].compactMap { $0 } + steps.map(\.nanoseconds)
        let gaps = zip(instants, instants.dropFirst()).map { ($1 - $0) / 1_000_000 }.sorted()
        let sizes = steps.map { Int64(clamping: $0.energy) }.sorted()
        let counted = first.flatMap { first in last.map { Int64(clamping: $0.energy - first.energy) } } ?? 0
        let span = first.flatMap { first in last.map { $0.nanoseconds - first.nanoseconds } } ?? 0
        var source =
            switch power {
            case .powerField(let id): "field \(id)"
            default: "nvmlDeviceGetPowerUsage"
            }
        var integrated = (integralAtLast - integralAtFirst) / 1000
        let module = (moduleAtLast - moduleAtFirst) / 1000
        if let modulePower, (counted - module).magnitude < (counted - integrated).magnitude {
            source = "field \(modulePower) of the module"
            integrated = module
        }
        return CounterTrial.Course(
            uuid: uuid, part: name, driver: driver, phase: phase, milliseconds: span / 1_000_000,
            counterMillijoules: counted, integralMillijoules: integrated,
            powerSource: source, stepMilliseconds: gaps.isEmpty ? nil : gaps[gaps.count / 2],
            stepMillijoules: sizes.isEmpty ? nil : sizes[sizes.count / 2],
            latencies: [
                sorted[sorted.count / 2], sorted[min(sorted.count - 1, sorted.count * 99 / 100)],
                sorted[sorted.count - 1],
            ])
    }
}
