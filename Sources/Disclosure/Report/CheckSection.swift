import Emissions
import JSONText

/// What the report checks about itself, so that a figure that does not add up cannot be printed unnoticed.
struct CheckSection {
    private var checks: [SelfCheck]

    /// - Parameter others: checks that other sections made of themselves.
    init(_ energy: EnergySection, jobs: [JobSummary], others: [SelfCheck]) {
        checks = []
        sums(energy, jobs)
        windows(jobs)
        nodes(jobs)
        coverages(jobs)
        checks += others
    }

    private mutating func add(_ id: String, _ passed: Bool, _ detail: String) {
        checks.append(SelfCheck(id: id, passed: passed, detail: detail))
    }

    private mutating func sums(_ energy: EnergySection, _ jobs: [JobSummary]) {
        let inside = energy.inside
        let accounts = energy.jobs + energy.idle + energy.unattributed + energy.gap
        add(
            "lines", accounts == inside.total,
            "jobs + idle + unattributed + gap = \(accounts) µJ, it_uj = \(inside.total) µJ")
        let listed = jobs.reduce(Int128(0)) { $0 + $1.energy.total }
        add("jobs", listed == energy.jobs, "Σ jobs[] = \(listed) µJ, posted to jobs = \(energy.jobs) µJ")
        let everything = accounts + energy.superseded + energy.tenant + energy.synthetic
        add(
            "conservation", everything == energy.ledgerTotal,
            "all accounts = \(everything) µJ, all postings of the period = \(energy.ledgerTotal) µJ")
        let parts = [inside.byComponent.total, inside.byProvenance.total, inside.byBoundary.total]
        add(
            "breakdowns", parts.allSatisfy { $0 == inside.total },
            "Σ by_component, by_provenance, by_boundary = it_uj = \(inside.total) µJ")
        let classes = energy.byClass.values.reduce(0, +)
        add("classes", classes == energy.jobs, "Σ by_class = \(classes) µJ, posted to jobs = \(energy.jobs) µJ")
        let nodes = jobs.reduce(Int128(0)) { $0 + $1.nodes.reduce(0) { $0 + ($1.energyMicrojoules ?? 0) } }
        add("by_node", nodes == energy.jobs, "Σ by_node of all jobs = \(nodes) µJ, posted to jobs = \(energy.jobs) µJ")
    }

    private mutating func windows(_ jobs: [JobSummary]) {
        let wrong = jobs.filter { $0.flags.contains("stop_before_start") }
        add("windows", wrong.isEmpty, "stop > start in \(jobs.count - wrong.count) of \(jobs.count) jobs")
    }

    private mutating func nodes(_ jobs: [JobSummary]) {
        // A job with fewer nodes, or of which nobody says how many, is a lower bound and says so; one with more than it
        // was given counts somebody else's.
        let complete = jobs.count { job in job.nodesExpected.map { $0 == job.nodesReporting } ?? false }
        let surplus = jobs.count { job in job.nodesExpected.map { $0 < job.nodesReporting } ?? false }
        add(
            "nodes", surplus == 0,
            "as many nodes reported as were allocated in \(complete) of \(jobs.count) jobs, more in \(surplus); the"
                + " others are lower bounds")
    }

    private mutating func coverages(_ jobs: [JobSummary]) {
        let bounded = jobs.count { $0.time.measured &+ $0.time.bridged <= $0.time.allocated }
        add(
            "coverage", bounded == jobs.count,
            "measured and bridged time is within the allocation in \(bounded) of \(jobs.count) jobs")
    }

    /// - Parameter showsDetail: details tell amounts of energy.
    func json(showsDetail: Bool) -> JSONValue {
        .array(
            checks.map { check in
                [
                    "id": .string(check.id), "passed": .bool(check.passed),
                    "detail": .string(showsDetail ? check.detail : "withheld from this audience"),
                ]
            })
    }
}
