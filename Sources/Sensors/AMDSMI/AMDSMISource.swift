import Energy

/// AMD GPUs through libamd_smi: an energy accumulator and its resolution in µJ (`amdsmi_get_energy_count`).
///
/// Only calls whose form has been the same in every ROCm release since 5.7 are made; the library is loaded when it is
/// there. Partitions of one socket show the socket's accumulator again, so the first of each socket is taken.
package struct AMDSMISource: SensorSource {
    package let name = "amdsmi"
    package let isSlow = true

    private let libraryPath: String
    private var library: AMDSMILibrary?
    private var isInitialised = false
    private var channels: [Channel] = []

    private struct Channel: Sendable {
        var device: DeviceHandle
        var resolution: Float
        var isNewEpoch = false
    }

    package init(libraryPath: String = "libamd_smi.so") { self.libraryPath = libraryPath }

    package mutating func discover() -> SourceReport {
        channels = []
        if library == nil {
            guard let loaded = LoadedLibrary(path: libraryPath) else {
                return .absent(
                    name, "\(libraryPath) cannot be loaded: \(LoadedLibrary.lastError)",
                    remedy:
                        "none without AMD Instinct GPUs; else install amd-smi-lib and put /opt/rocm/lib on the path"
                )
            }
            guard let calls = AMDSMILibrary(loaded) else {
                return .absent(
                    name, "\(libraryPath) lacks amdsmi_get_energy_count", remedy: "update ROCm to 5.7 or later")
            }
            library = calls
        }
        guard let library else { return SourceReport(source: name) }
        if !isInitialised {
            let code = library.initialise(AMDSMILibrary.gpus)
            guard code == 0 else {
                return .absent(
                    name, "amdsmi_init: error \(code)",
                    remedy:
                        "load the amdgpu driver and put the agent's user into the group of /dev/kfd, render"
                )
            }
            isInitialised = true
        }
        var report = SourceReport(source: name)
        for socket in library.sockets().prefix(64) { add(socket, library, to: &report) }
        if report.sensors.isEmpty {
            report.absence = .init(
                reason: "the library shows no GPU with an energy counter",
                remedy: "none in a virtual machine or on parts without one; hwmon shows their power")
        }
        return report
    }

    private mutating func add(_ socket: DeviceHandle, _ library: AMDSMILibrary, to report: inout SourceReport) {
        let processors = library.processors(of: socket)
        guard let device = processors.first else { return }
        guard let uuid = library.uuid(of: device) else {
            report.remarks.append("a GPU gives no UUID and was left out: it could not be told from another")
            return
        }
        if processors.count > 1 {
            report.remarks.append(
                "\(uuid) has \(processors.count) partitions: the socket is measured, partitions show it again")
        }
        let energy = library.energy(of: device)
        guard energy.code == 0, let unit = AMDSMIUnit(resolution: energy.resolution) else {
            report.remarks.append(
                "\(uuid) has no energy counter (error \(energy.code), resolution \(energy.resolution) µJ)")
            return
        }
        channels.append(Channel(device: device, resolution: energy.resolution))
        let description = SensorDescription(
            id: identity("amdsmi:", uuid), kind: "amdsmi", layer: .gpu, provenance: .counter,
            quantity: .energyCounter(
                microjoulesNumerator: unit.numerator, microjoulesDenominator: unit.denominator, modulus: nil),
            maximumPowerMicrowatts: 2_250_000_000, refreshMilliseconds: 10)
        report.sensors.append(
            FoundSensor(
                description: description, part: .gpu(library.pciDevice(device) ?? uuid), measurementPoint: "GPU socket",
                place: "amdsmi_get_energy_count", costMicroseconds: 1000))
    }

    package mutating func read(nowNanoseconds: Int64, into readings: inout [SensorReading]) {
        guard let library else { return }
        for index in channels.indices {
            let value = value(of: index, library)
            var breaksEpoch = false
            if case .counter = value {
                breaksEpoch = channels[index].isNewEpoch
                channels[index].isNewEpoch = false
            }
            let reading = Reading(monotonicNanoseconds: nowNanoseconds, value: value)
            readings.append(.init(sensor: index, reading: reading, breaksEpoch: breaksEpoch))
        }
    }

    private mutating func value(of index: Int, _ library: AMDSMILibrary) -> Reading.Value {
        let energy = library.energy(of: channels[index].device)
        if let reason = AMDSMIUnit.reason(energy.code) {
            // A GPU reset ends what the counter counted.
            channels[index].isNewEpoch = channels[index].isNewEpoch || reason == .gone
            return .unreadable(reason)
        }
        // All ones is the library's "not available"; another resolution would be another unit within one epoch.
        guard energy.value != .max, energy.resolution == channels[index].resolution else {
            return .unreadable(.malformed)
        }
        return .counter(energy.value)
    }
}

/// The accumulator's unit and error codes (amdsmi.h).
struct AMDSMIUnit: Hashable {
    var numerator: Int64
    var denominator: Int64

    /// The library gives the unit as a float of µJ with one decimal, 15.3: taken exactly as written, in 1/1,000 µJ.
    init?(resolution: Float) {
        guard resolution.isFinite, resolution > 0, resolution <= 1_000_000 else { return nil }
        let thousandths = Int64((Double(resolution) * 1000).rounded())
        guard thousandths > 0 else { return nil }
        numerator = thousandths
        denominator = 1000
    }

    static func reason(_ code: UInt32) -> UnreadableReason? {
        switch code {
        case 0: nil
        case 2, 3: .unsupported  // NOT_SUPPORTED, NOT_YET_IMPLEMENTED
        case 10: .denied  // NO_PERM
        case 31, 32, 33: .gone  // NOT_FOUND, NOT_INIT, NO_SLOT
        case 8: .timedOut  // TIMEOUT
        default: .failed
        }
    }
}
