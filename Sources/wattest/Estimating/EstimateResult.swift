import Disclosure
import Emissions
import JSONText

/// An estimate with all that follows from it.
struct EstimateResult {
    private let estimate: Estimate
    private let factor: RegionFactor?
    private let netKilograms: ExactRatio?
    private let compute: ComputeResult
    private let cost: CostResult
    private let litres: ExactRatio?
    private let notes: [String]

    init(_ command: EstimateCommand) throws {
        var notes: [String] = []
        let nameplate = try command.device.map { name throws(CommandFailure) in
            guard let nameplate = DeviceNameplate.named(name) else {
                let known = DeviceNameplate.all.map(\.name).joined(separator: ", ")
                throw .usage("--device '\(name)' is not known", "give --power-w, or one of: \(known)")
            }
            return nameplate
        }
        if let nameplate, command.powerW == nil, command.kwh == nil {
            let kind = nameplate.isMeasured ? "mean power as it was measured" : "nameplate power, a ceiling"
            notes.append("\(nameplate.name): \(kind) (\(nameplate.source))")
        }
        if command.compute.utilisation != nil, command.compute.flopPerS == nil, nameplate?.flopPerSecond == nil {
            throw CommandFailure.usage("--utilisation is a share of a peak rate", "give --flop-per-s, or a --device")
        }
        factor = try Self.factor(command)
        if let origin = factor?.origin { notes.append("grid factor of \(origin)") }
        var compute = try ComputeResult(command.compute, nameplate: nameplate)
        let sampled = try Self.sampled(command)
        if let sampled { notes.append(try sampled.sampleText()) }
        var inputs = try Self.inputs(command, nameplate: nameplate, sampled: sampled)
        inputs.gramsPerKilowattHour = factor?.gramsPerKilowattHour
        inputs.flop = compute.operations
        inputs.flopPerSecond = compute.sustainedRate
        estimate = try Estimate(inputs)
        netKilograms = try Self.kilograms(estimate.kilowattHours, command.netFactorGPerKwh?.figure)
        // Time that follows from the operations proves nothing about them.
        if inputs.hours != nil || inputs.deviceHours != nil { try compute.add(deviceHours: estimate.deviceHours) }
        self.compute = compute
        cost = try CostResult(command.price, estimate, devices: command.devices?.figure)
        let water = try command.water.use
        litres = try Self.litres(water, estimate.kilowattHours, inputs.powerUsageEffectiveness ?? .one)
        if let water {
            notes.append(
                "\(water.onSiteLitresPerKilowattHour.text) l/kWh at the site, "
                    + "\(water.offSiteLitresPerKilowattHour.text) l/kWh of its electricity")
        }
        if let implied = estimate.impliedUtilisation, implied > .one {
            notes.append("more operations than the devices can do in these hours: check hours, devices and FLOP")
        }
        self.notes = notes + compute.notes
    }

    /// Readings of a part of the time, whose mean is taken for all of it.
    private static func sampled(_ command: EstimateCommand) throws -> RecordedPower? {
        guard !command.readings.isEmpty else { return nil }
        guard command.hostW == nil, command.powerW == nil else {
            throw CommandFailure.usage("--readings takes the place of stated power", "leave --power-w out")
        }
        return try RecordedPower(command.readings, format: command.format.format)
    }

    private static func inputs(
        _ command: EstimateCommand, nameplate: DeviceNameplate?, sampled: RecordedPower?
    ) throws -> Estimate.Inputs {
        guard [command.hours, command.days, command.deviceHours].compactMap(\.self).count <= 1 else {
            throw CommandFailure.usage("--hours, --days and --device-hours contradict each other", "give one of them")
        }
        let days = try command.days.map { days throws(EmissionsError) in
            try days.figure.multiplied(by: DecimalFigure(24))
        }
        let hours = command.hours?.figure ?? days
        let host = try sampled?.meanWatts() ?? command.hostW?.figure
        let watts = command.powerW?.figure ?? (command.kwh == nil ? nameplate?.watts : nil)
        // One device where nobody says how many, since a nameplate is that of one.
        let single: DecimalFigure? = nameplate != nil && hours != nil ? .one : nil
        let standard: DecimalFigure? =
            switch command.method {
            case .strubell: PublishedMethod.Strubell.powerUsageEffectiveness
            case .llama: PublishedMethod.LLaMA.powerUsageEffectiveness
            case nil: nil
            }
        return Estimate.Inputs(
            powerWatts: watts, hostWatts: host, hours: hours, devices: command.devices?.figure ?? single,
            deviceHours: command.deviceHours?.figure, powerUsageEffectiveness: command.pue?.figure ?? standard,
            statedKilowattHours: command.kwh?.figure)
    }

    private static func factor(_ command: EstimateCommand) throws -> RegionFactor? {
        let stated = [command.factorGPerKwh != nil, command.factorLbPerMwh != nil, command.region != nil]
        guard stated.count(where: \.self) <= 1 else {
            throw CommandFailure.usage("two grid factors are given", "keep one")
        }
        if let grams = command.factorGPerKwh?.figure { return RegionFactor(gramsPerKilowattHour: grams) }
        if let pounds = command.factorLbPerMwh?.figure { return try perMegawattHour(pounds: pounds) }
        if let region = command.region {
            return try RegionFactor(region: region, year: command.year, factors: .standard())
        }
        switch command.method {
        case .strubell:
            return try perMegawattHour(
                pounds: try PublishedMethod.Strubell.poundsPerKilowattHour.multiplied(by: DecimalFigure(1000)))
        case .llama: return RegionFactor(gramsPerKilowattHour: DecimalFigure(385))
        case nil: return nil
        }
    }

    private static func perMegawattHour(pounds: DecimalFigure) throws(EmissionsError) -> RegionFactor {
        let grams = try pounds.multiplied(by: Unit.gramsPerPound).divided(by: DecimalFigure(1000), decimals: 12)
        return RegionFactor(gramsPerKilowattHour: grams, origin: "\(pounds.text) lb/MWh")
    }

    private static func kilograms(_ energy: ExactRatio?, _ grams: DecimalFigure?) throws -> ExactRatio? {
        guard let energy, let grams else { return nil }
        return try energy * grams / DecimalFigure(1000)
    }

    /// - Parameter energy: with the overhead of the facility in it.
    private static func litres(
        _ water: WaterUse?, _ energy: ExactRatio?, _ usage: DecimalFigure
    ) throws(EmissionsError) -> ExactRatio? {
        guard let water, let energy else { return nil }
        return try water.litres(equipmentKilowattHours: energy / usage, powerUsageEffectiveness: usage)
    }

    // MARK: What is printed

    private var pounds: ExactRatio? { estimate.kilograms.flatMap { try? $0 / Unit.kilogramsPerPound } }

    private var equivalences: [(Equivalence, ExactRatio)] {
        Equivalence.all.compactMap { equivalence in
            let amount =
                switch equivalence.quantity {
                case .carbonKilograms: estimate.kilograms
                case .energyKilowattHours: estimate.kilowattHours
                }
            return amount.flatMap { try? equivalence.count($0) }.map { (equivalence, $0) }
        }
    }

    private func scaled(_ value: ExactRatio?, by factor: Int) -> ExactRatio? {
        value.flatMap { try? $0 * DecimalFigure(factor) }
    }

    private func thousandth(_ value: ExactRatio?) -> ExactRatio? {
        value.flatMap { try? $0 / DecimalFigure(1000) }
    }

    var json: JSONValue {
        [
            "estimated": true, "kwh": EstimateText.json(estimate.kilowattHours),
            "mwh": EstimateText.json(thousandth(estimate.kilowattHours)),
            "kg_co2e": EstimateText.json(estimate.kilograms),
            "t_co2e": EstimateText.json(thousandth(estimate.kilograms)),
            "lb_co2e": EstimateText.json(pounds), "net_kg_co2e": EstimateText.json(netKilograms),
            "net_t_co2e": EstimateText.json(thousandth(netKilograms)),
            "hours": EstimateText.json(estimate.hours), "device_hours": EstimateText.json(estimate.deviceHours),
            "device_seconds": EstimateText.json(scaled(estimate.deviceHours, by: 3600)),
            "implied_utilisation": EstimateText.json(estimate.impliedUtilisation),
            "factor_g_per_kwh": EstimateText.json(factor?.gramsPerKilowattHour),
            "water_l": EstimateText.json(litres), "flop": compute.json,
            "cost": cost.json, "rests_on": .array((estimate.basis + notes).map { .string($0) }),
            "missing": .array((estimate.missing + cost.missing).map { .string($0) }),
            "equivalences": .array(
                equivalences.map { equivalence, count in
                    [
                        "id": .string(equivalence.id), "count": EstimateText.json(count),
                        "unit": .string(equivalence.unit), "year": .integer(equivalence.year),
                        "source": .string(equivalence.source), "assured": false,
                    ]
                }),
        ]
    }

    var text: String {
        var rows = [("energy", "\(EstimateText.text(estimate.kilowattHours)) kWh")]
        rows.append(("emissions", "\(EstimateText.text(estimate.kilograms)) kg CO2e"))
        if netKilograms != nil { rows.append(("net of contracts", "\(EstimateText.text(netKilograms)) kg CO2e")) }
        if estimate.deviceHours != nil { rows.append(("device-hours", EstimateText.text(estimate.deviceHours))) }
        if litres != nil { rows.append(("water", "\(EstimateText.text(litres)) l")) }
        rows += compute.rows + cost.rows
        rows += (estimate.basis + notes).map { ("rests on", $0) }
        rows += (estimate.missing + cost.missing).map { ("cannot be had", $0) }
        rows += equivalences.map { equivalence, count in
            (
                "as much as",
                "\(EstimateText.text(count)) \(equivalence.unit) (\(equivalence.year), \(equivalence.source))"
            )
        }
        return "Estimated, not measured.\n" + EstimateText.lines(rows)
    }
}
