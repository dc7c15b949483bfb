import CNVML
import Energy

/// NVIDIA GPUs through libnvidia-ml: the energy counter first, power fields integrated where there is none.
///
/// Slow: a call was seen to take 6.6 ms, and a lost GPU can hold one for seconds. MIG instances have no counters, so
/// the board is the sensor. Identity is the UUID; NVML's order is not CUDA's.
package struct NVMLSource: SensorSource {
    package let name = "nvml"
    package let isSlow = true

    private let libraryPath: String
    private let utcMicroseconds: @Sendable () -> Int64
    private let wait: @Sendable (_ nanoseconds: Int64) -> Void
    private var library: NVMLLibrary?
    private var isInitialised = false
    var channels: [Channel] = []

    struct Channel: Sendable {
        var uuid: String
        var device: DeviceHandle?
        var way: Way
        var maximumPowerMicrowatts: Int64
        var isNewEpoch = false
    }

    enum Way: Sendable, Hashable {
        case energyField
        case energyCall
        case powerField(UInt32)
        case powerUsage
    }

    /// - Parameters:
    ///   - libraryPath: what dlopen is given.
    ///   - utcMicroseconds: the clock of the time stamps in field values.
    ///   - wait: lets time pass while discovery compares the counter with the power of GPU and module.
    package init(
        libraryPath: String = "libnvidia-ml.so.1",
        utcMicroseconds: @escaping @Sendable () -> Int64 = NodeClock.utcMicroseconds,
        wait: @escaping @Sendable (Int64) -> Void = NodeClock.pause(nanoseconds:)
    ) {
        self.libraryPath = libraryPath
        self.utcMicroseconds = utcMicroseconds
        self.wait = wait
    }

    package mutating func discover() -> SourceReport {
        // An epoch that ended unseen ends when the GPU is read again, whoever looks for it in between.
        let ended = Set(channels.filter(\.isNewEpoch).map(\.uuid))
        channels = []
        defer {
            for index in channels.indices where ended.contains(channels[index].uuid) {
                channels[index].isNewEpoch = true
            }
        }
        if library == nil {
            guard let loaded = LoadedLibrary(path: libraryPath) else {
                return .absent(
                    name, "\(libraryPath) cannot be loaded: \(LoadedLibrary.lastError)",
                    remedy: "none without NVIDIA GPUs; else install the driver's libnvidia-ml, in a container start it "
                        + "with NVIDIA_DRIVER_CAPABILITIES=utility")
            }
            guard let calls = NVMLLibrary(loaded) else {
                return .absent(name, "\(libraryPath) lacks calls of NVML", remedy: "update the driver to 450 or later")
            }
            library = calls
        }
        guard let library else { return SourceReport(source: name) }
        if let problem = initialise(library) { return problem }
        return survey(library)
    }

    private mutating func initialise(_ library: NVMLLibrary) -> SourceReport? {
        guard !isInitialised else { return nil }
        let code = library.initialise()
        guard code == 0 else {
            return .absent(
                name, "nvmlInit_v2: \(NVMLStatus.text(code))",
                remedy: code == 18
                    ? "the driver was updated: restart the agent, or the machine if modules are still the old ones"
                    : code == 4 ? "let the agent's user open /dev/nvidiactl and /dev/nvidia*" : "load the NVIDIA driver"
            )
        }
        isInitialised = true
        return nil
    }

    private mutating func survey(_ library: NVMLLibrary) -> SourceReport {
        var report = SourceReport(source: name)
        var count: UInt32 = 0
        let code = library.deviceCount(&count)
        guard code == 0 else {
            isInitialised = isInitialised && !NVMLStatus.needsInitialisation(code)
            return .absent(
                name, "nvmlDeviceGetCount: \(NVMLStatus.text(code))", remedy: "look at the kernel log for Xid errors")
        }
        for index in 0..<min(count, 64) {
            var pointer: UnsafeMutableRawPointer?
            let code = library.deviceByIndex(index, &pointer)
            guard code == 0 else {
                report.remarks.append("GPU \(index) cannot be opened: \(NVMLStatus.text(code))")
                continue
            }
            let device = DeviceHandle(pointer)
            guard case .success(let uuid) = library.text(library.uuid, device), !uuid.isEmpty else {
                report.remarks.append("GPU \(index) gives no UUID and was left out: it could not be told from another")
                continue
            }
            let survey = NVMLSurvey(library: library, device: device, uuid: uuid, wait: wait)
            for (channel, sensor) in survey.sensors(remarks: &report.remarks) {
                channels.append(channel)
                report.sensors.append(sensor)
            }
        }
        if report.sensors.isEmpty {
            report.absence = .init(
                reason: "the driver shows \(count) GPUs, none with energy or power",
                remedy: "check that /dev/nvidia* is visible here; a vGPU guest has no power sensors")
        }
        return report
    }

    package mutating func read(nowNanoseconds: Int64, into readings: inout [SensorReading]) {
        guard let library else { return }
        if !isInitialised { restart(library) }
        for index in channels.indices {
            var instant = nowNanoseconds
            let value = isInitialised ? value(of: index, library, instant: &instant) : .unreadable(.failed)
            var breaksEpoch = false
            if case .unreadable = value {
            } else {
                breaksEpoch = channels[index].isNewEpoch
                channels[index].isNewEpoch = false
            }
            let reading = Reading(monotonicNanoseconds: instant, value: value)
            readings.append(.init(sensor: index, reading: reading, breaksEpoch: breaksEpoch))
        }
    }

    /// After the driver went away: handles are void and every counter began anew.
    private mutating func restart(_ library: NVMLLibrary) {
        _ = library.shutdown()
        isInitialised = library.initialise() == 0
        for index in channels.indices {
            channels[index].device = nil
            channels[index].isNewEpoch = true
        }
    }

    private mutating func value(of index: Int, _ library: NVMLLibrary, instant: inout Int64) -> Reading.Value {
        if channels[index].device == nil {
            var pointer: UnsafeMutableRawPointer?
            let code = library.deviceByUUID(channels[index].uuid, &pointer)
            if let reason = NVMLStatus.reason(code) { return lost(index, code, reason) }
            channels[index].device = DeviceHandle(pointer)
        }
        guard let device = channels[index].device else { return .unreadable(.gone) }
        let (code, result) = Self.take(channels[index].way, device, library, clock: utcMicroseconds, instant: &instant)
        switch result {
        case .failure(let failure): return lost(index, code, failure.reason)
        case .success(let raw):
            switch channels[index].way {
            case .energyField, .energyCall: return .counter(raw)
            case .powerField, .powerUsage:
                // Garbage with a success code: more than half above what the board may draw.
                guard raw <= UInt64(channels[index].maximumPowerMicrowatts / 1000) else {
                    return .unreadable(.malformed)
                }
                return .power(Int64(raw) * 1000)
            }
        }
    }

    private mutating func lost(_ index: Int, _ code: UInt32, _ reason: UnreadableReason) -> Reading.Value {
        if NVMLStatus.needsInitialisation(code) { isInitialised = false }
        if reason == .gone {
            // A GPU that fell off the bus and came back after a reset counts from zero again.
            channels[index].device = nil
            channels[index].isNewEpoch = true
        }
        return .unreadable(reason)
    }

    /// One raw value in mJ or mW. The instant becomes that of the value's own stamp where that is believable.
    static func take(
        _ way: Way, _ device: DeviceHandle, _ library: NVMLLibrary, clock: @Sendable () -> Int64, instant: inout Int64
    ) -> (code: UInt32, Result<UInt64, ReadFailure>) {
        switch way {
        case .energyField, .powerField:
            let id = if case .powerField(let id) = way { id } else { NVMLField.totalEnergy }
            let (code, field) = library.field(id, .gpu, device)
            if let reason = NVMLStatus.reason(code) { return (code, .failure(ReadFailure(reason: reason))) }
            let age = clock() &- field.timestamp_us
            if field.timestamp_us > 0, (0...5_000_000).contains(age) { instant -= age * 1000 }
            return (field.status, NVMLField.count(field))
        case .energyCall:
            var energy: UInt64 = 0
            let code = library.totalEnergy?(device.pointer, &energy) ?? 13
            return (code, NVMLStatus.reason(code).map { .failure(ReadFailure(reason: $0)) } ?? .success(energy))
        case .powerUsage:
            var power: UInt32 = 0
            let code = library.powerUsage?(device.pointer, &power) ?? 13
            return (code, NVMLStatus.reason(code).map { .failure(ReadFailure(reason: $0)) } ?? .success(UInt64(power)))
        }
    }
}
