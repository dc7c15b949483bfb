import Energy
import Testing

@testable import Emissions

@Suite struct LifecycleTests {
    private func figure(_ text: String) throws -> DecimalFigure { try DecimalFigure(parsing: text) }

    @Test func embodiedShareOfAServer() throws {
        let server = try EmbodiedCarbon(
            kilogramsPerUnit: figure("3500"), boundary: .cradleToGate, source: "maker", devicesPerUnit: 8,
            lifetimeYears: figure("4"), utilisation: figure("0.5"))
        // 3500 · (17520 / 8) / (4 · 8760 · 0.5) = 437.5.
        #expect(try server.kilograms(deviceHours: figure("17520").ratio) == figure("437.5").ratio)
        let iso = try EmbodiedCarbon.share(
            totalKilograms: figure("3500"), reservedHours: figure("17520").ratio, lifespanHours: figure("17520"),
            reservedResources: figure("1"), totalResources: figure("8"))
        #expect(try iso == figure("437.5").ratio)
        #expect(throws: EmissionsError.self) {
            try EmbodiedCarbon(
                kilogramsPerUnit: figure("1"), boundary: .notStated, source: "", devicesPerUnit: 0,
                lifetimeYears: figure("4"))
        }
    }

    @Test func softwareCarbonIntensity() throws {
        let rate = try SoftwareCarbonIntensity(
            operationalGrams: figure("900").ratio, embodiedGrams: figure("100").ratio, units: figure("1e9"),
            unit: .trainingToken, counting: .gross, rationale: "tokens are what a provider scales")
        #expect(try rate.gramsPerUnit == figure("1e-6").ratio)
        #expect(throws: EmissionsError.self) {
            try SoftwareCarbonIntensity(
                operationalGrams: .one, embodiedGrams: .one, units: .one, unit: .parameter, counting: .gross,
                rationale: "")
        }
    }

    @Test func waterByTheDefinitionOfItsRates() throws {
        let energy = try figure("1000").ratio
        let both = WaterUse(
            onSiteLitresPerKilowattHour: try figure("1.5"), offSiteLitresPerKilowattHour: try figure("1.29"))
        let pue = try figure("1.2")
        #expect(try both.litres(equipmentKilowattHours: energy, powerUsageEffectiveness: pue) == figure("3048").ratio)
    }

    @Test func facilityInputsThatCannotBe() throws {
        for inputs in [
            FacilityIndicators.Inputs(totalKilowattHours: DecimalFigure(7), equipmentKilowattHours: DecimalFigure(8)),
            .init(totalKilowattHours: DecimalFigure(7), equipmentKilowattHours: .zero),
            .init(
                totalKilowattHours: DecimalFigure(7), equipmentKilowattHours: DecimalFigure(6),
                reusedKilowattHours: DecimalFigure(8)),
            .init(
                totalKilowattHours: DecimalFigure(7), equipmentKilowattHours: DecimalFigure(6),
                waterCubicMetres: DecimalFigure(-1)),
        ] {
            #expect(throws: EmissionsError.self) { try FacilityIndicators(inputs) }
        }
    }

    @Test func uncertaintyAddsInSquares() {
        let budget = UncertaintyBudget([
            .init("energy", relativeStandard: 0.03), .init("PUE", relativeStandard: 0.04),
            .init("grid factor", relativeStandard: 0.12),
        ])
        #expect(abs(budget.relativeExpanded - 0.26) < 1e-12)
        #expect(abs(UncertaintyBudget([.init("meter", relativeLimit: 0.01)]).relativeStandard - 0.0057735) < 1e-6)
        #expect(UncertaintyBudget([.init("?", relativeStandard: .nan)]).relativeStandard == 1)
        let sum = UncertaintyBudget.ofSum([(100, 0.1), (100, 0.1)])
        #expect(abs(sum - 0.0707106) < 1e-6)
    }

    @Test(arguments: [
        ("1285.2", 0.05, 4), ("1285.2", 0.3, 3), ("1285.2", 0.001, 5), ("0.0123", 0.1, 3), ("1285.2", 3.0, 2),
        ("9.9", 0.02, 3),
        ("9.9", 1e6, 1), ("9.9", 0, 15), ("0", 0.1, 15),
    ])
    func figuresThatAnUncertaintyBears(value: String, uncertainty: Double, figures: Int) throws {
        let ratio = try figure(value).ratio
        #expect(UncertaintyBudget.significantFigures(value: ratio, relativeExpanded: uncertainty) == figures)
        #expect(SelfCheck.figures("x", printed: figures, value: ratio, relativeExpanded: uncertainty).passed)
        #expect(!SelfCheck.figures("x", printed: figures + 1, value: ratio, relativeExpanded: uncertainty).passed)
    }

    @Test func selfChecks() {
        #expect(SelfCheck.sum("s", lines: [1, 2, -3], total: 0).passed)
        #expect(SelfCheck.sum("s", lines: [1, 2], total: 4).detail == "lines 3, total 4, difference 1")
        #expect(!SelfCheck.sum("s", lines: [.max, 1], total: .min).passed)
        let units: Int128 = 36_000_000_000_000_000
        let mass = { (grams: Int128) in CarbonMass(units: units * grams * 1_000_000) }
        #expect([10, 1200].allSatisfy { SelfCheck.impliedFactor(units: units, mass: mass($0)).passed })
        #expect([0, 9, 1201].allSatisfy { !SelfCheck.impliedFactor(units: units, mass: mass($0)).passed })
        #expect(SelfCheck.impliedFactor(units: 0, mass: .zero).passed)
        #expect(SelfCheck.impliedFactor(units: units, mass: mass(449)).detail == "449 g/kWh, allowed 10 to 1200")
        #expect(SelfCheck.power("gpu", microjoules: 700_000_000, deviceSeconds: 1, limitWatts: 700).passed)
        #expect(!SelfCheck.power("gpu", microjoules: 700_000_001, deviceSeconds: 1, limitWatts: 700).passed)
        #expect(!SelfCheck.power("gpu", microjoules: 1, deviceSeconds: 0, limitWatts: 700).passed)
        #expect(SelfCheck.times("job", startMicroseconds: 1, stopMicroseconds: 2).passed)
        #expect(!SelfCheck.times("job", startMicroseconds: 2, stopMicroseconds: 2).passed)
        #expect(SelfCheck.nodes("job", reporting: 8, expected: 8).passed)
        #expect(!SelfCheck.nodes("job", reporting: 7, expected: 8).passed)
        #expect(SelfCheck.nodes("job", reporting: 7, expected: nil).passed)
        #expect(SelfCheck.powerUsageEffectiveness(.one).passed)
        #expect(!SelfCheck.powerUsageEffectiveness(DecimalFigure(coefficient: 99, scale: 2)).passed)
    }
}
