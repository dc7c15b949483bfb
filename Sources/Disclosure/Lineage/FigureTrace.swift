package import Accounts
import Batches
import Energy
import JSONText

/// What the figures of a disclosure are sums of: one term for each account, node and hour.
///
/// It is read from the same ledger as the disclosure, the other way round: from each node-hour to the figures that
/// count it. Where a figure is a plain sum, its terms must give it to the microjoule.
package struct FigureTrace: Sendable {
    package struct Term: Sendable, Hashable {
        package var key: Ledger.Key
        /// What of the node-hour the figure counts.
        package var microjoules: Int128
        /// Nil for all components.
        package var component: Component?
    }

    /// A figure with what its terms come to.
    package struct Sum: Sendable, Hashable {
        package var path: FigurePath
        package var microjoules: Int128 = 0
        package var terms: Int = 0
    }

    private struct Share {
        var path: FigurePath
        var microjoules: Int128
        var component: Component?
    }

    let input: DisclosureInput
    let sites: SiteSettings
    private let jobs: [String: JobSummary]
    private let hours: ClosedRange<Int64>
    private let readings: [(meter: String, reading: ReconciliationSection.Reading)]

    /// - Parameter input: for the assurer, to whom every name is shown.
    package init(_ input: DisclosureInput) {
        self.input = input
        sites = SiteSettings(settings: input.accounts.settings, period: input.period)
        let summaries = JobSummary.all(in: input.accounts, period: input.period)
        jobs = Dictionary(summaries.map { ($0.pseudonym, $0) }) { first, _ in first }
        hours = input.period.start.hour...input.period.lastHour
        readings = ReconciliationSection.readings(input).readings
    }

    /// Every figure that has a term, by its path.
    package var sums: [Sum] {
        var sums: [String: Sum] = [:]
        input.accounts.ledger.forEachEnergy(in: hours) { key, energy in
            for share in shares(key, energy) {
                sums[share.path.text, default: Sum(path: share.path)].microjoules += share.microjoules
                sums[share.path.text]?.terms += 1
            }
        }
        return sums.values.sorted { $0.path.text < $1.path.text }
    }

    /// The terms of one figure by hour, node and account; empty when it has none.
    package func terms(of figure: String) -> (path: FigurePath?, terms: [Term]) {
        var path: FigurePath?
        var terms: [Term] = []
        input.accounts.ledger.forEachEnergy(in: hours) { key, energy in
            for share in shares(key, energy) where share.path.text == figure {
                path = share.path
                terms.append(Term(key: key, microjoules: share.microjoules, component: share.component))
            }
        }
        return (path, terms.sorted { $0.key.order < $1.key.order })
    }

    package func job(_ pseudonym: String) -> JobSummary? { jobs[pseudonym] }

    /// The site that the term's node belonged to, and its grid zone.
    func place(of key: Ledger.Key) -> (site: String, zone: String) {
        let enrolled = input.accounts.nodes.site(of: key.node)
        let site = sites.site(of: key.node, enrolled: enrolled, hour: key.hour) ?? ""
        return (site, sites.zone(of: site, hour: key.hour) ?? "")
    }

    /// Where certificates are deliverable to a site; its zone unless it is set.
    func market(of site: String, zone: String, hour: Int64) -> String {
        input.accounts.settings.json(SettingField.siteMarket, of: site, at: UTCTime(hour: hour))?.string ?? zone
    }

    // MARK: From a node-hour to its figures

    private func shares(_ key: Ledger.Key, _ energy: ComponentEnergy) -> [Share] {
        let total = energy.total
        guard key.isOwn else {
            let name: String
            switch (key.provenance, key.account) {
            case (.synthetic, _): name = "synthetic_uj"
            case (_, .tenant): name = "tenant_uj"
            default: name = "superseded_uj"
            }
            return [Share(path: FigurePath("energy", name), microjoules: total)]
        }
        var paths = wholePaths(key) + accountPaths(key)
        var jobPath: FigurePath?
        if let summary = key.account.job.flatMap({ jobs[$0] }) {
            let path = Self.path(of: summary)
            jobPath = path
            paths += self.paths(of: key, summary, path)
        }
        var shares = paths.map { Share(path: $0, microjoules: total) }
        for component in Component.allCases where energy[component] != 0 {
            for parent in [FigurePath("energy"), jobPath].compactMap(\.self) {
                let path = parent.appending("by_component", component.name)
                shares.append(Share(path: path, microjoules: energy[component], component: component))
            }
        }
        return shares
    }

    private func wholePaths(_ key: Ledger.Key) -> [FigurePath] {
        let (site, zone) = place(of: key)
        let listed = input.method == .method1 ? input.accounts.nodes.site(of: key.node) ?? "" : site
        var paths = [
            FigurePath("energy", "it_uj"), FigurePath("energy", "it_mwh", isSum: false),
            FigurePath("energy", "facility_mwh", isSum: false),
            FigurePath("energy", "by_provenance", key.provenance.rawValue),
            FigurePath("energy", "by_boundary", key.boundary.name),
            FigurePath("energy", "by_month", String(TimeText.rfc3339(UTCTime(hour: key.hour)).prefix(7))),
            FigurePath("energy", "by_site", listed.isEmpty ? "no site" : listed),
            FigurePath("water", "cubic_metres", isSum: false),
        ]
        for name in ["location_t", "market_t", "market_t_hourly", "matched_share", "matched_share_hourly"] {
            paths.append(FigurePath("emissions", name, isSum: false))
        }
        if input.accounts.nodes.kind(of: key.node) == .node {
            paths += [
                FigurePath("embodied", "kg", isSum: false), FigurePath("embodied", "node_hours", isSum: false),
            ]
        }
        for (meter, reading) in readings where reading.counts(key, at: site) {
            let (start, end) = (TimeText.rfc3339(reading.span.start), TimeText.rfc3339(reading.span.end))
            let item = FigurePath(
                "reconciliation", "\(meter)/\(start)/\(end)", where: ["meter": meter, "start": start, "end": end])
            paths.append(item.appending("inside_uj"))
        }
        if key.provenance.isMeasured { paths.append(FigurePath("energy", "measured_uj")) }
        guard !zone.isEmpty else { return paths }
        let item = FigurePath("zones", zone, where: ["zone": zone])
        paths.append(item.appending("energy_uj"))
        for name in ["location_t", "market_t", "supply_mwh"] { paths.append(item.appending(name, isSum: false)) }
        return paths
    }

    private func accountPaths(_ key: Ledger.Key) -> [FigurePath] {
        switch key.account {
        case .idle: return [FigurePath("energy", "idle_uj")]
        case .unattributed: return [FigurePath("energy", "unattributed_uj")]
        case .gap: return [FigurePath("energy", "gap_uj")]
        case .tenant, .superseded: return []
        case .idleReserved:
            return [
                FigurePath("energy", "jobs_uj"), FigurePath("energy", "by_class", EnergySection.idleReservedClass),
            ]
        case .job(let job):
            let summary = jobs[job].map { FigurePath("energy", "by_class", $0.jobClass) }
            return [FigurePath("energy", "jobs_uj")] + [summary].compactMap(\.self)
        }
    }

    private func paths(of key: Ledger.Key, _ summary: JobSummary, _ path: FigurePath) -> [FigurePath] {
        var paths = [
            path.appending("energy_uj"), path.appending("energy_mwh", isSum: false),
            path.appending("by_provenance", key.provenance.rawValue),
            path.appending("by_boundary", key.boundary.name),
            path.appending("by_node", key.node, where: ["node": key.node]).appending("energy_uj"),
        ]
        if key.provenance.isMeasured { paths.append(path.appending("measured_uj")) }
        if case .idleReserved = key.account { paths.append(path.appending("idle_reserved_uj")) }
        if let run = Self.run(of: summary) {
            paths += [run.appending("energy_uj"), run.appending("energy_mwh", isSum: false)]
        }
        if let model = summary.model {
            let row = FigurePath("model_documentation", model, where: ["model": model]).appending(
                "rows", "energy", where: ["id": "energy"])
            paths.append(row.appending("value", isSum: false))
        }
        return paths
    }

    static func path(of job: JobSummary) -> FigurePath {
        FigurePath(
            "jobs", job.record?.key.description ?? job.pseudonym, where: ["pseudonym": job.pseudonym])
    }

    /// A run is its name, model and class.
    private static func run(of job: JobSummary) -> FigurePath? {
        guard let name = job.run else { return nil }
        let model = job.model ?? ""
        return FigurePath(
            "runs", [name, model, job.jobClass].joined(separator: "/"),
            where: ["name": name, "model": model, "class": job.jobClass])
    }
}

extension Ledger.Key {
    /// The order in which terms are listed and drawn from.
    var order: (Int64, String, String, Int16, Int16) {
        (hour, node, account.key, provenance.code, boundary.rawValue)
    }
}
