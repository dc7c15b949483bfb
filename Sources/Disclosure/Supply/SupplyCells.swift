import Accounts
import Emissions
import Energy

/// The organization's energy by hour, site, zone and market.
struct SupplyCells {
    private struct Key: Hashable {
        var hour: Int64
        var site: String
        var boundary: EnergyCell.Boundary
    }

    let settings: SiteSettings
    private(set) var energy: [EnergyCell] = []
    private(set) var total: Int128 = 0
    /// Energy at sites of which nobody set the zone; its cells have an empty one.
    private(set) var unzoned: Int128 = 0

    init(_ input: DisclosureInput) {
        let settings = SiteSettings(settings: input.accounts.settings, period: input.period)
        self.settings = settings
        let hours = input.period.start.hour...input.period.lastHour
        var sums: [Key: Int128] = [:]
        // A node that never moves is asked about once, not for each of its hours.
        var homes: [String: String?] = [:]
        for (key, sum) in input.accounts.ledger.energy where hours.contains(key.hour) && key.isOwn {
            let site: String?
            if let home = homes[key.node] {
                site = home
            } else {
                site = settings.site(
                    of: key.node, enrolled: input.accounts.nodes.site(of: key.node), hour: key.hour)
                if settings.settings.changes(of: SettingField.nodeSite, subject: key.node).isEmpty {
                    homes[key.node] = .some(site)
                }
            }
            let boundary: EnergyCell.Boundary = key.boundary == .facility ? .facility : .informationTechnology
            sums[Key(hour: key.hour, site: site ?? "", boundary: boundary), default: 0] += sum.total
        }
        for (key, microjoules) in sums.sorted(by: { ($0.key.hour, $0.key.site) < ($1.key.hour, $1.key.site) }) {
            let zone = settings.zone(of: key.site, hour: key.hour) ?? ""
            if zone.isEmpty { unzoned += microjoules }
            total += microjoules
            energy.append(
                EnergyCell(
                    hour: key.hour, site: key.site, zone: zone,
                    market: settings.market(of: key.site, hour: key.hour) ?? "", boundary: key.boundary,
                    microjoules: microjoules))
        }
    }

    var sites: [String] { Set(energy.map(\.site)).subtracting([""]).sorted() }
    var zones: Set<String> { Set(energy.map(\.zone)).subtracting([""]) }
    var markets: Set<String> { Set(energy.map(\.market)).subtracting([""]) }

    func energy(in zone: String) -> Int128 { energy.reduce(0) { $1.zone == zone ? $0 + $1.microjoules : $0 } }
}

extension Ledger.Key {
    /// Whether the energy is part of the organization's total.
    var isOwn: Bool {
        guard provenance != .synthetic else { return false }
        switch account {
        case .job, .idleReserved, .idle, .unattributed, .gap: return true
        case .tenant, .superseded: return false
        }
    }
}
