import Batches
import Emissions
import Energy
import JSONText

/// Water by site: E · WUE on site + E · PUE · water of the electricity, each hour by what was set for it.
enum SiteWater {
    /// What a site took by one setting.
    fileprivate struct Part: Hashable {
        var site: String
        var setting: JSONValue
    }

    fileprivate struct Use {
        var onSite: DecimalFigure
        var offSite: DecimalFigure?
        var source: String
        var litres = ExactRatio.zero
    }

    /// - Throws: `missingInput` for a site with energy and without a figure, `outOfRange`, `malformedFigure`.
    static func json(
        _ input: DisclosureInput, _ settings: SiteSettings, _ cells: [PeriodSums.Cell: Int128]
    ) throws(EmissionsError) -> JSONValue {
        var uses: [Part: Use] = [:]
        // Energy that one setting and one PUE hold for is added up first: a fraction for each hour would grow too long.
        var energies: [Part: [DecimalFigure: Int128]] = [:]
        var courses: [String: SettingCourse] = [:]
        var schedules: [String: PUESchedule] = [:]
        // In order, so that of several things that lack the same one is named each time.
        for (cell, microjoules) in cells.sorted(by: { $0.key.order < $1.key.order }) where microjoules != 0 {
            let site = cell.site ?? ""
            if courses[site] == nil {
                courses[site] = SettingCourse(settings.settings, SettingField.siteWater, site)
                schedules[site] = (try? settings.schedule(of: site)) ?? nil
            }
            guard let setting = courses[site]?.value(at: input.time(ofHour: cell.hour)) else {
                throw EmissionsError(
                    .missingInput,
                    "no water usage effectiveness is set for every site with energy; set \(SettingField.siteWater)")
            }
            let part = Part(site: site, setting: setting)
            if uses[part] == nil { uses[part] = try use(setting) }
            var usage = DecimalFigure.one
            if uses[part]?.offSite != nil {
                usage = try Self.usage(cell, schedules[site], input.method)
            }
            energies[part, default: [:]][usage, default: 0] += microjoules
        }
        for (part, energies) in energies {
            for (usage, microjoules) in energies { try uses[part]?.add(microjoules, usage) }
        }
        return try json(uses, input)
    }

    /// Facility energy by the energy of a cell.
    private static func usage(
        _ cell: PeriodSums.Cell, _ schedule: PUESchedule?, _ method: CalculationMethod
    ) throws(EmissionsError) -> DecimalFigure {
        if method == .method1 {
            let values = Set(schedule?.entries.map(\.value) ?? [])
            if values.count == 1, let value = values.first { return value }
            throw EmissionsError(
                .missingInput,
                "water of the electricity needs one PUE for the period at each site; set \(SettingField.sitePUE)")
        }
        // What a facility's meter measured has the cooling in it.
        if cell.isFacility { return .one }
        guard let entry = schedule?.entry(hour: cell.hour) else {
            throw EmissionsError(
                .missingInput,
                "water of the electricity needs a PUE for every hour at each site; set \(SettingField.sitePUE)")
        }
        return entry.value
    }

    private static func json(_ uses: [Part: Use], _ input: DisclosureInput) throws(EmissionsError) -> JSONValue {
        guard !uses.isEmpty else { throw EmissionsError(.missingInput, "nothing was measured in this period") }
        var litres = ExactRatio.zero
        var sites: [JSONValue] = []
        for (part, use) in uses.sorted(by: { $0.key.order < $1.key.order }) {
            litres = try litres + use.litres
            sites.append([
                "site": input.audience.showsNames ? .string(part.site) : .null,
                "litres": try number(use.litres, decimals: 3),
                "on_site_l_per_kwh": try number(use.onSite.ratio, decimals: 6),
                "off_site_l_per_kwh": try use.offSite.map { value throws(EmissionsError) in
                    try number(value.ratio, decimals: 6)
                } ?? .null,
                "source": .string(use.source),
            ])
        }
        return [
            "cubic_metres": try number(litres / DecimalFigure(1000), decimals: 6),
            "method": .string(
                uses.values.allSatisfy { $0.offSite != nil }
                    ? "IT energy × WUE on site + IT energy × PUE × water of the electricity"
                    : "IT energy × WUE on site; water of the electricity is not set for every site"),
            "sites": .array(sites),
        ]
    }

    private static func use(_ value: JSONValue) throws(EmissionsError) -> Use {
        let onSite = try figure(value.number != nil ? value : value["on_site"])
        guard let onSite else { throw EmissionsError(.missingInput, "\(SettingField.siteWater): on_site is missing") }
        let offSite = try figure(value["off_site"])
        guard onSite >= .zero, offSite ?? .zero >= .zero else {
            throw EmissionsError(.outOfRange, "\(SettingField.siteWater): water is below zero")
        }
        return Use(onSite: onSite, offSite: offSite, source: value["source"]?.string ?? "stated")
    }

    /// A decimal as number or text.
    static func figure(_ value: JSONValue?) throws(EmissionsError) -> DecimalFigure? {
        guard let text = value?.number?.text ?? value?.string else { return nil }
        return try DecimalFigure(parsing: text)
    }

    static func number(_ value: ExactRatio, decimals: Int) throws(EmissionsError) -> JSONValue {
        JSONNumber(text: try value.rounded(decimals: decimals).text).map { .number($0) } ?? .null
    }
}

extension PeriodSums.Cell {
    fileprivate var order: (String, Int64, Int) { (site ?? "", hour, isFacility ? 1 : 0) }
}

extension SiteWater.Part {
    fileprivate var order: (String, String) { (site, String(decoding: setting.rendered(), as: UTF8.self)) }
}

extension SiteWater.Use {
    /// - Parameter usage: facility energy by the energy.
    fileprivate mutating func add(_ microjoules: Int128, _ usage: DecimalFigure) throws(EmissionsError) {
        let water = WaterUse(onSiteLitresPerKilowattHour: onSite, offSiteLitresPerKilowattHour: offSite ?? .zero)
        litres =
            try litres
            + water.litres(
                equipmentKilowattHours: .kilowattHours(microjoules: microjoules), powerUsageEffectiveness: usage)
    }
}
