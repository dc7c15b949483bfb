import JSONText
import Testing

@testable import wattest

struct FigureTextTests {
    @Test(arguments: [
        ("0", "0.0000"), ("1", "0.000000000000"), ("14753272812000", "4.0981"), ("3599999999999", "1.0000"),
        ("3600000000000000", "1,000.0000"), ("-1800000000000", "-0.5000"), ("-1", "0.000000000000"),
        ("25953877", "0.00000721"), ("-36000000000", "-0.0100"), ("35999000000", "0.01000"), ("3599000000", "0.001000"),
        ("-170141183460469231731687303715884105728", "-47,261,439,850,130,342,147,690,917.6989"),
    ])
    func kilowattHours(microjoules: String, text: String) {
        #expect(FigureText.kilowattHours(.string(microjoules)) == text)
    }

    @Test func exactIntegersAreGrouped() {
        #expect(FigureText.microjoules("14753272812000") == "14,753,272,812,000")
        #expect(FigureText.microjoules("-1000") == "-1,000")
        #expect(FigureText.microjoules("999") == "999")
        // Beyond 64 bits: a sum over a large site and years.
        #expect(FigureText.microjoules("92233720368547758070") == "92,233,720,368,547,758,070")
    }

    @Test(arguments: [("1", "100 %"), ("0.994", "99.4 %"), ("0.741953", "74.1953 %"), ("0", "0 %"), ("0.05", "5 %")])
    func ratios(number: String, text: String) throws {
        #expect(FigureText.percent(.number(try #require(JSONNumber(text: number)))) == text)
    }

    @Test(arguments: [("0", "9", "0.00 %"), ("9", "9", "100.00 %"), ("99999", "100000", "99.99 %"), ("1", "0", "-")])
    func partsAreRoundedDown(part: String, whole: String, text: String) {
        #expect(FigureText.share(.string(part), of: .string(whole)) == text)
    }

    @Test func whatIsUnknownIsNotZero() {
        #expect(FigureText.kilowattHours(.null) == "-")
        #expect(FigureText.percent(nil) == "-")
        #expect(FigureText.energy(.null) == "unknown")
        #expect(FigureText.seconds("1919") == "1.919")
    }
}
