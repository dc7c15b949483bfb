package import Accounts
import Emissions
import Energy
package import JSONText

/// The PUE and the grid factor behind each term of a figure.
package struct SupplyTrace: Sendable {
    private let trace: FigureTrace
    private let schedules: [String: PUESchedule]
    private let factors: FactorSet?

    package init(_ trace: FigureTrace) {
        self.trace = trace
        var schedules: [String: PUESchedule] = [:]
        for site in SupplyCells(trace.input).sites {
            if let schedule = (try? trace.sites.schedule(of: site)) ?? nil { schedules[site] = schedule }
        }
        self.schedules = schedules
        factors = try? FactorSet.chosen(trace.input)
    }

    /// `{site, zone, pue, factor}` of a node-hour, each null where there is none.
    package func json(of key: Ledger.Key) -> [(String, JSONValue)] {
        let (site, zone) = trace.place(of: key)
        let isFacility = key.boundary == .facility
        let usage = isFacility ? nil : schedules[site]?.entry(hour: key.hour)
        return [
            ("site", site.isEmpty ? .null : .string(site)), ("zone", zone.isEmpty ? .null : .string(zone)),
            (
                "pue",
                usage.map { ["value": .string($0.value.text), "source": .string($0.source.rawValue)] } ?? .null
            ),
            ("factor", factor(zone: zone, hour: key.hour)),
        ]
    }

    private func factor(zone: String, hour: Int64) -> JSONValue {
        guard let factors, !zone.isEmpty, let match = factors.factor(zone: zone, hour: hour).match,
            let grams = try? ExactRatio(Int128(match.factor.microgramsPerKilowattHour), over: 1_000_000),
            let rate = try? SupplySection.number(grams)
        else { return .null }
        let source = factors.files[match.file].source
        return [
            "g_per_kwh": rate, "provider": .string(source.provider), "dataset": .string(source.dataset),
            "version": .string(source.version), "sha256": .string(source.fileSHA256),
            "resolution": .string(match.resolution.rawValue), "years_earlier": .integer(match.yearsEarlier),
        ]
    }

    /// The location-based emissions of some terms, worked out from them alone; nil where a factor is missing.
    package func tonnes(of terms: [FigureTrace.Term]) -> JSONValue? {
        guard let factors, !terms.isEmpty else { return nil }
        let cells = cells(of: terms)
        guard !cells.contains(where: \.zone.isEmpty),
            let supply = try? FacilitySupply(cells: cells, schedules: Array(schedules.values)),
            let mass = (try? LocationBased(cells: supply.cells, factors: factors))?.mass
        else { return nil }
        return try? SupplySection.number(mass.tonnes)
    }

    /// What some terms drew at the grid connection in MWh, worked out from them alone.
    func supplied(_ terms: [FigureTrace.Term]) -> ExactRatio? {
        guard let supply = try? FacilitySupply(cells: cells(of: terms), schedules: Array(schedules.values)) else {
            return nil
        }
        return try? SupplyCell.megawattHours(units: supply.units)
    }

    /// The same as reports print it.
    func megawattHours(of terms: [FigureTrace.Term]) -> JSONValue? {
        supplied(terms).flatMap { try? SupplySection.number($0) }
    }

    /// The market-based figures of some terms, worked out from them alone.
    func market(of terms: [FigureTrace.Term]) -> MarketFigures? {
        let cells = cells(of: terms)
        let unzoned = cells.reduce(Int128(0)) { $1.zone.isEmpty ? $0 + $1.microjoules : $0 }
        guard let supply = try? FacilitySupply(cells: cells, schedules: Array(schedules.values)),
            let factors = try? self.factors ?? FactorSet(files: [])
        else { return nil }
        return try? MarketFigures(
            supply.cells.filter { !$0.zone.isEmpty }, trace.input, factors: factors, isWhole: unzoned == 0)
    }

    func water(of terms: [FigureTrace.Term]) -> JSONValue? {
        var cells: [PeriodSums.Cell: Int128] = [:]
        for term in terms {
            let site = trace.place(of: term.key).site
            let cell = PeriodSums.Cell(
                hour: term.key.hour, site: site.isEmpty ? nil : site, isFacility: term.key.boundary == .facility)
            cells[cell, default: 0] += term.microjoules
        }
        return try? SiteWater.json(trace.input, trace.sites, cells)
    }

    func embodied(of terms: [FigureTrace.Term]) -> JSONValue? {
        var hours: [String: Set<Int64>] = [:]
        for term in terms { hours[term.key.node, default: []].insert(term.key.hour) }
        return try? NodeEmbodied.json(
            trace.input, trace.sites, hours.mapValues { Int64($0.count) },
            within: { node, span in Int64((hours[node] ?? []).count { span.contains(UTCTime(hour: $0)) }) })
    }

    /// The entries that set what a figure takes from the place and hour of a term.
    func inputs(of key: Ledger.Key, for basis: FigurePath.Basis) -> [SettingRegister.Setting] {
        let site = trace.place(of: key).site
        let settings = trace.input.accounts.settings
        func setting(_ field: String, _ subject: String) -> SettingRegister.Setting? {
            settings.setting(field, of: subject, at: UTCTime(hour: key.hour))
        }
        func settled(_ field: String, _ subject: String) -> SettingRegister.Setting? {
            settings.setting(field, of: subject, at: trace.input.time(ofHour: key.hour))
        }
        let found: [SettingRegister.Setting?]
        switch basis {
        case .nothing: found = []
        case .usage, .documentation: found = [setting(SettingField.sitePUE, site)]
        case .grid: found = [setting(SettingField.siteZone, site), setting(SettingField.sitePUE, site)]
        case .contracts:
            found = [SettingField.siteZone, SettingField.siteMarket, SettingField.sitePUE].map { setting($0, site) }
        case .water: found = [settled(SettingField.siteWater, site), setting(SettingField.sitePUE, site)]
        case .hardware:
            found = [settled(SettingField.nodeEmbodied, key.node) ?? settled(SettingField.siteEmbodied, site)]
        }
        return found.compactMap(\.self)
    }

    /// The entries that set what the whole figure rests on.
    func inputs(for basis: FigurePath.Basis) -> [SettingRegister.Setting] {
        let (settings, time) = (trace.input.accounts.settings, trace.input.closingTime)
        func setting(_ field: String, _ subject: String? = nil) -> SettingRegister.Setting? {
            settings.setting(field, of: subject, at: time)
        }
        switch basis {
        case .nothing, .usage, .documentation, .water, .hardware: return []
        case .grid: return [setting(SettingField.factorSet)].compactMap(\.self)
        case .contracts:
            let tables = [setting(SettingField.factorSet), setting(SettingField.residualMix)]
            let instruments = settings.subjects(of: SettingField.instrument)
            return (tables + instruments.map { setting(SettingField.instrument, $0) }).compactMap(\.self)
        }
    }

    private func cells(of terms: [FigureTrace.Term]) -> [EnergyCell] {
        terms.map { term in
            let (site, zone) = trace.place(of: term.key)
            return EnergyCell(
                hour: term.key.hour, site: site, zone: zone,
                market: trace.market(of: site, zone: zone, hour: term.key.hour),
                boundary: term.key.boundary == .facility ? .facility : .informationTechnology,
                microjoules: term.microjoules)
        }
    }
}

extension FactorSet {
    /// The factor files that stand at the end of the period, else the standard ones.
    static func chosen(_ input: DisclosureInput) throws(EmissionsError) -> FactorSet {
        guard let list = input.accounts.settings.json(SettingField.factorSet, of: nil, at: input.closingTime) else {
            return try .standard()
        }
        return try .listed(list, files: input.factorFiles)
    }
}
