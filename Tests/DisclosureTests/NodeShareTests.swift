import Accounts
import Batches
import ClusterSimulation
import Energy
import JSONText
import Testing
import TransparencyLog

@testable import Disclosure

/// Why each node of a job is, or is not, complete.
@Suite struct NodeShareTests {
    private func later(_ time: UTCTime, seconds: Int64) -> UTCTime {
        UTCTime(microseconds: time.microseconds + seconds * 1_000_000)
    }

    private func share(_ node: String, of record: JobRecord, in log: SyntheticLog) throws -> JobSummary.NodeShare {
        let summary = try #require(JobSummary.make(record.pseudonym, in: log.accounts()))
        return try #require(summary.nodes.first { $0.node == node })
    }

    @Test func absentNodesAreToldApart() throws {
        var log = try SyntheticLog(seed: 21)
        for name in ["n1", "n2"] { try log.enrol(name) }
        let record = log.record("1")
        try log.job(record, .start, witness: .scheduler, start: log.now, expected: 3, nodes: ["n1", "n2", "n3"])
        try log.batch("n1", holds: [.init(record.pseudonym)])
        let (silent, stranger) = (try share("n2", of: record, in: log), try share("n3", of: record, in: log))
        #expect(
            silent.reason
                == "expected for 30 s, and no reading of it is in the log: its agent has sent no batch of this job yet")
        #expect(
            stranger.reason
                == "expected for 30 s, and no reading of it is in the log: no agent was ever enrolled under this name")
        #expect(silent.state == .absent && stranger.state == .absent)
        #expect(try share("n1", of: record, in: log).state == .complete)
    }

    @Test func aNodeThatBeginsLateAndEndsEarlySaysSo() throws {
        var log = try SyntheticLog(seed: 22)
        try log.enrol("n1")
        let record = log.record("1")
        let start = log.now
        try log.job(
            record, .start, witness: .scheduler, start: start, stop: later(start, seconds: 150), expected: 1,
            nodes: ["n1"])
        try log.batch("n1")
        for _ in 0..<3 { try log.batch("n1", holds: [.init(record.pseudonym)]) }
        let share = try share("n1", of: record, in: log)
        #expect(share.state == .missing)
        #expect(
            share.reason == "lower bound: 60 s held without readings (its data begin 30 s after the job, "
                + "its data end 30 s before the job)")
    }

    /// A second attempt is no hole of the first, and time that the node gave to others is one.
    @Test func thePartsOfAHoleMakeUpTheWhole() throws {
        var log = try SyntheticLog(seed: 29)
        try log.enrol("n1")
        let record = log.record("1")
        let start = log.now
        try log.job(
            record, .start, witness: .scheduler, start: start, stop: later(start, seconds: 90), expected: 1,
            nodes: ["n1"])
        try log.job(
            record, .start, attempt: 1, witness: .scheduler, start: later(start, seconds: 150),
            stop: later(start, seconds: 240), expected: 1, nodes: ["n1"])
        try log.batch("n1")
        try log.batch("n1", holds: [.init(record.pseudonym)])
        for _ in 0..<3 { try log.batch("n1") }
        for _ in 0..<2 { try log.batch("n1", holds: [.init(record.pseudonym)]) }
        try log.batch("n1")
        let share = try share("n1", of: record, in: log)
        #expect(share.time.allocated == 180_000 && share.time.missing == 90_000)
        #expect(
            share.reason == "lower bound: 90 s held without readings (its data begin 30 s after the job, "
                + "its data end 30 s before the job, for 30 s in between it did not hold the job)")
    }

    @Test func unlistedNodesAreFlaggedOneByOne() throws {
        var log = try SyntheticLog(seed: 23)
        for name in ["n1", "n2"] { try log.enrol(name) }
        let record = log.record("1")
        try log.job(record, .start, witness: .scheduler, start: log.now, expected: 1, nodes: ["n1"])
        for name in ["n1", "n2"] { try log.batch(name, holds: [.init(record.pseudonym)]) }
        #expect(try !share("n1", of: record, in: log).isUnlisted)
        let stranger = try share("n2", of: record, in: log)
        #expect(stranger.isUnlisted && stranger.reason.contains("the manifest does not list it"))
    }

    @Test func lateDataAreCounted() throws {
        var log = try SyntheticLog(seed: 24)
        for name in ["n1", "n2"] { try log.enrol(name) }
        let record = log.record("1")
        let start = log.now
        try log.job(record, .start, witness: .scheduler, start: start, expected: 2, nodes: ["n1", "n2"])
        for _ in 0..<4 { try log.batch("n1", holds: [.init(record.pseudonym)]) }
        log.now = later(start, seconds: 300)
        try log.job(record, .end, witness: .scheduler, stop: later(start, seconds: 120))
        #expect(try share("n2", of: record, in: log).state == .absent)
        for _ in 0..<4 { try log.batch("n2", holds: [.init(record.pseudonym)]) }
        let share = try share("n2", of: record, in: log)
        #expect(share.state == .complete)
        #expect(share.witness?.lateBatches == 4)
        // The first interval ended 270 s before the end of the job was logged.
        #expect(share.json["late"]?["longest_ms"]?.decimalString == 270_000)
        let summary = try #require(JobSummary.make(record.pseudonym, in: log.accounts()))
        #expect(summary.flags == ["late_data"])
        #expect(!summary.isLowerBound)
    }

    /// A node that has seen a checkpoint of ten o'clock has not signed at nine.
    @Test func anAnchorProvesThatAClockIsBehind() throws {
        var log = try SyntheticLog(seed: 25)
        for name in ["n1", "n2"] { try log.enrol(name) }
        let record = log.record("1")
        let start = log.now
        try log.job(
            record, .start, witness: .scheduler, start: later(start, seconds: 3600), expected: 2, nodes: ["n1", "n2"])
        log.now = later(start, seconds: 3600)
        try log.set("report.method", of: nil, "\"x\"")
        _ = try log.checkpoint()
        // Its clock is one hour behind: the interval ends at 30 s past the start.
        try log.batch("n1", holds: [.init(record.pseudonym)])
        let share = try share("n1", of: record, in: log)
        let witness = try #require(share.witness)
        #expect(witness.isClockOff && witness.lateBatches == 0)
        #expect(witness.behindMicroseconds == (3600 - 30 - 60) * 1_000_000)
        // Aligned, its hold lies in the bracket.
        #expect(share.held?.end == later(start, seconds: 3540))
        let summary = try #require(JobSummary.make(record.pseudonym, in: log.accounts()))
        #expect(summary.flags.contains("clock_off"))
    }

    /// What stands before an entry of ten o'clock cannot end at eleven.
    @Test func thePlaceInTheLogProvesThatAClockIsAhead() throws {
        var log = try SyntheticLog(seed: 26)
        try log.enrol("n1")
        let record = log.record("1")
        let start = log.now
        try log.job(record, .start, witness: .scheduler, start: start, expected: 1, nodes: ["n1"])
        for _ in 0..<4 { try log.batch("n1", holds: [.init(record.pseudonym)]) }
        log.now = later(start, seconds: 20)
        try log.set("report.method", of: nil, "\"x\"")
        let share = try share("n1", of: record, in: log)
        #expect(share.witness?.aheadMicroseconds == 100_000_000)
        #expect(share.json["clock"]?["off"]?.bool == true && share.json["clock"]?["ahead_ms"]?.decimalString == 100_000)
    }

    /// A clock that is off neither makes time missing that nobody missed, nor hides what is missed.
    @Test(arguments: [-840, 840] as [Int64]) func missingTimeDoesNotDependOnClocks(offsetSeconds: Int64) throws {
        var log = try SyntheticLog(seed: 32)
        for name in ["n1", "n2"] { try log.enrol(name) }
        let (right, off) = (try #require(log.keys["n1"]), try #require(log.keys["n2"]))
        let record = log.record("1")
        let start = log.now
        log.nodes["n2"]?.end = later(start, seconds: offsetSeconds)
        try log.job(record, .start, witness: .agent, start: start, expected: 2, by: right)
        try log.job(
            record, .start, witness: .agent, start: later(start, seconds: offsetSeconds), expected: 2, by: off)
        _ = try log.checkpoint()
        func summary() throws -> JobSummary { try #require(JobSummary.make(record.pseudonym, in: log.accounts())) }
        for round in 1...4 as ClosedRange<Int64> {
            for name in ["n1", "n2"] { try log.batch(name, holds: [.init(record.pseudonym)]) }
            log.now = later(start, seconds: round * 30)
            try log.set(SettingField.logTime, of: nil, "null")
            _ = try log.checkpoint()
            let running = try summary()
            #expect(running.flags == ["clock_off"], "round \(round)")
            #expect(
                running.time == .init(allocated: round * 60_000, measured: round * 60_000, bridged: 0, missing: 0),
                "round \(round)")
            #expect(running.start == start && running.wallclockMilliseconds == round * 30_000, "round \(round)")
            #expect(!running.isLowerBound && running.nodes.allSatisfy { $0.state == .complete }, "round \(round)")
        }
        // Its agent is down for two minutes, then both say that the job is over.
        for _ in 0..<4 { try log.batch("n1", holds: [.init(record.pseudonym)]) }
        let silent = try summary()
        #expect(silent.isLowerBound && (120_000...150_000).contains(silent.time.missing), "\(silent.time)")
        try log.job(record, .end, witness: .agent, stop: later(start, seconds: 240), by: right)
        #expect(try summary().time == silent.time)
        try log.job(record, .end, witness: .agent, stop: later(start, seconds: 240 + offsetSeconds), by: off)
        let over = try summary()
        #expect(over.time == .init(allocated: 480_000, measured: 360_000, bridged: 0, missing: 120_000))
        #expect(over.start == start && over.stop == later(start, seconds: 240))
        let share = try #require(over.nodes.first { $0.node == "n2" })
        #expect(
            share.reason.hasPrefix("lower bound: 120 s held without readings (its data end 120 s before the job);"),
            "\(share.reason)")
    }

    @Test func aClockThatIsNotSynchronisedIsNamed() throws {
        var log = try SyntheticLog(seed: 30)
        try log.enrol("n1")
        let record = log.record("1")
        try log.job(record, .start, witness: .scheduler, start: log.now, expected: 1, nodes: ["n1"])
        try log.batch("n1", holds: [.init(record.pseudonym)])
        var share = try share("n1", of: record, in: log)
        #expect(share.reason == "complete")
        var batch = try Batch(text: Array(SignedNote(parsing: #require(log.entries.last)).text))
        batch.clock.letter = .relative
        let statement = NodeWitness.Statement(batch, place: .init(), isRecorded: false)
        share.witness?.take(statement, jobMicrojoules: 0)
        #expect(share.reason == "complete; its clock was not synchronised")
    }

    @Test func edgesAreBoundedByTheGapBetweenReadings() throws {
        var log = try SyntheticLog(seed: 27)
        try log.enrol("n1")
        let record = log.record("1")
        try log.job(record, .start, witness: .scheduler, start: log.now, expected: 1, nodes: ["n1"])
        for _ in 0..<3 { try log.batch("n1", holds: [.init(record.pseudonym)]) }
        let share = try share("n1", of: record, in: log)
        let energy = try #require(share.energyMicrojoules)
        #expect(share.edgeErrorMilliseconds == 1000)
        #expect(share.edgeErrorMicrojoules > 0 && share.edgeErrorMicrojoules < energy / 10)
    }

    @Test func oneNodesWordIsNotTheLogsTime() throws {
        var clock = LogClock()
        var log = try SyntheticLog(seed: 28)
        for name in ["n1", "n2"] { try log.enrol(name) }
        for name in ["n1", "n2"] { try log.batch(name) }
        let batches = try log.entries.suffix(2).map { try Batch(text: Array(SignedNote(parsing: $0).text)) }
        clock.take(batches[0], signer: "n1")
        #expect(clock.notBefore == nil)
        clock.take(batches[1], signer: "n2")
        #expect(clock.notBefore == min(batches[0].facts.interval.end, batches[1].facts.interval.end))
    }
}

@Suite struct RunSummaryTests {
    @Test func jobsOfOneModelOrOneNameAreARun() throws {
        var log = try SyntheticLog(seed: 31)
        try log.enrol("n1")
        let labels = ["model": "m", "class": "final"]
        let records = ["1", "2", "3"].map { log.record($0, labels: $0 == "3" ? [:] : labels) }
        for record in records {
            let start = log.nodes["n1"]?.end ?? log.now
            try log.job(record, .start, witness: .scheduler, start: start, expected: 1, nodes: ["n1"])
            try log.batch("n1", holds: [.init(record.pseudonym)])
            try log.job(record, .end, witness: .scheduler, stop: log.now)
        }
        var runs = RunSummary.all(of: JobSummary.all(in: try log.accounts()))
        #expect(runs.map(\.name) == ["m"])
        #expect(runs[0].jobs.count == 2 && runs[0].time.measured == 60_000 && !runs[0].isLowerBound)
        // Somebody says afterwards that all three belong together.
        for record in records { try log.set(SettingField.jobRun, of: record.pseudonym, "\"grand\"") }
        try log.set(SettingField.jobActivity, of: records[2].pseudonym, "\"fine-tuning\"")
        let jobs = JobSummary.all(in: try log.accounts())
        runs = RunSummary.all(of: jobs)
        #expect(runs.map(\.name) == ["grand"])
        let json = runs[0].json(withJobs: false)
        #expect(json["job_count"]?.int64 == 3)
        #expect(json["activities"]?.array?.compactMap(\.string) == ["fine-tuning"])
        #expect(json["energy_uj"]?.decimalString.map { Int128($0) } == jobs.reduce(0) { $0 + $1.energy.total })
        #expect(jobs[2].json()["labels"]?.array?.contains { $0["by"]?.string == "operator" } == true)
    }
}
