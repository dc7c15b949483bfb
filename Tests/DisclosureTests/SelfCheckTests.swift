import Batches
import ClusterSimulation
import Emissions
import Energy
import JSONText
import Testing
import TransparencyLog

@testable import Disclosure

/// Each check of a report, made to fail: the report then names it among the reasons for which it is not issued.
@Suite struct SelfCheckTests {
    typealias Setting = (field: String, subject: String?, value: String)

    private func disclosure(
        _ settings: [Setting] = [], factors: [String: [UInt8]] = [:],
        change: (inout SyntheticLog) throws -> Void = { _ in }
    ) throws -> Disclosure {
        var log = try exampleLog(seed: 91)
        for setting in settings { try log.set(setting.field, of: setting.subject, setting.value) }
        try change(&log)
        var input = try log.disclosureInput(examplePeriod)
        input.factorFiles = factors
        return Disclosure(input)
    }

    /// The failed check alone, with its reason.
    private func reason(_ disclosure: Disclosure, _ id: String) throws -> String {
        let failed = disclosure.failedChecks
        #expect(failed.count == 1, "\(failed)")
        let reason = try #require(failed.first)
        #expect(reason.hasPrefix("\(id): "), "\(reason)")
        return reason
    }

    @Test func anExampleHasNoReason() throws {
        #expect(try disclosure().failedChecks.isEmpty)
    }

    @Test(arguments: [5, 2000]) func anImpossibleFactorStopsTheReport(grams: Int) throws {
        let table = Array("zone,period,g_per_kwh\nXX,2026,\(grams)\n".utf8)
        let sha256 = MerkleHash.sha256(of: table).hexadecimal
        let files = "[{\"sha256\":\"\(sha256)\",\"scope\":\"direct\",\"provider\":\"P\"}]"
        var settings: [Setting] = [(SettingField.factorSet, nil, files)]
        for site in ["north", "archive"] { settings.append((SettingField.siteZone, site, "\"XX\"")) }
        let reason = try reason(disclosure(settings, factors: [sha256: table]), "implied-factor")
        #expect(reason == "implied-factor: \(grams) g/kWh, allowed 10 to 1200")
    }

    @Test func aPUEBelowOneStopsTheReport() throws {
        #expect(try reason(disclosure([(SettingField.sitePUE, "north", "0.99")]), "pue").contains("PUE 0.99"))
    }

    @Test func powerAboveTheNodesNameplateStopsTheReport() throws {
        let low = try disclosure([(SettingField.nodeNameplate, nil, "{\"watts\":1,\"source\":\"label\"}")])
        #expect(try reason(low, "power").contains("times its limit"))
        #expect(try disclosure([(SettingField.nodeNameplate, nil, "1000000")]).failedChecks.isEmpty)
    }

    @Test func powerAboveTheAcceleratorsNameplateStopsTheReport() throws {
        let low = "{\"model\":\"unheard of\",\"count\":1,\"watts\":1}"
        let failing = try disclosure([(SettingField.nodeAccelerators, nil, low)])
        #expect(try reason(failing, "power").contains("accelerators of"))
        let high = "{\"model\":\"unheard of\",\"count\":8,\"watts\":100000}"
        #expect(try disclosure([(SettingField.nodeAccelerators, nil, high)]).failedChecks.isEmpty)
    }

    @Test func aJobThatEndsBeforeItBeginsStopsTheReport() throws {
        let disclosure = try disclosure { log in
            let record = log.record("backwards")
            let late = UTCTime(microseconds: log.now.microseconds + 60_000_000)
            try log.job(record, .start, start: late, stop: log.now, expected: 1)
        }
        #expect(disclosure.failedChecks.contains { $0.hasPrefix("windows: ") })
    }

    @Test func moreNodesThanWereAllocatedStopTheReport() throws {
        let disclosure = try disclosure { log in
            let record = log.record("crowded")
            try log.job(record, .start, start: log.now, expected: 1)
            for name in ["n1", "n2"] { try log.batch(name, holds: [.init(record.pseudonym)]) }
        }
        #expect(try reason(disclosure, "nodes").contains("more in 1"))
    }

    /// What no log can bring about is brought about here by hand: the sums are computed twice from the same postings.
    @Test func linesThatDoNotAddUpStopTheReport() throws {
        let input = try exampleLog(seed: 91).disclosureInput(examplePeriod)
        let jobs = JobSummary.all(in: input.accounts, period: input.period)
        var energy = EnergySection(input, jobs: jobs)
        energy.idle += 1
        let value = CheckSection(energy, jobs: jobs, others: []).json(showsDetail: true)
        let failed = (value.array ?? []).filter { $0["passed"]?.bool == false }.compactMap { $0["id"]?.string }
        #expect(failed == ["lines", "conservation"])
        let fewer = CheckSection(EnergySection(input, jobs: jobs), jobs: Array(jobs.dropLast()), others: [])
        let lost = (fewer.json(showsDetail: true).array ?? []).filter { $0["passed"]?.bool == false }
        #expect(lost.compactMap { $0["id"]?.string } == ["jobs", "by_node"])
    }

    @Test func noFigureHasMoreDigitsThanItsUncertaintyBears() throws {
        var settings: [Setting] = []
        for boundary in ["facility", "node-ac", "node-dc", "component", "accelerator", "network"] {
            settings.append((SettingField.meterClass, boundary, "{\"relative_limit\":0.05,\"source\":\"class 5\"}"))
        }
        for site in ["north", "archive"] {
            settings.append((SettingField.siteZone, site, "\"DE\""))
            settings.append((SettingField.sitePUE, site, "1.2"))
        }
        var log = try exampleLog(seed: 91)
        for setting in settings { try log.set(setting.field, of: setting.subject, setting.value) }
        let input = try log.disclosureInput(examplePeriod)
        let disclosure = Disclosure(input)
        #expect(disclosure.failedChecks.isEmpty)
        let printed = try #require(disclosure.value["emissions"]?["location_t"]?.number?.text)
        #expect(ResourceSection.significant(printed) <= 2)
        let jobs = JobSummary.all(in: input.accounts, period: input.period)
        let energy = EnergySection(input, jobs: jobs)
        let resources = ResourceSection(
            input, jobs: jobs, energy: energy, uncertainty: MeterUncertainty(input, energy.inside),
            sums: PeriodSums(input))
        let long = try #require(JSONNumber(text: "0.0043021"))
        let check = try #require(resources.checks(printed: [("location_t", .number(long))]).first)
        #expect(!check.passed)
        #expect(check.detail.hasPrefix("location_t: 5 significant figures printed, "))
    }
}
