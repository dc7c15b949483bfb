import Accounts
import Batches
import ClusterSimulation
import Energy
import JSONText
import Testing
import TransparencyLog

@testable import Disclosure

/// Every figure leads back to the entries that it was made from.
@Suite struct LineageTests {
    private func lineage(
        _ log: SyntheticLog, job: String? = nil, node: String? = nil, period: UTCInterval = examplePeriod
    ) throws -> JSONValue {
        var survey = LogSurvey()
        for bytes in log.entries { try survey.append(bytes[...]) }
        var replay = LogReplay(
            origin: log.origin, survey: survey, period: period, tracing: LineageTrail.Query(job: job, node: node))
        for bytes in log.entries {
            try replay.append(
                CheckedEntry(index: replay.size, bytes: bytes, samples: nil, keys: replay.signers))
        }
        return Lineage(try log.disclosureInput(period), trail: try #require(replay.trail)).json
    }

    private func sum(_ lines: [JSONValue]) -> Int64 { lines.reduce(0) { $0 + ($1["energy_uj"]?.decimalString ?? 0) } }

    @Test(arguments: 0..<4) func theLinesOfAJobAreItsFigure(seed: UInt64) throws {
        let log = try exampleLog(seed: seed)
        let jobs = try #require(Disclosure(log.disclosureInput(examplePeriod)).value["jobs"]?.array)
        #expect(jobs.count > 2)
        for job in jobs {
            let key = try #require(job["key"]?.string)
            let pseudonym = try #require(log.records.first { JobRecord(bytes: $0.value)?.key.description == key }?.key)
            let lineage = try lineage(log, job: pseudonym)
            #expect(lineage["job"]?.string == key)
            #expect(lineage["energy_uj"] == job["energy_uj"], "seed \(seed), \(key)")
            let lines = try #require(lineage["node_hours"]?.array)
            #expect(sum(lines) == job["energy_uj"]?.decimalString)
            let known = Set((lineage["entries"]?.array ?? []).compactMap { $0["index"]?.string })
            for line in lines {
                let parts = line["entries"]?.array ?? []
                #expect(sum(parts) == line["energy_uj"]?.decimalString)
                #expect(parts.allSatisfy { known.contains($0["index"]?.string ?? "") })
            }
            for entry in lineage["entries"]?.array ?? [] {
                let index = try #require(entry["index"]?.decimalString)
                #expect(MerkleHash.leaf(of: log.entries[Int(index)]).base64 == entry["leaf"]?.string)
            }
        }
    }

    @Test func aNodeLeadsToAllItsAccounts() throws {
        let log = try exampleLog(seed: 1)
        let ledger = try log.accounts(period: examplePeriod).ledger
        let expected = ledger.energy.reduce(Int128(0)) { $1.key.node == "n3" ? $0 + $1.value.total : $0 }
        let lineage = try lineage(log, node: "n3")
        #expect(lineage["energy_uj"]?.string == "\(expected)")
        #expect(Set((lineage["node_hours"]?.array ?? []).compactMap { $0["node"]?.string }) == ["n3"])
    }

    @Test func aCorrectionIsOneOfTheEntries() throws {
        var log = try exampleLog(seed: 2)
        let before = try lineage(log, node: "n3")
        let ledger = try log.accounts(period: examplePeriod).ledger
        let isJobs = { (key: Ledger.Key) in if case .job = key.account { key.node == "n3" } else { false } }
        let key = try #require(ledger.energy.keys.first(where: isJobs))
        let job = try #require(key.account.job)
        try log.correct([
            CorrectEntry.Move(
                node: "n3", hour: UTCTime(hour: key.hour), from: .job(job), to: .unattributed, microjoules: 7)
        ])
        let after = try lineage(log, node: "n3")
        #expect(after["energy_uj"] == before["energy_uj"])
        let kinds = Set((after["entries"]?.array ?? []).compactMap { $0["kind"]?.string })
        #expect(kinds.contains("correct"))
    }

    @Test func theSeedAloneDrawsTheSample() throws {
        let log = try exampleLog(seed: 3)
        func draw(_ seed: String, _ order: [Int]) throws -> [SampleSelection.Drawn] {
            var selection = SampleSelection(seed: seed, count: 5, period: examplePeriod)
            for index in order { try selection.append(log.entries[index], at: UInt64(index)) }
            #expect(selection.population > 10)
            return selection.sample
        }
        let order = Array(log.entries.indices)
        let sample = try draw("a", order)
        #expect(sample.count == 5 && Set(sample.map(\.index)).count == 5)
        #expect(try draw("a", order.reversed()) == sample)
        #expect(try draw("b", order) != sample)
        #expect(sample.allSatisfy { $0.interval.intersection(examplePeriod) != nil })
    }
}
