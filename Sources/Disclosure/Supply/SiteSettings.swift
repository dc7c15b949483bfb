import Emissions
import Energy
import JSONText

/// What is set about the sites of a period: zone, market and PUE, hour by hour.
struct SiteSettings {
    let settings: SettingRegister
    let period: UTCInterval

    func zone(of site: String, hour: Int64) -> String? { text(SettingField.siteZone, site, hour) }

    func zones(of site: String) -> SettingCourse { SettingCourse(settings, SettingField.siteZone, site) }
    /// Where certificates for the site are deliverable; nil where it is its zone.
    func markets(of site: String) -> SettingCourse { SettingCourse(settings, SettingField.siteMarket, site) }

    func site(of node: String, enrolled site: String?, hour: Int64) -> String? {
        text(SettingField.nodeSite, node, hour) ?? site
    }

    private func text(_ field: String, _ subject: String, _ hour: Int64) -> String? {
        settings.json(field, of: subject, at: UTCTime(hour: hour))?.string
    }

    /// The PUE of a site over the period, nil where none is set.
    ///
    /// - Throws: `outOfRange` for a PUE that cannot be.
    func schedule(of site: String) throws(EmissionsError) -> PUESchedule? {
        var entries: [PowerUsageEffectiveness] = []
        let edges = hours(atWhichChanges: SettingField.sitePUE, site)
        for (start, end) in zip(edges, edges.dropFirst()) {
            guard let value = settings.json(SettingField.sitePUE, of: site, at: UTCTime(hour: start)) else { continue }
            let interval = UTCInterval(start: UTCTime(hour: start), end: UTCTime(hour: end))
            entries.append(try Self.effectiveness(value, over: interval))
        }
        return entries.isEmpty ? nil : try PUESchedule(site: site, entries: entries)
    }

    /// Both ends of the period, and every whole hour between them at which the setting may be another one.
    private func hours(atWhichChanges field: String, _ subject: String) -> [Int64] {
        let first = period.start.hour
        let last = period.end.hour
        let changes = settings.changes(of: field, subject: subject)
            .map { $0.isWholeHour ? $0.hour : $0.hour &+ 1 }.filter { first < $0 && $0 < last }
        return [first] + Set(changes).sorted() + [last]
    }

    /// - Throws: `malformedFigure`, or `outOfRange` for a PUE that cannot be.
    static func effectiveness(
        _ value: JSONValue, over interval: UTCInterval
    ) throws(EmissionsError) -> PowerUsageEffectiveness {
        let figure = value.number?.text ?? value["value"]?.number?.text ?? value["value"]?.string ?? value.string ?? ""
        return try PowerUsageEffectiveness(
            value: try DecimalFigure(parsing: figure),
            category: value["category"]?.string.flatMap { .init(rawValue: $0) } ?? .notStated,
            source: value["source"]?.string.flatMap { .init(rawValue: $0) } ?? .stated, interval: interval)
    }
}
