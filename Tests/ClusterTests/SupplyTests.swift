import Foundation
import JSONText
import PinnedHTTPS
import Testing

extension ClusterTests {
    /// Site, factor table, instrument and meter: from the commands into the report and through the offline audit.
    @Suite(.timeLimit(.minutes(4))) struct Supply {
        private let run = RecordedRun.acrossAnHour
        private let from = "2024-05-17T04:00:00Z"
        private let to = "2024-05-17T06:00:00Z"

        @Test func whatIsEnteredIsInTheReportAndInTheBundle() async throws {
            let aggregator = try AggregatorUnderTest.current
            let owner = try await aggregator.organization("Supplied")
            let table = "\(owner.directory)/factors.csv"
            try "zone,period,g_per_kwh\nX-1,2024,1000\n".write(toFile: table, atomically: true, encoding: .utf8)
            _ = try await owner.answer(["site", "set", "default", "--zone", "X-1", "--pue", "1.25"])
            let imported = try await owner.answer([
                "factor", "import", table, "--provider", "Own", "--dataset-version", "1", "--licence", "CC0-1.0",
                "--scope", "direct",
            ])
            let listed = try await owner.answer(["factor", "list"])
            #expect(listed["items"]?.array?.first?["sha256"] == imported["sha256"])
            _ = try await owner.answer([
                "contract", "add", "wind-1", "--kind", "go", "--market", "X-1", "--start", "2024-01-01T00:00Z",
                "--end", "2025-01-01T00:00Z", "--mwh", "0.001", "--retired-for", "Supplied", "--certificate", "c-1",
            ])
            _ = try await owner.answer([
                "meter", "read", "main", "--site", "default", "--start", from, "--end", to, "--mwh", "0.002",
            ])
            try await owner.run(
                OrganizationUnderTest.Import(job: "supplied", files: [run.file("node_1")], expectedNodes: 1))

            let report = try await owner.disclosure(from: from, to: to)
            let energy = try #require(report["energy"]?["it_uj"]?.decimalString)
            // PUE 1.25 and 1,000 g/kWh: a tonne for every 0.8 MWh at the machine.
            let tonnes = try #require(report["emissions"]?["location_t"]?.number?.double)
            #expect(abs(tonnes - Double(energy) / 3.6e15 * 1.25) < 1e-6)
            #expect(report["emissions"]?["market_t"]?.number != nil)
            let meter = try #require(report["reconciliation"]?.array?.first)
            #expect(meter["inside_uj"]?.decimalString == energy)
            #expect(meter["outside_uj"]?.decimalString == 7_200_000_000_000 - energy)

            let bundle = try await owner.evidence(from: from, to: to)
            let sha256 = try #require(imported["sha256"]?.string)
            #expect(FileManager.default.fileExists(atPath: "\(bundle)/factors/\(sha256)"))
            let audit = try await owner.audit(bundle)
            #expect(audit.status == 0, "\(audit.text)")
        }

        @Test func whatIsSetIsListedWithItsTime() async throws {
            let owner = try await AggregatorUnderTest.current.organization("Listed")
            _ = try await owner.answer([
                "site", "set", "default", "--zone", "X-1", "--market", "X", "--pue", "1.2", "--pue-category", "2",
                "--pue-source", "metered", "--wue", "0.4", "--from", "2024-01-01T00:00Z", "--until",
                "2025-01-01T00:00Z", "--reason", "the statement of 2024",
            ])
            let sites = try #require(try await owner.answer(["site", "list"])["items"]?.array)
            #expect(sites.compactMap { $0["field"]?.string } == ["site.zone", "site.market", "site.pue", "site.wue"])
            #expect(sites[2]["value"]?["category"] == "2")
            #expect(sites.allSatisfy { $0["effective_until"] == "2025-01-01T00:00:00Z" && $0["stands"] == false })
            #expect(sites.allSatisfy { $0["reason"] == "the statement of 2024" })
            for _ in 0..<2 {
                _ = try await owner.answer([
                    "contract", "add", "wind-1", "--kind", "go", "--market", "X", "--start", "2024-01-01T00:00Z",
                    "--end", "2025-01-01T00:00Z", "--mwh", "1", "--retired-for", "Listed",
                ])
            }
            let contracts = try #require(try await owner.answer(["contract", "list"])["items"]?.array)
            #expect(contracts.map { $0["stands"]?.bool } == [false, true])
            _ = try await owner.answer([
                "meter", "add", "main", "--site", "default", "--start", from, "--end", to, "--mwh", "0.002",
            ])
            let meters = try #require(try await owner.answer(["meter", "list"])["items"]?.array)
            #expect(meters.map { $0["subject"]?.string } == ["main"])
            let refused = try await owner.wattest(["site", "set", "default", "--pue-category", "2"]).output()
            #expect(refused.status == 2)
            // What no report could use does not come into the log, whoever sends it.
            let size = try await owner.size()
            for (field, value, allowed) in [
                ("site.pue", "0.3", "from 1 to 10"), ("site.wue", "2000", "from 0 to 1,000"),
                ("site.embodied", "{\"kg_per_server\":1500,\"lifetime_years\":0}", "lifetime_years above 0"),
            ] {
                let told = try await owner.wattest(["org", "set", field, value, "--subject", "default"]).output()
                #expect(told.status == 1 && told.errors.contains(allowed), "\(told.errors)")
                #expect(told.errors.split(separator: "\n").count == 1, "\(told.errors)")
            }
            let turned = try await owner.wattest([
                "org", "set", "site.pue", "1.2", "--subject", "default", "--from", to, "--until", from,
            ]).output()
            #expect(turned.status == 2 && turned.errors.contains("--from before --until"), "\(turned.errors)")
            let reply = try await AggregatorUnderTest.current.reply(
                "/v1/organizations/\(owner.slug)/settings",
                body: [
                    "field": "site.pue", "value": "1.2", "effective_from": "2024-02-01T00:00:00Z",
                    "effective_until": "2024-01-01T00:00:00Z",
                ], token: owner.token)
            #expect(reply.status == 400)
            let long = String(repeating: "x", count: 3000)
            for (path, body) in [
                ("settings", ["field": "site.wue", "value": "1", "reason": .string(long)] as JSONValue),
                ("settings", ["field": "site.wue", "value": "1", "subject": .string(long)]),
                ("settings", ["field": "site.wue", "value": "1", "subject": "a\nb"]),
                (
                    "disclosures",
                    ["from": "2024-05-17T04:00:00Z", "to": "2024-05-17T06:00:00Z", "reason": .string(long)]
                ),
            ] {
                let told = try await AggregatorUnderTest.current.reply(
                    "/v1/organizations/\(owner.slug)/\(path)", body: body, token: owner.token)
                #expect(told.status == 400, "\(path): \(String(decoding: told.body, as: UTF8.self))")
            }
            #expect(try await owner.size() == size)
        }

        @Test func aTableThatIsNoneIsRefusedWithItsLine() async throws {
            let owner = try await AggregatorUnderTest.current.organization("Unsupplied")
            let table = "\(owner.directory)/factors.csv"
            try "zone,period,g_per_kwh\nX-1,someday,1000\n".write(toFile: table, atomically: true, encoding: .utf8)
            let output = try await owner.wattest([
                "factor", "import", table, "--provider", "Own", "--dataset-version", "1", "--licence", "CC0-1.0",
            ]).output()
            #expect(output.status == 1)
            #expect(output.errors.hasPrefix("wattest: error["), "\(output.errors)")
            #expect(output.errors.contains("someday"), "\(output.errors)")
        }
    }
}
