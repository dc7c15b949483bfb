import ArgumentParser
import Emissions
import JSONText
import Testing

@testable import wattest

/// Published inputs lead to the published figures through the command line; what cannot be computed says so.
@Suite struct EstimateTests {
    private func estimate(_ arguments: String) throws -> JSONValue {
        let words = arguments.split(separator: " ").map(String.init)
        let command = try #require(try Wattest.parseAsRoot(["estimate"] + words) as? EstimateCommand)
        return try EstimateResult(command).json
    }

    private func expect(_ value: JSONValue?, _ printed: Double, within tolerance: Double, _ place: String) throws {
        let figure = try #require(value?.number?.double, "\(place)")
        #expect(abs(figure - printed) <= printed * tolerance, "\(place): \(figure), printed \(printed)")
    }

    /// arXiv 2211.02001 states the energy of BLOOM's final run and the French grid; 24.7 t.
    @Test func statedEnergy() throws {
        let bloom = try estimate("--kwh 433196 --factor-g-per-kwh 57")
        try expect(bloom["t_co2e"], 24.69, within: 0.001, "BLOOM")
        let facility = try estimate("--kwh 100 --pue 1.2")
        #expect(facility["kwh"]?.number?.text == "120")
        #expect(throws: EmissionsError.self) { try estimate("--kwh 100 --power-w 5 --hours 1") }
    }

    /// arXiv 1906.02243, table 3: power of the system, hours, devices; kWh with PUE, pounds, cloud cost.
    @Test(arguments: [
        ("1415.78", "12", 8, "0.43..1.46", 27.0, 26.0, 41.0, 140.0, 0.02),
        ("1515.43", "84", 8, "0.43..1.46", 201, 192, 289, 981, 0.001),
        ("517.66", "336", 3, "0.43..1.46", 275, 262, 433, 1472, 0.001),
        ("12041.51", "79.2", 64, "0.74..2.48", 1507, 1438, 3751, 12571, 0.0005),
        ("1515.43", "274120", 8, "0.43..1.46", 656_347, 626_155, 942_973, 3_201_722, 0.000001),
    ])
    func strubell(
        watts: String, hours: String, devices: Int, price: String, kilowattHours: Double, pounds: Double, low: Double,
        high: Double, tolerance: Double
    ) throws {
        let value = try estimate(
            "--method strubell --host-w \(watts) --hours \(hours) --devices \(devices) "
                + "--price-per-device-hour \(price)")
        try expect(value["kwh"], kilowattHours, within: tolerance, watts)
        try expect(value["lb_co2e"], pounds, within: tolerance, watts)
        try expect(value["cost"]?["rent_low"], low, within: 0.01, watts)
        try expect(value["cost"]?["rent_high"], high, within: 0.01, watts)
        // The same without the preset, as power of everything.
        let plain = try estimate("--power-w \(watts) --hours \(hours) --pue 1.58 --factor-lb-per-mwh 954")
        #expect(plain["kwh"] == value["kwh"] && plain["lb_co2e"] == value["lb_co2e"])
    }

    @Test func aRowWithoutPowerIsNotComputable() throws {
        let value = try estimate("--method strubell --hours 168 --devices 32 --price-per-device-hour 2.40..8")
        #expect(value["kwh"]?.isNull == true && value["lb_co2e"]?.isNull == true && value["kg_co2e"]?.isNull == true)
        #expect(value["missing"]?.array?.contains("energy: power is not given") == true)
        try expect(value["cost"]?["rent_low"], 12_902, within: 1e-4, "GPT-2")
        try expect(value["cost"]?["rent_high"], 43_008, within: 1e-4, "GPT-2")
    }

    /// arXiv 2007.03051, appendix D.
    @Test func carbontracker() throws {
        let value = try estimate(
            "--flop 3.14e23 --flop-per-s 130e12 --power-w 250 --pue 1.125 --factor-g-per-kwh 449.06")
        try expect(value["device_seconds"], 2_415_384_615.38, within: 1e-7, "s")
        try expect(value["kwh"], 188_701.92, within: 1e-7, "kWh")
        try expect(value["kg_co2e"], 84_738.48, within: 1e-7, "kg")
        let kilometres = value["equivalences"]?.array?.first { $0["id"] == "car-km-2018" }
        try expect(kilometres?["count"], 703_808.01, within: 1e-7, "km")
        #expect(kilometres?["assured"] == false)
    }

    /// arXiv 2104.10350v3, table 4.
    @Test(arguments: [
        ("310", "512", "20", "1.12", "545", "545", 85.7, 46.7, 46.7),
        ("245", "1024", "27", "1.10", "403", "330", 179, 72.2, 59.1),
        ("330", "10000", "14.8", "1.10", "429", "429", 1287, 552.1, 552.1),
    ])
    func patterson(
        watts: String, chips: String, days: String, pue: String, gross: String, net: String, megawattHours: Double,
        grossTonnes: Double, netTonnes: Double
    ) throws {
        let value = try estimate(
            "--power-w \(watts) --devices \(chips) --days \(days) --pue \(pue) --factor-g-per-kwh \(gross) "
                + "--net-factor-g-per-kwh \(net)")
        try expect(value["mwh"], megawattHours, within: 0.01, chips)
        try expect(value["t_co2e"], grossTonnes, within: 0.02, chips)
        try expect(value["net_t_co2e"], netTonnes, within: 0.02, chips)
    }

    /// Model cards state device-hours: BLOOM (arXiv 2211.02001), LLaMA 65B (arXiv 2302.13971), Llama 2 70B and
    /// Llama 3.1 405B (their cards).
    @Test(arguments: [
        ("--device-hours 1082990 --power-w 400 --factor-g-per-kwh 57", 433.2, 24.7),
        ("--device-hours 1022362 --power-w 400 --method llama", 449, 173),
        ("--device-hours 1720320 --power-w 400 --factor-g-per-kwh 423.5", 688.1, 291.42),
        ("--device-hours 30840000 --device H100-SXM --factor-g-per-kwh 414", 21588, 8930),
    ])
    func modelCards(arguments: String, megawattHours: Double, tonnes: Double) throws {
        let value = try estimate(arguments)
        try expect(value["mwh"], megawattHours, within: 0.005, arguments)
        try expect(value["t_co2e"], tonnes, within: 0.005, arguments)
    }

    /// Hardware × hours × region, as the ML CO2 Impact calculator asks.
    @Test func hardwareTimesHoursTimesRegion() throws {
        let value = try estimate("--device Tesla-V100-SXM2-32GB --hours 100 --factor-g-per-kwh 615")
        #expect(value["kwh"]?.number?.text == "30" && value["kg_co2e"]?.number?.text == "18.45")
        let region = try estimate("--device A100-SXM4-80GB --devices 8 --hours 10 --region europe-west1")
        let zone = try estimate("--device A100-SXM4-80GB --devices 8 --hours 10 --region BE")
        #expect(region["kg_co2e"] == zone["kg_co2e"] && region["kg_co2e"]?.number != nil)
        #expect(region["rests_on"]?.array?.contains { $0.string?.contains("BE 2024") == true } == true)
    }

    /// A year chooses among the factors of a region; without one it would be passed over in silence.
    @Test func aYearWithoutARegionIsRefused() throws {
        #expect(throws: (any Error).self) { try estimate("--power-w 300 --hours 1 --year 2023") }
        #expect(throws: (any Error).self) {
            try estimate("--power-w 300 --hours 1 --year 2023 --factor-g-per-kwh 400")
        }
        #expect(try estimate("--power-w 300 --hours 1 --region DK --year 2024")["kg_co2e"]?.number != nil)
    }

    /// A published row: 131 MWh of accelerators, PUE 1.2, 0.332 kg/kWh and 1.29 l/kWh print 52 t and 202 m³.
    @Test func waterOfAModelCard() throws {
        let value = try estimate("--kwh 131000 --pue 1.2 --factor-g-per-kwh 332 --wue-off-site 1.29")
        try expect(value["water_l"], 202_788, within: 1e-9, "water")
        try expect(value["t_co2e"], 52.19, within: 0.001, "emissions")
        let both = try estimate("--kwh 1000 --pue 1.2 --wue 1.5 --wue-off-site 1.29")
        // 1,000 · 1.5 at the site, and 1,200 · 1.29 of the electricity, of which --kwh states what the computers took.
        try expect(both["water_l"], 3048, within: 1e-9, "water of both")
        #expect(try estimate("--kwh 1000")["water_l"]?.isNull == true)
    }

    @Test func operationsByBothFormulas() throws {
        let value = try estimate(
            "--device H100-SXM --device-hours 30.84e6 --utilisation 0.38 --parameters 405e9 --tokens 15.6e12")
        #expect(value["flop"]?["by_architecture"]?.number?.double == 3.7908e25)
        try expect(value["flop"]?["by_hardware"], 4.172e25, within: 0.01, "N·L·H·U")
        #expect(value["flop"]?["agree_within_30_percent"] == true)
        // Time follows from the operations where it is not stated.
        let planned = try estimate("--parameters 1e9 --tokens 20e9 --flop-per-s 300e12 --utilisation 0.4 --devices 8")
        try expect(planned["hours"], 1.2e20 / 1.2e14 / 3600 / 8, within: 1e-9, "hours")
        // Then it says nothing of them.
        #expect(planned["flop"]?["by_hardware"]?.isNull == true)
        #expect(planned["flop"]?["agree_within_30_percent"]?.isNull == true)
    }

    @Test func carbonIntensityOfAModel() throws {
        func rate(_ arguments: [String]) throws -> JSONValue {
            let common = ["estimate", "sci", "--per", "training-token", "--rationale", "what training consumes"]
            let command = try #require(try Wattest.parseAsRoot(common + arguments) as? EstimateCommand.Intensity)
            return EstimateCommand.Intensity.json(try command.rate())
        }
        // (1,000 kWh · 400 g + 100 kg) / 10⁹.
        let value = try rate(["--energy-kwh", "1000", "--g-per-kwh", "400", "--embodied-kg", "100", "--count", "1e9"])
        #expect(value["g_co2e_per_unit"]?.number?.text == "0.0005")
        #expect(value["unit"] == "training token" && value["counting"] == "gross")
        #expect(throws: EmissionsError.self) {
            try rate(["--energy-kwh", "1000", "--g-per-kwh", "400", "--embodied-kg", "100", "--count", "0"])
        }
    }

    @Test func moreOperationsThanTimeAreRemarked() throws {
        let remark = "more operations than the devices can do"
        func isRemarked(_ hours: String) throws -> Bool {
            let value = try estimate("--flop 3.6e18 --flop-per-s 1e12 --devices 10 --hours \(hours) --power-w 1")
            return value["rests_on"]?.array?.contains { $0.string?.hasPrefix(remark) == true } == true
        }
        #expect(try isRemarked("99"))
        #expect(try !isRemarked("100"))
    }

    @Test func countriesInAnyCaseAndMeasuredPowerIsNoCeiling() throws {
        #expect(try estimate("--power-w 1000 --hours 1 --region de")["factor_g_per_kwh"]?.number?.text == "344.13992")
        let notes = try estimate("--device TPUv3 --hours 1")["rests_on"]?.array?.compactMap(\.string) ?? []
        #expect(notes.contains { $0.contains("TPUv3: mean power as it was measured") })
    }

    @Test(arguments: [
        "--power-w -1 --hours 2", "--power-w 1 --hours 2 --pue 0.9", "--hours 1 --days 1", "--device abacus --hours 1",
        "--region XX --hours 1", "--utilisation 1.5 --flop 1e20 --flop-per-s 1e12", "--parameters 1e9",
        "--power-w nan --hours 1", "--power-w 1 --hours 1 --devices 0", "--kwh 1 --wue=-1",
        "--factor-g-per-kwh 1 --region DE",
        "--power-w 1 --hours 1 --price-per-device-hour 2..1", "--power-w 1 --hours 1 --price-per-device-hour=-2..-1",
        "--power-w 1 --hours 1 --price-per-kwh=-1", "--kwh 1 --net-factor-g-per-kwh=-1",
        "--parameters=-1e9 --tokens=-1e9", "--parameters 0 --tokens 1e9", "--power-w 1 --hours 1 --utilisation 0.4",
        "--device T4 --hours 1 --region DE --factor-lb-per-mwh 1",
        "facility --edc-kwh 10e6 --eit-kwh 8e6 --co2-kg=-1",
    ])
    func whatCannotBeIsAUsageError(arguments: String) async {
        #expect(await Wattest.run(["estimate"] + arguments.split(separator: " ").map(String.init)) == 2)
    }

    @Test(arguments: ["0.43..1.46", "2", "2.40..8", ".5..1", "1..", "..2", "a"])
    func spans(text: String) {
        let span = DecimalSpan(argument: text)
        #expect((span != nil) == ["0.43..1.46", "2", "2.40..8"].contains(text))
    }

    @Test func subcommandsAndFlagsInAnyPlace() async throws {
        let matching = ["matching", "--load-mwh", "10;20;30;40", "--supply-mwh", "40,30,20,10"]
        #expect(await Wattest.run(["estimate"] + matching + ["--residual-g-per-kwh", "500", "--json"]) == 0)
        #expect(await Wattest.run(["estimate"] + matching + ["--residual-g-per-kwh", "x"]) == 2)
        #expect(await Wattest.run(["estimate", "facility", "--edc-kwh", "10e6", "--eit-kwh", "8e6", "--json"]) == 0)
        #expect(await Wattest.run(["estimate", "facility", "--edc-kwh", "1", "--eit-kwh", "8e6"]) == 2)
        #expect(await Wattest.run(["estimate", "--power-w", "1", "--hours", "1", "--json"]) == 0)
        #expect(await Wattest.run(["--json", "estimate", "--power-w", "1", "--hours", "1"]) == 0)
    }
}
