import Batches
import Emissions
import Energy
import JSONText

/// Scope 2 by contract: instruments that are set and stand the test, and the residual mix for the rest.
struct MarketFigures {
    private(set) var tonnes: JSONValue = .null
    private(set) var matchedShare: JSONValue = .null
    private(set) var matchedShareHourly: JSONValue = .null
    private(set) var instruments: JSONValue = []
    private(set) var zones: [String: JSONValue] = [:]
    private(set) var missing: [(field: String, reason: String)] = []

    init() {}

    init(
        _ cells: [SupplyCell], _ input: DisclosureInput, factors: FactorSet, isWhole: Bool
    ) throws(EmissionsError) {
        let settings = input.accounts.settings
        let mix = settings.json(SettingField.residualMix, of: nil, at: input.closingTime)
        let stated = settings.subjects(of: SettingField.instrument).compactMap { id in
            settings.json(SettingField.instrument, of: id, at: input.closingTime).map { (id, $0) }
        }
        guard mix != nil || !stated.isEmpty else {
            missing = [
                ("emissions.market_t", "neither an instrument nor a residual mix is set"),
                ("emissions.matched_share", "no instrument is set"),
            ]
            return
        }
        var declared: [Instrument] = []
        for (id, value) in stated { declared.append(try Instrument(id: id, value)) }
        let years = CivilDate(hour: input.period.start.hour).year...CivilDate(hour: input.period.lastHour).year
        let screened = ScreenedInstruments(
            declared, organization: input.text(SettingField.organizationName) ?? input.genesis.organization,
            usedCertificateIDs: [], markets: Set(cells.map(\.market)), years: years)
        let residual: ResidualMix
        if let mix {
            residual = .factors(try .listed(mix, files: input.factorFiles))
        } else {
            residual = .absent(reason: "no residual mix is set; the mean of the grid stands for it")
        }
        let figures = try MarketBased(
            cells: cells, instruments: screened.accepted, residual: residual, gridFactors: factors)
        instruments = .array(
            screened.accepted.map(\.json)
                + screened.refused.map { ["id": .string($0.id), "refused": .array($0.reasons.map { .string($0) })] })
        try take(figures, isWhole: isWhole)
    }

    private mutating func take(_ figures: MarketBased, isWhole: Bool) throws(EmissionsError) {
        for reason in figures.annual.missing { missing.append(("emissions.market_t", reason)) }
        if let reason = figures.residualAbsent { missing.append(("emissions.residual_mix", reason)) }
        if isWhole, let mass = figures.annual.mass { tonnes = try SupplySection.number(mass.tonnes) }
        if let share = figures.annual.matchedShare { matchedShare = try SupplySection.number(share) }
        if let share = figures.hourly.matchedShare { matchedShareHourly = try SupplySection.number(share) }
        for zone in figures.annual.zones {
            if let mass = zone.mass { zones[zone.zone] = try SupplySection.number(mass.tonnes) }
        }
    }
}

extension Instrument {
    /// Reads a setting: {kind, certificate_ids[], market, start, end, mwh, retired_for, g_per_kwh, document_sha256}.
    fileprivate init(id: String, _ value: JSONValue) throws(EmissionsError) {
        func figure(_ name: String) throws(EmissionsError) -> DecimalFigure {
            try DecimalFigure(parsing: value[name]?.number?.text ?? value[name]?.string ?? "")
        }
        func time(_ name: String) throws(EmissionsError) -> UTCTime {
            guard let time = value[name]?.string.flatMap({ UTCTime(civil: $0) }) else {
                throw EmissionsError(.missingInput, "instrument \(id): \(name) is a time like 2026-01-01T00:00Z")
            }
            return time
        }
        let energy = try figure("mwh").ratio * ExactRatio(Figure.microjoulesPerMegawattHour)
        guard let factor = try figure("g_per_kwh").exactUnits(decimals: 6) else {
            throw EmissionsError(.outOfRange, "instrument \(id): g_per_kwh has at most six decimals")
        }
        self.init(
            id: id, kind: value["kind"]?.string.flatMap { Kind(rawValue: $0) } ?? .other,
            certificateIDs: value["certificate_ids"]?.array?.compactMap(\.string) ?? [],
            market: value["market"]?.string ?? "", vintage: UTCInterval(start: try time("start"), end: try time("end")),
            volume: .span(microjoules: try energy.rounded(decimals: 0).coefficient),
            retiredFor: value["retired_for"]?.string ?? "", microgramsPerKilowattHour: factor,
            documentSHA256: value["document_sha256"]?.string ?? "")
    }

    fileprivate var json: JSONValue {
        [
            "id": .string(id), "kind": .string(kind.rawValue), "market": .string(market),
            "certificate_ids": .array(certificateIDs.map { .string($0) }),
            "start": TimeText.json(vintage.start), "end": TimeText.json(vintage.end),
            "mwh": Figure.megawattHours(volume.microjoules), "document_sha256": .string(documentSHA256),
        ]
    }
}
