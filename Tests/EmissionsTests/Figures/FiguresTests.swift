import Energy
import SeededRandom
import Testing

@testable import Emissions

@Suite struct FiguresTests {
    @Test(arguments: [
        ("449.06", 44906, 2), ("-12.50", -125, 1), ("0", 0, 0), ("-0.0", 0, 0), ("3.14e2", 314, 0), ("6E-3", 6, 3),
        ("130e12", 130_000_000_000_000, 0), ("1.5e-2", 15, 3), ("007", 7, 0), ("1e+3", 1000, 0), ("0e-99", 0, 0),
        ("100e-2", 1, 0),
    ])
    func parsing(text: String, coefficient: Int, scale: Int) throws {
        let figure = try DecimalFigure(parsing: text)
        #expect(figure.coefficient == Int128(coefficient))
        #expect(figure.scale == scale)
        #expect(try DecimalFigure(parsing: figure.text) == figure)
    }

    @Test(arguments: [
        "", "-", "+1", ".5", "5.", "1..2", "1.2.3", "1e", "1e+", "1e1.5", "1,000", " 1", "1 ", "NaN", "0x1", "1e1000",
    ])
    func refusedText(text: String) {
        let error = #expect(throws: EmissionsError.self) { try DecimalFigure(parsing: text) }
        #expect(error?.code == .malformedFigure)
    }

    @Test(arguments: ["1e38", "1e-31", "12345678901234567890123456789012345678", "0.0000000000000000000000000000001"])
    func figuresBeyondTheirBounds(text: String) {
        let error = #expect(throws: EmissionsError.self) { try DecimalFigure(parsing: text) }
        #expect(error?.code == .overflow)
    }

    @Test(arguments: [
        ("0.5", 0, "0"), ("1.5", 0, "2"), ("2.5", 0, "2"), ("-0.5", 0, "0"), ("-1.5", 0, "-2"), ("0.125", 2, "0.12"),
        ("0.135", 2, "0.14"), ("0.1250001", 2, "0.13"), ("9.995", 2, "10.00"), ("1.1", 3, "1.100"), ("0.049", 1, "0.0"),
        ("-0.049", 1, "0.0"), ("-0.051", 1, "-0.1"),
    ])
    func halfEven(text: String, decimals: Int, expected: String) throws {
        #expect(try DecimalFigure(parsing: text).text(decimals: decimals) == expected)
    }

    @Test(arguments: [
        ("188701.92", 2, "190000"), ("449.06", 3, "449"), ("449.06", 4, "449.1"), ("0.012345", 2, "0.012"),
        ("9.96", 2, "10"), ("0.0996", 2, "0.10"), ("99.6", 2, "100"), ("0.3", 2, "0.30"), ("1285.2", 2, "1300"),
        ("0", 2, "0.0"),
        ("-12.5", 2, "-12"), ("5", 1, "5"), ("1e30", 3, "1000000000000000000000000000000"),
    ])
    func significantFigures(text: String, figures: Int, expected: String) throws {
        #expect(try DecimalFigure(parsing: text).text(significant: figures) == expected)
    }

    @Test func divisionRoundsOnceHalfToEven() throws {
        #expect(try DecimalFigure(1).divided(by: DecimalFigure(3), decimals: 4).text == "0.3333")
        #expect(try DecimalFigure(2).divided(by: DecimalFigure(3), decimals: 4).text == "0.6667")
        #expect(try DecimalFigure(1).divided(by: DecimalFigure(8), decimals: 2).text == "0.12")
        let error = #expect(throws: EmissionsError.self) { try DecimalFigure(1).divided(by: .zero, decimals: 2) }
        #expect(error?.code == .dividedByZero)
    }

    @Test func productsAreExactOrRefused() throws {
        let figure = try DecimalFigure(parsing: "1.1").multiplied(by: DecimalFigure(parsing: "-0.25"))
        #expect(figure.text == "-0.275")
        let small = try DecimalFigure(parsing: "1e-20")
        #expect(throws: EmissionsError.overflow) { try small.multiplied(by: small) }
        let large = try DecimalFigure(parsing: "1e20")
        #expect(throws: EmissionsError.overflow) { try large.multiplied(by: large) }
    }

    /// Rounding agrees with the definition: the nearest, and of two nearest the even.
    @Test func roundingByDefinition() throws {
        for seed in 0..<3000 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let bits = Int128(Int.random(in: 0..<100, using: &random))
            let numerator = Int128(Int64.random(in: .min ... .max, using: &random)) << (bits / 2)
            let denominator = max(1, Int128(UInt64.random(in: 0...(.max), using: &random)) >> (bits % 64))
            let ratio = try ExactRatio(numerator, over: denominator)
            let units = try ratio.units(decimals: 0)
            let twice = abs(2 * (numerator - units * denominator))
            #expect(twice < denominator || (twice == denominator && units % 2 == 0), "seed \(seed)")
        }
    }

    @Test func sumsAndComparisonsOfFractions() throws {
        for seed in 0..<500 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let numerators = (0..<2).map { _ in Int128(Int32.random(in: -999...999, using: &random)) }
            let denominators = (0..<2).map { _ in Int128(Int32.random(in: 1...999, using: &random)) }
            let (a, b, c, d) = (numerators[0], denominators[0], numerators[1], denominators[1])
            let left = try ExactRatio(a, over: b)
            let right = try ExactRatio(c, over: d)
            #expect(try left + right == ExactRatio(a * d + c * b, over: b * d), "seed \(seed)")
            #expect(try left - right == ExactRatio(a * d - c * b, over: b * d), "seed \(seed)")
            #expect(try left * right == ExactRatio(a * c, over: b * d), "seed \(seed)")
            #expect((left < right) == (a * d < c * b), "seed \(seed)")
        }
    }

    @Test func overflowIsAnErrorAndNeverATrap() throws {
        let huge = try ExactRatio(.max, over: 1)
        #expect(throws: EmissionsError.overflow) { try huge + huge }
        #expect(throws: EmissionsError.overflow) { try huge * huge }
        #expect(throws: EmissionsError.overflow) { try huge.units(decimals: 1) }
        #expect(throws: EmissionsError.overflow) { try ExactRatio(.min, over: 1) }
        #expect(throws: EmissionsError.overflow) { try ExactRatio(1, over: .min) }
        #expect(try ExactRatio(1, over: .max).units(decimals: 30) == 0)
        #expect(try huge.units(decimals: -38) == 2)
        #expect(try ExactRatio(1, over: .max).units(decimals: -38) == 0)
        #expect(try ExactRatio(.max - 1, over: .max).text(significant: 3) == "1.00")
    }

    @Test func sharesAddUpToTheWhole() throws {
        #expect(try proportionalShares(of: 10, weights: [1, 1, 1]) == [4, 3, 3])
        #expect(try proportionalShares(of: 10, weights: [0, 0]) == [0, 0])
        for seed in 0..<500 as Range<UInt64> {
            var random = SeededRandom(seed: seed)
            let weights = (0..<Int.random(in: 1...9, using: &random)).map { _ in
                Int128(UInt64.random(in: 0...(.max), using: &random)) << 40
            }
            let total = Int128(UInt64.random(in: 0...(.max), using: &random)) << 30
            let shares = try proportionalShares(of: total, weights: weights)
            #expect(shares.reduce(0, +) == total, "seed \(seed)")
            #expect(shares.allSatisfy { $0 >= 0 }, "seed \(seed)")
        }
    }

    @Test func datesOfTwoCenturies() {
        var hour = Int64(-70 * 366 * 24)
        var previous = CivilDate(hour: hour - 24)
        for _ in 0..<73_000 {
            let date = CivilDate(hour: hour)
            #expect(date.firstHour <= hour && hour < date.firstHour + 24)
            #expect(date.daysSince1970 == previous.daysSince1970 + 1)
            #expect(CivilDate(year: date.year, month: date.month, day: date.day) == date)
            previous = date
            hour += 24
        }
        #expect(CivilDate(year: 2023, month: 2, day: 29) == nil)
        #expect(CivilDate(year: 1900, month: 2, day: 29) == nil)
        #expect(CivilDate(year: 2000, month: 2, day: 29) != nil)
    }

    @Test(arguments: [
        ("1970-01-01", 0), ("1970-01-01T01:00Z", 3_600_000_000), ("1970-01-01 00:00:01", 1_000_000),
        ("1970-01-01T00:00:00.25Z", 250_000), ("1970-01-01T02:00:00+02:00", 0),
        ("1970-01-01T00:00-0130", 5_400_000_000),
        ("2024-02-29T12:00:00.000Z", 1_709_208_000_000_000), ("1970-01-01T05Z", 18_000_000_000),
    ])
    func times(text: String, microseconds: Int64) {
        #expect(UTCTime(civil: text)?.microseconds == microseconds)
    }

    @Test(arguments: [
        "", "1970", "1970-13-01", "1970-01-32", "1970-01-01T24:00Z", "1970-01-01T00:60Z", "1970-01-01x",
        "1970-01-01T00:00:00.Z", "1970-01-01T00:00ZZ",
    ])
    func textThatIsNoTime(text: String) { #expect(UTCTime(civil: text) == nil) }

    @Test func periodsReadAsTheyAreWritten() {
        for text in ["2024", "2024-03", "2024-03-01T05Z", "1969-12-31T23Z"] {
            #expect(FactorPeriod(parsing: text)?.text == text)
        }
        for text in ["", "24", "2024-13", "2024-03-01", "2024-03-01T05:30Z", "0000", "2O24"] {
            #expect(FactorPeriod(parsing: text) == nil)
        }
    }
}
