import Energy

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The processors' energy by model, for machines that measure nothing: always `estimated`.
package struct CPUModelSource: SensorSource {
    package let name = "cpu-model"
    package let isSlow = false

    private let stated: Stated?
    private let ticksPerSecond: Int64
    private var file: HeldFile
    private var model: CPUPowerModel?
    private var lastTicks: UInt64 = 0

    /// Power of the machine's processors as its operator states it.
    package struct Stated: Sendable, Hashable {
        package var idleMilliwatts: Int64
        package var fullMilliwatts: Int64
        package var origin: String

        package init(idleMilliwatts: Int64, fullMilliwatts: Int64, origin: String) {
            self.idleMilliwatts = idleMilliwatts
            self.fullMilliwatts = fullMilliwatts
            self.origin = origin
        }
    }

    package init(
        procfsRoot: String = "/proc", stated: Stated? = nil, ticksPerSecond: Int64 = Int64(sysconf(Int32(_SC_CLK_TCK)))
    ) {
        self.stated = stated
        self.ticksPerSecond = ticksPerSecond
        file = HeldFile(path: procfsRoot + "/stat")
    }

    package mutating func discover() -> SourceReport {
        model = nil
        let bytes: [UInt8]
        switch FileTree.contents(of: file.path, limit: 4 << 20) {
        case .success(let read): bytes = read
        case .failure(let failure):
            return .absent(
                name, "\(file.path) cannot be read: \(failure.reason.rawValue)",
                remedy: "mount procfs there or set --procfs-root")
        }
        guard let times = CPUTimes(stat: bytes) else {
            return .absent(
                name, "\(file.path) does not tell processor time", remedy: "look at \(file.path): it is not procfs's")
        }
        let processors = Int64(CPUTimes.processors(stat: bytes))
        let found =
            if let stated {
                CPUPowerModel(
                    idleMilliwatts: stated.idleMilliwatts, fullMilliwatts: stated.fullMilliwatts,
                    processors: max(1, processors), ticksPerSecond: ticksPerSecond, origin: stated.origin)
            } else {
                CPUPowerModel.unknownMachine(processors: max(1, processors), ticksPerSecond: ticksPerSecond)
            }
        guard let found else {
            return .absent(
                name, "the stated idle power is above the full power or beyond a megawatt",
                remedy: "correct the model's idle and full power in the configuration")
        }
        model = found
        lastTicks = times.busyTicks
        return SourceReport(source: name, sensors: [sensor(found)])
    }

    private func sensor(_ model: CPUPowerModel) -> FoundSensor {
        let description = SensorDescription(
            id: "cpu-model:host", kind: "cpu-model", layer: .package, provenance: .estimated,
            quantity: .microjouleCounter(), maximumPowerMicrowatts: model.fullMilliwatts * 1500,
            idlePowerMilliwatts: model.idleMilliwatts, refreshMilliseconds: 1000 / ticksPerSecond + 1)
        return FoundSensor(
            description: description, part: .packages, measurementPoint: "estimate of all processor packages",
            place: file.path, costMicroseconds: 50, parameters: model.parameters)
    }

    package mutating func read(nowNanoseconds: Int64, into readings: inout [SensorReading]) {
        guard let model else { return }
        let value: Reading.Value
        switch file.read({ CPUTimes(stat: $0) }) {
        case .failure(let failure): value = .unreadable(failure.reason)
        case .success(let times):
            // The kernel's sums can step back by a tick when a processor goes offline: energy does not.
            lastTicks = max(lastTicks, times.busyTicks)
            let energy = model.microjoules(sinceBootNanoseconds: nowNanoseconds, busyTicks: lastTicks)
            value = energy.map(Reading.Value.counter) ?? .unreadable(.malformed)
        }
        readings.append(.init(sensor: 0, reading: Reading(monotonicNanoseconds: nowNanoseconds, value: value)))
    }
}
