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
    var jobs: Int
    var nodes: Int
    var hours: Int
    /// Nodes of one job.
    var width: Int
    var seed: UInt64

    private static let start: Int64 = 490_896
    private static let shares: [(Component, Int128)] = [(.accelerator, 17), (.cpu, 3), (.dram, 1), (.rest, 3)]

    var period: UTCInterval {
        UTCInterval(start: UTCTime(hour: Self.start), end: UTCTime(hour: Self.start + Int64(hours)))
    }

    /// - Parameter parts: batches behind each node-hour.
    func input(parts: Int) throws -> (input: DisclosureInput, pseudonyms: [String]) {
        var log = try SyntheticLog(seed: seed)
        let names = (0..<nodes).map { "node-\($0)" }
        for name in names { try log.enrol(name) }
        try log.set(SettingField.siteZone, of: "north", "\"DE\"")
        try log.set(SettingField.sitePUE, of: "north", "{\"value\":1.2,\"source\":\"metered\"}")
        let groups = stride(from: 0, to: nodes, by: width).map { Array(names[$0..<min(nodes, $0 + width)]) }
        let turns = max(1, jobs / groups.count)
        let turn = max(1, hours / turns)
        var pseudonyms: [String] = []
        var work: [(job: String, group: Int, first: Int, count: Int)] = []
        for number in 0..<jobs {
            let (group, first) = (number % groups.count, number / groups.count * turn)
            guard first < hours else { break }
            let count = max(1, min(hours - first, turn - turn / 12))
            let record = log.record("\(number)", labels: ["class": "final", "model": "model-\(number % 40)"])
            try log.job(
                record, .start, witness: .scheduler, start: UTCTime(hour: Self.start + Int64(first)),
                stop: UTCTime(hour: Self.start + Int64(first + count)), expected: Int64(groups[group].count),
                nodes: groups[group])
            pseudonyms.append(record.pseudonym)
            work.append((record.pseudonym, group, first, count))
        }
        var input = try log.disclosureInput(period)
        var busy = Array(repeating: Set<Int>(), count: groups.count)
        for item in work {
            for hour in item.first..<(item.first + item.count) {
                busy[item.group].insert(hour)
                for node in groups[item.group] {
                    add(.job(item.job), node, hour, parts: parts, to: &input.accounts.ledger)
                }
            }
        }
        for (group, taken) in zip(groups, busy) {
            for hour in 0..<hours where !taken.contains(hour) {
                for node in group { add(.idle, node, hour, parts: parts, to: &input.accounts.ledger) }
            }
        }
        return (input, pseudonyms)
    }

    /// An hour of a node with eight accelerators, 24 MJ busy and 6 MJ idle, a little different for each.
    private func add(_ account: Account, _ node: String, _ hour: Int, parts: Int, to ledger: inout Ledger) {
        let time = Self.start + Int64(hour)
        let key = Ledger.Key(
            account: account, node: node, hour: time, provenance: .counter, boundary: .nodeAC)
        let scale = Int128(account == .idle ? 250_000 : 1_000_000) + Int128(hour % 997)
        for part in 0..<Int128(parts) {
            var energy = ComponentEnergy()
            for (component, joules) in Self.shares {
                let whole = joules * scale * 1_000_000
                energy[component] = whole / Int128(parts) + (part < whole % Int128(parts) ? 1 : 0)
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
