import Accounts
import Batches
import ClusterSimulation
import Energy
import JSONText
import Testing
import TransparencyLog

@testable import Disclosure

@Suite struct LineageTests {
    /// A log with everything in it: shared nodes, imports, a switch, a resumed chain, a correction, zones and PUE.
    private func log(seed: UInt64) throws -> SyntheticLog {
        var log = try exampleLog(seed: seed)
        for site in ["archive", "north"] {
            try log.set(SettingField.siteZone, of: site, "\"DE\"")
            try log.set(SettingField.sitePUE, of: site, "{\"value\":1.25,\"source\":\"metered\"}")
        }
        for boundary in Boundary.allCases {
            try log.set(SettingField.meterClass, of: boundary.name, "{\"relative_limit\":0.01,\"source\":\"class 1\"}")
        }
        let job = try #require(try log.accounts().jobs.jobs.keys.sorted().first)
        let move = CorrectEntry.Move(
            node: "n3", hour: UTCTime(hour: log.now.hour), from: .idle, to: .job(job), microjoules: 12_345)
        try log.correct([move])
        return log
    }

    private func batches(_ log: SyntheticLog, _ terms: [FigureTrace.Term]) throws -> BatchTrace {
        var trace = BatchTrace(terms)
        for bytes in log.entries { try trace.append(bytes) }
        return trace
    }

    /// Every figure of energy is the sum of its node-hours, and every node-hour that of its batches and corrections.
    @Test(arguments: UInt64(0)..<3) func everyFigureLeadsToItsBatches(seed: UInt64) throws {
        let log = try log(seed: seed)
        let lineage = Lineage(try log.disclosureInput(examplePeriod))
        let figures = try #require(lineage.figures(limit: 10_000, after: nil)["items"]?.array)
        #expect(figures.count > 40, "seed \(seed)")
        for figure in figures {
            let name = try #require(figure["figure"]?.string)
            #expect(figure["agrees"]?.bool != false, "seed \(seed): \(figure)")
            let isPlain = name.hasSuffix("_uj") || name.hasSuffix("energy_mwh")
            #expect(figure["agrees"]?.bool == true || !isPlain, "seed \(seed): \(figure)")
            #expect(figure["in_report"]?.isNull == false || !name.hasSuffix("_uj"), "seed \(seed): \(figure)")
            let page = try #require(lineage.page(of: name, from: 0, limit: .max))
            let answer = lineage.json(page, try batches(log, page.all))
            #expect(answer["agrees"]?.bool != false, "seed \(seed): \(name)")
            #expect(answer["terms_uj"] == figure["terms_uj"], "seed \(seed): \(name)")
            for item in answer["items"]?.array ?? [] {
                let corrected = try #require(item["corrected_uj"]?.decimalString)
                #expect(
                    corrected == 0 || item["corrections"]?.array?.isEmpty == false, "seed \(seed): \(name) \(item)")
                #expect(item["batches"]?.array?.isEmpty == false || corrected != 0, "seed \(seed): \(name) \(item)")
            }
        }
    }

    /// What stands in the report as a plain sum of energy can be asked for.
    @Test func noFigureIsForgotten() throws {
        var log = try log(seed: 7)
        let (start, end) = (TimeText.rfc3339(examplePeriod.start), TimeText.rfc3339(examplePeriod.end))
        for (meter, nodes) in [("feed", ""), ("shelf", ",\"nodes\":[\"n1\"]")] {
            try log.set(
                SettingField.siteMeter, of: meter,
                "{\"site\":\"north\",\"start\":\"\(start)\",\"end\":\"\(end)\",\"mwh\":1\(nodes)}")
        }
        let input = try log.disclosureInput(examplePeriod)
        let sums = FigureTrace(input).sums
        let known = Set(sums.map(\.path.text))
        let value = Disclosure(input).value
        for meter in ["feed", "shelf"] {
            let sum = try #require(sums.first { $0.path.text == "reconciliation[\(meter)/\(start)/\(end)].inside_uj" })
            #expect(sum.path.value(in: value) == .decimalString(sum.microjoules), "\(meter)")
        }
        for member in try #require(value["energy"]?.object).members where member.name.hasSuffix("_uj") {
            guard let sum = member.value.decimalString, sum != 0 else { continue }
            #expect(known.contains("energy.\(member.name)"), "\(member.name)")
        }
        for group in ["by_class", "by_component", "by_provenance", "by_boundary", "by_month", "by_site"] {
            for member in try #require(value["energy"]?[group]?.object).members where member.value.decimalString != 0 {
                #expect(known.contains("energy.\(group).\(member.name)"), "\(group).\(member.name)")
            }
        }
        for model in try #require(value["model_documentation"]?.array) {
            let name = try #require(model["model"]?.string)
            #expect(known.contains("model_documentation[\(name)].rows[energy].value"), "\(name)")
        }
        for job in try #require(value["jobs"]?.array) where job["energy_uj"]?.decimalString != 0 {
            let key = try #require(job["key"]?.string ?? job["pseudonym"]?.string)
            #expect(known.contains("jobs[\(key)].energy_uj"), "\(key)")
        }
    }

    @Test func emissionsAreMadeAgainFromTheTerms() throws {
        let log = try log(seed: 3)
        let input = try log.disclosureInput(examplePeriod)
        let lineage = Lineage(input)
        let shown = try #require(Disclosure(input).value["emissions"]?["location_t"])
        try #require(!shown.isNull)
        let page = try #require(lineage.page(of: "emissions.location_t", from: 0, limit: .max))
        let answer = lineage.json(page, try batches(log, page.all))
        #expect(answer["agrees"]?.bool == true)
        #expect(answer["in_report"] == shown)
        let item = try #require(answer["items"]?.array?.first)
        #expect(item["pue"]?["value"]?.string == "1.25")
        #expect(item["factor"]?["sha256"]?.string?.count == 64)
        #expect(item["zone"]?.string == "DE")
        for figure in ["energy.it_mwh", "energy.facility_mwh", "zones[DE].supply_mwh"] {
            let page = try #require(lineage.page(of: figure, from: 0, limit: .max))
            #expect(lineage.json(page, BatchTrace([]))["agrees"]?.bool == true, "\(figure)")
        }
        // Of the computers alone, where no PUE is set.
        let bare = Lineage(try exampleLog(seed: 3).disclosureInput(examplePeriod))
        let row = try #require(bare.page(of: "model_documentation[m-1].rows[energy].value", from: 0, limit: .max))
        #expect(bare.json(row, BatchTrace([]))["agrees"]?.bool == true)
        // A term less is another figure.
        let part = SupplyTrace(FigureTrace(input)).tonnes(of: Array(page.all.dropFirst()))
        #expect(part != shown)
    }

    /// Market, water and hardware lead to the entries that set them, and are worked out again from their terms.
    @Test(arguments: CalculationMethod.allCases) func whatIsSetIsPartOfTheWayDown(_ method: CalculationMethod) throws {
        var log = try log(seed: 9)
        let turn = UTCTime(hour: examplePeriod.start.hour + 1)
        for site in ["archive", "north"] {
            try log.set(SettingField.siteWater, of: site, "{\"on_site\":1.5,\"off_site\":3.1}", until: turn)
            try log.set(SettingField.siteWater, of: site, "{\"on_site\":2,\"off_site\":3.1}", from: turn)
            try log.set(
                SettingField.siteEmbodied, of: site,
                "{\"kg_per_server\":1500,\"lifetime_years\":4,\"source\":\"maker\"}")
        }
        let instrument = """
            {"kind":"go","certificate_ids":["c1"],"market":"DE","start":"2026-01-01T00:00Z","end":"2027-01-01T00:00Z",
            "mwh":"0.00002","retired_for":"Acme & Söhne <AI>","g_per_kwh":0,"document_sha256":""}
            """
        try log.set(SettingField.instrument, of: "go-1", instrument)
        var input = try log.disclosureInput(examplePeriod)
        input.method = method
        let lineage = Lineage(input)
        for (figure, field) in [
            ("emissions.market_t", SettingField.instrument), ("zones[DE].market_t", SettingField.instrument),
            ("emissions.matched_share", SettingField.instrument), ("water.cubic_metres", SettingField.siteWater),
            ("embodied.kg", SettingField.siteEmbodied), ("embodied.node_hours", SettingField.siteEmbodied),
            ("model_documentation[m-1].rows[energy].value", SettingField.sitePUE),
        ] {
            let page = try #require(lineage.page(of: figure, from: 0, limit: .max), "\(figure)")
            let answer = lineage.json(page, BatchTrace([]))
            #expect(answer["in_report"]?.isNull == false, "\(figure)")
            #expect(answer["agrees"]?.bool == true, "\(figure): \(answer["in_report"] ?? .null)")
            let items = try #require(answer["items"]?.array)
            let inputs = (answer["inputs"]?.array ?? []) + items.flatMap { $0["inputs"]?.array ?? [] }
            let index = try #require(
                inputs.first { $0["field"]?.string == field }?["index"]?.decimalString, "\(figure)")
            let entry = try Entry(text: Array(SignedNote(parsing: log.entries[Int(index)]).text))
            guard case .set(let set) = entry else {
                Issue.record("\(figure): entry \(index) is no setting")
                continue
            }
            #expect(set.field == field)
        }
        let terms = try #require(lineage.page(of: "water.cubic_metres", from: 0, limit: .max)).all
        let trace = SupplyTrace(FigureTrace(input))
        let whole = try #require(trace.water(of: terms)?["cubic_metres"]?.number?.double)
        let half = try #require(trace.water(of: Array(terms.prefix(terms.count / 2)))?["cubic_metres"]?.number?.double)
        #expect(0 < half && half < whole)
    }

    @Test func pagesMeetWithoutOverlap() throws {
        let log = try log(seed: 4)
        let lineage = Lineage(try log.disclosureInput(examplePeriod))
        let whole = try #require(lineage.page(of: "energy.it_uj", from: 0, limit: .max)).all
        var gathered: [FigureTrace.Term] = []
        while true {
            let page = try #require(lineage.page(of: "energy.it_uj", from: gathered.count, limit: 3))
            gathered += page.terms
            let next = lineage.json(page, BatchTrace([]))["next"]
            if next?.isNull == true { break }
            #expect(next?.string == "\(gathered.count)")
        }
        #expect(gathered == whole)
        #expect(lineage.page(of: "energy.none", from: 0, limit: 1) == nil)
        let names = lineage.figures(limit: 5, after: nil)
        let next = try #require(names["next"]?.string)
        #expect(names["items"]?.array?.last?["figure"]?.string == next)
        let rest = lineage.figures(limit: 10_000, after: next)["items"]?.array?.first?["figure"]?.string
        #expect(try #require(rest) > next)
    }

    // MARK: Samples

    @Test func theSameSeedDrawsTheSame() throws {
        let log = try log(seed: 5)
        let input = try log.disclosureInput(examplePeriod)
        let lineage = Lineage(input)
        let page = try #require(lineage.page(of: "energy.it_uj", from: 0, limit: .max))
        func sample(_ seed: String) throws -> JSONValue {
            let draw = SampleDraw(seed: seed, count: 40, checkpoint: input.checkpoint)
            let hits = lineage.sample(draw, of: page)
            return lineage.json(draw, hits, of: page, try batches(log, hits.map(\.term)))
        }
        let first = try sample("assurer 2026")
        #expect(try sample("assurer 2026") == first)
        #expect(try sample("assurer 2027")["items"] != first["items"])
        let entries = try #require(first["entries"]?.array).compactMap { $0.string.flatMap { Int($0) } }
        #expect(!entries.isEmpty)
        for index in entries {
            let entry = try Entry(text: Array(SignedNote(parsing: log.entries[index]).text))
            #expect(entry.kind == .batch, "entry \(index)")
        }
        for item in first["items"]?.array ?? [] {
            let node = try #require(item["node"]?.string)
            let index = try #require(item["batch"]?["index"]?.string.flatMap { Int($0) })
            guard case .batch(let batch) = try Entry(text: Array(SignedNote(parsing: log.entries[index]).text)) else {
                continue
            }
            #expect(batch.node == node)
        }
    }

    /// 20,000 draws hit each node-hour by its energy, within five standard deviations.
    @Test func chancesAreByEnergy() throws {
        let log = try log(seed: 6)
        let input = try log.disclosureInput(examplePeriod)
        let terms = FigureTrace(input).terms(of: "energy.it_uj").terms
        let count = 20_000
        let hits = SampleDraw(seed: "x", count: count, checkpoint: input.checkpoint).hits(in: terms)
        let total = Double(SampleDraw.population(terms))
        for term in terms {
            let chance = Double(max(0, term.microjoules)) / total
            let found = Double(hits.count { $0.term == term })
            let deviation = (chance * (1 - chance) * Double(count)).squareRoot()
            #expect(abs(found - chance * Double(count)) <= 5 * deviation + 1, "\(term)")
        }
    }

    @Test func nothingIsDrawnFromNothing() throws {
        let input = try log(seed: 8).disclosureInput(examplePeriod)
        let draw = SampleDraw(seed: "x", count: 5, checkpoint: input.checkpoint)
        #expect(draw.hits(in: []).isEmpty)
        var term = try #require(FigureTrace(input).terms(of: "energy.it_uj").terms.first)
        term.microjoules = -5
        #expect(draw.hits(in: [term]).isEmpty)
    }
}
