import Accounts
import Batches
import ClusterSimulation
import Energy
import JSONText
import Testing

@testable import Disclosure

@Suite struct JobSummaryTests {
    /// A job on so many nodes for so many half minutes, of which some report.
    private func job(
        expected: Int64?, listed: [String] = [], reporting: [String], batches: Int = 4, stop: Bool = true
    ) throws -> (JobSummary, SyntheticLog) {
        var log = try SyntheticLog(seed: 11)
        for name in ["n1", "n2", "n3"] { try log.enrol(name) }
        let record = log.record("7")
        let start = log.now
        try log.job(record, .start, witness: .scheduler, start: start, expected: expected, nodes: listed)
        for _ in 0..<batches { for name in reporting { try log.batch(name, holds: [.init(record.pseudonym)]) } }
        if stop {
            try log.job(
                record, .end, witness: .scheduler,
                stop: UTCTime(microseconds: start.microseconds + 30_000_000 * Int64(batches)))
        }
        let summary = try #require(JobSummary.make(record.pseudonym, in: log.accounts()))
        return (summary, log)
    }

    @Test func aJobThatReportsInFullIsNoLowerBound() throws {
        let (summary, _) = try job(expected: 2, reporting: ["n1", "n2"])
        #expect(summary.nodesReporting == 2)
        #expect(summary.time == .init(allocated: 240_000, measured: 240_000, bridged: 0, missing: 0))
        #expect(!summary.isLowerBound)
        #expect(summary.coverage == 1)
        #expect(summary.wallclockMilliseconds == 120_000)
    }

    /// The scheduler's edges lie a moment inside of the batches': a report is not refused for that millisecond.
    @Test func edgesBetweenTwoReadingsAreNoTimeCountedTwice() throws {
        var log = try SyntheticLog(seed: 12)
        try log.enrol("n1")
        let record = log.record("8")
        let start = UTCTime(microseconds: log.now.microseconds + 7_000)
        try log.job(record, .start, witness: .scheduler, start: start, expected: 1)
        for _ in 0..<3 { try log.batch("n1", holds: [.init(record.pseudonym)]) }
        try log.job(record, .end, witness: .scheduler, stop: log.now)
        let summary = try #require(JobSummary.make(record.pseudonym, in: log.accounts()))
        #expect(summary.time == .init(allocated: 89_993, measured: 89_993, bridged: 0, missing: 0))
    }

    @Test func aSilentNodeIsMissingAndNotZero() throws {
        let (summary, _) = try job(expected: 2, listed: ["n1", "n2"], reporting: ["n1"])
        #expect(summary.isLowerBound)
        #expect(summary.nodesReporting == 1)
        #expect(summary.time.missing == 120_000)
        #expect(summary.nodes.first { $0.node == "n2" }?.energyMicrojoules == nil)
        #expect(summary.json()["by_node"]?.array?.last?["energy_uj"]?.isNull == true)
    }

    @Test func aNodeThatNobodyNamesIsMissingToo() throws {
        let (summary, _) = try job(expected: 3, reporting: ["n1", "n2"])
        #expect(summary.isLowerBound)
        #expect(summary.time == .init(allocated: 360_000, measured: 240_000, bridged: 0, missing: 120_000))
        #expect(summary.json()["coverage"]?.number?.text == "0.666667")
    }

    @Test func withoutAnExpectationThereIsNoCoverage() throws {
        let (summary, _) = try job(expected: nil, reporting: ["n1", "n2"])
        #expect(summary.coverage == nil)
        #expect(summary.nodesExpected == nil)
        #expect(!summary.isLowerBound)
    }

    /// Both nodes told of their holds, and of one there is no batch: it is missed, whoever said how many there are.
    @Test(arguments: [nil, 2] as [Int64?])
    func aNodeThatToldOfItsHoldIsMissingUntilItReports(expected: Int64?) throws {
        var log = try SyntheticLog(seed: 13)
        for name in ["n1", "n2"] { try log.enrol(name) }
        let keys = try ["n1", "n2"].map { name in (name, try #require(log.keys[name])) }
        let record = log.record("9")
        let start = log.now
        let end = UTCTime(microseconds: start.microseconds + 60_000_000)
        let late = UTCTime(microseconds: start.microseconds + 20_000_000)
        for (name, key) in keys {
            try log.job(
                record, .start, witness: .agent, start: name == "n1" ? start : late, expected: expected, by: key)
        }
        for _ in 0..<2 { try log.batch("n1", holds: [.init(record.pseudonym)]) }
        for (_, key) in keys { try log.job(record, .end, witness: .agent, stop: end, by: key) }
        let summary = try #require(JobSummary.make(record.pseudonym, in: log.accounts()))
        #expect(summary.isLowerBound && summary.nodesReporting == 1)
        #expect(summary.time == .init(allocated: 100_000, measured: 60_000, bridged: 0, missing: 40_000))
        let node = try #require(summary.nodes.first { $0.node == "n2" })
        #expect(node.state == .absent && node.energyMicrojoules == nil && node.time.missing == 40_000)
    }

    /// A pod fails on one node and comes again there while the job goes on, and ends, on another.
    @Test func aNodeIsNotMissedInAttemptsThatItDidNotTellOf() throws {
        var log = try SyntheticLog(seed: 14)
        for name in ["n1", "n2"] { try log.enrol(name) }
        let (first, second) = (try #require(log.keys["n1"]), try #require(log.keys["n2"]))
        let record = log.record("9")
        let start = log.now
        func time(_ seconds: Int64) -> UTCTime { UTCTime(microseconds: start.microseconds + seconds * 1_000_000) }
        let hold = [SyntheticLog.Hold(record.pseudonym)]
        try log.job(record, .start, attempt: 0, witness: .agent, start: time(0), stop: time(30), by: first)
        try log.job(record, .start, attempt: 1, witness: .agent, start: time(60), stop: time(120), by: first)
        try log.job(record, .start, attempt: 0, witness: .agent, start: time(0), stop: time(90), by: second)
        for (n1, n2) in [(hold, hold), ([], hold), (hold, hold), (hold, [])] {
            try log.batch("n1", holds: n1)
            try log.batch("n2", holds: n2)
        }
        let summary = try #require(JobSummary.make(record.pseudonym, in: log.accounts()))
        #expect(summary.time == .init(allocated: 180_000, measured: 180_000, bridged: 0, missing: 0))
        #expect(!summary.isLowerBound && summary.attempts == 2)
    }

    /// The agents told three; a manifest that the administration signs afterwards says two.
    @Test(arguments: [2, 3] as [Int64]) func whoeverSaysAnotherNumberIsShown(manifest: Int64) throws {
        var log = try SyntheticLog(seed: 15)
        for name in ["n1", "n2"] { try log.enrol(name) }
        let key = try #require(log.keys["n1"])
        let record = log.record("9")
        try log.job(record, .start, witness: .agent, start: log.now, expected: 3, by: key)
        for name in ["n1", "n2"] { try log.batch(name, holds: [.init(record.pseudonym, expectedNodes: 3)]) }
        let agreed = try #require(JobSummary.make(record.pseudonym, in: log.accounts()))
        #expect(agreed.nodesExpected == 3 && agreed.isLowerBound && agreed.flags.isEmpty)
        let index = try log.job(record, .update, witness: .scheduler, expected: manifest)
        let summary = try #require(JobSummary.make(record.pseudonym, in: log.accounts()))
        #expect(summary.nodesExpected == manifest)
        #expect(summary.flags == (manifest == 3 ? [] : ["nodes_disputed"]))
        let said = summary.json()["nodes_expected_by"]?.array?.map { said in
            "\(said["witness"]?.string ?? "") \(said["by"]?.string ?? "-") \(said["nodes"]?.int64 ?? 0) "
                + (said["entry"]?.string ?? "-")
        }
        let different = ["scheduler log.example/acme/administration 2 \(index)", "agent - 3 -"]
        #expect(said == (manifest == 3 ? nil : different))
    }

    @Test func anUnlistedNodeIsFlagged() throws {
        let (summary, _) = try job(expected: 1, listed: ["n1"], reporting: ["n1", "n2"])
        #expect(summary.flags.contains("unlisted_node"))
        #expect(summary.time.missing == 0)
    }

    @Test func aRunningJobGoesToItsLatestHold() throws {
        var (_, log) = try job(expected: 2, reporting: ["n1", "n2"], stop: false)
        let record = try #require(log.records.keys.first)
        try log.batch("n1", holds: [.init(record)])
        let summary = try #require(JobSummary.make(record, in: log.accounts()))
        #expect(summary.stop == nil)
        #expect(summary.time.allocated == 300_000)
        #expect(summary.time.missing == 30_000)
    }

    /// A requeued job on other nodes: neither attempt's nodes are missed in the other attempt.
    @Test func attemptsHaveNodesOfTheirOwn() throws {
        var log = try SyntheticLog(seed: 12)
        for name in ["n1", "n2"] { try log.enrol(name) }
        let record = log.record("8")
        let start = log.now
        let middle = UTCTime(microseconds: start.microseconds + 30_000_000)
        let end = UTCTime(microseconds: start.microseconds + 60_000_000)
        try log.job(record, .start, attempt: 0, witness: .scheduler, start: start, stop: middle, nodes: ["n1"])
        try log.job(record, .start, attempt: 1, witness: .scheduler, start: middle, stop: end, nodes: ["n2"])
        try log.batch("n1", holds: [.init(record.pseudonym)])
        try log.batch("n2", holds: [])
        try log.batch("n2", holds: [.init(record.pseudonym)])
        let summary = try #require(JobSummary.make(record.pseudonym, in: log.accounts()))
        #expect(summary.attempts == 2)
        #expect(summary.time == .init(allocated: 60_000, measured: 60_000, bridged: 0, missing: 0))
        #expect(!summary.isLowerBound)
    }

    @Test func sourcesAddEnergyAndAreNoNodes() throws {
        let log = try exampleLog(seed: 4)
        let accounts = try log.accounts()
        let summary = try #require(JobSummary.all(in: accounts).first { $0.record?.key.id == "old" })
        #expect(summary.nodesReporting == 2)
        #expect(summary.energy.total == 185_000_000_000)
        #expect(summary.energy.byComponent[.network] == 5_000_000_000)
        #expect(summary.nodes.first { $0.node == "sw0" }?.kind == .source)
        #expect(!summary.flags.contains("mixed_boundary"))
        #expect(summary.time.missing == 0)
        #expect(!summary.isLowerBound)
    }

    @Test func aSetEntryComesBeforeTheRecordsLabel() throws {
        let accounts = try exampleLog(seed: 4).accounts()
        let classes = JobSummary.all(in: accounts).map(\.jobClass)
        #expect(classes == ["final", "evaluation", "unclassified"])
    }

    /// A job on two nodes for half an hour each; the second node's parts show more than the node.
    private func contradiction(rest: (Int) -> Int64?) throws -> (SyntheticLog, JobSummary) {
        var log = try SyntheticLog(seed: 21)
        for name in ["n1", "n2"] { try log.enrol(name) }
        let record = log.record("9")
        try log.job(record, .start, witness: .scheduler, start: log.now, expected: 2)
        for step in 0..<60 {
            try log.batch("n1", holds: [.init(record.pseudonym)])
            try log.batch("n2", holds: [.init(record.pseudonym)], restPerMille: rest(step))
        }
        return (log, try #require(JobSummary.make(record.pseudonym, in: log.accounts())))
    }

    private func residual(_ log: SyntheticLog) throws -> JSONValue? {
        let value = Disclosure(try log.disclosureInput(examplePeriod)).value
        return value["checks"]?.array?.first { $0["id"]?.string == "residual" }
    }

    @Test func partsThatShowMoreThanTheNodeAreToldInTheJobAndInTheReport() throws {
        let (log, summary) = try contradiction { _ in -50 }
        #expect(summary.flags.contains("residual"))
        // Nothing is clamped: the sums are what they are.
        let total = try log.accounts().ledger.totalMicrojoules
        #expect(summary.energy.total == total)
        let check = try residual(log)
        #expect(check?["passed"]?.bool == false)
        #expect(check?["detail"]?.string?.contains("n2: rest -") == true)
        #expect(check?["detail"]?.string?.contains("n1") == false)
    }

    /// A meter that lags shows too little while the load rises and too much while it falls.
    @Test func aMeterThatLagsBehindAnAlternatingLoadIsNoContradiction() throws {
        let (log, summary) = try contradiction { $0.isMultiple(of: 2) ? -80 : 80 }
        #expect(!summary.flags.contains("residual"))
        #expect(try residual(log)?["passed"]?.bool == true)
    }

    @Test func idleReservedIsPartOfTheJob() throws {
        let accounts = try exampleLog(seed: 4).accounts()
        let summary = try #require(JobSummary.all(in: accounts).first { $0.jobClass == "evaluation" })
        #expect(summary.idleReservedMicrojoules > 0)
        #expect(summary.idleReservedMicrojoules < summary.energy.total)
    }
}
