import Batches
import Emissions
import Energy
import JSONText

/// Water by site: E · WUE on site + E · PUE · water of the electricity.
enum SiteWater {
    /// - Throws: `missingInput` for a site with energy and without a figure, `outOfRange`, `malformedFigure`.
    static func json(
        _ input: DisclosureInput, _ settings: SiteSettings, _ sums: PeriodSums
    ) throws(EmissionsError) -> JSONValue {
        var energies: [String: Int128] = [:]
        for (cell, sum) in sums.cells { energies[cell.site ?? "", default: 0] += sum }
        var litres = ExactRatio.zero
        var sites: [JSONValue] = []
        var hasOffSite = true
        for (site, microjoules) in energies.sorted(by: { $0.key < $1.key }) where microjoules != 0 {
            let use = try use(site, input)
            let pue = use.offSite == nil ? .one : try effectiveness(site, settings)
            let figure = WaterUse(
                onSiteLitresPerKilowattHour: use.onSite, offSiteLitresPerKilowattHour: use.offSite ?? .zero)
            let amount = try figure.litres(
                equipmentKilowattHours: .kilowattHours(microjoules: microjoules), powerUsageEffectiveness: pue)
            litres = try litres + amount
            hasOffSite = hasOffSite && use.offSite != nil
            sites.append([
                "site": input.audience.showsNames ? .string(site) : .null, "litres": try number(amount, decimals: 3),
                "on_site_l_per_kwh": try number(use.onSite.ratio, decimals: 6),
                "off_site_l_per_kwh": try use.offSite.map { value throws(EmissionsError) in
                    try number(value.ratio, decimals: 6)
                } ?? .null,
                "source": .string(use.source),
            ])
        }
        guard !sites.isEmpty else { throw EmissionsError(.missingInput, "nothing was measured in this period") }
        return [
            "cubic_metres": try number(litres / DecimalFigure(1000), decimals: 6),
            "method": .string(
                hasOffSite
                    ? "IT energy × WUE on site + IT energy × PUE × water of the electricity"
                    : "IT energy × WUE on site; water of the electricity is not set for every site"),
            "sites": .array(sites),
        ]
    }

    private static func use(
        _ site: String, _ input: DisclosureInput
    ) throws(EmissionsError) -> (onSite: DecimalFigure, offSite: DecimalFigure?, source: String) {
        guard let value = input.accounts.settings.json(SettingField.siteWater, of: site, at: input.closingTime) else {
            throw EmissionsError(
                .missingInput,
                "no water usage effectiveness is set for every site with energy; set \(SettingField.siteWater)")
        }
        let onSite = try figure(value.number != nil ? value : value["on_site"])
        guard let onSite else { throw EmissionsError(.missingInput, "\(SettingField.siteWater): on_site is missing") }
        let offSite = try figure(value["off_site"])
        guard onSite >= .zero, offSite ?? .zero >= .zero else {
            throw EmissionsError(.outOfRange, "\(SettingField.siteWater): water is below zero")
        }
        return (onSite, offSite, value["source"]?.string ?? "stated")
    }

    /// A decimal as number or text.
    static func figure(_ value: JSONValue?) throws(EmissionsError) -> DecimalFigure? {
        guard let text = value?.number?.text ?? value?.string else { return nil }
        return try DecimalFigure(parsing: text)
    }

    private static func effectiveness(
        _ site: String, _ settings: SiteSettings
    ) throws(EmissionsError) -> DecimalFigure {
        let values = Set(try settings.schedule(of: site)?.entries.map(\.value) ?? [])
        guard values.count == 1, let value = values.first else {
            throw EmissionsError(
                .missingInput,
                "water of the electricity needs one PUE for the period at each site; set "
                    + SettingField.sitePUE)
        }
        return value
    }

    static func number(_ value: ExactRatio, decimals: Int) throws(EmissionsError) -> JSONValue {
        JSONNumber(text: try value.rounded(decimals: decimals).text).map { .number($0) } ?? .null
    }
}
