import Energy

/// What one GPU offers, found by trying in order of trust: energy field, energy call, averaged power, instant power,
/// power usage.
struct NVMLSurvey {
    let library: NVMLLibrary
    let device: DeviceHandle
    let uuid: String
    let wait: @Sendable (Int64) -> Void

    /// The sensors of the GPU: one, or two where the counter measures the whole module.
    func sensors(remarks: inout [String]) -> [(NVMLSource.Channel, FoundSensor)] {
        let name = (try? library.text(library.name, device).get()) ?? "GPU"
        if isPartitioned { remarks.append("\(uuid) is in MIG mode: the board is measured, instances have no counters") }
        let counter = [.energyField, .energyCall].first(where: works)
        let power = [
            .powerField(NVMLField.powerAverage), .powerField(NVMLField.powerInstant), .powerUsage,
        ].first(where: works)
        guard let counter else {
            guard let power else {
                remarks.append("\(uuid) (\(name)) has neither energy nor power: a virtual GPU or an old board")
                return []
            }
            remarks.append("\(uuid) (\(name)) has no energy counter: its power is integrated")
            return [gpu(power, name: name, within: nil)]
        }
        guard countsModule(counter, name: name, remarks: &remarks) else {
            return [gpu(counter, name: name, within: nil)]
        }
        let module = module(counter, name: name)
        guard let power else { return [module] }
        return [module, gpu(power, name: name, within: module.1.description.id)]
    }

    private var isPartitioned: Bool {
        var current: UInt32 = 0
        var pending: UInt32 = 0
        return library.migMode?(device.pointer, &current, &pending) == 0 && current == 1
    }

    private func raw(_ way: NVMLSource.Way) -> UInt64? {
        var instant: Int64 = 0
        return try? NVMLSource.take(way, device, library, clock: { 0 }, instant: &instant).1.get()
    }

    /// A power of 0 W is not a reading: some guests answer so with success.
    private func works(_ way: NVMLSource.Way) -> Bool {
        guard let value = raw(way) else { return false }
        switch way {
        case .energyField, .energyCall: return true
        case .powerField, .powerUsage: return value > 0
        }
    }

    /// One and a half times the board's limit; 1,500 W where it states none.
    private func maximumPower(_ scope: NVMLField.Scope) -> Int64 {
        var limits = [NVMLField.powerMaximumLimit, NVMLField.powerCurrentLimit].compactMap {
            library.milliwatts($0, scope, device)
        }
        var enforced: UInt32 = 0
        if scope == .gpu, library.enforcedLimit?(device.pointer, &enforced) == 0 { limits.append(UInt64(enforced)) }
        let stated = limits.filter { (1000...10_000_000).contains($0) }.max()
        return stated.map { Int64($0) * 1500 } ?? (scope == .gpu ? 1_500_000_000 : 3_000_000_000)
    }

    /// Whether the energy counter counts the module (GH200: GPU, CPU and memory) instead of the GPU. Where both powers
    /// are shown and differ, the counter's own slope over a second and a half decides.
    private func countsModule(_ counter: NVMLSource.Way, name: String, remarks: inout [String]) -> Bool {
        func power(_ scope: NVMLField.Scope) -> UInt64? {
            library.milliwatts(NVMLField.powerAverage, scope, device)
                ?? library.milliwatts(NVMLField.powerInstant, scope, device)
        }
        guard let module = power(.module), let gpu = power(.gpu), gpu > 0, module > gpu + gpu / 20,
            let before = raw(counter)
        else { return false }
        let nanoseconds: Int64 = 1_500_000_000
        wait(nanoseconds)
        guard let after = raw(counter), after > before, let moduleAfter = power(.module), let gpuAfter = power(.gpu)
        else {
            remarks.append("\(uuid) (\(name)) has a module power of its own, but its counter did not move in 1.5 s")
            return name.contains("GH200")
        }
        let slope = Double(after - before) / (Double(nanoseconds) / 1e9)
        let moduleMean = (Double(module) + Double(moduleAfter)) / 2
        let gpuMean = (Double(gpu) + Double(gpuAfter)) / 2
        let isModule = abs(slope - moduleMean) < abs(slope - gpuMean)
        remarks.append(
            "\(uuid) (\(name)): the counter rises by \(Int(slope / 1000)) W; GPU \(Int(gpuMean / 1000)) W, module "
                + "\(Int(moduleMean / 1000)) W: it counts the \(isModule ? "module, CPU included" : "GPU")")
        return isModule
    }

    private func module(_ way: NVMLSource.Way, name: String) -> (NVMLSource.Channel, FoundSensor) {
        let id = identity("nvml:", uuid) + "/module"
        return sensor(
            way, id: id, layer: .module, part: .other(id), scope: .module, point: "\(name) module: GPU, CPU and memory")
    }

    private func gpu(_ way: NVMLSource.Way, name: String, within: String?) -> (NVMLSource.Channel, FoundSensor) {
        let address = library.pciDevice(device) ?? uuid
        var found = sensor(
            way, id: identity("nvml:", uuid), layer: .gpu, part: .gpu(address), scope: .gpu, point: "\(name) board")
        found.1.description.within = within
        return found
    }

    private func sensor(
        _ way: NVMLSource.Way, id: String, layer: Layer, part: FoundSensor.Part, scope: NVMLField.Scope, point: String
    ) -> (NVMLSource.Channel, FoundSensor) {
        let maximum = maximumPower(scope)
        let isCounter = way == .energyField || way == .energyCall
        let description = SensorDescription(
            id: id, kind: "nvml", layer: layer, provenance: isCounter ? .counter : .integrated,
            quantity: isCounter
                ? .energyCounter(microjoulesNumerator: 1000, microjoulesDenominator: 1, modulus: nil)
                : .power(rule: .trapezoid),
            maximumPowerMicrowatts: maximum,
            // Field 185 is a mean over a second.
            refreshMilliseconds: way == .powerField(NVMLField.powerAverage) ? 1000 : 100)
        let place =
            switch way {
            case .energyField: "nvmlDeviceGetFieldValues 83"
            case .energyCall: "nvmlDeviceGetTotalEnergyConsumption"
            case .powerField(let id): "nvmlDeviceGetFieldValues \(id)"
            case .powerUsage: "nvmlDeviceGetPowerUsage"
            }
        let found = FoundSensor(
            description: description, part: part, measurementPoint: point, place: place, costMicroseconds: 1000)
        return (.init(uuid: uuid, device: device, way: way, maximumPowerMicrowatts: maximum), found)
    }
}
