import Accounts
import Energy
import JSONText

/// Which nodes were expected, which reported, and which time is measured, bridged or missing.
struct CoverageSection {
    var nodesExpected: Int64?
    var nodesReporting: Int64
    var time = JobSummary.NodeTime()
    var gaps: [Ledger.Gap]
    private let showsNodes: Bool

    init(_ input: DisclosureInput, jobs: [JobSummary], sums: PeriodSums) {
        let accounts = input.accounts
        let reporting = sums.reporting.filter { accounts.nodes.kind(of: $0) == .node }
        nodesReporting = Int64(reporting.count)
        var expected = Set(accounts.nodes.members.values.filter { $0.isExpected(in: input.period) }.map(\.name))
        expected.formUnion(reporting)
        var unnamed: Int64 = 0
        for job in jobs {
            let nodes = job.nodes.filter { $0.kind == .node }
            expected.formUnion(nodes.map(\.node))
            unnamed = max(unnamed, (job.nodesExpected ?? 0) - Int64(nodes.count))
            time.add(job.time)
        }
        // One job of unknown size makes the number unknown: how many files were seen is no answer.
        nodesExpected = jobs.allSatisfy { $0.nodesExpected != nil } ? Int64(expected.count) &+ unnamed : nil
        gaps = GapFold(accounts.ledger.gaps.filter { input.period.intersection($0.span.interval) != nil }).gaps
        showsNodes = input.audience.showsNodes
    }

    var json: JSONValue {
        [
            "nodes_expected": nodesExpected.map { .integer($0) } ?? .null, "nodes_reporting": .integer(nodesReporting),
            "node_ms": time.json, "gaps": .array(gaps.map(json)),
        ]
    }

    private func json(_ gap: Ledger.Gap) -> JSONValue {
        [
            "node": .text(showsNodes ? gap.node : nil), "start": TimeText.json(gap.span.interval.start),
            "end": TimeText.json(gap.span.interval.end), "kind": .string(gap.span.kind.name),
            "milliseconds": .decimalString(gap.span.milliseconds), "job": .text(showsNodes ? gap.span.job : nil),
            "entry": .decimalString(gap.index),
        ]
    }
}
