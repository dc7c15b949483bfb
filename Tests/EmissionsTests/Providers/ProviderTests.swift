import Energy
import SeededRandom
import Testing

@testable import Emissions

@Suite struct ProviderTests {
    @Test func electricityMaps() throws {
        let history = try ProviderAnswer(electricityMaps: Fixture.bytes("answers/electricity-maps-history.json"))
        #expect(history.basis.scope == .direct)
        #expect(history.factors.map(\.microgramsPerKilowattHour) == [302_000_000, 318_000_000])
        #expect(history.factors.map(\.isEstimated) == [false, true])
        #expect(history.factors[0].period.text == "2024-03-01T05Z")
        let latest = try ProviderAnswer(electricityMaps: Fixture.bytes("answers/electricity-maps-latest.json"))
        #expect(latest.basis.scope == .lifecycle)
        #expect(latest.factors.count == 1)
        let range = try ProviderAnswer(
            electricityMaps: Fixture.bytes("answers/electricity-maps-v4-range.json"), requested: .direct)
        #expect(range.basis.scope == .direct)
        #expect(range.factors.map(\.microgramsPerKilowattHour) == [102_750_000])
        #expect(range.factors[0].published == "mean of 4 values")
        #expect(!range.factors[0].isEstimated)
    }

    @Test func aForecastIsMarked() throws {
        let answer = try ProviderAnswer(
            electricityMaps: Array(
                #"{"zone":"DE","forecast":[{"carbonIntensity":300,"datetime":"2024-03-01T05:00:00.000Z"}]}"#.utf8))
        #expect(answer.factors.map(\.isForecast) == [true])
        #expect(answer.basis.scope == .lifecycle)
    }

    @Test func wattTimeTakesTheAverageSignalAlone() throws {
        let marginal = try Fixture.bytes("answers/watttime-moer.json")
        let error = #expect(throws: EmissionsError.self) { try ProviderAnswer(wattTime: marginal, purpose: .inventory) }
        #expect(error?.code == .marginalSignal)
        let decision = try ProviderAnswer(wattTime: marginal, purpose: .decision)
        #expect(decision.basis.signal == .marginal)
        let file = try decision.file(source: .sample)
        #expect(throws: EmissionsError.self) { try FactorSet(files: [file]) }
        let average = try ProviderAnswer(wattTime: Fixture.bytes("answers/watttime-aoer.json"), purpose: .inventory)
        // 870 lb/MWh · 0.45359237.
        #expect(average.factors.map(\.microgramsPerKilowattHour) == [394_625_362])
        #expect(average.factors[0].isEstimated)
        let percentiles = String(decoding: marginal, as: UTF8.self).replacing("lbs_co2_per_mwh", with: "percentile")
        #expect(throws: EmissionsError.self) {
            try ProviderAnswer(wattTime: Array(percentiles.utf8), purpose: .decision)
        }
    }

    @Test func carbonIntensityGB() throws {
        let nation = try ProviderAnswer(carbonIntensityGB: Fixture.bytes("answers/carbon-intensity-gb.json"))
        #expect(nation.factors.map(\.zone) == ["GB", "GB"])
        #expect(nation.factors.map(\.microgramsPerKilowattHour) == [263_500_000, 252_500_000])
        #expect(nation.factors.map(\.isForecast) == [true, false])
        let region = try ProviderAnswer(carbonIntensityGB: Fixture.bytes("answers/carbon-intensity-gb-region.json"))
        #expect(region.factors.map(\.zone) == ["GB-3"])
        #expect(region.factors.map(\.microgramsPerKilowattHour) == [267_000_000])
    }

    @Test func energiDataService() throws {
        let answer = try ProviderAnswer(energiDataService: Fixture.bytes("answers/energi-data-service.json"))
        #expect(answer.factors.map(\.zone) == ["DK-DK1"])
        #expect(answer.factors.map(\.microgramsPerKilowattHour) == [120_750_000])
        // Ten minutes of the hour: flagged until the rest has come.
        #expect(answer.factors[0].isEstimated)
    }

    @Test func entsoe() throws {
        let answer = try ProviderAnswer(
            entsoe: Fixture.bytes("answers/entsoe-a75.xml"), zone: "DK-DK1", factors: .ipccFifthAssessmentLifecycle)
        // Quarter-hours: (300·11 + 100·820)/400 twice, as the second position repeats the first; then twice
        // (100·11 + 100·820)/200.
        #expect(answer.factors.map(\.microgramsPerKilowattHour) == [314_375_000])
        #expect(answer.factors[0].zone == "DK-DK1")
        #expect(!answer.factors[0].isEstimated)
        let error = #expect(throws: EmissionsError.self) {
            try ProviderAnswer(
                entsoe: Fixture.bytes("answers/entsoe-no-data.xml"), zone: "X", factors: .ipccFifthAssessmentLifecycle)
        }
        #expect(error?.message.contains("No matching data found") == true)
    }

    @Test func generationWithoutAFactorIsNotTakenForClean() throws {
        var factors = GenerationFactors.ipccFifthAssessmentLifecycle
        factors.microgramsByType["B05"] = nil
        let document = try Fixture.bytes("answers/entsoe-a75.xml")
        #expect(try ProviderAnswer(entsoe: document, zone: "Z", factors: factors).factors.isEmpty)
        factors.unknownPercent = 60
        let answer = try ProviderAnswer(entsoe: document, zone: "Z", factors: factors)
        #expect(answer.factors.map(\.isEstimated) == [true])
    }

    @Test(arguments: [
        "<!DOCTYPE x [<!ENTITY a \"b\">]><x/>", "<x>&a;</x>", "<x><y></x></y>", "<x", "<x>", "<x/><y/>", "", "x",
        "<x><![CDATA[a]]></x>",
    ])
    func refusedXML(text: String) {
        let error = #expect(throws: EmissionsError.self) { try XMLElement(parsing: Array(text.utf8)) }
        #expect(error?.code == .malformedAnswer)
    }

    @Test func xmlDepthIsBounded() {
        #expect(throws: EmissionsError.self) {
            try XMLElement(parsing: Array(String(repeating: "<a>", count: 1_000_000).utf8))
        }
    }

    @Test func twoValuesForOneTimeAreRefused() {
        let text = #"""
            {"zone":"DE","history":[{"carbonIntensity":1,"datetime":"2024-03-01T05:00:00Z"},
            {"carbonIntensity":2,"datetime":"2024-03-01T05:00:00Z"}]}
            """#
        #expect(throws: EmissionsError.self) { try ProviderAnswer(electricityMaps: Array(text.utf8)) }
    }

    @Test func damagedAnswersNeverTrap() throws {
        let names = [
            "electricity-maps-history.json", "electricity-maps-v4-range.json", "watttime-aoer.json",
            "carbon-intensity-gb.json", "carbon-intensity-gb-region.json", "energi-data-service.json", "entsoe-a75.xml",
        ]
        let answers = try names.map { try Fixture.bytes("answers/\($0)") }
        for seed in 0..<3500 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let bytes = damaged(answers[Int(seed % 7)], &random)
            _ = try? ProviderAnswer(electricityMaps: bytes)
            _ = try? ProviderAnswer(wattTime: bytes, purpose: .inventory)
            _ = try? ProviderAnswer(carbonIntensityGB: bytes)
            _ = try? ProviderAnswer(energiDataService: bytes)
            _ = try? ProviderAnswer(entsoe: bytes, zone: "Z", factors: .ipccFifthAssessmentLifecycle)
        }
    }
}
