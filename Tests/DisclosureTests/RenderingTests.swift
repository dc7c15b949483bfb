import Accounts
import Batches
import ClusterSimulation
import Energy
import JSONText
import Testing
import TransparencyLog

@testable import Disclosure

@Suite struct RenderingTests {
    private func example(_ audience: Audience = .assurer) throws -> Disclosure {
        var log = try exampleLog(seed: 61)
        for site in ["north", "archive"] { try log.set(SettingField.siteZone, of: site, "\"DE\"") }
        return Disclosure(try log.disclosureInput(examplePeriod, audience: audience))
    }

    /// A reader who knows no sensors is told where a figure was taken, whichever place it is.
    @Test(arguments: Boundary.allCases) func everyBoundaryHasWords(_ boundary: Boundary) {
        let words = ReportText.boundary(boundary.name)
        #expect(words != "at \(boundary.name)" && words.hasSuffix("(\(boundary.name))"), "\(words)")
    }

    /// Every bar of the charts is explained: by its name alone, or in a sentence beside it.
    @Test func theChartsWordsAreExplained() throws {
        let plain: Set = ["accelerator", "cpu", "dram", "network", "synthetic"]
        for name in Component.allCases.map(\.name) + Provenance.allCases.map(\.rawValue) {
            #expect((ReportText.meaning(name) == nil) == plain.contains(name), "\(name)")
        }
        let page = String(decoding: DisclosureHTML.render(try example().value), as: UTF8.self)
        let words = try #require(ReportText.meaning("rest"))
        #expect(page.replacing("<wbr>", with: "").contains(words))
    }

    /// Whoever is handed a page is told which report it is, and what it replaces.
    @Test func anIssuedPageBearsItsNumber() throws {
        let body = try example().value
        func page(_ issued: JSONValue?) -> String {
            String(decoding: DisclosureHTML.render(body, issued: issued), as: UTF8.self)
        }
        #expect(page(nil).contains("A preview: not issued"))
        var issued: JSONValue = [
            "number": 7, "issued_at": "2026-11-22T05:51:17.308746Z", "index": "476", "supersedes": nil,
            "reason": nil, "effect": nil,
        ]
        let first = page(issued)
        #expect(first.contains("Report 7, issued 2026-11-22 05:51 UTC, entry 476 of the log"))
        #expect(!first.contains("It replaces") && !first.contains("preview"))
        issued = [
            "number": 8, "issued_at": "2026-11-23T05:51:17Z", "index": "480", "supersedes": 7,
            "reason": "late nodes <n4>\nand n5", "effect": "it_uj from 1 to 2, 100 %",
        ]
        let second = page(issued)
        #expect(second.contains("It replaces report 7: late nodes &lt;n4&gt; and n5"))
        #expect(second.contains("What that changed: it_uj from 1 to 2, 100 %"))
        #expect(DisclosurePDF.render(body, issued: issued) != DisclosurePDF.render(body))
    }

    @Test func thePageIsWholeAndDeterministic() throws {
        let value = try example().value
        let page = String(decoding: DisclosureHTML.render(value), as: UTF8.self)
        #expect(Array(page.utf8) == DisclosureHTML.render(try JSONValue(parsing: value.rendered(.pretty))))
        for part in [
            "slurm/101", "By component", "<svg", "What is not claimed", "wattest-audit verify",
            "Emissions lie where grids lie",
        ] {
            #expect(page.replacing("<wbr>", with: "").contains(part), "\(part)")
        }
        #expect(!page.contains("<script"))
        #expect(!page.contains("http://") && !page.contains("src="))
        // Every opened element is closed, so that the page prints as it reads.
        for tag in ["table", "section", "figure", "svg", "tr", "td", "ul", "li", "dl", "pre", "h2"] {
            let opened = page.ranges(of: "<\(tag)>").count + page.ranges(of: "<\(tag) ").count
            #expect(opened == page.ranges(of: "</\(tag)>").count, "\(tag)")
        }
    }

    /// What was closed, corrected and revoked, as somebody reads it who knows no logs.
    @Test func changesAreTold() throws {
        var log = try exampleLog(seed: 67)
        let job = try #require(log.records.keys.sorted().first { log.records[$0].map(Self.isFirst) == true })
        let before = Disclosure(try log.disclosureInput(examplePeriod))
        try log.report(
            number: 1, period: examplePeriod, audience: .assurer, size: log.size, sha256: before.sha256)
        try log.close(examplePeriod)
        try log.correct([
            CorrectEntry.Move(
                node: "n1", hour: examplePeriod.start, from: .job(job), to: .unattributed, microjoules: 1_000_001)
        ])
        let node = try #require(log.nodes["n3"])
        try log.append(
            .node(
                NodeEntry(
                    log: log.origin, time: log.now, action: .revoke, node: "n3", role: .node, site: "north",
                    key: try #require(log.keys["n3"]).verifier.text,
                    position: ChainPosition(incarnation: node.incarnation, sequence: 0), salt: log.salt())),
            by: log.administration)
        #expect(!Self.text(before.value).contains("Closed, corrected and doubted"))
        let value = Disclosure(try log.disclosureInput(examplePeriod)).value
        #expect(value["closes"]?.array?.first?["late_corrections"]?.int64 == 1)
        #expect(value["closes"]?.array?.first?["late_batches"]?.int64 == 0)
        let page = Self.text(value)
        for part in [
            "Closed, corrected and doubted", "Closed books", "Late corrections", "Earlier reports", "Corrections",
            "the claim came late", "1.000001 J", " -1.000001 J", "unattributed +1.000001 J",
            "Keys that were not to be trusted any more", "Energy in doubt",
        ] {
            #expect(page.contains(part), "\(part)")
        }
        // The printed form has the same words, whatever its lines.
        let blocks = DisclosurePage(value).sections.first { $0.title.hasPrefix("Closed, corrected") }?.blocks ?? []
        #expect(blocks.count == 13, "a paragraph, and heading, paragraph and table four times")
        // Others are shown no job and no node.
        let shown = Self.text(Disclosure(try log.disclosureInput(examplePeriod, audience: .public)).value)
        #expect(shown.contains("the claim came late") && !shown.contains("slurm/101") && !shown.contains(">n1<"))
    }

    private static func isFirst(_ record: [UInt8]) -> Bool { String(decoding: record, as: UTF8.self).contains("101") }

    private static func text(_ value: JSONValue) -> String {
        String(decoding: DisclosureHTML.render(value), as: UTF8.self).replacing("<wbr>", with: "")
            .replacing("<br>", with: " ")
    }

    @Test func namesCannotBecomeMarkup() throws {
        let page = String(decoding: DisclosureHTML.render(try example().value), as: UTF8.self)
        #expect(page.contains("Acme &amp; Söhne &lt;AI&gt;"))
        #expect(!page.contains("<AI>"))
        #expect(HTMLText.escaped("\"><img src=x onerror='1'>") == "&quot;&gt;&lt;img src=x onerror=&#39;1&#39;&gt;")
    }

    @Test func aPublicPageNamesNoJobAndNoNode() throws {
        let page = String(decoding: DisclosureHTML.render(try example(.public).value), as: UTF8.self)
        #expect(!page.contains("slurm"))
        #expect(!page.contains(">n1<"))
    }

    @Test func theTableHasOneRowForEachJobAndNode() throws {
        let value = try example().value
        let lines = String(decoding: DisclosureCSV.render(value), as: UTF8.self).split(separator: "\r\n")
        let jobs = try #require(value["jobs"]?.array)
        let nodes = jobs.reduce(0) { $0 + ($1["by_node"]?.array?.count ?? 0) }
        let zones = value["zones"]?.array?.count ?? 0
        #expect(lines.count == 1 + 4 + zones + jobs.count + nodes)
        #expect(Set(lines.map { $0.split(separator: ",", omittingEmptySubsequences: false).count }) == [24])
        #expect(lines[1].hasPrefix("organization,"))
    }

    @Test func everyFigureOfEnergySaysWhereItWasMeasured() throws {
        let value = try example().value
        for run in try #require(value["runs"]?.array) {
            let sum = (run["by_boundary"]?.object?.members ?? []).reduce(Int128(0)) {
                $0 + (HTMLText.microjoules($1.value) ?? 0)
            }
            #expect(sum == HTMLText.microjoules(run["energy_uj"]))
        }
        let rows = String(decoding: DisclosureCSV.render(value), as: UTF8.self).split(separator: "\r\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        let column = try #require(rows.first?.firstIndex(of: "boundary"))
        let measured = rows.filter { ["organization", "job", "node"].contains($0[0]) && Int128($0[11]) ?? 0 != 0 }
        #expect(measured.count > 3)
        #expect(measured.allSatisfy { !$0[column].isEmpty })
        let page = String(decoding: DisclosureHTML.render(value), as: UTF8.self)
        for name in try #require(value["energy"]?["by_boundary"]?.object).names {
            #expect(page.contains(ReportText.boundary(name)), "\(name)")
        }
        let downstream = String(decoding: DisclosureHTML.render(try example(.downstream).value), as: UTF8.self)
        #expect(!downstream.contains("much electricity") && !downstream.contains(">Energy<"))
    }

    @Test func noCellIsAFormula() throws {
        let value: JSONValue = [
            "jobs": [["key": "=1+1", "class": "a,\"b\"", "flags": [], "energy_uj": "-5"]]
        ]
        let text = String(decoding: DisclosureCSV.render(value), as: UTF8.self)
        #expect(text.contains("job,'=1+1,,\"a,\"\"b\"\"\","))
        #expect(text.contains(",-5,"))
    }

    @Test(
        arguments: [
            (0, "0 Wh"), (3_600_000_000, "1 Wh"), (3_599_999_999, "1 Wh"), (5_400_000_000_000, "1.5 kWh"),
            (-3_600_000_000_000_000, "-1 MWh"),
        ] as [(Int128, String)]) func energyIsShownInAReadableUnit(_ row: (Int128, String))
    {
        #expect(HTMLText.energy(row.0) == row.1)
    }

    @Test func anIssuedReportIsSignedOverItsBody() throws {
        let log = try exampleLog(seed: 62)
        let disclosure = Disclosure(try log.disclosureInput(examplePeriod))
        let issued = IssuedDisclosure(
            number: 3, issuedAt: log.now, supersedes: 2, reason: "late batches", disclosure: disclosure)
        let value = try issued.json(signedBy: [log.administration])
        #expect(value.object?.names == ["number", "issued_at", "supersedes", "reason", "disclosure", "signatures"])
        let signature = try #require(value["signatures"]?.array?.first?["sig"]?.string.flatMap { Base64.decode($0) })
        let envelope = DSSEEnvelope(
            payloadType: IssuedDisclosure.payloadType, payload: value["disclosure"]?.rendered(.pretty) ?? [],
            signatures: [.init(keyID: "", value: signature)])
        #expect(try envelope.signers(among: [log.administration.verifier]).count == 1)
    }
}
