import Batches
import Emissions
import Energy
import JSONText

/// Scope 2 by contract: instruments that are set and stand the test, and the residual mix for the rest.
struct MarketFigures {
    private(set) var tonnes: JSONValue = .null
    /// The same where each hour has to be covered by what was generated in it.
    private(set) var tonnesHourly: JSONValue = .null
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
                ("emissions.market_t_hourly", "neither an instrument nor a residual mix is set"),
                ("emissions.matched_share", "no instrument is set"),
                ("emissions.matched_share_hourly", "no instrument is set"),
            ]
            return
        }
        var declared: [Instrument] = []
        var refused: [(id: String, reasons: [String])] = []
        for (id, value) in stated {
            do {
                declared.append(try Instrument(id: id, value))
            } catch {
                // One that cannot be read takes nothing away from the others.
                refused.append((id, [error.message]))
            }
        }
        let years = CivilDate(hour: input.period.start.hour).year...CivilDate(hour: input.period.lastHour).year
        let names = settings.every(SettingField.organizationName, of: nil).compactMap { $0.json?.string }
        let screened = ScreenedInstruments(
            declared, organization: input.text(SettingField.organizationName) ?? input.genesis.organization,
            otherNames: Set(names + [input.genesis.organization]), usedCertificateIDs: [],
            markets: Set(cells.map(\.market)), years: years, holdsThoseOfOtherYears: input.method != .method1)
        let residual: ResidualMix
        if let mix {
            let mixes = try FactorSet.listed(mix, files: input.factorFiles)
            missing += mixes.unread.map { ("emissions.market_t", "\($0.name) cannot be read: \($0.reason)") }
            residual = .factors(mixes)
        } else {
            residual = .absent(reason: "no residual mix is set; the mean of the grid stands for it")
        }
        let figures = try MarketBased(
            cells: cells, instruments: screened.accepted, residual: residual, gridFactors: factors,
            earlier: screened.accepted.isEmpty || input.method == .method1 ? [] : Self.earlier(input))
        refused += screened.refused.map { ($0.id, $0.reasons) }
        var items: [JSONValue] = []
        for instrument in screened.accepted {
            let used = try SupplyCell.megawattHours(units: figures.unitsUsedBefore[instrument.id] ?? 0)
            items.append(instrument.json(usedBefore: try SupplySection.number(used)))
        }
        items += refused.sorted { $0.id < $1.id }.map {
            ["id": .string($0.id), "refused": .array($0.reasons.map { .string($0) })]
        }
        instruments = .array(items)
        try take(figures, isWhole: isWhole)
        try takeHourly(figures, screened.accepted, isWhole: isWhole)
        guard !isWhole else { return }
        // A share of what has a zone would pass a part off as the whole.
        for field in ["market_t", "matched_share", "market_t_hourly", "matched_share_hourly"] {
            missing.append(
                ("emissions.\(field)", "energy was drawn at sites without a grid zone; set \(SettingField.siteZone)"))
        }
    }

    /// What was drawn in the calendar year before the period: instruments of the year are its first.
    private static func earlier(_ input: DisclosureInput) throws(EmissionsError) -> [SupplyCell] {
        let start = input.period.startOfYear
        guard start < input.period.start else { return [] }
        var before = input
        before.period = UTCInterval(start: start, end: input.period.start)
        let cells = SupplyCells(before)
        let schedules = cells.sites.compactMap { (try? cells.settings.schedule(of: $0)) ?? nil }
        return try FacilitySupply(cells: cells.energy, schedules: schedules).cells.filter { !$0.zone.isEmpty }
    }

    /// An instrument that tells its span alone says nothing about any hour: with no other, there is no figure.
    private mutating func takeHourly(
        _ figures: MarketBased, _ instruments: [Instrument], isWhole: Bool
    ) throws(EmissionsError) {
        let spans = instruments.filter { !$0.isHourly }
        if !spans.isEmpty {
            let names = spans.prefix(3).map(\.id).joined(separator: ", ") + (spans.count > 3 ? " …" : "")
            let reason = "\(names): nobody says in which hours it was generated; set hourly_mwh"
            missing.append(("emissions.matched_share_hourly", reason))
            guard spans.count < instruments.count else {
                missing.append(("emissions.market_t_hourly", reason))
                return
            }
        }
        for reason in figures.hourly.missing { missing.append(("emissions.market_t_hourly", reason)) }
        if isWhole, let mass = figures.hourly.mass { tonnesHourly = try SupplySection.number(mass.tonnes) }
        if isWhole, let share = figures.hourly.matchedShare { matchedShareHourly = try SupplySection.number(share) }
    }

    private mutating func take(_ figures: MarketBased, isWhole: Bool) throws(EmissionsError) {
        for reason in figures.annual.missing { missing.append(("emissions.market_t", reason)) }
        if let reason = figures.residualAbsent { missing.append(("emissions.residual_mix", reason)) }
        if isWhole, let mass = figures.annual.mass { tonnes = try SupplySection.number(mass.tonnes) }
        if isWhole, let share = figures.annual.matchedShare { matchedShare = try SupplySection.number(share) }
        for zone in figures.annual.zones {
            if let mass = zone.mass { zones[zone.zone] = try SupplySection.number(mass.tonnes) }
        }
    }
}

extension UTCInterval {
    /// The first hour of the calendar year in which the interval begins.
    var startOfYear: UTCTime {
        let year = CivilDate(hour: start.hour).year
        return CivilDate(year: year, month: 1, day: 1).map { UTCTime(hour: $0.firstHour) } ?? start
    }
}

extension Instrument {
    fileprivate var isHourly: Bool {
        if case .hourly = volume { true } else { false }
    }

    /// What the setting says of each hour; a vintage of one hour says it by itself.
    private static func volume(
        of whole: Int128, _ vintage: UTCInterval, _ hours: JSONValue?
    ) throws(EmissionsError) -> Volume {
        let start = vintage.start.hour
        guard let hours = hours?.array else {
            return vintage.start == UTCTime(hour: start) && vintage.end == UTCTime(hour: start + 1)
                ? .hourly([start: whole]) : .span(microjoules: whole)
        }
        var volumes: [Int64: Int128] = [:]
        for (offset, hour) in hours.enumerated() {
            let energy = try DecimalFigure(parsing: hour.number?.text ?? hour.string ?? "")
            let microjoules = try energy.ratio * ExactRatio(Figure.microjoulesPerMegawattHour)
            // Hours beyond the vintage are refused with the instrument.
            volumes[start + Int64(offset)] = try microjoules.rounded(decimals: 0).coefficient
        }
        return .hourly(volumes)
    }

    /// Reads a setting: {kind, certificate_ids[], market, start, end, mwh, hourly_mwh[]?, retired_for, g_per_kwh,
    /// document_sha256}.
    init(id: String, _ value: JSONValue) throws(EmissionsError) {
        func figure(_ name: String) throws(EmissionsError) -> DecimalFigure {
            guard let figure = try SiteWater.figure(value[name]) else {
                throw EmissionsError(.missingInput, "instrument \(id): \(name) is missing")
            }
            return figure
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
        let vintage = UTCInterval(start: try time("start"), end: try time("end"))
        self.init(
            id: id, kind: value["kind"]?.string.flatMap { Kind(rawValue: $0) } ?? .other,
            certificateIDs: value["certificate_ids"]?.array?.compactMap(\.string) ?? [],
            market: value["market"]?.string ?? "", vintage: vintage,
            volume: try Self.volume(
                of: try energy.rounded(decimals: 0).coefficient, vintage, value["hourly_mwh"]),
            retiredFor: value["retired_for"]?.string ?? "", microgramsPerKilowattHour: factor,
            documentSHA256: value["document_sha256"]?.string ?? "")
    }

    fileprivate func json(usedBefore: JSONValue) -> JSONValue {
        [
            "id": .string(id), "kind": .string(kind.rawValue), "market": .string(market),
            "certificate_ids": .array(certificateIDs.map { .string($0) }),
            "start": TimeText.json(vintage.start), "end": TimeText.json(vintage.end),
            "mwh": Figure.megawattHours(volume.microjoules), "mwh_used_before": usedBefore,
            "is_hourly": .bool(isHourly),
            "document_sha256": .string(documentSHA256),
        ]
    }
}
