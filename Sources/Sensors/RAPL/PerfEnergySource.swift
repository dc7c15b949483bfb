import CNVML
import Energy

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// RAPL through perf events of the `power` unit: needs CAP_PERFMON or perf_event_paranoid 0 instead of root. The kernel
/// follows wraps, so that the counts have 64 bits; they begin at 0 when the event is opened.
package struct PerfEnergySource: SensorSource {
    package let name = "rapl-perf"
    package let isSlow = false

    /// Opens an event (type, config, processor): a descriptor or a negative error number.
    package typealias Open = @Sendable (UInt32, UInt64, Int32) -> Int32

    private let sysfsRoot: String
    private let open: Open?
    private var channels: [Channel] = []
    /// Opened events by place: opened again, they would begin anew.
    private var places: [String] = []

    private struct Channel: Sendable {
        var event: Descriptor?
        var refusal: UnreadableReason?
        /// The kernel counts from 0 when an event is opened: its first value continues nothing.
        var isNew = true
    }

    /// - Parameter open: how events are opened; nil takes the kernel's call on the system's own tree and none on
    ///   another, whose type numbers would mean other events here.
    package init(sysfsRoot: String = "/sys", open: Open? = nil) {
        self.sysfsRoot = sysfsRoot
        let kernel: Open = { wattest_perf_open($0, $1, $2) }
        self.open = open ?? (sysfsRoot == "/sys" ? kernel : nil)
    }

    static let permissionRemedy = "give the agent CAP_PERFMON, or set kernel.perf_event_paranoid to 0 or below"

    package mutating func discover() -> SourceReport {
        let known = Dictionary(zip(places, channels)) { first, _ in first }
        channels = []
        places = []
        let unit = sysfsRoot + "/bus/event_source/devices/power"
        if case .failure(let failure) = FileTree.listing(of: unit), failure.reason != .gone {
            return .unlisted(name, unit, failure, remedyIfAbsent: "")
        }
        guard let type = FileTree.number(unit + "/type").flatMap(UInt32.init(exactly:)) else {
            let isThere = FileTree.exists(unit)
            return isThere
                ? .absent(name, "\(unit)/type is no number", remedy: "look at \(unit)/type")
                : .absent(
                    name, "\(unit) does not exist",
                    remedy: "load the module rapl (Intel and AMD); none in virtual machines"
                )
        }
        let processors = CPUList.parse(FileTree.text(unit + "/cpumask") ?? "")
        guard !processors.isEmpty else { return .absent(name, "\(unit)/cpumask names no processor", remedy: "none") }
        guard let open else {
            return .absent(
                name, "\(unit) is not of the running system", remedy: "perf events are read under /sys alone")
        }
        let limits = PowercapSource(sysfsRoot: sysfsRoot).maximumPowers()
        var report = SourceReport(source: name)
        for (event, isMemory) in [("energy-pkg", false), ("energy-ram", true)] {
            let path = unit + "/events/" + event
            guard let config = FileTree.text(path).flatMap(CPUList.event) else { continue }
            guard let scale = FileTree.text(path + ".scale").flatMap({ PerfScale($0) }) else {
                report.remarks.append("\(path).scale is not a number: the event was left out")
                continue
            }
            for processor in processors {
                let place = "\(type) \(config) \(processor)"
                let channel =
                    known[place].flatMap { $0.event == nil ? nil : $0 }
                    ?? Self.channel(open(type, config, Int32(processor)))
                channels.append(channel)
                places.append(place)
                var found = sensor(
                    path, processor: processor, isMemory: isMemory, scale: scale, refusal: channel.refusal)
                // The kernel's limits stand in powercap, which anybody may read.
                if let limit = limits[found.description.id] { found.description.maximumPowerMicrowatts = limit }
                report.sensors.append(found)
            }
        }
        if report.sensors.isEmpty {
            report.absence = .init(reason: "\(unit) has no energy-pkg event", remedy: "none")
        }
        return report
    }

    private static func channel(_ result: Int32) -> Channel {
        Channel(
            event: result >= 0 ? Descriptor(number: result) : nil,
            refusal: result < 0 ? ReadFailure(code: -result).reason : nil)
    }

    private func sensor(
        _ path: String, processor: Int, isMemory: Bool, scale: PerfScale, refusal: UnreadableReason?
    ) -> FoundSensor {
        let package = CPUTopology.package(of: "cpu\(processor)", sysfsRoot: sysfsRoot) ?? processor
        let die = hasDies ? CPUTopology.die(of: "cpu\(processor)", sysfsRoot: sysfsRoot) : nil
        let id = "rapl:package-\(package)" + (die.map { "-die-\($0)" } ?? "") + (isMemory ? "/dram" : "")
        let description = SensorDescription(
            id: id, kind: "rapl-perf", layer: isMemory ? .dram : .package, provenance: .counter,
            quantity: .energyCounter(
                microjoulesNumerator: scale.numerator, microjoulesDenominator: scale.denominator, modulus: nil),
            maximumPowerMicrowatts: isMemory ? 200_000_000 : 1_000_000_000, refreshMilliseconds: 1)
        let access: FoundSensor.Access =
            refusal.map { .unreadable($0, remedy: $0 == .denied ? Self.permissionRemedy : "none") } ?? .readable
        return FoundSensor(
            description: description, part: isMemory ? .memory(package: package) : .package(package, die: die),
            measurementPoint: isMemory ? "memory of the package, beside it" : "processor package, cores and uncore",
            place: "\(path) on cpu \(processor)", access: access, costMicroseconds: 5)
    }

    /// Whether some package has more than one die: the kernel then opens one event a die, as powercap has one zone a
    /// die.
    private var hasDies: Bool {
        let root = sysfsRoot + "/devices/system/cpu"
        return (FileTree.names(in: root) ?? []).contains { name in
            name.hasPrefix("cpu") && Int(name.dropFirst(3)) != nil
                && (CPUTopology.die(of: name, sysfsRoot: sysfsRoot) ?? 0) > 0
        }
    }

    package mutating func read(nowNanoseconds: Int64, into readings: inout [SensorReading]) {
        for index in channels.indices {
            let value: Reading.Value
            if let event = channels[index].event {
                var count: UInt64 = 0
                let length = take(event.number, &count)
                value =
                    length == 8
                    ? .counter(count) : .unreadable(length < 0 ? ReadFailure(code: errno).reason : .malformed)
            } else {
                value = .unreadable(channels[index].refusal ?? .failed)
            }
            var isNew = false
            if case .counter = value {
                isNew = channels[index].isNew
                channels[index].isNew = false
            }
            let reading = Reading(monotonicNanoseconds: nowNanoseconds, value: value)
            readings.append(.init(sensor: index, reading: reading, breaksEpoch: isNew))
        }
    }
}

/// The count of an event: perf_event_open(2) with an empty read format gives eight bytes.
private func take(_ descriptor: Int32, _ count: inout UInt64) -> Int {
    withUnsafeMutableBytes(of: &count) { read(descriptor, $0.baseAddress, $0.count) }
}
