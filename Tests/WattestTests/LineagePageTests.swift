import ArgumentParser
import JSONText
import Testing

@testable import wattest

@Suite struct LineagePageTests {
    /// A dash stands only where the report shows nothing: a figure that is not a sum is not in doubt.
    @Test func aFigureThatIsNoSumSaysHowItIsChecked() {
        let item: JSONValue = [
            "figure": "emissions.location_t", "in_report": "0.1", "terms_uj": "7", "terms": 1, "agrees": nil,
        ]
        let page = LineagePage(answer: ["items": [item], "next": nil])
        #expect(page.text.contains("by --figure"), "\(page.text)")
        let none: JSONValue = [
            "figure": "emissions.market_t", "in_report": nil, "terms_uj": "7", "terms": 1, "agrees": nil,
        ]
        #expect(!LineagePage(answer: ["items": [none], "next": nil]).text.contains("by --figure"))
        let sum: JSONValue = [
            "figure": "energy.it_uj", "in_report": "7", "terms_uj": "8", "terms": 1, "agrees": false,
        ]
        #expect(LineagePage(answer: ["items": [sum], "next": nil]).text.contains("NO"))
    }

    /// What is sampled is a report's figure, and a report may be by an older method.
    @Test func aSampleNamesItsMethod() throws {
        let words = "report sample --from 2026-10-01T00:00Z --to 2026-11-01T00:00Z --seed x --method 1"
        let command = try Wattest.parseAsRoot(words.split(separator: " ").map(String.init))
        #expect((command as? ReportSample)?.method == "1")
    }
}
