/// The text of a JSON number, by the grammar of RFC 8259 section 6.
package struct JSONNumber: Sendable, Hashable {
    package let text: String

    /// Nil when the text is not a JSON number (`+1`, `01`, `.5`, `1.`, `NaN`).
    package init?(text: String) {
        guard Self.prefixLength(text.utf8) == text.utf8.count else { return nil }
        self.text = text
    }

    package init(_ value: some BinaryInteger) { text = String(value) }

    /// For the parser, which has checked the grammar.
    init(checked text: String) { self.text = text }

    /// The nearest double, for figures that are statistical. Infinite when the text is beyond its range.
    package var double: Double { Double(text) ?? .nan }

    /// How many bytes at the front are a number; nil when they are none.
    static func prefixLength(_ bytes: some Collection<UInt8>) -> Int? {
        var rest = bytes[...]
        var length = 0
        func take(_ wanted: (UInt8) -> Bool) -> Bool {
            guard let byte = rest.first, wanted(byte) else { return false }
            rest.removeFirst()
            length += 1
            return true
        }
        func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
        func digits() -> Bool {
            guard take(isDigit) else { return false }
            while take(isDigit) {}
            return true
        }

        _ = take { $0 == UInt8(ascii: "-") }
        if !take({ $0 == UInt8(ascii: "0") }) {
            guard digits() else { return nil }
        }
        if take({ $0 == UInt8(ascii: ".") }) {
            guard digits() else { return nil }
        }
        if take({ $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "E") }) {
            _ = take { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
            guard digits() else { return nil }
        }
        return length
    }
}
