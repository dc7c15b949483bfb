import Testing

@testable import Emissions

@Suite struct EstimateTests {
    private func figure(_ text: String) throws -> DecimalFigure { try DecimalFigure(parsing: text) }

    @Test func whatItRestsOnIsSaid() throws {
        let estimate = try Estimate(
            .init(
                powerWatts: figure("300"), hours: figure("10"), devices: figure("8"),
                gramsPerKilowattHour: figure("100")))
        #expect(try estimate.kilowattHours?.text(decimals: 3) == "24.000")
        #expect(try estimate.kilograms?.text(decimals: 3) == "2.400")
        #expect(estimate.missing.isEmpty)
        #expect(
            estimate.basis == [
                "10 h stated, 8 devices", "300 W a device, constant", "no PUE: IT energy without cooling",
                "100 g CO2e/kWh",
            ])
    }

    @Test func nothingGivenGivesNothing() throws {
        let estimate = try Estimate(.init())
        #expect(estimate.kilowattHours == nil && estimate.kilograms == nil)
        #expect(estimate.missing.count == 3)
    }

    @Test func operationsBesideHoursGiveTheUtilisation() throws {
        let estimate = try Estimate(
            .init(
                powerWatts: figure("400"), hours: figure("1"), devices: figure("2"), flop: figure("1.1232e18"),
                flopPerSecond: figure("312e12")))
        #expect(try estimate.impliedUtilisation?.text(decimals: 2) == "0.50")
    }

    @Test func inputsThatCannotBe() throws {
        for inputs in try [
            Estimate.Inputs(powerWatts: figure("-1")), .init(powerUsageEffectiveness: figure("0.9")),
            .init(flop: figure("1"), flopPerSecond: figure("0")), .init(hours: figure("-2")),
        ] {
            #expect(throws: EmissionsError.self) { try Estimate(inputs) }
        }
    }

    @Test func llamaTable() throws {
        // 65B: 1,022,362 h of A100 at 400 W print 449 MWh and 173 t.
        let energy = try PublishedMethod.LLaMA.megawattHours(
            deviceHours: figure("1022362"), nameplateWatts: figure("400"))
        #expect(try energy.text(significant: 3) == "450")
        #expect(try PublishedMethod.LLaMA.tonnes(megawattHours: energy).text(significant: 3) == "173")
    }

    @Test func nameplates() {
        #expect(DeviceNameplate.named("h100 sxm")?.watts == DecimalFigure(700))
        #expect(
            DeviceNameplate.named("NVIDIA V100S-PCIe")?.flopPerSecond == DecimalFigure(130_000_000_000_000 as Int64))
        #expect(DeviceNameplate.named("abacus") == nil)
        // As the ML CO2 Impact calculator names it.
        #expect(DeviceNameplate.named("A100 PCIe 40/80GB")?.watts == DecimalFigure(300))
        // As the driver names them.
        for (name, watts) in [
            ("NVIDIA H100 80GB HBM3", 700), ("NVIDIA H100 PCIe", 350), ("NVIDIA H200 141GB HBM3e", 700),
            ("NVIDIA A100-PCIE-40GB", 250), ("NVIDIA A100 80GB PCIe", 300), ("NVIDIA A100-SXM4-40GB", 400),
            ("A100 80GB", 400), ("A100 PCIe", 300), ("Tesla T4", 70), ("TPU v3", 283), ("NVIDIA A10G", 300),
            ("NVIDIA A10", 150), ("NVIDIA H100 NVL", 400), ("NVIDIA GB200", 1200), ("H100", 700), ("RTX3090", 350),
            ("V100SXM2", 300), ("GTX1080Ti", 250), ("A100PCIe", 300),
        ] { #expect(DeviceNameplate.named(name)?.watts == DecimalFigure(watts), "\(name)") }
    }

    @Test func flopByBothFormulas() throws {
        let architecture = try TrainingCompute.byArchitecture(parameters: figure("175e9"), tokens: figure("300e9"))
        #expect(try architecture == figure("3.15e23").ratio)
        let hardware = try TrainingCompute.byHardware(
            deviceSeconds: figure("3.6e9").ratio, peakFlopPerSecond: figure("312e12"), utilisation: figure("0.3"))
        #expect(try hardware.text(significant: 2) == "340000000000000000000000")
        #expect(try TrainingCompute.agree(architecture, hardware))
        #expect(try !TrainingCompute.agree(architecture, architecture * figure("1.31")))
        #expect(throws: EmissionsError.self) {
            try TrainingCompute.byHardware(
                deviceSeconds: .one, peakFlopPerSecond: figure("1"), utilisation: figure("1.01"))
        }
    }

    @Test func costOfRentedHours() throws {
        let cost = try PublishedMethod.Strubell.cost(
            deviceHours: figure("96").ratio, pricePerDeviceHour: figure("0.43")...figure("1.46"))
        #expect(try cost.lowerBound.text(decimals: 2) == "41.28")
        #expect(try cost.upperBound.text(decimals: 2) == "140.16")
    }

    @Test func equivalencesCarryYearAndSource() throws {
        for equivalence in Equivalence.current {
            #expect(equivalence.year >= 2018 && !equivalence.source.isEmpty && equivalence.perUnit > .zero)
        }
        #expect(try Equivalence.carKilometre2024.count(figure("106.8").ratio).text(decimals: 3) == "1000.000")
        #expect(try Equivalence.carLifetime.count(figure("57152.63862").ratio) == .one)
    }
}
