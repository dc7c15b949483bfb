import Accounts
import Energy
import JSONText

/// The organization's energy in one period, by the double entry: every microjoule stands in exactly one account.
struct EnergySection {
    /// Every account that belongs to the organization: jobs, idle, unattributed, gap.
    var inside = EnergyBreakdown()
    var jobs: Int128 = 0
    var idleReserved: Int128 = 0
    var byClass: [String: Int128] = [:]
    var idle: Int128 = 0
    var unattributed: Int128 = 0
    var gap: Int128 = 0
    /// Outside the sum: counted before, another organization's, or made by a test.
    var superseded: Int128 = 0
    var tenant: Int128 = 0
    var synthetic: Int128 = 0
    /// The whole ledger of the period, for the check that nothing fell between accounts.
    var ledgerTotal: Int128 = 0
    private(set) var bySite: [String?: Int128] = [:]
    /// By calendar month, UTC: `2026-10`.
    private(set) var byMonth: [String: Int128] = [:]
    private let showsNames: Bool

    init(_ input: DisclosureInput, jobs summaries: [JobSummary], sums: PeriodSums? = nil) {
        let sums = sums ?? PeriodSums(input)
        showsNames = input.audience.showsNames
        // Over nodes and over jobs first: breaking a sum down costs far more than adding to it.
        var whole: [(place: Place, sum: ComponentEnergy)] = []
        let lines = input.accounts.ledger.lines
        for sum in sums.lines {
            let place = Place(lines[Int(sum.line)])
            if let index = whole.firstIndex(where: { $0.place == place }) {
                whole[index].sum.add(sum.energy)
            } else {
                whole.append((place, sum.energy))
            }
        }
        for (place, sum) in whole { add(place, sum) }
        var months: [Int64: String] = [:]
        for (cell, sum) in sums.cells {
            let month = months[cell.hour] ?? String(TimeText.rfc3339(UTCTime(hour: cell.hour)).prefix(7))
            months[cell.hour] = month
            byMonth[month, default: 0] += sum
            // Where the node was in that hour: the site that it enrolled for is not where it moved to.
            if input.method != .method1 { bySite[cell.site, default: 0] += sum }
        }
        if input.method == .method1 {
            var enrolled: [String?: Int128] = [:]
            let hours = input.period.start.hour...input.period.lastHour
            input.accounts.ledger.forEachEnergy(in: hours) { key, energy in
                if key.isOwn { enrolled[input.accounts.nodes.site(of: key.node), default: 0] += energy.total }
            }
            bySite = enrolled
        }
        for job in summaries {
            let active = job.energy.total - job.idleReservedMicrojoules
            byClass[job.jobClass, default: 0] += active
        }
        if idleReserved != 0 { byClass[Self.idleReservedClass, default: 0] += idleReserved }
    }

    /// What lines are told apart by here: the kind of account, whosever it is.
    private struct Place: Equatable {
        var account: Account
        var provenance: Provenance
        var boundary: Boundary

        init(_ line: EnergyLine) {
            account = line.account.withoutJob
            provenance = line.provenance
            boundary = line.boundary
        }
    }

    static let idleReservedClass = "idle_reserved"

    private mutating func add(_ key: Place, _ sum: ComponentEnergy) {
        ledgerTotal += sum.total
        guard key.provenance != .synthetic else {
            synthetic += sum.total
            return
        }
        switch key.account {
        case .superseded:
            superseded += sum.total
            return
        case .tenant:
            tenant += sum.total
            return
        case .job: jobs += sum.total
        case .idleReserved:
            jobs += sum.total
            idleReserved += sum.total
        case .idle: idle += sum.total
        case .unattributed: unattributed += sum.total
        case .gap: gap += sum.total
        }
        inside.add(sum, key.provenance, key.boundary)
    }

    /// Sites by name where names are shown; what no site is known for stands under "no site".
    private var sitesJSON: JSONValue {
        guard showsNames else { return .null }
        let sites = bySite.map { ($0.key ?? "no site", $0.value) }.sorted { $0.0 < $1.0 }
        return EnergyBreakdown.json(sites.map { ($0.0, $0.1) })
    }

    func json(facilityMegawattHours: JSONValue, significant: Int?) -> JSONValue {
        [
            "it_uj": .decimalString(inside.total), "measured_uj": .decimalString(inside.measured),
            "facility_mwh": facilityMegawattHours,
            "measured_share": Figure.ratio(inside.measured, inside.total) ?? .null,
            "by_boundary": inside.boundariesJSON,
            "by_class": EnergyBreakdown.json(byClass.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }),
            "by_component": inside.componentsJSON, "by_provenance": inside.provenancesJSON,
            "idle_uj": .decimalString(idle), "unattributed_uj": .decimalString(unattributed),
            "gap_uj": .decimalString(gap), "superseded_uj": .decimalString(superseded),
            "jobs_uj": .decimalString(jobs), "tenant_uj": .decimalString(tenant),
            "synthetic_uj": .decimalString(synthetic),
            "it_mwh": Figure.megawattHours(inside.total, significant: significant),
            "by_month": EnergyBreakdown.json(byMonth.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }),
            "by_site": sitesJSON,
        ]
    }
}

extension Account {
    /// The kind of account alone.
    fileprivate var withoutJob: Account {
        switch self {
        case .job: .job("")
        case .idleReserved: .idleReserved("")
        default: self
        }
    }
}
