import Testing

@testable import Emissions

/// Published inputs must lead to the published results, within the tolerance of each row.
@Suite struct AcceptanceTests {
    @Test func strubell2019() throws {
        for row in try Fixture.rows("acceptance/strubell2019.csv") {
            let hours = try DecimalFigure(parsing: #require(row["hours_true"]))
            let estimate = try Estimate(
                .init(
                    powerWatts: try optional(row["power_w"]), hours: hours,
                    powerUsageEffectiveness: PublishedMethod.Strubell.powerUsageEffectiveness))
            guard let printed = try optional(row["pub_kwh_pue"]) else {
                #expect(estimate.kilowattHours == nil)
                #expect(estimate.missing.contains("energy: power is not given"))
                continue
            }
            let energy = try #require(estimate.kilowattHours)
            let watts = try DecimalFigure(parsing: #require(row["power_w"]))
            #expect(try energy == PublishedMethod.Strubell.kilowattHours(watts: watts, hours: hours))
            try expect(energy, printed, row["tol"], row["id"])
            let pounds = try PublishedMethod.Strubell.pounds(kilowattHours: energy)
            try expect(pounds, #require(try optional(row["pub_lb"])), row["tol"], row["id"])
        }
    }

    @Test func carbontracker2020() throws {
        for row in try Fixture.rows("acceptance/carbontracker2020.csv") {
            let estimate = try Estimate(
                .init(
                    powerWatts: try optional(row["tdp_w"]), powerUsageEffectiveness: try optional(row["pue"]),
                    gramsPerKilowattHour: try optional(row["ef_g_per_kwh"]), flop: try optional(row["flop"]),
                    flopPerSecond: try optional(row["flop_per_s"])))
            let seconds = try #require(estimate.deviceHours) * DecimalFigure(3600)
            try expect(seconds, #require(try optional(row["pub_gpu_s"])), row["tol"], row["id"])
            try expect(#require(estimate.kilowattHours), #require(try optional(row["pub_kwh"])), row["tol"], row["id"])
            let kilograms = try #require(estimate.kilograms)
            try expect(kilograms, #require(try optional(row["pub_kg"])), row["tol"], row["id"])
            try expect(
                kilograms * DecimalFigure(1000), #require(try optional(row["pub_g"])), row["tol"], row["id"])
            let kilometres = try Equivalence.carKilometre2018.count(kilograms)
            try expect(kilometres, #require(try optional(row["pub_km"])), row["tol"], row["id"])
            #expect(try estimate.kilowattHours?.text(decimals: 2) == row["pub_kwh"])
        }
    }

    @Test func patterson2021() throws {
        for row in try Fixture.rows("acceptance/patterson2021.csv") {
            let hours = try DecimalFigure(parsing: #require(row["days"])).ratio * DecimalFigure(24)
            let energy = try PublishedMethod.Patterson.megawattHours(
                hours: hours, processors: DecimalFigure(parsing: #require(row["chips"])),
                watts: DecimalFigure(parsing: #require(row["watt"])),
                powerUsageEffectiveness: DecimalFigure(parsing: #require(row["pue"])))
            try expect(energy, #require(try optional(row["pub_mwh"])), row["tol_mwh"], row["id"])
            for (factor, printed) in [("gross_kg_kwh", "pub_gross_t"), ("net_kg_kwh", "pub_net_t")] {
                let tonnes = try PublishedMethod.Patterson.tonnes(
                    megawattHours: energy, kilogramsPerKilowattHour: DecimalFigure(parsing: #require(row[factor])))
                try expect(tonnes, #require(try optional(row[printed])), row["tol_t"], row["id"])
            }
        }
    }

    @Test func scope2Matching() throws {
        for row in try Fixture.rows("acceptance/scope2-matching.csv") {
            let loads = try hours(row["load_mwh_by_hour"])
            let supply = try hours(row["supply_mwh_by_hour"])
            let result = try MarketBased(
                cells: loads.enumerated().map { hour, energy in
                    SupplyCell(hour: Int64(hour), zone: "Z", market: "M", units: energy * SupplyCell.unitsPerMicrojoule)
                },
                instruments: [.sample(hourly: supply)],
                residual: .factors(.sample(zone: "M", tonnesPerMegawattHour: #require(row["residual_t_per_mwh"]))),
                gridFactors: FactorSet(files: []))
            let figures: [(MarketBased.Figure, String, String)] = [
                (result.annual, "annual_matched", "annual_t"), (result.hourly, "hourly_matched", "hourly_t"),
            ]
            for (figure, share, tonnes) in figures {
                #expect(try figure.matchedShare == DecimalFigure(parsing: #require(row[share])).ratio)
                #expect(try figure.mass?.tonnes == DecimalFigure(parsing: #require(row[tonnes])).ratio)
            }
        }
    }

    /// EDC 10 GWh, EIT 8 GWh, WIN 12,000 m³, EREUSE 1.5 GWh, ERES-TOT 6 GWh.
    @Test func facilityIndicators() throws {
        let result = try FacilityIndicators(
            .init(
                totalKilowattHours: DecimalFigure(10_000_000), equipmentKilowattHours: DecimalFigure(8_000_000),
                waterCubicMetres: DecimalFigure(12_000), reusedKilowattHours: DecimalFigure(1_500_000),
                renewable: .init(
                    guaranteesKilowattHours: DecimalFigure(3_000_000),
                    purchaseAgreementsKilowattHours: DecimalFigure(2_000_000),
                    onSiteKilowattHours: DecimalFigure(1_000_000)), carbonKilograms: DecimalFigure(800_000)))
        #expect(try result.powerUsageEffectiveness.text(decimals: 2) == "1.25")
        #expect(try result.powerUsageEffectiveness == DecimalFigure(parsing: "1.25").ratio)
        #expect(try result.waterUsageEffectiveness == DecimalFigure(parsing: "1.5").ratio)
        #expect(try result.energyReuseFactor == DecimalFigure(parsing: "0.15").ratio)
        #expect(try result.renewableEnergyFactor == DecimalFigure(parsing: "0.60").ratio)
        #expect(try result.carbonUsageEffectiveness == DecimalFigure(parsing: "0.1").ratio)
    }

    private func optional(_ text: String?) throws -> DecimalFigure? {
        try text.flatMap { $0.isEmpty ? nil : $0 }.map { try DecimalFigure(parsing: $0) }
    }

    private func hours(_ text: String?) throws -> [Int128] {
        try #require(text).split(separator: ";").map {
            Int128(try #require(Int64($0))) * 1000 * Unit.microjoulesPerKilowattHour
        }
    }

    private func expect(_ value: ExactRatio, _ printed: DecimalFigure, _ tolerance: String?, _ id: String?) throws {
        let difference = try value - printed.ratio
        let magnitude = try difference < .zero ? .zero - difference : difference
        let limit = try printed.ratio * DecimalFigure(parsing: #require(tolerance))
        #expect(magnitude <= limit, "\(id ?? ""): \(value.double), printed \(printed.text)")
    }
}
