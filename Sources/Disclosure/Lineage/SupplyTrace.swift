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

    /// What some terms drew at the grid connection, worked out from them alone.
    func megawattHours(of terms: [FigureTrace.Term]) -> JSONValue? {
        guard let supply = try? FacilitySupply(cells: cells(of: terms), schedules: Array(schedules.values)) else {
            return nil
        }
        return try? SupplySection.number(SupplyCell.megawattHours(units: supply.units))
    }

    private func cells(of terms: [FigureTrace.Term]) -> [EnergyCell] {
        terms.map { term in
            let (site, zone) = trace.place(of: term.key)
            return EnergyCell(
                hour: term.key.hour, site: site, zone: zone, market: "",
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
