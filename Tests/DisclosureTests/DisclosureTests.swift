import Accounts
import Batches
import ClusterSimulation
import Energy
import JSONText
import SeededRandom
import Testing
import TransparencyLog

@testable import Disclosure

@Suite struct DisclosureTests {
    @Test(arguments: 0..<4) func everyMicrojouleStandsInOneLine(seed: UInt64) throws {
        let log = try exampleLog(seed: seed)
        let input = try log.disclosureInput(examplePeriod)
        let value = Disclosure(input).value
        let energy = try #require(value["energy"])
        func sum(_ name: String) throws -> Int64 { try #require(energy[name]?.decimalString) }
        let jobs = try #require(value["jobs"]?.array).reduce(Int64(0)) { $0 + ($1["energy_uj"]?.decimalString ?? 0) }
        #expect(try sum("it_uj") == jobs + sum("idle_uj") + sum("unattributed_uj") + sum("gap_uj"), "seed \(seed)")
        #expect(try Int128(sum("it_uj") + sum("superseded_uj")) == input.accounts.ledger.totalMicrojoules)
        let failed = try #require(value["checks"]?.array).filter { $0["passed"]?.bool != true }
        #expect(failed.compactMap { $0["id"]?.string } == [], "seed \(seed)")
    }

    @Test func membersStandInTheOrderOfTheSchema() throws {
        let value = Disclosure(try exampleLog(seed: 1).disclosureInput(examplePeriod)).value
        #expect(
            value.object?.names == [
                "schema", "organization", "period", "audience", "method", "energy", "coverage", "runs", "jobs", "zones",
                "emissions", "pue", "water", "embodied", "compute", "uncertainty", "profiles",
                "model_documentation", "reconciliation", "checks", "late_since", "revoked", "corrections", "closes",
                "missing", "evidence", "limits",
            ])
        let job = try #require(value["jobs"]?.array?.first)
        let contract = [
            "key", "cluster", "scheduler", "scheduler_job_id", "attempts", "start", "stop", "nodes_expected",
            "nodes_reporting", "coverage", "lower_bound", "energy_uj", "measured_uj", "idle_reserved_uj", "by_node",
            "by_component", "by_provenance", "by_boundary", "witnessed_by", "flags",
        ]
        #expect(job.object?.names.prefix(contract.count) == contract[...])
    }

    /// What a job drew does not depend on how the nodes' batches interleave in the log.
    @Test(arguments: 0..<6) func totalsDoNotDependOnTheOrderOfArrival(seed: UInt64) throws {
        let log = try exampleLog(seed: 42)
        var random = SeededRandom(seed: seed)
        // Anchors name sizes of the old order, so the comparison runs over the accounts alone.
        let accounts = try log.accounts()
        var shuffled = Ledger()
        var jobs = JobRegister()
        var batches: [(UInt64, Batch)] = []
        for (index, bytes) in log.entries.enumerated() {
            let entry = try Entry(text: Array(SignedNote(parsing: bytes).text))
            if case .batch(let batch) = entry { batches.append((UInt64(index), batch)) }
            if entry.kind != .batch { jobs.apply(entry, at: UInt64(index)) }
        }
        for (index, batch) in batches.shuffled(using: &random) {
            let postings = AttributionRule.attribution1.post(batch.facts)
            shuffled.add(postings, node: batch.node, index: Int64(index))
            jobs.apply(.batch(batch), at: index, postings: postings, isRecorded: batch.boot == nil)
        }
        #expect(shuffled.energy == accounts.ledger.energy, "seed \(seed)")
        #expect(shuffled.coverage == accounts.ledger.coverage, "seed \(seed)")
        #expect(jobs.jobs == accounts.jobs.jobs, "seed \(seed)")
        #expect(GapFold(shuffled.gaps).gaps == GapFold(accounts.ledger.gaps).gaps, "seed \(seed)")
    }

    @Test func aPeriodShowsOnlyItsHours() throws {
        let log = try exampleLog(seed: 2)
        let later = UTCInterval(start: UTCTime(hour: 490_897), end: UTCTime(hour: 490_899))
        let value = Disclosure(try log.disclosureInput(later)).value
        #expect(value["energy"]?["it_uj"]?.string == "0")
        #expect(value["jobs"]?.array?.isEmpty == true)
        #expect(value["energy"]?["measured_share"]?.isNull == true)
    }

    /// A node counts as expected while it is enrolled: before and after that its silence means nothing.
    @Test func silenceOfAnEnrolledNodeIsCounted() throws {
        var log = try SyntheticLog(seed: 3)
        let early = UTCInterval(start: UTCTime(hour: log.now.hour - 2), end: UTCTime(hour: log.now.hour))
        for name in ["n1", "n2"] { try log.enrol(name) }
        try log.batch("n1")
        func nodes(_ period: UTCInterval) throws -> [Int64?] {
            let coverage = Disclosure(try log.disclosureInput(period)).value["coverage"]
            return [coverage?["nodes_expected"]?.int64, coverage?["nodes_reporting"]?.int64]
        }
        #expect(try nodes(examplePeriod) == [2, 1])
        #expect(try nodes(early) == [0, 0])
        log.now = UTCTime(hour: 490_899)
        try log.retire("n2")
        let late = UTCInterval(start: UTCTime(hour: 490_900), end: UTCTime(hour: 490_901))
        #expect(try nodes(late) == [1, 0])
        #expect(try nodes(examplePeriod) == [2, 1])
    }

    /// Numbers at the ends of their range come from a note that anybody enrolled can sign: they may not stop a report.
    @Test func extremeNumbersDoNotStopAReport() throws {
        var log = try exampleLog(seed: 3)
        let record = log.record("extreme")
        try log.job(
            record, .start, attempt: .max, start: UTCTime(microseconds: .max), stop: UTCTime(microseconds: 0),
            expected: .max)
        try log.job(
            record, .start, attempt: 0, start: UTCTime(microseconds: 0), stop: UTCTime(microseconds: .max),
            expected: .max)
        let summary = try #require(JobSummary.make(record.pseudonym, in: log.accounts()))
        #expect(summary.isLowerBound)
        let value = Disclosure(try log.disclosureInput(examplePeriod)).value
        #expect(
            value["checks"]?.array?.contains { $0["id"]?.string == "windows" && $0["passed"]?.bool == false } == true)
    }

    /// The sums of the whole log and those of the period alone give the same bytes.
    @Test func sumsOutsideThePeriodDoNotShow() throws {
        var log = try exampleLog(seed: 2)
        for _ in 0..<150 { try log.batch("n3", seconds: 30) }
        var input = try log.disclosureInput(examplePeriod)
        let bytes = Disclosure(input).bytes
        input.accounts = try log.accounts(period: nil)
        #expect(Disclosure(input).bytes == bytes)
    }

    @Test(arguments: Audience.allCases) func audiencesSeeTheSameTotals(audience: Audience) throws {
        let log = try exampleLog(seed: 2)
        let all = Disclosure(try log.disclosureInput(examplePeriod)).value
        let value = Disclosure(try log.disclosureInput(examplePeriod, audience: audience)).value
        if audience.showsEnergy {
            for member in all["energy"]?.object?.members ?? [] where member.name != "by_site" {
                #expect(value["energy"]?[member.name] == member.value, "\(member.name)")
            }
        } else {
            #expect(value["energy"]?.isNull == true)
        }
        let text = String(decoding: value.rendered(.pretty), as: UTF8.self)
        #expect(text.contains("slurm/101") == audience.showsNames)
        #expect(text.contains("\"n1\"") == audience.showsNodes)
        #expect(!text.contains("alice"))
        #expect((value["jobs"]?.array?.isEmpty == false) == audience.showsJobs)
    }
}

@Suite struct FigureTests {
    @Test(
        arguments: [
            (1, 3, "0.333333"), (1, 2, "0.5"), (2, 1, "2"), (-1, 8_000_000, "0"), (-3, 2_000_000, "-0.000002"),
            (5, 2_000_000, "0.000002"), (7, 2_000_000, "0.000004"), (0, 5, "0"),
        ] as [(Int128, Int128, String)]) func roundsHalfToEven(_ row: (Int128, Int128, String))
    {
        #expect(Figure.text(row.0, row.1, decimals: 6) == row.2)
    }

    @Test func writesTimes() {
        #expect(TimeText.rfc3339(UTCTime(microseconds: 0)) == "1970-01-01T00:00:00Z")
        #expect(TimeText.rfc3339(UTCTime(seconds: 951_868_799)) == "2000-02-29T23:59:59Z")
        #expect(TimeText.rfc3339(UTCTime(microseconds: 1_767_225_600_000_500)) == "2026-01-01T00:00:00.000500Z")
        #expect(TimeText.rfc3339(UTCTime(microseconds: -1)) == "1969-12-31T23:59:59.999999Z")
    }

    @Test func recordsHaveOneSpelling() throws {
        let record = JobRecord(
            key: JobKey(cluster: "c", scheduler: "slurm", id: "1", submitSeconds: nil), name: nil, user: "ü",
            labels: ["b": "2", "a": "1"], salt: Array(repeating: 3, count: 16))
        #expect(JobRecord(bytes: record.bytes) == record)
        #expect(JobRecord(bytes: record.bytes + [0x20]) == nil)
    }
}
