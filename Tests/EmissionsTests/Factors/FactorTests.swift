import Energy
import SeededRandom
import Testing

@testable import Emissions

@Suite struct FactorTests {
    private static let hour = UTCTime(civil: "2024-03-01T05Z")?.hour ?? 0

    private func file(_ rows: String, scope: FactorBasis.Scope = .direct) throws -> FactorFile {
        try FactorFile(
            ownTable: Array("zone,period,g_per_kwh\n\(rows)".utf8), source: .sample, basis: FactorBasis(scope: scope))
    }

    @Test func theMostPreciseFactorWins() throws {
        let set = try FactorSet(files: [
            file("DK,2024,1\nDK-DK1,2024,2\nDK,2024-03-01T05Z,9"), file("DK-DK1,2024-03,3\nDK-DK1,2024-03-01T05Z,4"),
            file("DK-DK1,2024-03-01T05Z,5"),
        ])
        let exact = try #require(set.factor(zone: "DK-DK1", hour: Self.hour).match)
        #expect(exact.factor.gramsPerKilowattHour == DecimalFigure(4))
        #expect(exact.resolution == .hour && exact.file == 1 && !exact.isCountry && exact.yearsEarlier == 0)
        let monthly = set.factor(zone: "DK-DK1", hour: Self.hour + 1).match
        #expect(monthly?.factor.gramsPerKilowattHour == DecimalFigure(3))
        let yearly = set.factor(zone: "DK-DK1", hour: Self.hour + 24 * 40).match
        #expect(yearly?.factor.gramsPerKilowattHour == DecimalFigure(2))
        let country = set.factor(zone: "DK-DK2", hour: Self.hour).match
        #expect(country?.factor.gramsPerKilowattHour == DecimalFigure(9))
        #expect(country?.isCountry == true)
    }

    @Test func anUnpublishedYearTakesTheLatestBeforeItAndSaysSo() throws {
        let files = try [file("DK,2022,1\nDK,2021,2")]
        #expect(try FactorSet(files: files).factor(zone: "DK", hour: Self.hour).match?.yearsEarlier == 2)
        #expect(try FactorSet(files: files, maximumYearsEarlier: 1).factor(zone: "DK", hour: Self.hour).match == nil)
    }

    @Test func thereIsNoWorldMean() throws {
        let set = try FactorSet(files: [file("DK,2024,1\nWORLD,2024,400")])
        guard case .missing(let reason) = set.factor(zone: "XX-1", hour: Self.hour) else {
            Issue.record("a factor for an unknown zone")
            return
        }
        #expect(reason == "no factor for zone XX-1 in 2024 or the 3 years before: import a table that has it")
    }

    @Test func marginalSignalsStayOutOfInventories() throws {
        let marginal = try FactorFile(
            source: .sample, basis: FactorBasis(scope: .direct, signal: .marginal), factors: [])
        let error = #expect(throws: EmissionsError.self) { try FactorSet(files: [marginal]) }
        #expect(error?.code == .marginalSignal)
    }

    @Test(arguments: [
        ("DK,2024,1\nDK,2024,2", "D: two factors for zone DK, 2024"),
        ("DK,2024,x", "line 2: g_per_kwh: 'x' is not a decimal"),
        ("DK,2024,1\n\nDK,24,1", "line 4: period '24' is none of"), (",2024,1", "line 2: zone is empty"),
        ("DK,2024", "line 2: 2 fields where the header has 3"), ("DK,2024,-1", "line 2: -1 g/kWh is no grid's factor"),
        ("DK,2024,449060", "line 2: 449060 g/kWh is no grid's factor"), ("DK,2024,", "line 2: g_per_kwh is empty"),
        ("\"DK,2024,1", "line 2: a quotation mark is not closed"), ("\"DK\"x,2024,1", "line 2: text behind a closing"),
    ])
    func complaintsNameTheLine(rows: String, message: String) {
        let error = #expect(throws: EmissionsError.self) { try file(rows) }
        #expect(error?.message.hasPrefix(message) == true, "\(error?.message ?? "")")
    }

    @Test func electricityMapsTables() throws {
        let bytes = try Fixture.bytes("tables/electricity-maps-hourly.csv")
        let direct = try FactorFile(electricityMapsTable: bytes, source: .sample, scope: .direct)
        #expect(direct.factors.map(\.microgramsPerKilowattHour) == [81_550_000, 79_040_000])
        #expect(direct.factors.map(\.isEstimated) == [false, true])
        #expect(direct.factors[1].period.text == "2024-01-01T01Z")
        #expect(direct.factors[0].published == "81.55 g/kWh")
        #expect(direct.skipped.map(\.line) == [4])
        let lifecycle = try FactorFile(electricityMapsTable: bytes, source: .sample, scope: .lifecycle)
        #expect(lifecycle.factors.map(\.microgramsPerKilowattHour) == [118_200_000, 115_870_000])
        let yearly = try FactorFile(
            electricityMapsTable: Fixture.bytes("tables/electricity-maps-yearly.csv"), source: .sample,
            scope: .lifecycle)
        #expect(yearly.factors.map(\.period) == [.year(2023)])
        #expect(yearly.factors[0].microgramsPerKilowattHour == 140_300_000)
        #expect(throws: EmissionsError.self) {
            try FactorFile(electricityMapsTable: bytes, source: .sample, scope: .unknown)
        }
    }

    @Test func eGRIDTable() throws {
        let file = try FactorFile(eGRIDTable: Fixture.bytes("tables/egrid-subregions.csv"), source: .sample)
        #expect(file.factors.map(\.zone) == ["US-EGRID-CAMX", "US-EGRID-PRMS"])
        // 429.983 · 0.45359237 = 195.03700803…
        #expect(file.factors[0].microgramsPerKilowattHour == 195_037_008)
        #expect(file.factors[1].published == "1,548.53 lb/MWh")
        #expect(file.factors[1].microgramsPerKilowattHour == 702_401_393)
        #expect(file.basis.scope == .direct)
    }

    @Test func emberTable() throws {
        let file = try FactorFile(emberTable: Fixture.bytes("tables/owid-carbon-intensity.csv"), source: .sample)
        #expect(file.factors.map(\.zone) == ["DK", "FR", "US"])
        #expect(file.factors.map(\.microgramsPerKilowattHour) == [143_300_420, 44_179_085, 383_549_200])
        #expect(file.skipped.map(\.line) == [2, 6])
    }

    /// Ember's own release: one variable a row, yearly or monthly, the world and other variables beside the countries.
    @Test func emberReleases() throws {
        let head = "Area type,Continent,Category,Subcategory,Variable,Unit,Value,YoY absolute change"
        let intensity = "Power sector emissions,CO2 intensity,CO2 intensity,gCO2/kWh"
        let yearly = """
            Area,ISO 3 code,Year,\(head)
            Denmark,DNK,2024,Country or economy,Europe,Capacity,Fuel,Wind,GW,7.5,0.1
            Denmark,DNK,2024,Country or economy,Europe,\(intensity),143.3,-8
            Denmark,DNK,2025,Country or economy,Europe,\(intensity),,
            World,,2024,Region,,\(intensity),473.1,-8

            """
        let file = try FactorFile(emberTable: Array(yearly.utf8), source: .sample)
        #expect(file.basis.scope == .lifecycle)
        #expect(file.factors.map(\.zone) == ["DK"])
        #expect(file.factors.map(\.period) == [.year(2024)])
        #expect(file.factors.map(\.gramsPerKilowattHour.text) == ["143.3"])
        #expect(file.skipped.map(\.line) == [4, 5])
        let monthly = "Area,Country code,Date,\(head)\nDenmark,DNK,2025-03-01,Country,Europe,\(intensity),120,-8\n"
        let months = try FactorFile(emberTable: Array(monthly.utf8), source: .sample)
        #expect(months.factors.map(\.period) == [.month(year: 2025, month: 3)])
        let answer = "entity,entity_code,date,emissions_intensity_gco2_per_kwh\nDenmark,DNK,2024,143.3\n"
        #expect(try FactorFile(emberTable: Array(answer.utf8), source: .sample).factors.map(\.zone) == ["DK"])
        #expect(throws: EmissionsError.self) {
            try FactorFile(
                emberTable: Array(monthly.replacing("2025-03-01", with: "2025-03-02").utf8), source: .sample)
        }
    }

    @Test func aCommaIsADecimalSignBetweenSemicolonsAlone() throws {
        func own(_ text: String) throws -> [String] {
            try FactorFile(ownTable: Array(text.utf8), source: .sample, basis: FactorBasis(scope: .direct))
                .factors.map(\.gramsPerKilowattHour.text)
        }
        #expect(try own("zone;period;g_per_kwh\nDK;2026;92,4\nSE;2026;1.5\n") == ["92.4", "1.5"])
        #expect(try own("\u{FEFF}\"zone\";\"period\";\"g_per_kwh\"\r\n\"DK\";\"2026\";\"0,344\"\r\n") == ["0.344"])
        #expect(try own("zone\tperiod\tg_per_kwh\nDK\t2026\t92,4\n") == ["92.4"])
        // A thousand and more, or a little above one: nobody knows.
        for figure in ["1,234", "0,344", "92,4"] {
            #expect(throws: EmissionsError.self) { try own("zone,period,g_per_kwh\nDK,2026,\"\(figure)\"\n") }
        }
    }

    @Test func theDefaultTable() throws {
        let file = try FactorFile.defaults(sha256: "ab")
        #expect(file.factors.count == 47)
        #expect(file.source.licence == "CC BY 4.0")
        let set = try FactorSet(files: [file])
        #expect(set.factor(zone: "DK-DK1", hour: Self.hour).match?.factor.published == "143.30042 g/kWh")
        #expect(set.citationText.hasPrefix("ab\tEmber; Our World in Data\t"))
    }

    @Test func damagedTablesNeverTrap() throws {
        let tables = try ["electricity-maps-hourly", "egrid-subregions", "owid-carbon-intensity"].map {
            try Fixture.bytes("tables/\($0).csv")
        }
        for seed in 0..<1500 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let bytes = damaged(tables[Int(seed % 3)], &random)
            _ = try? FactorFile(electricityMapsTable: bytes, source: .sample, scope: .direct)
            _ = try? FactorFile(eGRIDTable: bytes, source: .sample)
            _ = try? FactorFile(emberTable: bytes, source: .sample)
            _ = try? FactorFile(ownTable: bytes, source: .sample, basis: FactorBasis(scope: .direct))
        }
    }
}

/// Bytes with a few of them changed, removed, doubled, or cut off.
func damaged(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...6, using: &random) where !bytes.isEmpty {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(Array("0123456789-.,e\"<>/&[]{}: \n".utf8).randomElement(using: &random) ?? 0, at: place)
        case 3: bytes.insert(contentsOf: Array("99999999999999999999".utf8), at: place)
        default: if Int.random(in: 0..<4, using: &random) == 0 { bytes.removeSubrange(place...) }
        }
    }
    return bytes
}
