import Accounts
import Batches
import ClusterSimulation
import Disclosure
import Energy

/// A year of an organization as its aggregator holds it when somebody asks for a report: registers from signed entries,
/// and the sums of every node and hour.
///
/// The sums are posted in as many parts as there would be batches; what a report reads is the same. Every node works
/// through jobs of a few nodes, one after the other, with idle hours between them.
struct ReportYear {
    let plan: YearPlan
    let seed: UInt64

    private static let shares: [Component] = [.accelerator, .cpu, .dram, .rest]

    /// - Parameter parts: batches behind each node-hour.
    func input(parts: Int) throws -> (input: DisclosureInput, pseudonyms: [String]) {
        var log = try SyntheticLog(seed: seed)
        let names = (0..<plan.nodes).map { "node-\($0)" }
        for name in names { try log.enrol(name) }
        try log.set(SettingField.siteZone, of: "north", "\"DE\"")
        try log.set(SettingField.sitePUE, of: "north", "{\"value\":1.2,\"source\":\"metered\"}")
        var pseudonyms: [String] = []
        var work: [(job: String, YearPlan.Job, turn: Int)] = []
        for turn in 0..<plan.turns {
            for job in plan.jobs(ofTurn: turn) {
                let record = log.record(
                    "\(job.number)", labels: ["class": "final", "model": "model-\(job.number % 40)"])
                let members = plan.groups[job.group].map { names[$0] }
                try log.job(
                    record, .start, witness: .scheduler,
                    start: UTCTime(hour: YearPlan.start + Int64(job.busy.lowerBound)),
                    stop: UTCTime(hour: YearPlan.start + Int64(job.busy.upperBound)), expected: Int64(members.count),
                    nodes: members)
                pseudonyms.append(record.pseudonym)
                work.append((record.pseudonym, job, turn))
            }
        }
        var input = try log.disclosureInput(plan.period)
        for (pseudonym, job, turn) in work {
            let end = plan.end(ofTurn: turn)
            for node in plan.groups[job.group] {
                for hour in job.busy {
                    add(.job(pseudonym), names[node], hour, (turn, job.group), parts, to: &input.accounts.ledger)
                }
                for hour in job.busy.upperBound..<max(end, job.busy.upperBound) {
                    add(.idle, names[node], hour, (turn, job.group), parts, to: &input.accounts.ledger)
                }
            }
        }
        return (input, pseudonyms)
    }

    private func add(
        _ account: Account, _ node: String, _ hour: Int, _ place: (turn: Int, group: Int), _ parts: Int,
        to ledger: inout Ledger
    ) {
        let time = YearPlan.start + Int64(hour)
        let key = Ledger.Key(account: account, node: node, hour: time, provenance: .counter, boundary: .nodeAC)
        let hourly = YearPlan.microjoules(isBusy: account != .idle, turn: place.turn, group: place.group)
        for part in 0..<Int64(parts) {
            var energy = ComponentEnergy()
            for (component, whole) in zip(Self.shares, hourly) {
                energy[component] = Int128(whole / Int64(parts) + (part < whole % Int64(parts) ? 1 : 0))
            }
            ledger.add(energy, at: key)
        }
        guard let job = account.job else { return }
        let hold = UTCInterval(start: UTCTime(hour: time), end: UTCTime(hour: time + 1))
        ledger.add(
            Ledger.Coverage(measuredMilliseconds: 3_600_000, bridgedMilliseconds: 0, hold: hold),
            at: Ledger.CoverageKey(job: job, node: node, hour: time))
    }
}
