import Energy
import SeededRandom
import Testing

@testable import Emissions

@Suite struct ForecastTests {
    struct Run {
        var name: String
        var milliseconds: Int64
        /// Up to each hundredth of the run.
        var microjoules: [Int64]

        func marks(percent: Int) -> [ProgressMark] {
            (1...percent).map { step in
                ProgressMark(
                    elapsedMilliseconds: milliseconds * Int64(step) / 100, microjoules: microjoules[step - 1],
                    done: Double(step))
            }
        }
    }

    private func runs() throws -> [Run] {
        try Fixture.rows("forecast/mlperf-v4.0-llama2-70b-lora.csv").map { row in
            Run(
                name: try #require(row["run"]), milliseconds: try #require(row["duration_ms"].flatMap { Int64($0) }),
                microjoules: try (1...100).map { try #require(row["mJ_\($0)"].flatMap { Int64($0) }) * 1000 })
        }
    }

    /// Real runs of 8 nodes: nearer to the truth than the proportional rule after 10, 25 and 50 %, in each run.
    @Test(arguments: [(10, 0.10, 0.17), (25, 0.015, 0.02), (50, 0.032, 0.036)])
    func realRunsOfEightNodes(percent: Int, bound: Double, proportionalAtLeast: Double) throws {
        for run in try runs() {
            let truth = Double(run.microjoules[99])
            let forecast = try Forecast(marks: run.marks(percent: percent), units: 100).energyMicrojoules
            let error = abs(forecast.total - truth) / truth
            let proportional = abs(forecast.proportional - truth) / truth
            #expect(error < bound, "\(run.name): \(error)")
            #expect(proportional > proportionalAtLeast, "\(run.name): \(proportional)")
            #expect(error < proportional, "\(run.name): \(error), proportional \(proportional)")
            let interval = try #require(forecast.interval)
            #expect(interval.contains(truth), "\(run.name): \(interval), truth \(truth)")
            #expect(interval.upperBound - interval.lowerBound < truth, "\(run.name): \(interval)")
        }
    }

    @Test func withoutAStartBothRulesAgree() throws {
        let marks = (1...10).map {
            ProgressMark(elapsedMilliseconds: $0 * 1000, microjoules: $0 * 7_000_000, done: Double($0))
        }
        let forecast = try Forecast(marks: marks, units: 40)
        #expect(forecast.energyMicrojoules.total == 280_000_000)
        #expect(forecast.energyMicrojoules.proportional == 280_000_000)
        #expect(forecast.energyMicrojoules.interval == 280_000_000...280_000_000)
        #expect(forecast.elapsedMilliseconds.total == 40_000)
        #expect(forecast.progress == 0.25)
        #expect(forecast.startMarks == 0)
    }

    @Test func fewMarksGiveNoInterval() throws {
        let forecast = try Forecast(
            marks: [ProgressMark(elapsedMilliseconds: 1000, microjoules: 5, done: 1)], units: 4)
        #expect(forecast.energyMicrojoules.total == 20)
        #expect(forecast.energyMicrojoules.interval == nil)
    }

    @Test func aFinishedJobIsWhatItWas() throws {
        let marks = (1...5).map {
            ProgressMark(elapsedMilliseconds: $0 * 900, microjoules: $0 * $0 * 10, done: Double($0))
        }
        let forecast = try Forecast(marks: marks, units: 5)
        #expect(forecast.energyMicrojoules.total == 250)
        #expect(forecast.energyMicrojoules.interval == 250...250)
    }

    /// A trainer that stopped reporting: what the readings say was used is not taken back.
    @Test func aTotalIsNeverBelowWhatWasUsed() throws {
        let marks = (1...4).map {
            ProgressMark(elapsedMilliseconds: $0 * 1000, microjoules: $0 * 1_000_000, done: Double($0))
        }
        let stale = try Forecast(marks: marks, units: 8, reached: (20_000, 20_000_000))
        #expect(stale.energyMicrojoules.total == 20_000_000 && stale.isOvertaken)
        #expect(stale.energyMicrojoules.interval == 20_000_000...20_000_000)
        #expect(stale.elapsedMilliseconds.total == 20_000)
        #expect(stale.energyMicrojoules.proportional == 8_000_000)
        let fresh = try Forecast(marks: marks, units: 8, reached: (5000, 5_000_000))
        #expect(fresh.energyMicrojoules.total == 8_000_000 && !fresh.isOvertaken)
    }

    @Test func marksThatSayNothing() {
        for marks in [
            [], [ProgressMark(elapsedMilliseconds: 5, microjoules: 5, done: 0)],
            [ProgressMark(elapsedMilliseconds: 5, microjoules: 5, done: .nan)],
            [ProgressMark(elapsedMilliseconds: -5, microjoules: 5, done: 1)],
        ] {
            #expect(throws: EmissionsError.self) { try Forecast(marks: marks, units: 4) }
        }
        let mark = ProgressMark(elapsedMilliseconds: 5, microjoules: 5, done: 3)
        #expect(throws: EmissionsError.self) { try Forecast(marks: [mark], units: 2) }
        #expect(throws: EmissionsError.self) { try Forecast(marks: [mark], units: .infinity) }
    }

    @Test func arbitraryMarksNeverTrap() throws {
        for seed in 0..<2000 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let marks = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                ProgressMark(
                    elapsedMilliseconds: Int64.random(in: .min ... .max, using: &random),
                    microjoules: Int64.random(in: .min ... .max, using: &random),
                    done: Double.random(in: -10...100, using: &random))
            }
            guard let forecast = try? Forecast(marks: marks, units: 100) else { continue }
            #expect(forecast.energyMicrojoules.total.isFinite, "seed \(seed)")
        }
    }

    @Test func seldomReportsAreSpreadOverTime() {
        let marks = ProgressMark.interpolated(
            energy: (1...6).map { ($0 * 10, $0 * 100) }, reports: [(30, 1), (50, 2)])
        #expect(marks.map(\.elapsedMilliseconds) == [10, 20, 30, 40, 50])
        #expect(marks.map(\.microjoules) == [100, 200, 300, 400, 500])
        #expect(marks.map { ($0.done * 1000).rounded() } == [333, 667, 1000, 1500, 2000])
    }

    /// A server knows a running job by the hour: in its first one the only reading is the one of now.
    @Test func aReportBeforeTheOnlyReadingIsAMark() throws {
        let early = ProgressMark.interpolated(energy: [(100_000, 500)], reports: [(20_000, 2), (80_000, 8)])
        #expect(early == [ProgressMark(elapsedMilliseconds: 80_000, microjoules: 400, done: 8)])
        let later = ProgressMark.interpolated(
            energy: [(100_000, 500), (200_000, 1500)], reports: [(50_000, 5), (150_000, 15)])
        #expect(
            later == [
                ProgressMark(elapsedMilliseconds: 100_000, microjoules: 500, done: 10),
                ProgressMark(elapsedMilliseconds: 150_000, microjoules: 1000, done: 15),
            ])
        #expect(ProgressMark.interpolated(energy: [], reports: [(20_000, 2)]).isEmpty)
    }

    @Test func theCheapestPlaceAndHour() throws {
        let rows = "DK,1970-01-01T00Z,300\nDK,1970-01-01T01Z,100\nDK,1970-01-01T02Z,200\nFR,1970,150"
        let factors = try FactorSet(files: [
            FactorFile(
                ownTable: Array("zone,period,g_per_kwh\n\(rows)".utf8), source: .sample,
                basis: FactorBasis(scope: .direct))
        ])
        let kilowattHour = Unit.microjoulesPerKilowattHour
        let options = try Timing.ranked(
            hourlyMicrojoules: [kilowattHour, kilowattHour], zones: ["DK", "FR", "XX"], startHours: 0..<2,
            factors: factors)
        #expect(
            try options.map { try "\($0.zone) \($0.startHour) \($0.mass.grams.text(decimals: 0))" }
                == ["DK 1 300", "FR 0 300", "FR 1 300", "DK 0 400"])
    }

    @Test func energyForEachPointOfQuality() throws {
        let kilowattHour = Int64(Unit.microjoulesPerKilowattHour)
        let price = try QualityPrice(
            marks: [(0, "0.50"), (10, "0.70"), (20, "0.75"), (30, "0.74")].map {
                try .init(microjoules: $0.0 * kilowattHour, metric: DecimalFigure(parsing: $0.1))
            }, higherIsBetter: true)
        #expect(try price.steps.map { try $0.kilowattHoursPerPoint?.text(decimals: 0) } == ["50", "200", nil])
        #expect(try price.kilowattHoursPerPoint?.text(decimals: 0) == "80")
        #expect(price.decline?.double == 4)
        let loss = try QualityPrice(
            marks: [
                .init(microjoules: 0, metric: DecimalFigure(3)),
                .init(microjoules: kilowattHour, metric: DecimalFigure(2)),
            ],
            higherIsBetter: false)
        #expect(loss.kilowattHoursPerPoint == .one)
        #expect(throws: EmissionsError.self) { try QualityPrice(marks: [], higherIsBetter: true) }
    }
}
