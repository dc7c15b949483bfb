import Energy

/// HPE Cray EX counters of a node and its parts, refreshed ten times a second by the blade controller.
package struct CraySource: SensorSource {
    package let name = "cray"
    package let isSlow = false

    private let directory: String
    private let utcMicroseconds: @Sendable () -> Int64
    private var counters: [HeldFile] = []
    /// Counters that came back as new ones since the last whole read.
    private var isNewDevice: [Bool] = []
    /// The newest instant of each counter: of a controller that stands still, or whose clock drifts, no scan is
    /// younger.
    private var instants: [Int64] = []
    private var generation: HeldFile
    private var freshness: HeldFile

    /// - Parameter utcMicroseconds: the clock by which the age of a scan is told.
    package init(
        sysfsRoot: String = "/sys", utcMicroseconds: @escaping @Sendable () -> Int64 = NodeClock.utcMicroseconds
    ) {
        directory = sysfsRoot + "/cray/pm_counters"
        self.utcMicroseconds = utcMicroseconds
        generation = HeldFile(path: directory + "/generation")
        freshness = HeldFile(path: directory + "/freshness")
    }

    package mutating func discover() -> SourceReport {
        let known = Dictionary(zip(counters.map(\.path), counters)) { first, _ in first }
        counters = []
        isNewDevice = []
        instants = []
        let names: [String]
        switch FileTree.listing(of: directory) {
        case .success(let found): names = found
        case .failure(let failure):
            return .unlisted(name, directory, failure, remedyIfAbsent: "none outside HPE Cray nodes")
        }
        var report = SourceReport(source: name)
        var processors = HeldFile(path: directory + "/cpu_energy")
        let hasAllProcessors = (try? processors.read { CrayCounter($0) }.get()) != nil
        for file in names where file == "energy" || file.hasSuffix("_energy") {
            let path = directory + "/" + file
            guard let (id, layer, part, power) = Self.meaning(of: file) else {
                report.remarks.append("\(path.utf8.shown(limit: 200)) is not known and was left out")
                continue
            }
            if case .package = part, hasAllProcessors {
                report.remarks.append("\(path) lies inside \(processors.path) and is not added to it")
                continue
            }
            var counter = known[path] ?? HeldFile(path: path)
            let first = counter.read { CrayCounter($0) }
            let access = FoundSensor.Access.judged(
                { if case .failure(let failure) = first { .unreadable(failure.reason) } else { .counter(0) } }()
            ) { $0 == .denied ? "let the agent's group read \(path)" : "look at \(path): it shows no count of joules" }
            counters.append(counter)
            isNewDevice.append(false)
            instants.append(.min)
            let description = SensorDescription(
                id: "cray:" + id, kind: "cray", layer: layer, within: id == "node" ? nil : "cray:node",
                provenance: .counter,
                quantity: .energyCounter(microjoulesNumerator: 1_000_000, microjoulesDenominator: 1, modulus: nil),
                maximumPowerMicrowatts: power, refreshMilliseconds: 100)
            report.sensors.append(
                FoundSensor(
                    description: description, part: part, measurementPoint: "\(id) as the blade controller measures it",
                    place: path,
                    access: access,
                    costMicroseconds: 50))
        }
        let hasNode = report.sensors.contains { $0.part == .node && $0.access.isReadable }
        if !hasNode { for index in report.sensors.indices { report.sensors[index].description.within = nil } }
        if report.sensors.isEmpty {
            report.absence = .init(reason: "\(directory) holds no energy counters", remedy: "update the blade firmware")
        }
        return report
    }

    private static func meaning(
        of file: String
    ) -> (id: String, layer: Layer, part: FoundSensor.Part, maximumPower: Int64)? {
        switch file {
        case "energy": return ("node", .nodeDC, .node, 20_000_000_000)
        case "cpu_energy": return ("cpu", .package, .packages, 4_000_000_000)
        case "memory_energy": return ("memory", .dram, .memories, 1_000_000_000)
        default:
            func number(after prefix: String) -> Int? {
                file.hasPrefix(prefix) ? UInt8(file.dropFirst(prefix.utf8.count).dropLast(7)).map(Int.init) : nil
            }
            if let number = number(after: "accel") {
                return ("accel\(number)", .gpu, .accelerator(number), 3_000_000_000)
            }
            // Beside `cpu_energy` on nodes of GH200, for example.
            return number(after: "cpu").map { ("cpu\($0)", .package, .package($0, die: nil), 1_000_000_000) }
        }
    }

    /// Values of one scan belong together: where the controller changed its generation or scanned in between, all are
    /// read again, three times at most.
    package mutating func read(nowNanoseconds: Int64, into readings: inout [SensorReading]) {
        guard !counters.isEmpty else { return }
        let start = readings.count
        for attempt in 1...3 {
            let before = marks()
            for index in counters.indices { readings.append(reading(index, nowNanoseconds: nowNanoseconds)) }
            if before == marks() || attempt == 3 { break }
            readings.removeSubrange(start...)
        }
        for index in isNewDevice.indices { isNewDevice[index] = false }
    }

    private struct Marks: Equatable {
        var generation: UInt64?
        var freshness: UInt64?
    }

    private mutating func marks() -> Marks {
        func number(_ file: inout HeldFile) -> UInt64? {
            try? file.read { bytes in
                // Old firmware puts a stamp behind these numbers too.
                DecimalText.unsigned(bytes.trimmed().prefix { $0 != 32 })
            }.get()
        }
        return Marks(generation: number(&generation), freshness: number(&freshness))
    }

    private mutating func reading(_ index: Int, nowNanoseconds: Int64) -> SensorReading {
        switch counters[index].read({ CrayCounter($0) }) {
        case .failure(let failure):
            return .init(
                sensor: index,
                reading: Reading(monotonicNanoseconds: nowNanoseconds, value: .unreadable(failure.reason)))
        case .success(let counter):
            isNewDevice[index] = isNewDevice[index] || counters[index].takeNewDevice()
            let instant = max(instants[index], nowNanoseconds - ageNanoseconds(counter))
            instants[index] = instant
            let reading = Reading(monotonicNanoseconds: instant, value: .counter(counter.joules))
            return .init(sensor: index, reading: reading, breaksEpoch: isNewDevice[index])
        }
    }

    /// How long ago the controller scanned; an age that cannot be (a clock stepped) counts as none.
    private func ageNanoseconds(_ counter: CrayCounter) -> Int64 {
        guard let stamp = counter.stampMicroseconds else { return 0 }
        let age = utcMicroseconds() - stamp
        return (0...5_000_000).contains(age) ? age * 1000 : 0
    }
}
