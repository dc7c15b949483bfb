package import Accounts
import Batches
import Energy
package import JSONText

/// Energy of jobs over their lives, in steps of whole hours: what charts and forecasts are drawn from.
struct JobProfiles {
    private struct Step {
        var energy: [Component: Int128] = [:]
        var byNode: [String: Int128] = [:]
        var held: UTCInterval?

        mutating func add(_ sum: ComponentEnergy, _ node: String) {
            for component in Component.allCases where sum[component] != 0 {
                energy[component, default: 0] += sum[component]
            }
            byNode[node, default: 0] += sum.total
        }

        mutating func hold(_ interval: UTCInterval) {
            guard let known = held else {
                held = interval
                return
            }
            held = UTCInterval(start: min(known.start, interval.start), end: max(known.end, interval.end))
        }
    }

    /// The largest jobs of a report; a chart of each is looked at, not thousands.
    static let maximumJobs = 12
    /// Steps of one profile; longer lives have longer steps.
    static let maximumSteps = 96
    /// Nodes told apart; the rest are one.
    static let maximumNodes = 7

    private let jobs: [JobSummary]
    private let audience: Audience
    private var hours: [String: [Int64: Step]] = [:]

    /// - Parameter jobs: of the report, in its order.
    init(_ input: DisclosureInput, jobs: [JobSummary]) {
        audience = input.audience
        // Places are sorted and not summaries, which are large.
        let totals = jobs.map(\.energy.total)
        let largest = totals.indices.filter { totals[$0] > 0 }.sorted { (totals[$1], $0) < (totals[$0], $1) }
            .prefix(Self.maximumJobs).map { jobs[$0] }
        self.jobs = input.audience.showsJobs ? largest : []
        guard !self.jobs.isEmpty else { return }
        let range = input.period.start.hour...input.period.lastHour
        collect(input.accounts.ledger) { range.contains($0) }
    }

    private init(_ summary: JobSummary, ledger: Ledger) {
        audience = .assurer
        jobs = [summary]
        collect(ledger) { _ in true }
    }

    private mutating func collect(_ ledger: Ledger, _ isInside: (Int64) -> Bool) {
        for job in jobs {
            var steps: [Int64: Step] = [:]
            for line in ledger.lines(ofJob: job.pseudonym) where line.provenance != .synthetic {
                let node = ledger.nodes[Int(line.node)]
                for hour in line.hours {
                    let time = ledger.hours[Int(hour.slot)]
                    if isInside(time) { steps[time, default: Step()].add(line.energy(hour), node) }
                }
            }
            for line in ledger.coverageLines(ofJob: job.pseudonym) {
                for hour in line.hours {
                    let time = ledger.hours[Int(hour.slot)]
                    if isInside(time) { steps[time, default: Step()].hold(hour.sum.hold) }
                }
            }
            if !steps.isEmpty { hours[job.pseudonym] = steps }
        }
    }

    var json: JSONValue { .array(jobs.map(json)) }

    private func json(_ job: JobSummary) -> JSONValue {
        let name = audience.showsNames ? job.record?.key.description ?? job.pseudonym : job.pseudonym
        let steps = self.steps(of: job.pseudonym)
        let nodes = leading(steps)
        return [
            "job": .string(name), "pseudonym": .string(job.pseudonym),
            "steps": .array(steps.map { json($0.hours, $0.step, nodes: nodes) }),
        ]
    }

    /// Neighbouring hours joined until there are few enough.
    private func steps(of job: String) -> [(hours: Range<Int64>, step: Step)] {
        guard let known = hours[job], let first = known.keys.min(), let last = known.keys.max() else { return [] }
        let width = max(1, (last - first) / Int64(Self.maximumSteps) + 1)
        return stride(from: first, through: last, by: Int64.Stride(width)).map { start in
            var step = Step()
            for hour in start..<(start + width) {
                guard let part = known[hour] else { continue }
                step.energy.merge(part.energy, uniquingKeysWith: +)
                step.byNode.merge(part.byNode, uniquingKeysWith: +)
                if let held = part.held { step.hold(held) }
            }
            return (start..<(start + width), step)
        }
    }

    private func leading(_ steps: [(hours: Range<Int64>, step: Step)]) -> [String] {
        var sums: [String: Int128] = [:]
        for step in steps { sums.merge(step.step.byNode, uniquingKeysWith: +) }
        guard sums.count > Self.maximumNodes + 1 else { return sums.keys.sorted() }
        return sums.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.maximumNodes).map(\.key).sorted()
    }

    private func json(_ hours: Range<Int64>, _ step: Step, nodes: [String]) -> JSONValue {
        let held = step.held.map { max(0, ($0.end.microseconds - $0.start.microseconds) / 1000) } ?? 0
        var byNode: JSONValue = .null
        if audience.showsNodes {
            let rest = step.byNode.reduce(Int128(0)) { nodes.contains($1.key) ? $0 : $0 + $1.value }
            byNode = EnergyBreakdown.json(
                nodes.map { ($0, step.byNode[$0]) } + [("others", rest == 0 ? nil : rest)])
        }
        return [
            "start": TimeText.json(UTCTime(hour: hours.lowerBound)),
            "end": TimeText.json(UTCTime(hour: hours.upperBound)),
            "held_ms": .decimalString(held),
            "by_component": EnergyBreakdown.json(Component.allCases.map { ($0.name, step.energy[$0]) }),
            "by_node": byNode,
        ]
    }
}

extension JobSummary {
    /// Energy hour by hour over the whole life of the job, for `GET /jobs/{key}`: each hour with the end of what is
    /// known of it.
    package func hoursJSON(in ledger: Ledger) -> JSONValue {
        var sums: [Int64: Int128] = [:]
        var ends: [Int64: UTCTime] = [:]
        for line in ledger.lines(ofJob: pseudonym) where line.provenance != .synthetic {
            for hour in line.hours { sums[ledger.hours[Int(hour.slot)], default: 0] += line.energy(hour).total }
        }
        for line in ledger.coverageLines(ofJob: pseudonym) {
            for hour in line.hours {
                let (time, end) = (ledger.hours[Int(hour.slot)], hour.sum.hold.end)
                ends[time] = max(ends[time] ?? end, end)
            }
        }
        return .array(
            sums.sorted { $0.key < $1.key }.map { hour, energy in
                let end = UTCTime(hour: hour + 1)
                return [
                    "start": TimeText.json(UTCTime(hour: hour)), "end": TimeText.json(min(ends[hour] ?? end, end)),
                    "energy_uj": .decimalString(energy),
                ]
            })
    }
}
