/// A JSON document (RFC 8259). Numbers stay text, so that a reading is never rounded through floating point.
package indirect enum JSONValue: Sendable, Hashable {
    case null
    case boolean(Bool)
    case number([UInt8])
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Nesting beyond this is refused: a hostile answer must not exhaust the stack.
    package static let maximumDepth = 64

    package init?(parsing bytes: some Collection<UInt8>) {
        let whole = ContiguousArray(bytes)
        var parser = JSONParser(bytes: whole)
        guard let value = parser.document() else { return nil }
        self = value
    }

    package subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members[key]
    }

    package var elements: [JSONValue] {
        guard case .array(let elements) = self else { return [] }
        return elements
    }

    package var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// The number times 10^`scale`; a number inside a string counts too, because meters and BMCs quote them.
    package func scaled(by scale: Int) -> Int64? {
        switch self {
        case .number(let digits): DecimalText.scaled(digits, by: scale)
        case .string(let text): DecimalText.scaled(Array(text.utf8).trimmed(), by: scale)
        default: nil
        }
    }

    /// Follows member names and array indices, `a.b[0].c`.
    package func member(at path: String) -> JSONValue? {
        var value: JSONValue? = self
        for part in path.split(whereSeparator: { $0 == "." || $0 == "[" || $0 == "]" }) {
            if case .array(let elements) = value {
                guard let index = Int(part), elements.indices.contains(index) else { return nil }
                value = elements[index]
            } else {
                value = value?[String(part)]
            }
        }
        return value
    }
}

private struct JSONParser {
    let bytes: ContiguousArray<UInt8>
    var position = 0

    init(bytes: ContiguousArray<UInt8>) { self.bytes = bytes }

    private var byte: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func document() -> JSONValue? {
        guard let value = value(depth: 0) else { return nil }
        skipBlanks()
        return position == bytes.count ? value : nil
    }

    private mutating func skipBlanks() {
        while let byte, byte == 32 || byte == 9 || byte == 10 || byte == 13 { position += 1 }
    }

    private mutating func take(_ expected: Character) -> Bool {
        guard let byte, byte == expected.asciiValue else { return false }
        position += 1
        return true
    }

    private mutating func word(_ text: StaticString) -> Bool {
        guard bytes[position...].hasPrefix(text) else { return false }
        position += text.utf8CodeUnitCount
        return true
    }

    private mutating func value(depth: Int) -> JSONValue? {
        guard depth < JSONValue.maximumDepth else { return nil }
        skipBlanks()
        switch byte {
        case UInt8(ascii: "{"): return object(depth: depth)
        case UInt8(ascii: "["): return array(depth: depth)
        case UInt8(ascii: "\""): return string().map(JSONValue.string)
        case UInt8(ascii: "t"): return word("true") ? .boolean(true) : nil
        case UInt8(ascii: "f"): return word("false") ? .boolean(false) : nil
        case UInt8(ascii: "n"): return word("null") ? .null : nil
        default: return number()
        }
    }

    private mutating func object(depth: Int) -> JSONValue? {
        position += 1
        var members: [String: JSONValue] = [:]
        skipBlanks()
        if take("}") { return .object(members) }
        repeat {
            skipBlanks()
            guard byte == UInt8(ascii: "\""), let key = string() else { return nil }
            skipBlanks()
            // A key twice is ambiguous: two readers could see two values.
            guard take(":"), let value = value(depth: depth + 1), members.updateValue(value, forKey: key) == nil
            else { return nil }
            skipBlanks()
        } while take(",")
        return take("}") ? .object(members) : nil
    }

    private mutating func array(depth: Int) -> JSONValue? {
        position += 1
        var elements: [JSONValue] = []
        skipBlanks()
        if take("]") { return .array(elements) }
        repeat {
            guard let value = value(depth: depth + 1) else { return nil }
            elements.append(value)
            skipBlanks()
        } while take(",")
        return take("]") ? .array(elements) : nil
    }

    private mutating func number() -> JSONValue? {
        let start = position
        while let byte, isNumberByte(byte) { position += 1 }
        let digits = bytes[start..<position]
        guard let first = digits.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "."),
            DecimalText.scaled(digits, by: 0) != nil || DecimalText.scaled(digits, by: -40) != nil
        else { return nil }
        return .number(Array(digits))
    }

    private func isNumberByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."),
            UInt8(ascii: "e"), UInt8(ascii: "E"):
            true
        default: false
        }
    }

    private mutating func string() -> String? {
        position += 1
        var text: [UInt8] = []
        while let byte {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self)
            case UInt8(ascii: "\\"): guard escape(into: &text) else { return nil }
            case 0..<32: return nil
            default: text.append(byte)
            }
        }
        return nil
    }

    private mutating func escape(into text: inout [UInt8]) -> Bool {
        guard let byte else { return false }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(8)
        case UInt8(ascii: "f"): text.append(12)
        case UInt8(ascii: "n"): text.append(10)
        case UInt8(ascii: "r"): text.append(13)
        case UInt8(ascii: "t"): text.append(9)
        case UInt8(ascii: "u"):
            guard let scalar = unicodeEscape() else { return false }
            text.append(contentsOf: String(Character(scalar)).utf8)
        default: return false
        }
        return true
    }

    private mutating func unicodeEscape() -> Unicode.Scalar? {
        guard let high = hexadecimal() else { return nil }
        guard (0xD800..<0xDC00).contains(high) else { return Unicode.Scalar(high) }
        guard take("\\"), take("u"), let low = hexadecimal(), (0xDC00..<0xE000).contains(low) else { return nil }
        return Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
    }

    private mutating func hexadecimal() -> UInt32? {
        guard position + 4 <= bytes.count,
            let value = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
        else { return nil }
        position += 4
        return value
    }
}
