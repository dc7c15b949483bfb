import Accounts
import ClusterSimulation
import Energy
import JSONSchemaCheck
import JSONText
import Testing
import TransparencyLog

@testable import Disclosure

/// The forms other than JSON, and what each audience finds in them.
@Suite struct FormatTests {
    static func example(_ audience: Audience = .assurer) throws -> Disclosure {
        var log = try exampleLog(seed: 81)
        for site in ["north", "archive"] {
            try log.set(SettingField.siteZone, of: site, "\"DE\"")
            try log.set(SettingField.sitePUE, of: site, "1.2")
            try log.set(SettingField.siteWater, of: site, "{\"on_site\":1.5,\"off_site\":3.1,\"source\":\"operator\"}")
            try log.set(
                SettingField.siteEmbodied, of: site,
                "{\"kg_per_server\":1500,\"kg_per_device\":\"150\",\"devices\":8,\"boundary\":\"cradle-to-gate\","
                    + "\"source\":\"maker\",\"lifetime_years\":4}")
        }
        for boundary in Boundary.allCases {
            try log.set(SettingField.meterClass, of: boundary.name, "{\"relative_limit\":0.01,\"source\":\"class 1\"}")
        }
        try log.set(SettingField.modelCompute, of: "m-1", "{\"parameters\":\"7e9\",\"tokens\":\"2e12\"}")
        try log.set(SettingField.nodeAccelerators, of: nil, "{\"model\":\"NVIDIA H100 SXM\",\"count\":8}")
        try log.set(
            SettingField.modelInference, of: "m-1",
            "{\"flop\":\"1.4e13\",\"task\":\"1,000 tokens\",\"hardware\":\"1 H100\"}")
        return Disclosure(try log.disclosureInput(examplePeriod, audience: audience))
    }

    @Test(arguments: ReportFormat.allCases) func everyFormIsDeterministic(format: ReportFormat) throws {
        for audience in Audience.allCases {
            let value = try Self.example(audience).value
            let bytes = format.render(value)
            #expect(bytes == format.render(try JSONValue(parsing: value.rendered(.pretty))))
            let carriesEnergyAlone = [.cyclonedx, .spdx, .boamps].contains(format)
            #expect((bytes == nil) == (carriesEnergyAlone && audience == .downstream))
        }
    }

    @Test(arguments: Audience.allCases) func everyAudienceFitsTheSchemaWithEverythingSet(audience: Audience) throws {
        let schema = try JSONValue(parsing: ContractFile.bytes("disclosure.schema.json"))
        #expect(JSONSchemaCheck.faults(of: try Self.example(audience).value, by: schema) == [])
    }

    // MARK: Audiences

    @Test func downstreamIsShownNoEnergy() throws {
        let disclosure = try Self.example(.downstream)
        let assured = try Self.example().value
        for field in ["energy", "emissions", "pue", "water", "embodied"] {
            #expect(disclosure.value[field]?.isNull == true, "\(field)")
        }
        let text = String(decoding: disclosure.bytes, as: UTF8.self)
        for amount in ["it_uj", "jobs_uj", "measured_uj"] {
            let digits = try #require(assured["energy"]?[amount]?.string)
            #expect(!text.contains(digits), "\(amount)")
        }
        #expect(disclosure.value["model_documentation"] == [])
        let page = String(decoding: DisclosureHTML.render(disclosure.value), as: UTF8.self)
        #expect(!page.contains("kWh") && !page.contains("MWh"))
        #expect(page.contains("withheld from this audience"))
    }

    /// The columns of the form: ranges and orders of magnitude for authorities, figures for the AI Office.
    @Test func theModelDocumentationFormHasItsColumns() throws {
        func rows(_ audience: Audience) throws -> [String: JSONValue] {
            let model = try Self.example(audience).value["model_documentation"]?.array?.first
            return Dictionary(
                (model?["rows"]?.array ?? []).map { ($0["id"]?.string ?? "", $0) }, uniquingKeysWith: { a, _ in a })
        }
        let office = try rows(.aiOffice)
        let authority = try rows(.authority)
        let shared = ["compute_method", "energy", "energy_method", "inference_compute", "inference_method"]
        #expect(Set(office.keys) == Set(shared + ["training_time_days", "hardware_days", "compute"]))
        #expect(Set(authority.keys) == Set(shared + ["training_time_range", "compute_order"]))
        #expect(try rows(.public).isEmpty && rows(.downstream).isEmpty)
        // 6 · 7e9 · 2e12 = 8.4e22.
        #expect(office["compute"]?["value"]?.string == "8.4e22")
        #expect(authority["compute_order"]?["value"]?.string == "about 1e23")
        #expect(authority["training_time_range"]?["value"]?.string == "less than 1 month")
        #expect(office["energy"]?["unit"]?.string == "MWh")
        #expect(office["energy"]?["note"]?.string?.contains("PUE 1.2") == true)
        let energy = try #require(office["energy"]?["value"]?.string)
        #expect((2...3).contains(ResourceSection.significant(energy)))
        #expect(office["inference_compute"]?["value"]?.string == "1.4e13")
        let words = office["energy_method"]?["value"]?.string?.split(separator: " ").count ?? 0
        #expect(words > 20 && words <= 110)
    }

    // MARK: Water, embodied, uncertainty, compute

    @Test func resourcesFollowFromWhatIsSet() throws {
        let value = try Self.example().value
        let microjoules = try #require(value["energy"]?["it_uj"]?.string.flatMap { Double($0) })
        let kilowattHours = microjoules / 3.6e12
        let cubicMetres = try #require(value["water"]?["cubic_metres"]?.number?.double)
        #expect(abs(cubicMetres * 1000 - kilowattHours * (1.5 + 1.2 * 3.1)) < 0.01)
        let hours = try #require(value["embodied"]?["node_hours"]?.int64)
        let kilograms = try #require(value["embodied"]?["kg"]?.number?.double)
        #expect(abs(kilograms - Double(hours) * (1500 + 8 * 150) / (4 * 8760)) < 1e-5)
        #expect(value["compute"]?["flop"]?.string == "84000000000000000000000")
        // One class for all boundaries: 2 · 1 % / √3 = 1.15 % at most, less where boundaries share the energy.
        let relative = try #require(value["uncertainty"]?["relative_k2"]?.number?.double)
        #expect(relative > 0.005 && relative <= 0.012)
        #expect(
            value["checks"]?.array?.contains { $0["id"] == "figures-within-uncertainty" && $0["passed"] == true }
                == true)
        let printed = try #require(value["energy"]?["it_mwh"]?.number?.text)
        #expect(ResourceSection.significant(printed) <= 4)
        let seconds = value["runs"]?.array?.first?["accelerator_seconds_by_model"]?["NVIDIA H100 SXM"]?.string
        #expect(Int64(seconds ?? "") ?? 0 > 0)
        let reasons = Set((value["missing"]?.array ?? []).compactMap { $0["field"]?.string })
        #expect(reasons.isDisjoint(with: ["water", "embodied", "compute.flop", "uncertainty.relative_k2"]))
    }

    /// Whatever follows from the energy, wherever it stands: in the body, in the exchange formats and on the page.
    @Test func noFigureHasMoreDigitsThanItsUncertaintyBears() throws {
        let value = try Self.example().value
        let borne = BorneFigures(of: value)
        #expect(borne.areKnown)
        var figures: [(String, JSONValue)] = []
        for name in ["it_mwh", "facility_mwh"] { figures.append((name, value["energy"]?[name] ?? .null)) }
        for name in ["location_t", "market_t"] { figures.append((name, value["emissions"]?[name] ?? .null)) }
        for (list, names) in [
            ("zones", ["location_t", "market_t", "supply_mwh"]), ("jobs", ["energy_mwh"]), ("runs", ["energy_mwh"]),
        ] {
            for item in value[list]?.array ?? [] {
                for name in names { figures.append(("\(list).\(name)", item[name] ?? .null)) }
            }
        }
        for factor in value["emissions"]?["factors"]?.array ?? [] {
            for use in factor["uses"]?.array ?? [] {
                for name in ["supply_mwh", "location_t"] { figures.append(("uses.\(name)", use[name] ?? .null)) }
            }
        }
        figures.append(("water", value["water"]?["cubic_metres"] ?? .null))
        for site in value["water"]?["sites"]?.array ?? [] { figures.append(("litres", site["litres"] ?? .null)) }
        let bom = try JSONValue(parsing: #require(ReportFormat.cyclonedx.render(value)))
        for component in bom["components"]?.array ?? [] {
            let consumptions = component["modelCard"]?["considerations"]?["environmentalConsiderations"]?[
                "energyConsumptions"]
            for item in consumptions?.array ?? [] {
                figures.append(("cyclonedx kWh", item["activityEnergyCost"]?["value"] ?? .null))
                figures.append(("cyclonedx t", item["co2CostEquivalent"]?["value"] ?? .null))
            }
        }
        let shown = figures.filter { $0.1.number != nil }
        #expect(shown.count > 15)
        for (name, figure) in shown { #expect(borne.figure(figure) == figure, "\(name): \(figure)") }
        let known = value["uncertainty"]?["relative_k2"]
        // About 1.15 % of 12.345 kWh is 0.14: two decimals stand.
        #expect(HTMLText.energy(12_345 * 3_600_000_000, borne: BorneFigures(printed: known)) == "12.34 kWh")
    }

    @Test func whatIsNotSetNamesItsSetting() throws {
        let value = Disclosure(try exampleLog(seed: 82).disclosureInput(examplePeriod)).value
        for (field, setting) in [
            ("water", SettingField.siteWater), ("embodied", SettingField.siteEmbodied),
            ("compute.flop", SettingField.modelCompute), ("uncertainty.relative_k2", SettingField.meterClass),
        ] {
            let reason = value["missing"]?.array?.first { $0["field"]?.string == field }?["reason"]?.string
            #expect(reason?.contains(setting) == true, "\(field): \(reason ?? "no reason")")
        }
    }

    @Test(arguments: ["0.5", "100", "1.20", "0.0034", "12000", "0"])
    func significantFiguresOfText(text: String) {
        let expected = ["0.5": 1, "100": 1, "1.20": 3, "0.0034": 2, "12000": 2, "0": 1]
        #expect(ResourceSection.significant(text) == expected[text])
    }

    @Test func monthsSitesAndProfilesAddUp() throws {
        let value = try Self.example().value
        let total = try #require(value["energy"]?["it_uj"]?.string.flatMap { Int128($0) })
        for member in ["by_month", "by_site"] {
            let sum = (value["energy"]?[member]?.object?.members ?? []).reduce(Int128(0)) {
                $0 + (HTMLText.microjoules($1.value) ?? 0)
            }
            #expect(sum == total, "\(member)")
        }
        for profile in value["profiles"]?.array ?? [] {
            let job = value["jobs"]?.array?.first { $0["pseudonym"] == profile["pseudonym"] }
            for member in ["by_component", "by_node"] {
                let sum = (profile["steps"]?.array ?? []).reduce(Int128(0)) { sum, step in
                    sum
                        + (step[member]?.object?.members ?? []).reduce(Int128(0)) {
                            $0 + (HTMLText.microjoules($1.value) ?? 0)
                        }
                }
                #expect(sum == HTMLText.microjoules(job?["energy_uj"]), "\(member)")
            }
        }
        #expect(value["profiles"]?.array?.isEmpty == false)
        #expect(try Self.example(.public).value["profiles"] == [])
        #expect(try Self.example(.aiOffice).value["energy"]?["by_site"]?.isNull == true)
    }

    // MARK: Exchange formats

    /// CycloneDX 1.6, definitions energyConsumption, energyProvider, energyMeasure and co2Measure.
    @Test func cycloneDXHasWhatItsSchemaRequires() throws {
        let value = try Self.example().value
        let bom = try JSONValue(parsing: try #require(ReportFormat.cyclonedx.render(value)))
        #expect(bom["bomFormat"] == "CycloneDX" && bom["specVersion"] == "1.6")
        let serial = try Regex("^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
        #expect(bom["serialNumber"]?.string?.firstMatch(of: serial) != nil)
        let activities = [
            "design", "data-collection", "data-preparation", "training", "fine-tuning", "validation", "deployment",
            "inference", "other",
        ]
        var sum = 0.0
        for component in bom["components"]?.array ?? [] {
            #expect(component["type"] == "machine-learning-model" && component["name"]?.string != nil)
            let consumptions =
                component["modelCard"]?["considerations"]?["environmentalConsiderations"]?["energyConsumptions"]?.array
            for consumption in try #require(consumptions) {
                #expect(activities.contains(consumption["activity"]?.string ?? ""))
                #expect(consumption["activityEnergyCost"]?["unit"] == "kWh")
                #expect(consumption["co2CostEquivalent"]?["unit"] == "tCO2eq")
                #expect(consumption["energyProviders"]?.array?.first?["energySource"] == "unknown")
                sum += consumption["activityEnergyCost"]?["value"]?.number?.double ?? 0
            }
        }
        let jobs = try #require(HTMLText.microjoules(value["energy"]?["jobs_uj"]))
        // Each figure has the digits that its uncertainty bears, so the sum is off by a part of that.
        #expect(abs(sum - Double(jobs) / 3.6e12) < 0.005 * sum)
    }

    @Test func spdxNamesEveryElementOnce() throws {
        let document = try JSONValue(parsing: try #require(ReportFormat.spdx.render(try Self.example().value)))
        let graph = try #require(document["@graph"]?.array)
        let ids = graph.compactMap { ($0["spdxId"] ?? $0["@id"])?.string }
        #expect(ids.count == graph.count && Set(ids).count == ids.count)
        #expect(graph.allSatisfy { $0["type"] == "CreationInfo" || $0["creationInfo"] == "_:creation" })
        let package = try #require(graph.first { $0["name"] == "m-1" })
        let training = package["ai_energyConsumption"]?["ai_trainingEnergyConsumption"]?.array?.first
        #expect(training?["ai_energyUnit"] == "kilowattHour" && training?["ai_energyQuantity"]?.number != nil)
    }

    @Test func boAmpsHasWhatItsSchemaRequires() throws {
        let report = try JSONValue(parsing: try #require(ReportFormat.boamps.render(try Self.example().value)))
        for name in ["task", "measures", "infrastructure"] { #expect(report[name] != nil, "\(name)") }
        for name in ["taskStage", "taskFamily", "algorithms", "dataset"] {
            #expect(report["task"]?[name] != nil, "\(name)")
        }
        #expect(report["quality"] == "high" && report["environment"]?["country"] == "DE")
        for measure in report["measures"]?.array ?? [] {
            #expect(measure["powerConsumption"]?.number != nil && measure["measurementMethod"]?.string != nil)
        }
    }

    // MARK: PDF

    @Test func thePDFIsWellFormed() throws {
        let bytes = DisclosurePDF.render(try Self.example().value)
        #expect(bytes.starts(with: Array("%PDF-1.7\n".utf8)))
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.hasSuffix("%%EOF\n"))
        // Each offset of the cross-reference table is where its object begins.
        let tail = try #require(text.split(separator: "\n").suffix(2).first.flatMap { Int($0) })
        let table = String(decoding: bytes[tail...], as: UTF8.self).split(separator: "\n")
        #expect(table[0] == "xref")
        let count = try #require(table[1].split(separator: " ").last.flatMap { Int($0) })
        for number in 1..<count {
            let offset = try #require(Int(table[2 + number].prefix(10)))
            #expect(bytes[offset...].starts(with: Array("\(number) 0 obj\n".utf8)), "\(number)")
        }
    }

    /// Two models whose names the fonts lack stay two, and letters with marks stay letters.
    @Test func noNameBecomesQuestionMarks() throws {
        func text(_ name: String) -> String { String(decoding: PDFFont.encode(name), as: UTF8.self) }
        #expect(text("模型 Ж-2") == "<U+6A21 U+578B> <U+0416>-2")
        #expect(text("limit / √3, CO₂") == "limit / square root of 3, CO2")
        #expect(text("日本") != text("中国"))
        var value = try Self.example().value
        #expect(!String(decoding: DisclosurePDF.render(value), as: UTF8.self).contains("U+0416"))
        var object = try #require(value.object)
        var organization = try #require(value["organization"]?.object)
        organization.set("name", "模型")
        object.set("organization", .object(organization))
        value = .object(object)
        let file = String(decoding: DisclosurePDF.render(value), as: UTF8.self)
        #expect(file.contains("<U+6A21"))
        #expect(file.contains("U+0416"))
        #expect(!file.contains("(??"))
        // "Ħamrun" is not "Hamrun": where a mark is left out, the file says so.
        #expect(!file.contains("Some letters stand without"))
        organization.set("name", "Ħamrun AI")
        object.set("organization", .object(organization))
        let unmarked = String(decoding: DisclosurePDF.render(.object(object)), as: UTF8.self)
        #expect(unmarked.contains("Some letters stand without"))
        #expect(!PDFFont.losesMarks("Šumava, ÿ, œ, Plzeň") && PDFFont.losesMarks("Ħamrun"))
        // The window's title needs no font.
        #expect(file.contains("6A21578B> >>"))
    }

    /// Letters that WinAnsi lacks are set from what every reader's fonts hold, and can be copied out again.
    @Test func lettersOfCentralEuropeAndGreekAreShown() throws {
        for name in [
            "Łódź", "Zażółć gęślą jaźń", "Příliš žluťoučký kůň úpěl ďábelské ódy", "Őrült űző", "İstanbul ığdır Şişli",
            "Țepeș", "Ģertrūde Ķīpsala Ļaudona Ņikita Ēvalds", "Ελληνικά Ώρα σίγμα τέλος",
        ] {
            #expect(!PDFFont.lacksLetters(name) && !PDFFont.losesMarks(name), "\(name)")
            let glyphs = PDFGlyph.glyphs(of: PDFFont.encode(name))
            #expect(glyphs.count == name.unicodeScalars.count, "\(name)")
            #expect(glyphs.reduce(0) { $0 + $1.count } == PDFFont.encode(name).count, "\(name)")
            for font in PDFFont.allCases { #expect(glyphs.allSatisfy { font.width($0) > 0 }, "\(name)") }
        }
        #expect(PDFFont.encode("Łź Š") == [1, 0xC1, 1, 0xFA, 0x20, 0x8A])
        #expect(PDFFont.encode("Ωά") == [2, 0x57, 3, 0x61])
        #expect(PDFFont.encode("Łódź") != PDFFont.encode("Lodz"))
        // A cut escape, as no text has it, is a character too.
        #expect(PDFGlyph.glyphs(of: [65, 1]).map(\.count) == [1, 1])
        var object = try #require(Self.example().value.object)
        var organization = try #require(object["organization"]?.object)
        organization.set("name", "Łódź Ωμέγα")
        object.set("organization", .object(organization))
        let file = String(decoding: DisclosurePDF.render(.object(object)), as: UTF8.self)
        #expect(file.contains("/ActualText <FEFF0141>") && file.contains("/BaseFont /Symbol >>"))
        #expect(!file.contains("Some letters stand without") && !file.contains("told by their Unicode"))
    }

    @Test func linesNeitherOverflowNorLoseText() {
        for text in [
            "a short line", "cluster-with-a-long-name/slurm/1234567890123456789@1700000000 and more words",
            String(repeating: "x", count: 300), "", "§ é ü – “quoted” Σ μJ ≥ 1 日本",
            String(repeating: "Łść", count: 40),
        ] {
            for width in [20, 60, 200] {
                let lines = PDFText.lines(text, font: .regular, size: 8, width: width)
                for line in lines { #expect(PDFFont.regular.width(line, size: 8) <= width * 1000 || line.count == 1) }
                #expect(Array(lines.joined()).filter { $0 != 32 } == PDFFont.encode(text).filter { $0 != 32 })
            }
        }
    }

    @Test func manyPartsAndColumnsStayInTheirPlace() throws {
        let chart = StackedChart(
            title: "t", labels: (0..<96).map { "\($0)" },
            parts: (0..<20).map { part in
                .init(name: "p\(part)", values: (0..<96).map { Int128($0 * part) })
            })
        let drawing = try #require(chart.drawing)
        for case .rectangle(let x, let y, let width, let height, _) in drawing.shapes {
            #expect(x >= 0 && x + width <= drawing.width && y >= 0 && y + height <= drawing.height)
        }
        #expect(chart.parts.count == 8)
        #expect(StackedChart(title: "t", labels: ["a"], parts: []).drawing == nil)
    }
}
