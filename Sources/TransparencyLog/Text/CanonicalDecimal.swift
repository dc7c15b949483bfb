/// Unsigned decimal numbers in their one spelling: no sign, no leading zero, at most 2⁶⁴ − 1.
package enum CanonicalDecimal {
    package static func parse(_ text: ArraySlice<UInt8>) -> UInt64? {
        guard let first = text.first, first != UInt8(ascii: "0") || text.count == 1 else { return nil }
        var number: UInt64 = 0
        for character in text {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character) else { return nil }
            let (product, productOverflow) = number.multipliedReportingOverflow(by: 10)
            let (sum, sumOverflow) = product.addingReportingOverflow(UInt64(character - UInt8(ascii: "0")))
            guard !productOverflow, !sumOverflow else { return nil }
            number = sum
        }
        return number
    }

    package static func parse(_ text: String) -> UInt64? { parse(Array(text.utf8)[...]) }
}
