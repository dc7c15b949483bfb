import Accounts
import Emissions
import Energy
import JSONText
import TransparencyLog

/// Energy at the grid connection and what its supply emitted. Energy never waits for it: what cannot be had is null and
/// says why.
struct SupplySection {
    private(set) var facilityMegawattHours: JSONValue = .null
    private(set) var powerUsage: JSONValue = .null
    /// By site.
    private(set) var schedules: [String: PUESchedule] = [:]
    /// The one PUE of everything; nil where there are several, none, or energy that a facility's meter measured.
    private(set) var uniformPUE: DecimalFigure?
    /// Facility energy by IT energy of the whole organization.
    var meanPUE: DecimalFigure? {
        guard facilityMegawattHours != .null, let text = powerUsage["value"]?.number?.text else { return nil }
        return try? DecimalFigure(parsing: text)
    }
    private(set) var zones: JSONValue = []
    private(set) var factorSetSHA256: JSONValue = .null
    private(set) var location: JSONValue = .null
    private(set) var basis: JSONValue = .null
    private(set) var citations: JSONValue = []
    private(set) var market = MarketFigures()
    private(set) var missing: [(field: String, reason: String)] = []
    private(set) var checks: [SelfCheck] = []
    private let cells: SupplyCells

    init(_ input: DisclosureInput, _ sums: PeriodSums) {
        cells = SupplyCells(input, sums)
        do {
            let supply = try supply(input)
            guard !cells.zones.isEmpty else {
                let reason = "no grid zone is set for the sites of this period; set \(SettingField.siteZone)"
                missing.append(("zones", reason))
                for field in ["location_t", "market_t", "market_t_hourly", "matched_share", "matched_share_hourly"] {
                    missing.append(("emissions.\(field)", reason))
                }
                return
            }
            try emit(supply, input)
        } catch {
            missing.append(("emissions", error.message))
        }
    }

    // MARK: Facility

    private mutating func supply(_ input: DisclosureInput) throws(EmissionsError) -> FacilitySupply {
        var schedules: [PUESchedule] = []
        for site in cells.sites {
            do {
                if let schedule = try cells.settings.schedule(of: site) { schedules.append(schedule) }
            } catch {
                checks.append(SelfCheck(id: "pue", passed: false, detail: "site \(site): \(error.message)"))
                missing.append(("pue", "site \(site): \(error.message)"))
            }
        }
        self.schedules = Dictionary(schedules.map { ($0.site, $0) }) { first, _ in first }
        let supply = try FacilitySupply(cells: cells.energy, schedules: schedules)
        let used = schedules.flatMap(\.entries)
        if !used.isEmpty {
            checks.append(SelfCheck(id: "pue", passed: true, detail: "PUE of \(schedules.count) sites is at least 1"))
        }
        guard supply.isFacility, !cells.energy.isEmpty else {
            let reason =
                cells.energy.isEmpty
                ? "nothing was measured in this period"
                : "no PUE is set for \(supply.withoutPUEMicrojoules) µJ of this period; set \(SettingField.sitePUE)"
            missing.append(("energy.facility_mwh", reason))
            if used.isEmpty { missing.append(("pue", reason)) }
            basis = "it"
            if !used.isEmpty { powerUsage = Self.json(used, supply, it: cells.total) }
            return supply
        }
        basis = "facility"
        facilityMegawattHours = try Self.number(SupplyCell.megawattHours(units: supply.units))
        powerUsage = Self.json(used, supply, it: cells.total)
        if Set(used.map(\.value)).count == 1, !cells.energy.contains(where: { $0.boundary == .facility }) {
            uniformPUE = used.first?.value
        }
        return supply
    }

    /// One value stands for itself; several are weighed by the energy that they were applied to.
    private static func json(
        _ used: [PowerUsageEffectiveness], _ supply: FacilitySupply, it: Int128
    ) -> JSONValue {
        let values = Set(used.map(\.value))
        let weighted = Figure.ratio(supply.units, it * SupplyCell.unitsPerMicrojoule, decimals: 4)
        let value =
            values.count == 1 ? values.first.flatMap { JSONNumber(text: $0.text) }.map { .number($0) } : weighted
        let sources = Set(used.map(\.source.rawValue)).sorted().joined(separator: ", ")
        let starts = used.map(\.interval.start).min()
        let ends = used.map(\.interval.end).max()
        return [
            "value": supply.isFacility || values.count == 1 ? value ?? .null : .null, "source": .string(sources),
            "period": ["start": TimeText.json(starts), "end": TimeText.json(ends)],
            "category": .string(Set(used.map(\.category.rawValue)).sorted().joined(separator: ", ")),
        ]
    }

    // MARK: Emissions

    private mutating func emit(_ supply: FacilitySupply, _ input: DisclosureInput) throws(EmissionsError) {
        let factors: FactorSet
        do {
            factors = try .chosen(input)
            missing += factors.unread.map { ("emissions", "\($0.name) cannot be read: \($0.reason)") }
            if factors.unread.isEmpty {
                factorSetSHA256 = .string(MerkleHash.sha256(of: Array(factors.citationText.utf8)).hexadecimal)
            }
        } catch {
            // A setting that is no list of tables takes the emissions away, not the energy of the zones.
            missing.append(("emissions", error.message))
            factors = try FactorSet(files: [])
        }
        let zoned = supply.cells.filter { !$0.zone.isEmpty }
        let byPlace = try LocationBased(cells: zoned, factors: factors)
        citations = try Self.citations(byPlace, factors)
        for lack in byPlace.missing { missing.append(("emissions.location_t", "\(lack.reason) (\(lack.hours) hours)")) }
        if cells.unzoned != 0 {
            missing.append(
                ("emissions.location_t", "\(cells.unzoned) µJ were drawn at sites without a grid zone"))
        } else if let mass = byPlace.mass {
            location = try Self.number(mass.tonnes)
            checks.append(.impliedFactor(units: byPlace.zones.reduce(0) { $0 + $1.units }, mass: mass))
        }
        do {
            market = try MarketFigures(zoned, input, factors: factors, isWhole: cells.unzoned == 0)
            missing += market.missing
        } catch {
            missing.append(("emissions.market_t", error.message))
        }
        zones = try zonesJSON(byPlace)
    }

    private func zonesJSON(_ byPlace: LocationBased) throws(EmissionsError) -> JSONValue {
        var zones: [JSONValue] = []
        for zone in byPlace.zones {
            zones.append([
                "zone": .string(zone.zone), "energy_uj": .decimalString(cells.energy(in: zone.zone)),
                "location_t": try zone.mass.map { mass throws(EmissionsError) in try Self.number(mass.tonnes) }
                    ?? .null,
                "market_t": market.zones[zone.zone] ?? .null,
                "supply_mwh": try Self.number(SupplyCell.megawattHours(units: zone.units)),
            ])
        }
        return .array(zones)
    }

    private static func citations(
        _ byPlace: LocationBased, _ factors: FactorSet
    ) throws(EmissionsError) -> JSONValue {
        var citations: [JSONValue] = []
        for (index, file) in factors.files.enumerated() {
            var uses: [JSONValue] = []
            for use in byPlace.uses where use.file == index {
                uses.append([
                    "zone": .string(use.zone), "resolution": .string(use.resolution.rawValue),
                    "is_country": .bool(use.isCountry), "years_earlier": .integer(use.yearsEarlier),
                    "estimated": .bool(use.isEstimated), "forecast": .bool(use.isForecast),
                    "supply_mwh": try number(SupplyCell.megawattHours(units: use.units)),
                    "location_t": try number(use.mass.tonnes),
                ])
            }
            guard !uses.isEmpty else { continue }
            citations.append([
                "provider": .string(file.source.provider), "dataset": .string(file.source.dataset),
                "version": .string(file.source.version), "licence": .string(file.source.licence),
                "citation": .string(file.source.citation), "sha256": .string(file.source.fileSHA256),
                "retrieved_at": TimeText.json(file.source.retrievedAt), "scope": .string(file.basis.scope.rawValue),
                "signal": .string(file.basis.signal.rawValue), "gases": .string(file.basis.gases.rawValue),
                "warming_potentials": .string(file.basis.warmingPotentials.rawValue), "uses": .array(uses),
            ])
        }
        return .array(citations)
    }

    /// Grams and watt hours are the last decimals shown.
    static func number(_ ratio: ExactRatio) throws(EmissionsError) -> JSONValue {
        JSONNumber(text: try ratio.rounded(decimals: 6).text).map { .number($0) } ?? .null
    }
}
