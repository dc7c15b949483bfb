import Energy
import SeededRandom
import Testing

@testable import Emissions

@Suite struct Scope2Tests {
    private func schedule(_ value: String, from: Int64 = 0, to: Int64 = 8760) throws -> PUESchedule {
        try PUESchedule(site: "S", entries: [entry(value, from: from, to: to)])
    }

    private func entry(_ value: String, from: Int64, to: Int64) throws -> PowerUsageEffectiveness {
        try PowerUsageEffectiveness(
            value: DecimalFigure(parsing: value), category: .two, source: .metered,
            interval: UTCInterval(start: UTCTime(hour: from), end: UTCTime(hour: to)))
    }

    private func cell(
        _ hour: Int64, _ microjoules: Int128, zone: String = "DK",
        boundary: EnergyCell.Boundary = .informationTechnology
    ) -> EnergyCell {
        EnergyCell(hour: hour, site: "S", zone: zone, market: "M", boundary: boundary, microjoules: microjoules)
    }

    private func factors(_ rows: String) throws -> FactorSet {
        try FactorSet(files: [
            FactorFile(
                ownTable: Array("zone,period,g_per_kwh\n\(rows)".utf8), source: .sample,
                basis: FactorBasis(scope: .direct))
        ])
    }

    @Test func pueAppliesOnceAndOnlyToITEnergy() throws {
        let supply = try FacilitySupply(
            cells: [cell(0, 100), cell(0, 50), cell(0, 1000, boundary: .facility), cell(9000, 7)],
            schedules: [schedule("1.25")])
        #expect(supply.cells.map(\.units) == [1_875_000 + 10_000_000, 70_000])
        #expect(supply.withoutPUEMicrojoules == 7)
        #expect(!supply.isFacility)
    }

    @Test func pueIsTimeRanged() throws {
        let schedule = try PUESchedule(
            site: "S", entries: [entry("1.3", from: 10, to: 20), entry("1.2", from: 0, to: 10)])
        #expect(schedule.entry(hour: 9)?.value.text == "1.2")
        #expect(schedule.entry(hour: 10)?.value.text == "1.3")
        #expect(schedule.entry(hour: 20) == nil)
        #expect(throws: EmissionsError.self) {
            try PUESchedule(site: "S", entries: [entry("1.3", from: 9, to: 20), entry("1.2", from: 0, to: 10)])
        }
        for value in ["0.99", "0", "-1", "10.0001", "1.23456"] {
            #expect(throws: EmissionsError.self) { try entry(value, from: 0, to: 1) }
        }
        #expect(throws: EmissionsError.self) { try entry("1.2", from: 1, to: 1) }
    }

    @Test func locationBasedByHourAndZone() throws {
        let supply = try FacilitySupply(
            cells: [cell(0, 3_600_000_000_000), cell(1, 3_600_000_000_000), cell(0, 7_200_000_000_000, zone: "FR")],
            schedules: [schedule("1.5")])
        let result = try LocationBased(
            cells: supply.cells, factors: factors("DK,1970-01-01T00Z,100\nDK,1970,300\nFR,1970,50"))
        #expect(try result.mass?.grams.text(decimals: 1) == "750.0")
        #expect(try result.zones.map { try $0.mass?.grams.text(decimals: 1) } == ["600.0", "150.0"])
        #expect(result.uses.map(\.resolution) == [.hour, .year, .year])
        #expect(SelfCheck.zones(result).passed)
        #expect(SelfCheck.impliedFactor(units: supply.units, mass: result.countedMass).passed)
    }

    @Test func aMissingFactorGivesEnergyAndNoEmissions() throws {
        let supply = try FacilitySupply(cells: [cell(0, 10), cell(1, 10), cell(0, 20, zone: "XX")], schedules: [])
        let result = try LocationBased(cells: supply.cells, factors: factors("DK,1970,300"))
        #expect(result.mass == nil)
        #expect(result.missing.map(\.zone) == ["XX"])
        #expect(result.missing.map(\.units) == [200_000])
        #expect(result.zones.map { $0.mass != nil } == [true, false])
        #expect(result.zones.map(\.units) == [200_000, 200_000])
    }

    /// The sum over hours, rounded once, is the total; rounding each hour would drift away from it.
    @Test func oneRoundingForAWholeYear() throws {
        for seed in 0..<20 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            var rows = ""
            var cells: [EnergyCell] = []
            var exact: Int128 = 0
            for hour in 0..<300 as Range<Int64> {
                let micrograms = Int64.random(in: 1...1_000_000_000, using: &random)
                let energy = Int128(Int64.random(in: 0...1_000_000_000_000_000, using: &random))
                let grams = DecimalFigure(coefficient: Int128(micrograms), scale: 6).text
                rows += "DK,\(FactorPeriod.hour(hour).text),\(grams)\n"
                cells.append(cell(hour, energy))
                exact += energy * Int128(micrograms) * 11_234
            }
            let supply = try FacilitySupply(cells: cells.shuffled(using: &random), schedules: [schedule("1.1234")])
            let result = try LocationBased(cells: supply.cells, factors: factors(rows))
            #expect(result.mass?.units == exact, "seed \(seed)")
            let tonnes = try ExactRatio(exact, over: 36_000_000_000_000_000_000_000_000_000)
            #expect(try result.mass?.tonnes == tonnes, "seed \(seed)")
            #expect(supply.units == cells.reduce(0) { $0 + $1.microjoules } * 11_234, "seed \(seed)")
        }
    }

    @Test func matchingNeverExceedsTheLoad() throws {
        for seed in 0..<200 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let hours = Int.random(in: 1...30, using: &random)
            var cells: [SupplyCell] = []
            for hour in 0..<hours {
                for zone in ["A", "B", "C"] where Bool.random(using: &random) {
                    let units = Int128(Int64.random(in: 0...1_000_000_000_000_000_000, using: &random))
                    let market = zone == "C" ? "N" : "M"
                    cells.append(SupplyCell(hour: Int64(hour), zone: zone, market: market, units: units))
                }
            }
            let instruments = (0..<Int.random(in: 0...4, using: &random)).map { index in
                let supply = (0..<hours).map { _ in Int128(Int64.random(in: 0...100_000_000_000_000, using: &random)) }
                return Instrument.sample(
                    "I\(index)", hourly: supply,
                    microgramsPerKilowattHour: Int64.random(in: 0...1_000_000, using: &random))
            }
            let result = try MarketBased(
                cells: cells, instruments: instruments, residual: .factors(factors("M,1970,500\nN,1970,700")),
                gridFactors: factors(""))
            #expect(SelfCheck.matching("annual", result.annual).passed, "seed \(seed)")
            #expect(SelfCheck.matching("hourly", result.hourly).passed, "seed \(seed)")
            // What matches by the hour matches by the year.
            #expect(result.hourly.matchedUnits <= result.annual.matchedUnits, "seed \(seed)")
            #expect(result.annual.loadUnits == cells.reduce(0) { $0 + $1.units }, "seed \(seed)")
            for figure in [result.annual, result.hourly] {
                let zones = figure.zones.compactMap(\.mass).reduce(0) { $0 + $1.units }
                #expect(figure.mass?.units == zones, "seed \(seed)")
                let load = figure.zones.reduce(0) { $0 + $1.units }
                #expect(load == figure.loadUnits, "seed \(seed)")
            }
        }
    }

    @Test func aSurplusOfOneHourDoesNotHelpAnother() throws {
        let cells = [0, 1].map { SupplyCell(hour: $0, zone: "DK", market: "M", units: 100) }
        let result = try MarketBased(
            cells: cells, instruments: [.sample(hourly: [1, 0])], residual: .absent(reason: "none is published"),
            gridFactors: factors("DK,1970,100"))
        #expect(result.hourly.matchedUnits == 100)
        #expect(result.annual.matchedUnits == 200)
        #expect(result.annual.mass == .zero)
        #expect(result.hourly.mass == CarbonMass(units: 10_000_000_000))
        #expect(result.residualAbsent == "none is published")
    }

    @Test func spansCountByTheYearAlone() throws {
        var instrument = Instrument.sample(hourly: [])
        instrument.volume = .span(microjoules: 1000)
        let cells = [SupplyCell(hour: 3, zone: "DK", market: "M", units: 4_000_000)]
        let result = try MarketBased(
            cells: cells, instruments: [instrument], residual: .absent(reason: "x"), gridFactors: factors("DK,1970,100")
        )
        #expect(result.annual.matchedShare?.double == 1)
        #expect(result.hourly.matchedShare?.double == 0)
    }

    @Test func withoutResidualFactorThereIsNoFigure() throws {
        let cells = [SupplyCell(hour: 3, zone: "DK", market: "M", units: 4)]
        let result = try MarketBased(
            cells: cells, instruments: [], residual: .factors(factors("")), gridFactors: factors("DK,1970,100"))
        #expect(result.annual.mass == nil)
        #expect(result.hourly.missing.first?.hasPrefix("residual mix: no factor for zone M") == true)
    }

    @Test func instrumentsAreScreened() {
        var noCertificate = Instrument.sample("b", hourly: [])
        noCertificate.certificateIDs = []
        var elsewhere = Instrument.sample("c", hourly: [])
        elsewhere.market = "X"
        var old = Instrument.sample("d", hourly: [])
        old.vintage = UTCInterval(start: UTCTime(hour: -8760), end: UTCTime(hour: 0))
        var spanning = Instrument.sample("e", hourly: [])
        spanning.vintage = UTCInterval(start: UTCTime(hour: -1), end: UTCTime(hour: 1))
        var again = Instrument.sample("f", hourly: [])
        again.certificateIDs = ["C-a"]
        var outside = Instrument.sample("h", hourly: [])
        outside.volume = .hourly([9000: 1])
        let screened = ScreenedInstruments(
            [
                .sample("a", hourly: [1]), noCertificate, elsewhere, old, spanning, again,
                .sample("g", hourly: [], retiredFor: "Somebody"), outside, .sample("i", hourly: []),
            ], organization: "O", usedCertificateIDs: ["C-i"], markets: ["M"], years: 1970...1970)
        #expect(screened.accepted.map(\.id) == ["a"])
        let reasons = Dictionary(uniqueKeysWithValues: screened.refused.map { ($0.id, $0.reasons) })
        #expect(reasons["b"] == ["no certificate id"])
        #expect(reasons["c"] == ["no energy is drawn in market X"])
        #expect(reasons["d"] == ["vintage 1969 is not of the period"])
        #expect(reasons["e"] == ["the vintage spans several years or none: split it by year"])
        #expect(reasons["f"] == ["certificate C-a is used already"])
        #expect(reasons["g"] == ["retired for 'Somebody', not for 'O'"])
        #expect(reasons["h"] == ["a volume is below zero or outside the vintage"])
        #expect(reasons["i"] == ["certificate C-i is used already"])
        let renamed = ScreenedInstruments(
            [.sample("a", hourly: [1]), .sample("g", hourly: [], retiredFor: "Somebody")], organization: "N",
            otherNames: ["O"], usedCertificateIDs: [], markets: ["M"], years: 1970...1970)
        #expect(renamed.accepted.map(\.id) == ["a"] && renamed.refused.map(\.id) == ["g"])
    }

    /// The certificate of another year's instrument is taken, and that of an unsound one is free.
    @Test func aCertificateIsUsedOnceInAllYears() {
        var earlier = Instrument.sample("a", hourly: [])
        earlier.vintage = UTCInterval(start: UTCTime(hour: -8760), end: UTCTime(hour: 0))
        var again = Instrument.sample("b", hourly: [])
        again.certificateIDs = earlier.certificateIDs
        let unsound = Instrument.sample("c", hourly: [], retiredFor: "Somebody")
        var free = Instrument.sample("d", hourly: [])
        free.certificateIDs = unsound.certificateIDs
        let screened = ScreenedInstruments(
            [earlier, again, unsound, free], organization: "O", usedCertificateIDs: [], markets: ["M"],
            years: 1970...1970)
        #expect(screened.accepted.map(\.id) == ["d"])
        #expect(screened.refused.first { $0.id == "b" }?.reasons == ["certificate C-a is used already"])
    }

    /// Twelve monthly figures use of a year's instruments what the year's figure uses, each the dirtiest first.
    @Test func partsOfAYearShareItsInstruments() throws {
        for seed in 0..<50 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let cells = (0..<24 as Range<Int64>).flatMap { hour in
                ["A", "B"].map { zone in
                    let units = Int128(Int64.random(in: 0...1_000_000, using: &random)) * 10_000
                    return SupplyCell(hour: hour, zone: zone, market: "M", units: units)
                }
            }
            let instruments = (0..<3).map { index in
                var instrument = Instrument.sample(
                    "I\(index)", hourly: [],
                    microgramsPerKilowattHour: Int64.random(in: 0...1_000_000, using: &random))
                let microjoules = Int128(Int64.random(in: 0...10_000_000, using: &random))
                instrument.volume = .span(microjoules: microjoules)
                return instrument
            }
            func figures(_ part: [SupplyCell], after earlier: [SupplyCell]) throws -> MarketBased {
                try MarketBased(
                    cells: part, instruments: instruments, residual: .factors(factors("M,1970,500")),
                    gridFactors: factors(""), earlier: earlier)
            }
            let whole = try figures(cells, after: [])
            let parts = try stride(from: 0, to: cells.count, by: 8).map {
                try figures(Array(cells[$0..<($0 + 8)]), after: Array(cells[..<$0]))
            }
            #expect(whole.unitsUsedBefore.isEmpty)
            #expect(
                parts.reduce(0) { $0 + $1.annual.matchedUnits } == whole.annual.matchedUnits, "seed \(seed)")
            #expect(
                parts.reduce(0) { $0 + ($1.annual.mass?.units ?? 0) } == whole.annual.mass?.units, "seed \(seed)")
            let last = try #require(parts.last)
            let before = last.unitsUsedBefore.values.reduce(0, +)
            #expect(before + last.annual.matchedUnits == whole.annual.matchedUnits, "seed \(seed)")
        }
    }
}
