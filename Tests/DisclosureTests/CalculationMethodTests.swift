import JSONText
import Testing

@testable import Disclosure

@Suite struct CalculationMethodTests {
    @Test func everyMethodSaysWhatItChanged() {
        #expect(CalculationMethod.allCases.first?.changes.isEmpty == true)
        for method in CalculationMethod.allCases {
            #expect(CalculationMethod(version: method.version) == method)
            for change in method.changes {
                #expect(!change.figures.isEmpty && !change.text.isEmpty && !change.source.isEmpty)
            }
        }
        for text in ["0", "01", "", "two", "99999999999999999999"] {
            #expect(CalculationMethod(version: text) == nil, "\(text)")
        }
    }

    @Test func aReasonNamesTheMethodOnlyWhereItIsAnother() {
        let (old, new): (JSONValue, JSONValue) = (["method": ["version": "1"]], ["method": ["version": "2"]])
        #expect(IssuedDisclosure.reason(nil, for: .method2, superseding: new) == nil)
        #expect(IssuedDisclosure.reason("a meter", for: .method2, superseding: new) == "a meter")
        let changed = IssuedDisclosure.reason("a meter", for: .method2, superseding: old)
        #expect(changed?.hasPrefix("a meter; method 2 instead of 1: emissions.market_t") == true)
        let back = IssuedDisclosure.reason(nil, for: .method1, superseding: new)
        #expect(back?.hasPrefix("method 1 instead of 2: emissions.market_t") == true)
        // Room is left in the entry for the reason that a person gives.
        #expect((back?.utf8.count ?? 0) < 256)
    }
}
