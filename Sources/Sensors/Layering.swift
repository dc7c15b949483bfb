package import Energy

/// Which sensors of a node are used, and which lies within which: every part once, nothing beside what contains it.
package struct Layering: Sendable, Hashable {
    /// The sensors in use, with `within` set; a sensor stands after the one that contains it.
    package var sensors: [Placed]
    /// Sensors that were found and not used, with the reason.
    package var leftOut: [LeftOut]

    package struct Placed: Sendable, Hashable {
        /// Positions of the sensor's report and of the sensor in it.
        package var source: Int
        package var sensor: Int
        package var found: FoundSensor

        package var description: SensorDescription { found.description }

        /// A switch that serves other nodes too: it contains nothing that one node knows alone.
        var isShared: Bool { description.layer == .network }
    }

    package struct LeftOut: Sendable, Hashable {
        package var id: String
        package var reason: String
    }

    /// What the node's energy is measured at: the layer of the outermost readable node sensor, else `components`, else
    /// `accelerator`; `estimated` where nothing is measured at all, and `none` where there is no figure.
    package var boundary: String {
        let figures = sensors.filter { $0.found.access.isReadable && !$0.isShared }
        let readable = figures.filter { $0.description.provenance != .estimated }
        guard !readable.isEmpty else { return figures.isEmpty ? "none" : "estimated" }
        let order: [Layer] = [.facility, .nodeAC, .nodeDC]
        if let layer = order.first(where: { layer in readable.contains { $0.description.layer == layer } }) {
            return layer.rawValue
        }
        if readable.contains(where: { [.package, .dram, .module].contains($0.description.layer) }) {
            return "components"
        }
        return readable.contains { $0.description.layer == .gpu } ? "accelerator" : "none"
    }

    /// Arranges what all sources found.
    package init(_ reports: [SourceReport]) {
        var arranger = Arranger()
        for (source, report) in reports.enumerated() {
            for (sensor, found) in report.sensors.enumerated() {
                arranger.candidates.append(Placed(source: source, sensor: sensor, found: found))
            }
        }
        arranger.dropRepeated()
        arranger.dropShared()
        arranger.dropSecondProcessors()
        arranger.dropSecondGPUs()
        arranger.dropSecondMemory()
        arranger.dropModel()
        arranger.settleModules()
        arranger.nestNodes()
        sensors = arranger.ordered()
        arranger.bound(&sensors)
        leftOut = arranger.leftOut
    }
}

/// Trust in a source among those that measure the same part: lower is better.
private func rank(_ kind: String) -> Int {
    let order = [
        "meter", "redfish", "nvml", "amdsmi", "rapl", "rapl-perf", "dcmi", "cray", "hwmon", "cpu-model",
    ]
    return order.firstIndex(of: kind) ?? order.count
}

private struct Arranger {
    typealias Placed = Layering.Placed
    var candidates: [Placed] = []
    var leftOut: [Layering.LeftOut] = []

    private mutating func drop(_ reason: String, where isDropped: (Placed) -> Bool) {
        for candidate in candidates where isDropped(candidate) {
            leftOut.append(.init(id: candidate.description.id, reason: reason))
        }
        candidates.removeAll(where: isDropped)
    }

    /// One identity, one sensor: the readable one, else the first.
    mutating func dropRepeated() {
        var kept: [String: Placed] = [:]
        for candidate in candidates {
            guard let other = kept[candidate.description.id] else {
                kept[candidate.description.id] = candidate
                continue
            }
            if candidate.found.access.isReadable, !other.found.access.isReadable {
                kept[candidate.description.id] = candidate
            }
        }
        drop("the same sensor is read in another way") { kept[$0.description.id] != $0 }
    }

    /// A feed of other nodes, or of several: in this node's batches it would be a second count of them. It stands above
    /// the nodes, where a report compares its reading with what they sum to.
    mutating func dropShared() {
        drop("it feeds other nodes too, above which it stands: in no node's total") {
            $0.description.layer == .facility && $0.found.part != .node
        }
    }

    /// Best source among those with sensors of a kind of part: readable before unreadable, then by rank.
    private func bestKind(_ isPart: (Placed) -> Bool) -> String? {
        candidates.filter(isPart).min {
            ($0.found.access.isReadable ? 0 : 1, rank($0.description.kind))
                < ($1.found.access.isReadable ? 0 : 1, rank($1.description.kind))
        }?.description.kind
    }

    private static func isProcessor(_ placed: Placed) -> Bool {
        switch placed.found.part {
        case .package, .packages, .rail: placed.description.kind != "cpu-model"
        default: false
        }
    }

    private static func isMemory(_ placed: Placed) -> Bool {
        switch placed.found.part {
        case .memory, .memories: true
        default: false
        }
    }

    /// A module of another source goes with its processors: it contains those that are read.
    mutating func dropSecondProcessors() {
        guard let best = bestKind(Self.isProcessor) else { return }
        drop("the processors are read through \(best)") {
            (Self.isProcessor($0) || Self.socket(ofModule: $0) != nil) && $0.description.kind != best
        }
    }

    mutating func dropSecondMemory() {
        guard let best = bestKind(Self.isMemory) else { return }
        drop("memory is read through \(best)") { Self.isMemory($0) && $0.description.kind != best }
        // Grace's socket figure has its memory inside.
        if candidates.contains(where: { $0.description.id.hasPrefix("hwmon:grace-") && $0.found.access.isReadable }) {
            drop("memory is inside the Grace sockets") { Self.isMemory($0) }
        }
    }

    mutating func dropSecondGPUs() {
        var best: [FoundSensor.Part: Placed] = [:]
        for candidate in candidates {
            guard case .gpu = candidate.found.part else { continue }
            let part = Self.comparable(candidate.found.part)
            guard let other = best[part] else {
                best[part] = candidate
                continue
            }
            let isBetter =
                (candidate.found.access.isReadable ? 0 : 1, rank(candidate.description.kind))
                < (other.found.access.isReadable ? 0 : 1, rank(other.description.kind))
            if isBetter { best[part] = candidate }
        }
        drop("the GPU is read in another way") { placed in
            guard case .gpu = placed.found.part else { return false }
            return best[Self.comparable(placed.found.part)] != placed
        }
        let hasNamed = candidates.contains {
            if case .gpu = $0.found.part { $0.found.access.isReadable } else { false }
        }
        guard hasNamed else { return }
        drop("the accelerators are read by their own identity") {
            if case .accelerator = $0.found.part { true } else { false }
        }
    }

    /// Sources write a GPU's address with and without the function.
    private static func comparable(_ part: FoundSensor.Part) -> FoundSensor.Part {
        guard case .gpu(let address) = part, let device = PCIAddress.device(address) else { return part }
        return .gpu(device)
    }

    /// The estimate stands in only where neither the processors nor the node are measured.
    mutating func dropModel() {
        let isMeasured = candidates.contains { placed in
            guard placed.found.access.isReadable else { return false }
            return Self.isProcessor(placed) || placed.found.part == .node || placed.description.layer == .module
        }
        if isMeasured { drop("processors or node are measured") { $0.description.kind == "cpu-model" } }
    }

    /// A GPU's module counter contains one Grace socket where there are as many modules as sockets; then the ACPI meter
    /// of the same module would be a second figure of it. Where the numbers differ (two GPUs to one Grace) two modules
    /// would count one socket twice, so their counters are not used.
    mutating func settleModules() {
        let counters = candidates.filter {
            $0.description.layer == .module && $0.description.kind == "nvml" && $0.found.access.isReadable
        }
        .map(\.description.id).sorted { position(ofGPUIn: $0) < position(ofGPUIn: $1) }
        guard !counters.isEmpty else { return dropUnclearModules() }
        let sockets = candidates.compactMap { placed -> Int? in
            if case .package(let socket, _) = placed.found.part, Self.isProcessor(placed) { socket } else { nil }
        }.sorted()
        let modules = candidates.compactMap(Self.socket(ofModule:)).sorted()
        let known = sockets.isEmpty ? modules : sockets
        guard known.isEmpty || known.count == counters.count else {
            drop("\(counters.count) module counters share \(known.count) sockets: the GPUs are read alone") {
                counters.contains($0.description.id)
            }
            for index in candidates.indices where candidates[index].description.within.map(counters.contains) == true {
                candidates[index].found.description.within = nil
            }
            return dropUnclearModules()
        }
        drop("the module is read by its own counter") { Self.socket(ofModule: $0) != nil }
        drop("the modules, which are read by their own counters, contain it") {
            Self.isMemory($0) || $0.found.part == .packages && Self.isProcessor($0)
        }
        for index in candidates.indices {
            guard case .package(let socket, _) = candidates[index].found.part,
                let position = known.firstIndex(of: socket)
            else { continue }
            candidates[index].found.description.within = counters[position]
        }
    }

    /// The PCI address of the GPU inside a module: sockets are numbered in the same order.
    private func position(ofGPUIn module: String) -> String {
        for placed in candidates where placed.description.within == module {
            if case .gpu(let address) = placed.found.part { return address }
        }
        return module
    }

    private func nodeOrder(_ placed: Placed) -> (Int, Int) {
        let layers: [Layer] = [.facility, .nodeAC, .nodeDC]
        return (layers.firstIndex(of: placed.description.layer) ?? layers.count, rank(placed.description.kind))
    }

    /// Node sensors contain each other from the outside in; every other root lies within the innermost.
    mutating func nestNodes() {
        let nodes = candidates.indices.filter {
            candidates[$0].found.part == .node && candidates[$0].found.access.isReadable
        }
        .sorted { nodeOrder(candidates[$0]) < nodeOrder(candidates[$1]) }
        for (outer, inner) in zip(nodes, nodes.dropFirst()) {
            candidates[inner].found.description.within = candidates[outer].description.id
        }
        let innermost = nodes.last.map { candidates[$0].description.id }
        let present = Set(candidates.map(\.description.id))
        let modules = modulesByBoard()
        for index in candidates.indices where candidates[index].found.part != .node {
            if let within = candidates[index].description.within, present.contains(within), !isNode(within) { continue }
            guard candidates[index].found.access.isReadable, !candidates[index].isShared else {
                candidates[index].found.description.within = nil
                continue
            }
            candidates[index].found.description.within = modules[candidates[index].description.id] ?? innermost
        }
    }

    private func isNode(_ id: String) -> Bool {
        candidates.contains { $0.description.id == id && $0.found.part == .node }
    }

    /// Modules beside GPUs of which nobody can tell which lie in them would count those twice.
    private mutating func dropUnclearModules() {
        let (modules, boards) = (acpiModules.count, moduleBoards.count)
        guard modules > 0, !boards.isMultiple(of: modules) else { return }
        drop("\(boards) GPUs cannot be told to \(modules) modules: sockets and GPUs are read alone") {
            Self.socket(ofModule: $0) != nil
        }
    }

    /// The ACPI modules that GPUs without one of their own lie in, by the GPU: GPUs and sockets are numbered in the
    /// same order (one GPU to a socket in GH200, two in GB200).
    private func modulesByBoard() -> [String: String] {
        let (modules, boards) = (acpiModules, moduleBoards)
        guard !modules.isEmpty, boards.count.isMultiple(of: modules.count) else { return [:] }
        var containers: [String: String] = [:]
        for (position, board) in boards.enumerated() {
            let module = modules[position / (boards.count / modules.count)]
            if module.found.access.isReadable { containers[board.description.id] = module.description.id }
        }
        return containers
    }

    private static func socket(ofModule placed: Placed) -> Int? {
        if case .module(let socket) = placed.found.part { socket } else { nil }
    }

    /// By socket.
    private var acpiModules: [Placed] {
        candidates.filter { Self.socket(ofModule: $0) != nil }
            .sorted { (Self.socket(ofModule: $0) ?? 0) < (Self.socket(ofModule: $1) ?? 0) }
    }

    /// The GPUs that modules can contain, by address or number. A board that names itself and is no superchip sits in a
    /// slot beside its Grace socket.
    private var moduleBoards: [Placed] {
        func key(_ placed: Placed) -> String? {
            let point = placed.found.measurementPoint
            switch placed.found.part {
            case .gpu(let address):
                let isBeside =
                    placed.description.kind == "nvml" && !point.isEmpty
                    && !["GH200", "GB200", "GB300"].contains { point.contains($0) }
                return isBeside ? nil : PCIAddress.device(address) ?? address
            case .accelerator(let number): return "accelerator \(1000 + number)"
            default: return nil
            }
        }
        return candidates.compactMap { placed in key(placed).map { (key: $0, placed: placed) } }
            .sorted { $0.key < $1.key }.map(\.placed)
    }

    /// One entry of the log holds 65,535 bytes, some 180 of them a sensor.
    static let maximumSensors = 256

    /// Keeps what contains the most; a tree with thousands of devices is no node.
    mutating func bound(_ sensors: inout [Placed]) {
        guard sensors.count > Self.maximumSensors else { return }
        for placed in sensors[Self.maximumSensors...] {
            leftOut.append(
                .init(id: placed.description.id, reason: "a batch holds \(Self.maximumSensors) sensors at most"))
        }
        sensors.removeSubrange(Self.maximumSensors...)
    }

    /// Containers first.
    func ordered() -> [Placed] {
        var placed: [Placed] = []
        var ids: Set<String> = []
        var rest = candidates
        while !rest.isEmpty {
            let ready = rest.filter { $0.description.within.map(ids.contains) ?? true }
            // A circle cannot arise; were there one, its sensors would still be listed once.
            let next = ready.isEmpty ? rest : ready
            placed += next
            ids.formUnion(next.map(\.description.id))
            rest.removeAll { ids.contains($0.description.id) }
        }
        return placed
    }
}
