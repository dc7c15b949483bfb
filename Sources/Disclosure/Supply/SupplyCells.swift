import Batches
import Emissions
import Energy

/// The organization's energy by hour, site, zone and market.
struct SupplyCells {
    private struct Key: Hashable {
        var hour: Int64
        var site: String
        var boundary: EnergyCell.Boundary

        var order: (Int64, String, Int) { (hour, site, boundary == .facility ? 1 : 0) }
    }

    let settings: SiteSettings
    private(set) var energy: [EnergyCell] = []
    private(set) var total: Int128 = 0
    /// Energy at sites of which nobody set the zone; its cells have an empty one.
    private(set) var unzoned: Int128 = 0

    init(_ input: DisclosureInput, _ all: PeriodSums? = nil) {
        let settings = SiteSettings(settings: input.accounts.settings, period: input.period)
        self.settings = settings
        var sums: [Key: Int128] = [:]
        for (cell, sum) in (all ?? PeriodSums(input)).cells {
            let boundary: EnergyCell.Boundary = cell.isFacility ? .facility : .informationTechnology
            sums[Key(hour: cell.hour, site: cell.site ?? "", boundary: boundary), default: 0] += sum
        }
        var zones: [String: SettingCourse] = [:]
        var markets: [String: SettingCourse] = [:]
        for (key, microjoules) in sums.sorted(by: { $0.key.order < $1.key.order }) {
            let time = UTCTime(hour: key.hour)
            let zone = zones[key.site, default: settings.zones(of: key.site)].text(at: time)
            let market = markets[key.site, default: settings.markets(of: key.site)].text(at: time) ?? zone
            if zone?.isEmpty ?? true { unzoned += microjoules }
            total += microjoules
            energy.append(
                EnergyCell(
                    hour: key.hour, site: key.site, zone: zone ?? "", market: market ?? "", boundary: key.boundary,
                    microjoules: microjoules))
        }
    }

    var sites: [String] { Set(energy.map(\.site)).subtracting([""]).sorted() }
    var zones: Set<String> { Set(energy.map(\.zone)).subtracting([""]) }
    var markets: Set<String> { Set(energy.map(\.market)).subtracting([""]) }

    func energy(in zone: String) -> Int128 { energy.reduce(0) { $1.zone == zone ? $0 + $1.microjoules : $0 } }
}
