import Energy

/// Power meters, GPUs and processor sockets that the kernel shows as hardware monitors.
package struct HwmonSource: SensorSource {
    package let name = "hwmon"
    /// An ACPI meter asks firmware, and on some machines that asks the BMC; a sleeping GPU is woken.
    package let isSlow = true

    private let sysfsRoot: String
    private var channels: [Channel] = []
    private var known: [String: HeldFile] = [:]
    /// Where the sensors stood at the last look.
    private var places: [String: Channel] = [:]

    private struct Channel: Sendable {
        var id: String
        var file: HeldFile
        var isCounter: Bool
        /// An ACPI meter that shows 0 has no measurement yet: a running machine does not draw nothing.
        var isZeroMissing: Bool
        /// Another file stands for the part than at the last look, and was not read yet.
        var hasMoved = false
    }

    /// More than any node has; each that is found is compared with all others.
    static let maximumMonitors = 1024

    package init(sysfsRoot: String = "/sys") { self.sysfsRoot = sysfsRoot }

    package mutating func discover() -> SourceReport {
        // A monitor that was gone is remembered: when it is back it is another counter.
        known = Dictionary(channels.map { ($0.file.path, $0.file) }) { first, _ in first }
        places = Dictionary(channels.map { ($0.id, $0) }) { first, _ in first }
        defer {
            known = [:]
            places = [:]
        }
        channels = []
        let root = sysfsRoot + "/class/hwmon"
        let names: [String]
        switch FileTree.listing(of: root) {
        case .success(let found): names = found
        case .failure(let failure):
            return .unlisted(
                name, root, failure,
                remedyIfAbsent: "none on machines without monitors; in a container mount the host's /sys")
        }
        var report = SourceReport(source: name)
        for directory in names.prefix(Self.maximumMonitors) { add(root + "/" + directory, to: &report) }
        if names.count > Self.maximumMonitors {
            report.remarks.append(
                "\(root) lists \(names.count) hardware monitors: the first \(Self.maximumMonitors) were looked at")
        }
        nest(&report)
        if report.sensors.isEmpty {
            report.absence = .init(
                reason: "no power meter, GPU or socket among \(names.count) hardware monitors",
                remedy: "none on most servers; on Grace enable CONFIG_SENSORS_ACPI_POWER "
                    + "(some platforms also need acpi_power_meter.force_cap_on=y)")
        }
        return report
    }

    package mutating func read(nowNanoseconds: Int64, into readings: inout [SensorReading]) {
        for index in channels.indices {
            var isReplaced = false
            let value = value(of: &channels[index], isReplaced: &isReplaced)
            let reading = Reading(monotonicNanoseconds: nowNanoseconds, value: value)
            readings.append(.init(sensor: index, reading: reading, breaksEpoch: isReplaced))
        }
    }

    private func value(of channel: inout Channel, isReplaced: inout Bool) -> Reading.Value {
        switch channel.file.read({ DecimalText.unsigned($0.trimmed()) }) {
        case .failure(let failure): return .unreadable(failure.reason)
        case .success(let number):
            isReplaced = channel.file.takeNewDevice() || channel.hasMoved
            channel.hasMoved = false
            if channel.isCounter { return .counter(number) }
            if channel.isZeroMissing, number == 0 { return .unreadable(.inactive) }
            guard let power = Int64(exactly: number), power <= PowerIntegral.powerBoundMicrowatts else {
                return .unreadable(.malformed)
            }
            return .power(power)
        }
    }

    private mutating func add(_ path: String, to report: inout SourceReport) {
        switch FileTree.line(of: path + "/name") {
        case .success(let driver):
            switch HwmonChip(driver: driver) {
            case .powerMeter: addMeter(path, to: &report)
            case .intelGPU: addIntelGPU(path, to: &report)
            case .amdGPU: addAMDGPU(path, to: &report)
            case .amdProcessors: addAMDProcessors(path, to: &report)
            case nil: report.remarks += Self.remark(onUnknown: driver, path)
            }
        case .failure(let failure):
            report.remarks.append(
                "\(path.utf8.shown(limit: 200)) has no readable name (\(failure.reason.rawValue)) and was left out")
        }
    }

    /// Of a chip that shows power or energy nobody can tell here what contains it.
    private static func remark(onUnknown driver: String, _ path: String) -> [String] {
        let figures = (FileTree.names(in: path) ?? []).filter { file in
            file.hasPrefix("energy") && file.hasSuffix("_input")
                || file.hasPrefix("power") && (file.hasSuffix("_input") || file.hasSuffix("_average"))
        }
        guard let first = figures.first else { return [] }
        return [
            "\(path.utf8.shown(limit: 200)) (\(driver.utf8.shown())) shows \(first.utf8.shown()) "
                + "of a part that is not known and was left out"
        ]
    }

    private func figure(of chip: HwmonChip, _ path: String) -> String? {
        chip.figures.lazy.map { path + "/" + $0 }.first(where: FileTree.exists)
    }

    /// Kernels before 6.14 keep a meter's files in `device/`.
    private func attribute(_ file: String, of path: String) -> String? {
        [path + "/" + file, path + "/device/" + file].first(where: FileTree.exists)
    }

    private mutating func addMeter(_ path: String, to report: inout SourceReport) {
        guard let file = figure(of: .powerMeter, path) else {
            report.remarks.append("\(path) is a power meter without power1_average and was left out")
            return
        }
        if attribute("power1_is_battery", of: path).flatMap(FileTree.number) == 1 {
            report.remarks.append("\(path) measures a battery and was left out")
            return
        }
        let label = attribute("power1_oem_info", of: path).flatMap(FileTree.text)
        let interval = attribute("power1_average_interval", of: path).flatMap(FileTree.number)
        let refresh = Int64(min(60_000, max(1, interval ?? 1000)))
        let domain = HwmonChip.Domain(label: label)
        let shown = (label ?? "").utf8.shown()
        if case .systemIO = domain {
            report.remarks.append("\(path) (\(shown)) lies inside its Grace socket, whose remainder shows it")
            return
        }
        guard domain != .unknownRail else {
            report.remarks.append("\(path) (\(shown)) is a part of a socket that is not known and was left out")
            return
        }
        let (id, layer, part, point, power) = Self.meter(domain)
        let description = SensorDescription(
            id: id, kind: "hwmon", layer: layer, provenance: .integrated, quantity: .power(rule: .trapezoid),
            maximumPowerMicrowatts: power, refreshMilliseconds: refresh, periodMilliseconds: max(1000, refresh))
        append(
            description, part: part, point: point + ", averaged over \(interval ?? 1000) ms", file: file,
            isZeroMissing: true,
            to: &report)
    }

    private static func meter(
        _ domain: HwmonChip.Domain
    ) -> (id: String, layer: Layer, part: FoundSensor.Part, point: String, maximumPower: Int64) {
        switch domain {
        case .module(let socket):
            ("hwmon:module-\(socket)", .module, .module(socket), "module input, CPU and GPU", 3_000_000_000)
        case .grace(let socket):
            (
                "hwmon:grace-\(socket)", .package, .package(socket, die: nil), "Grace socket with its memory",
                1_000_000_000
            )
        case .cpu(let socket):
            ("hwmon:cpu-\(socket)", .package, .rail(package: socket), "CPU rail inside the Grace socket", 1_000_000_000)
        case .systemIO(let socket):
            (
                "hwmon:sysio-\(socket)", .package, .rail(package: socket), "I/O rail inside the Grace socket",
                1_000_000_000
            )
        case .unknownRail, .node:
            ("hwmon:node", .nodeDC, .node, "machine, side of the power supply unknown", 20_000_000_000)
        }
    }

    private mutating func addIntelGPU(_ path: String, to report: inout SourceReport) {
        // xe labels its channels: the card contains the package, and some cards count their package alone.
        let channels = HwmonChip.intelChannels.filter { FileTree.exists(path + "/energy\($0)_input") }
        func channel(_ label: String) -> Int? {
            channels.first { FileTree.text(path + "/energy\($0)_label") == label }
        }
        guard let channel = channel("card") ?? channel("pkg") ?? channels.first else {
            return report.remarks.append("\(path) is an Intel GPU without an energy counter and was left out")
        }
        let isPackage = FileTree.text(path + "/energy\(channel)_label") == "pkg"
        let file = path + "/energy\(channel)_input"
        let limit = FileTree.number(path + "/power\(channel)_max").flatMap {
            (1_000_000...10_000_000_000).contains($0) ? Int64($0) : nil
        }
        let address = pciAddress(of: path, remarks: &report.remarks)
        let description = SensorDescription(
            id: identity("hwmon:gpu-", address), kind: "hwmon", layer: .gpu, provenance: .counter,
            quantity: .microjouleCounter(), maximumPowerMicrowatts: limit.map { $0 / 2 * 3 } ?? 1_500_000_000)
        let point = isPackage ? "GPU package, without the rest of its card" : "GPU card"
        append(description, part: .gpu(address), point: point, file: file, isZeroMissing: false, to: &report)
    }

    private mutating func addAMDGPU(_ path: String, to report: inout SourceReport) {
        guard let file = figure(of: .amdGPU, path) else {
            return report.remarks.append("\(path) is an AMD GPU without a power sensor and was left out")
        }
        let limit = FileTree.number(path + "/power1_cap_max").flatMap {
            (1_000_000...10_000_000_000).contains($0) ? Int64($0) : nil
        }
        let address = pciAddress(of: path, remarks: &report.remarks)
        let description = SensorDescription(
            id: identity("hwmon:gpu-", address), kind: "hwmon", layer: .gpu, provenance: .integrated,
            quantity: .power(rule: .trapezoid), maximumPowerMicrowatts: limit.map { $0 / 2 * 3 } ?? 1_500_000_000,
            refreshMilliseconds: file.hasSuffix("_input") ? 100 : 1000)
        append(description, part: .gpu(address), point: "GPU socket", file: file, isZeroMissing: false, to: &report)
    }

    /// A counter for each core, and behind them one for each socket, which contains its cores.
    private mutating func addAMDProcessors(_ path: String, to report: inout SourceReport) {
        var cores = 0
        for label in FileTree.names(in: path) ?? [] where label.hasPrefix("energy") && label.hasSuffix("_label") {
            switch FileTree.text(path + "/" + label).flatMap(HwmonChip.ProcessorPart.init) {
            case .core: cores += 1
            case .socket(let socket):
                let description = SensorDescription(
                    id: "hwmon:socket-\(socket)", kind: "hwmon", layer: .package, provenance: .counter,
                    quantity: .microjouleCounter(), maximumPowerMicrowatts: 1_000_000_000, refreshMilliseconds: 1)
                append(
                    description, part: .package(socket, die: nil), point: "processor socket, all its cores",
                    file: path + "/" + label.dropLast(5) + "input", isZeroMissing: false, to: &report)
            case nil:
                report.remarks.append("\(path)/\(label.utf8.shown()) names neither core nor socket and was left out")
            }
        }
        if cores > 0 {
            report.remarks.append("\(path): the counters of \(cores) cores lie inside their sockets and are not added")
        }
    }

    private func pciAddress(of path: String, remarks: inout [String]) -> String {
        if let link = FileTree.linkName(path + "/device"), PCIAddress.isOne(link) { return link.lowercased() }
        if let slot = FileTree.value(of: "PCI_SLOT_NAME", in: path + "/device/uevent"), PCIAddress.isOne(slot) {
            return slot.lowercased()
        }
        let name = path.split(separator: "/").last.map(String.init) ?? "hwmon"
        remarks.append("\(path) names no PCI device; it is known by `\(name)`, which can change at the next boot")
        return name
    }

    private mutating func append(
        _ description: SensorDescription, part: FoundSensor.Part, point: String, file: String, isZeroMissing: Bool,
        to report: inout SourceReport
    ) {
        let isCounter = description.provenance == .counter
        let channel = Channel(
            id: description.id, file: known[file] ?? HeldFile(path: file), isCounter: isCounter,
            isZeroMissing: isZeroMissing,
            hasMoved: places[description.id].map { $0.hasMoved || $0.file.path != file } ?? false)
        // What the first look says of a replacement belongs to the first reading, so a copy looks.
        var probe = channel
        var isReplaced = false
        let first = value(of: &probe, isReplaced: &isReplaced)
        // A meter without a measurement yet still contains its parts: a batch in which it stays so has them as roots.
        let isWaiting = first == .unreadable(.inactive)
        let access =
            isWaiting
            ? FoundSensor.Access.readable
            : .judged(first) { reason in
                reason == .denied
                    ? "let the agent's group read \(file) by a udev rule"
                    : "look at \(file): the kernel shows the meter but not its value"
            }
        if isWaiting {
            report.remarks.append(
                "\(file) shows 0, no measurement yet: while it does, \(description.id) is `inactive` "
                    + "and its parts stand for themselves")
        }
        let found = FoundSensor(
            description: description, part: part, measurementPoint: point, place: file, access: access,
            costMicroseconds: isCounter ? 10 : 100)
        guard let other = report.sensors.firstIndex(where: { $0.description.id == description.id }) else {
            channels.append(channel)
            return report.sensors.append(found)
        }
        // Of two meters of one part the readable one.
        let takesNew = access.isReadable && !report.sensors[other].access.isReadable
        let dropped = takesNew ? report.sensors[other].place : file
        if takesNew {
            channels[other] = channel
            report.sensors[other] = found
        }
        report.remarks.append("\(dropped) measures \(description.id) again and was left out")
    }

    /// Sockets nest: module ⊃ Grace ⊃ CPU rail.
    private func nest(_ report: inout SourceReport) {
        let ids = Set(report.sensors.filter(\.access.isReadable).map(\.description.id))
        for index in report.sensors.indices {
            let outer: String
            switch report.sensors[index].part {
            case .rail(let socket): outer = "hwmon:grace-\(socket)"
            case .package(let socket, _): outer = "hwmon:module-\(socket)"
            default: continue
            }
            if ids.contains(outer) {
                report.sensors[index].description.within = outer
            } else if case .rail(let socket) = report.sensors[index].part, ids.contains("hwmon:module-\(socket)") {
                report.sensors[index].description.within = "hwmon:module-\(socket)"
            }
        }
    }
}

/// `0000:3b:00.0`.
enum PCIAddress {
    static func isOne(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 3 && parts[0].utf8.count >= 4 && parts[2].contains(".")
            && text.utf8.allSatisfy { (48...58).contains($0) || $0 == 46 || (97...102).contains($0 | 0x20) }
    }

    /// Device without function, lower case, with a domain of four digits where they do: `0000:3b:00`. Drivers write the
    /// domain with four or eight digits.
    static func device(_ text: String) -> String? {
        guard isOne(text) else { return nil }
        let parts = text.lowercased().split(separator: ":")
        guard let domain = UInt32(parts[0], radix: 16) else { return nil }
        let digits = String(domain, radix: 16)
        let padded = String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
        return padded + ":" + parts[1] + ":" + (parts[2].split(separator: ".").first ?? "")
    }
}

extension FileTree {
    /// The value of a `KEY=value` line.
    static func value(of key: String, in path: String) -> String? {
        guard case .success(let bytes) = contents(of: path) else { return nil }
        for (_, line) in LogLines(bytes) where line.starts(with: Array((key + "=").utf8)) {
            return String(decoding: line.dropFirst(key.utf8.count + 1), as: UTF8.self)
        }
        return nil
    }
}
