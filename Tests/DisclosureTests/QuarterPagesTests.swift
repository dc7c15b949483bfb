import Accounts
import Batches
import ClusterSimulation
import Energy
import FoundationEssentials
import JSONSchemaCheck
import JSONText
import Testing
import TransparencyLog

@testable import Disclosure

/// A quarter with several months, sites, classes, a correction, a revoked key, contracts, bills: what a page must show.
///
/// With WATTEST_PAGES in the environment the pages are written to that directory, to be looked at.
@Suite struct QuarterPagesTests {
    private static let quarter = UTCInterval(
        start: examplePeriod.start, end: UTCTime(hour: examplePeriod.start.hour + 90 * 24))
    private static let sites = ["n1": "helsinki", "n2": "helsinki", "n3": "helsinki", "s1": "lyon", "s2": "lyon"]

    private static let settings: [(field: String, subject: String?, value: String)] = [
        (SettingField.organizationName, nil, "\"Nordlicht Forschung AG\""),
        (SettingField.legalEntityIdentifier, nil, "\"529900T8BM49AURSDO55\""),
        (SettingField.siteZone, "helsinki", "\"FI\""), (SettingField.siteZone, "lyon", "\"FR\""),
        (SettingField.siteMarket, "helsinki", "\"FI\""), (SettingField.siteMarket, "lyon", "\"FR\""),
        (SettingField.sitePUE, "helsinki", "{\"value\":1.12,\"source\":\"metered\"}"),
        (SettingField.sitePUE, "lyon", "{\"value\":1.31,\"source\":\"published\"}"),
        (SettingField.siteWater, "helsinki", "{\"on_site\":0.1,\"off_site\":3.1,\"source\":\"operator\"}"),
        (SettingField.siteWater, "lyon", "{\"on_site\":0.9,\"source\":\"operator\"}"),
        (
            SettingField.instrument, "wind-7",
            "{\"kind\":\"go\",\"certificate_ids\":[\"643002406-1\"],\"market\":\"FI\",\"start\":\"2026-01-01T00:00Z\","
                + "\"end\":\"2027-01-01T00:00Z\",\"mwh\":\"0.001\",\"retired_for\":\"Nordlicht Forschung AG\","
                + "\"g_per_kwh\":\"0\",\"document_sha256\":\"\"}"
        ),
        (
            SettingField.instrument, "solar-1",
            "{\"kind\":\"go\",\"certificate_ids\":[\"643002406-1\"],\"market\":\"PL\",\"start\":\"2019-01-01T00:00Z\","
                + "\"end\":\"2020-01-01T00:00Z\",\"mwh\":\"5\",\"retired_for\":\"Somebody Else\",\"g_per_kwh\":\"0\","
                + "\"document_sha256\":\"\"}"
        ),
        (
            SettingField.siteMeter, "feed-lyon",
            "{\"site\":\"lyon\",\"start\":\"2026-01-01T00:00Z\",\"end\":\"2026-02-01T00:00Z\",\"mwh\":\"0.0013\","
                + "\"kind\":\"bill\",\"source\":\"invoice 2026-0117\"}"
        ),
        (SettingField.modelCompute, "polaris-7b", "{\"parameters\":\"7e9\",\"tokens\":\"2e12\"}"),
        (SettingField.nodeAccelerators, nil, "{\"model\":\"NVIDIA H100 SXM\",\"count\":8}"),
    ]

    static func log() throws -> SyntheticLog {
        var log = try SyntheticLog(seed: 2026)
        for (node, site) in sites.sorted(by: { $0.key < $1.key }) { try log.enrol(node, site: site) }
        let classes = ["final", "development", "failed", "evaluation"]
        for month in 0..<3 {
            let job = log.record("77\(month)", labels: ["class": classes[month], "model": "polaris-7b"])
            let other = log.record("88\(month)", labels: ["class": classes[month + 1]])
            try log.job(job, .start, witness: .scheduler, start: log.now, expected: 3, nodes: ["n1", "n2", "n3"])
            try log.job(
                other, .start, witness: .scheduler, start: log.nodes["s1"]?.end, expected: 2, nodes: ["s1", "s2"])
            for hour in 0..<36 {
                for node in ["n1", "n2", "n3"] {
                    try log.batch(
                        node, seconds: 3600, holds: [.init(job.pseudonym, expectedNodes: 3)], withSamples: hour == 0)
                }
                for node in ["s1", "s2"] {
                    try log.batch(
                        node, seconds: 3600, holds: hour < 20 ? [.init(other.pseudonym, expectedNodes: 2)] : [],
                        withSamples: false)
                }
            }
            try log.job(job, .end, witness: .scheduler, stop: log.nodes["n1"]?.end)
            try log.job(other, .end, witness: .scheduler, stop: log.now)
            for node in sites.keys.sorted() where month < 2 {
                try log.batch(node, seconds: (31 * 24 - 36) * 3600, withSamples: false)
            }
        }
        for setting in settings { try log.set(setting.field, of: setting.subject, setting.value) }
        for boundary in Boundary.allCases {
            try log.set(SettingField.meterClass, of: boundary.name, "{\"relative_limit\":0.02,\"source\":\"class 2\"}")
        }
        let job = try #require(try log.accounts().jobs.jobs.keys.sorted().first)
        try log.correct([
            CorrectEntry.Move(
                node: "s1", hour: UTCTime(hour: examplePeriod.start.hour + 30), from: .idle, to: .job(job),
                microjoules: 1_000_000)
        ])
        try revoke("s2", &log)
        return log
    }

    private static func revoke(_ name: String, _ log: inout SyntheticLog) throws {
        let node = try #require(log.nodes[name])
        let entry = NodeEntry(
            log: log.origin, time: log.now, action: .revoke, node: name, role: .node, site: "lyon",
            key: try #require(log.keys[name]).verifier.text,
            position: ChainPosition(incarnation: node.incarnation, sequence: node.sequence - 3), salt: log.salt())
        try log.append(.node(entry), by: log.administration)
    }

    /// The quarter as every form begins with it: one replay of its log for all of them.
    private static let input = Result { try log().disclosureInput(quarter) }

    private static let pagesDirectory = ProcessInfo.processInfo.environment["WATTEST_PAGES"]

    @Test(arguments: Audience.allCases) func everyFormOfAQuarter(audience: Audience) throws {
        var input = try Self.input.get()
        input.audience = audience
        let disclosure = Disclosure(input)
        let schema = try JSONValue(parsing: ContractFile.bytes("disclosure.schema.json"))
        let value = disclosure.value
        #expect(JSONSchemaCheck.faults(of: value, by: schema) == [])
        for format in ReportFormat.allCases {
            guard let bytes = format.render(value), let directory = Self.pagesDirectory else { continue }
            try Data(bytes).write(to: URL(filePath: "\(directory)/\(audience.rawValue).\(format.rawValue)"))
        }
    }

    @Test func aPageHasChartsOfMonthsClassesSitesAndOfAJobsLife() throws {
        let value = Disclosure(try Self.input.get()).value
        let page = String(decoding: DisclosureHTML.render(value), as: UTF8.self).replacing("<wbr>", with: "")
        for words in [
            "By month", "2026-01", "2026-02", "2026-03", "By site", "helsinki", "lyon", "evaluation", "failed",
            "by component", "by node", "Closed, corrected and doubted", "the claim came late",
            "Keys that were not to be trusted any more",
            "not counted: retired for &#39;Somebody Else&#39;", "8.4e22 FLOP",
            "in which hours it was produced, none of them says",
            "feed-lyon (bill)",
        ] {
            #expect(page.contains(words), "\(words)")
        }
    }
}
