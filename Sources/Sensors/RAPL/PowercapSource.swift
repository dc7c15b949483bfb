import Energy

/// RAPL through powercap: packages and their memory. The sum of all zones of this source counts nothing twice: core,
/// uncore and psys are left out, and of a package that is shown twice one is taken.
package struct PowercapSource: SensorSource {
    package let name = "rapl"
    package let isSlow = false

    private let sysfsRoot: String
    private let procfsRoot: String
    private var zones: [Zone] = []

    private struct Zone: Sendable {
        var id: String
        var file: HeldFile
        var modulus: UInt64?
        /// Another directory stands for the part than at the last look, and was not read yet.
        var hasMoved = false

        mutating func value() -> Reading.Value {
            let modulus = modulus
            return switch file.read({ PowercapEnergy.parse($0, modulus: modulus) }) {
            case .success(let energy): .counter(energy)
            case .failure(let failure): .unreadable(failure.reason)
            }
        }
    }

    private struct Candidate {
        var zone: PowercapZone
        var path: String
        /// Package that a memory zone belongs to.
        var parent: PowercapZone.Domain?
    }

    package init(sysfsRoot: String = "/sys", procfsRoot: String = "/proc") {
        self.sysfsRoot = sysfsRoot
        self.procfsRoot = procfsRoot
    }

    static let permissionRemedy =
        "give the agent CAP_DAC_READ_SEARCH, let its group read energy_uj by a udev rule, or give it CAP_PERFMON"

    package mutating func discover() -> SourceReport {
        // A zone that was gone is remembered: when it is back it is another counter.
        let known = Dictionary(zones.map { ($0.file.path, $0.file) }) { first, _ in first }
        let places = Dictionary(zones.map { ($0.id, $0) }) { first, _ in first }
        zones = []
        let root = sysfsRoot + "/class/powercap"
        if case .failure(let failure) = FileTree.listing(of: root) {
            let report = SourceReport.unlisted(name, root, failure, remedyIfAbsent: "")
            let isAbsent = failure.reason == .gone && !FileTree.exists(root)
            return isAbsent ? absent("\(root) does not exist", remarks: []) : report
        }
        var remarks: [String] = []
        let found = scan(root, remarks: &remarks)
        let candidates = select(found, remarks: &remarks)
        guard !candidates.isEmpty else {
            let kinds = found.isEmpty ? "no RAPL zones" : "\(found.count) RAPL zones, none of a package or its memory,"
            return absent("\(kinds) under \(root)", remarks: remarks)
        }
        var sensors: [FoundSensor] = []
        for candidate in candidates {
            let limits = limits(of: candidate)
            if limits.modulus == nil {
                remarks.append(
                    "\(candidate.path) states no max_energy_range_uj that can be right: "
                        + "a falling value is taken for a reset")
            }
            let path = candidate.path + "/energy_uj"
            let sensorID = id(of: candidate) ?? "rapl:unknown"
            var zone = Zone(id: sensorID, file: known[path] ?? HeldFile(path: path), modulus: limits.modulus)
            // Its counter may be the same register or one that began anew: nobody can tell.
            zone.hasMoved = places[sensorID].map { $0.hasMoved || $0.file.path != path } ?? false
            sensors.append(sensor(candidate, limits: limits, first: zone.value(), path: path))
            zones.append(zone)
        }
        remarks.append(contentsOf: packageCountRemark(sensors) + memoryRemark(sensors) + virtualRemark())
        return SourceReport(source: name, sensors: sensors, remarks: remarks)
    }

    package mutating func read(nowNanoseconds: Int64, into readings: inout [SensorReading]) {
        for index in zones.indices {
            let value = zones[index].value()
            var isReplaced = false
            // A zone that went and came back is another counter, whatever it shows.
            if case .counter = value {
                isReplaced = zones[index].file.takeNewDevice() || zones[index].hasMoved
                zones[index].hasMoved = false
            }
            let reading = Reading(monotonicNanoseconds: nowNanoseconds, value: value)
            readings.append(.init(sensor: index, reading: reading, breaksEpoch: isReplaced))
        }
    }

    private func absent(_ reason: String, remarks: [String]) -> SourceReport {
        let isARM = FileTree.text(matching: "CPU implementer", in: procfsRoot + "/cpuinfo") != nil
        if isARM {
            return .absent(
                name, reason + "; this is an ARM processor, which has no RAPL counters",
                remedy: "none: NVIDIA Grace shows its sockets as power meters under hwmon", remarks: remarks)
        }
        let isVirtual = isVirtualMachine
        return .absent(
            name, isVirtual ? reason + "; this is a virtual machine, which has no RAPL counters" : reason,
            remedy: isVirtual
                ? "measure on the host, or accept the model's estimate"
                : "load the module intel_rapl_msr (Intel and AMD), or mount the host's /sys into the container",
            remarks: remarks)
    }

    /// The bit that hypervisors set for their guests (CPUID leaf 1, ECX 31).
    private var isVirtualMachine: Bool {
        (FileTree.text(matching: "flags", in: procfsRoot + "/cpuinfo") ?? "").split(separator: " ")
            .contains("hypervisor")
    }

    /// Zones stand flat in the class directory; copies of trees may keep sub-zones only inside their parents.
    private func scan(_ root: String, remarks: inout [String]) -> [Candidate] {
        var candidates: [String: Candidate] = [:]
        func visit(_ directory: String, in parent: String) {
            let path = parent + "/" + directory
            guard candidates[directory] == nil, directory.hasPrefix("intel-rapl"), directory.contains(":") else {
                return
            }
            let zoneName: String
            switch FileTree.line(of: path + "/name") {
            case .success(let text): zoneName = text
            case .failure(let failure):
                remarks.append(
                    "\(path.utf8.shown(limit: 200)) has no readable name (\(failure.reason.rawValue)) "
                        + "and was left out")
                return
            }
            guard let zone = PowercapZone(directory: directory, name: zoneName) else {
                remarks.append("\(path.utf8.shown(limit: 200)) is not a directory of a zone and was left out")
                return
            }
            var candidate = Candidate(zone: zone, path: path)
            if let upper = directory.lastIndex(of: ":").map({ String(directory[..<$0]) }), upper.contains(":") {
                candidate.parent = candidates[upper]?.zone.domain
            }
            candidates[directory] = candidate
            for name in FileTree.names(in: path) ?? [] where name.hasPrefix(directory + ":") { visit(name, in: path) }
        }
        for name in FileTree.names(in: root) ?? [] { visit(name, in: root) }
        return candidates.values.sorted { $0.path < $1.path }
    }

    /// Takes packages and memory, each once.
    private func select(_ candidates: [Candidate], remarks: inout [String]) -> [Candidate] {
        var chosen: [String: Candidate] = [:]
        for candidate in candidates {
            switch candidate.zone.domain {
            case .core, .uncore:
                remarks.append("\(candidate.path) lies inside its package and is not added to it")
            case .psys:
                remarks.append("\(candidate.path) (psys) contains the packages and is not added to them")
            case .unknown(let name):
                remarks.append("\(candidate.path) has the unknown name `\(name.utf8.shown())` and was left out")
            case .package, .dram:
                guard let id = id(of: candidate) else {
                    remarks.append("\(candidate.path) is memory without a known package and was left out")
                    continue
                }
                guard let other = chosen[id] else {
                    chosen[id] = candidate
                    continue
                }
                let takesNew = isBetter(candidate, than: other)
                if takesNew { chosen[id] = candidate }
                let (kept, dropped) = takesNew ? (candidate, other) : (other, candidate)
                remarks.append("\(dropped.path) shows \(id) again beside \(kept.path) and was left out")
            }
        }
        dropDies(of: &chosen, remarks: &remarks)
        return chosen.sorted { $0.key < $1.key }.map(\.value)
    }

    /// Of two zones of one part the readable one; of two such the one that the processor itself counts.
    private func isBetter(_ new: Candidate, than old: Candidate) -> Bool {
        let (isReadable, wasReadable) = (isReadable(new), isReadable(old))
        guard isReadable == wasReadable else { return isReadable }
        return old.zone.isMemoryMapped && !new.zone.isMemoryMapped
    }

    private func isReadable(_ candidate: Candidate) -> Bool {
        var zone = Zone(
            id: "", file: HeldFile(path: candidate.path + "/energy_uj"), modulus: limits(of: candidate).modulus)
        return if case .counter = zone.value() { true } else { false }
    }

    /// The kernel shows a package or its dies. Where two drivers show both, the dies are in the package already.
    private func dropDies(of chosen: inout [String: Candidate], remarks: inout [String]) {
        for (id, candidate) in chosen.sorted(by: { $0.key < $1.key }) {
            let isMemory = candidate.zone.domain == .dram
            guard case .package(let package, die: _?) = isMemory ? candidate.parent : candidate.zone.domain,
                let whole = chosen["rapl:package-\(package)" + (isMemory ? "/dram" : "")]
            else { continue }
            chosen[id] = nil
            remarks.append("\(candidate.path) (\(id)) lies inside \(whole.path) and is not added to it")
        }
    }

    private func id(of candidate: Candidate) -> String? {
        func text(_ package: Int, _ die: Int?) -> String {
            "rapl:package-\(package)" + (die.map { "-die-\($0)" } ?? "")
        }
        switch (candidate.zone.domain, candidate.parent) {
        case (.package(let package, let die), _): return text(package, die)
        case (.dram, .package(let package, let die)): return text(package, die) + "/dram"
        default: return nil
        }
    }

    /// The most that each zone can draw, by the sensor's identity.
    func maximumPowers() -> [String: Int64] {
        var remarks: [String] = []
        let candidates = select(scan(sysfsRoot + "/class/powercap", remarks: &remarks), remarks: &remarks)
        return Dictionary(
            candidates.compactMap { candidate in
                id(of: candidate).map { ($0, limits(of: candidate).maximumPowerMicrowatts) }
            }
        ) { first, _ in first }
    }

    private func limits(of candidate: Candidate) -> PowercapLimits {
        let constraints = (0..<4).compactMap { FileTree.number("\(candidate.path)/constraint_\($0)_max_power_uw") }
        return PowercapLimits(
            range: FileTree.number(candidate.path + "/max_energy_range_uj"), constraints: constraints,
            isMemory: candidate.zone.domain == .dram)
    }

    private func sensor(
        _ candidate: Candidate, limits: PowercapLimits, first: Reading.Value, path: String
    ) -> FoundSensor {
        let isMemory = candidate.zone.domain == .dram
        let description = SensorDescription(
            id: id(of: candidate) ?? "rapl:unknown", kind: "rapl", layer: isMemory ? .dram : .package,
            provenance: .counter, quantity: .microjouleCounter(modulus: limits.modulus),
            maximumPowerMicrowatts: limits.maximumPowerMicrowatts, refreshMilliseconds: 1,
            periodMilliseconds: limits.periodMilliseconds)
        let access = FoundSensor.Access.judged(first) { reason in
            switch reason {
            case .denied: Self.permissionRemedy
            case .malformed: "look at \(path): it shows no count of microjoules within max_energy_range_uj"
            default: "look at \(path): the kernel shows the zone but not its value"
            }
        }
        return FoundSensor(
            description: description, part: part(of: candidate),
            measurementPoint: isMemory ? "memory of the package, beside it" : "processor package, cores and uncore",
            place: path, access: access, costMicroseconds: 5)
    }

    private func part(of candidate: Candidate) -> FoundSensor.Part {
        switch (candidate.zone.domain, candidate.parent) {
        case (.package(let package, let die), _): .package(package, die: die)
        case (.dram, .package(let package, _)): .memory(package: package)
        default: .other(candidate.path)
        }
    }

    /// Without a zone for memory the processors' figure holds none, and nothing is put in its place.
    private func memoryRemark(_ sensors: [FoundSensor]) -> [String] {
        guard !sensors.isEmpty, !sensors.contains(where: { $0.description.layer == .dram }) else { return [] }
        return ["no zone measures memory (AMD and client processors have none): its energy is in no package's figure"]
    }

    /// Some hypervisors show zones whose counters stand still or hold anything.
    private func virtualRemark() -> [String] {
        guard isVirtualMachine else { return [] }
        return ["this is a virtual machine: what its zones count is the hypervisor's word; measure on the host"]
    }

    /// Packages that the kernel knows but that have no zone would be missing from the sum without a word.
    private func packageCountRemark(_ sensors: [FoundSensor]) -> [String] {
        let known = CPUTopology.packages(sysfsRoot: sysfsRoot)
        let measured = Set(
            sensors.compactMap { if case .package(let package, _) = $0.part { package } else { nil } })
        guard !known.isEmpty, !known.isSubset(of: measured) else { return [] }
        let missing = known.subtracting(measured).sorted().map(String.init).joined(separator: ", ")
        return ["the machine has \(known.count) packages; no zone for package \(missing): the sum is incomplete"]
    }
}

/// Which package a processor sits in (Documentation/admin-guide/cputopology.rst).
enum CPUTopology {
    static func packages(sysfsRoot: String) -> Set<Int> {
        let root = sysfsRoot + "/devices/system/cpu"
        let processors = (FileTree.names(in: root) ?? []).filter { $0.hasPrefix("cpu") && Int($0.dropFirst(3)) != nil }
        return Set(processors.compactMap { package(of: $0, sysfsRoot: sysfsRoot) })
    }

    static func package(of processor: String, sysfsRoot: String) -> Int? {
        number("physical_package_id", of: processor, sysfsRoot: sysfsRoot)
    }

    static func die(of processor: String, sysfsRoot: String) -> Int? {
        number("die_id", of: processor, sysfsRoot: sysfsRoot)
    }

    private static func number(_ file: String, of processor: String, sysfsRoot: String) -> Int? {
        FileTree.number("\(sysfsRoot)/devices/system/cpu/\(processor)/topology/\(file)").flatMap(Int.init(exactly:))
    }
}

extension FileTree {
    /// The value of the first `key : value` line.
    static func text(matching key: String, in path: String) -> String? {
        guard case .success(let bytes) = contents(of: path, limit: 16384) else { return nil }
        for (_, line) in LogLines(bytes) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            if String(decoding: line[..<colon].trimmed(), as: UTF8.self) == key {
                return String(decoding: line[(colon + 1)...].trimmed(), as: UTF8.self)
            }
        }
        return nil
    }
}
