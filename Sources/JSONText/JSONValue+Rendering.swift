import Parallel

extension JSONValue {
    package enum Form: Sendable, Hashable {
        /// No white space at all.
        case compact
        /// Two spaces a level, one member or element a line, `{}` and `[]` for empty ones, a line feed at the end.
        case pretty
    }

    /// The one rendering of this value in that form: members in their order, numbers as their text, strings in UTF-8
    /// with only those characters escaped that must be (RFC 8259 section 7), in their two-character form where there is
    /// one.
    package func rendered(_ form: Form = .compact) -> [UInt8] {
        var writer = JSONWriter(isPretty: form == .pretty)
        writer.write(self, level: 0)
        if form == .pretty { writer.bytes.append(UInt8(ascii: "\n")) }
        return writer.bytes
    }

    package func text(_ form: Form = .compact) -> String { String(decoding: rendered(form), as: UTF8.self) }
}

private struct JSONWriter {
    let isPretty: Bool
    var bytes: [UInt8] = []

    init(isPretty: Bool) { self.isPretty = isPretty }

    mutating func write(_ value: JSONValue, level: Int) {
        switch value {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let number): bytes.append(contentsOf: number.text.utf8)
        case .string(let string): write(string)
        case .array(let elements) where elements.count >= Self.sharedElements: share(elements, level: level)
        case .array(let elements):
            list(elements, between: ("[", "]"), level: level) { writer, element in
                writer.write(element, level: level + 1)
            }
        case .object(let object):
            list(object.members, between: ("{", "}"), level: level) { writer, member in
                writer.write(member.name)
                writer.bytes.append(contentsOf: (writer.isPretty ? ": " : ":").utf8)
                writer.write(member.value, level: level + 1)
            }
        }
    }

    private mutating func list<Element>(
        _ elements: [Element], between marks: (Unicode.Scalar, Unicode.Scalar), level: Int,
        _ body: (inout JSONWriter, Element) -> Void
    ) {
        bytes.append(UInt8(ascii: marks.0))
        for (index, element) in elements.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            newLine(level: level + 1)
            body(&self, element)
        }
        if !elements.isEmpty { newLine(level: level) }
        bytes.append(UInt8(ascii: marks.1))
    }

    /// The elements of a long list, written on all cores.
    private mutating func share(_ elements: [JSONValue], level: Int) {
        let parts = stride(from: 0, to: elements.count, by: Self.elementsAtATime).map {
            elements[$0..<min($0 + Self.elementsAtATime, elements.count)]
        }
        let texts = parts.parallelMap(minimumShare: 1) { [isPretty] part in
            var writer = JSONWriter(isPretty: isPretty)
            for element in part {
                writer.newLine(level: level + 1)
                writer.write(element, level: level + 1)
                writer.bytes.append(UInt8(ascii: ","))
            }
            return writer.bytes
        }
        bytes.reserveCapacity(bytes.count + texts.reduce(0) { $0 + $1.count })
        bytes.append(UInt8(ascii: "["))
        for text in texts { bytes.append(contentsOf: text) }
        bytes.removeLast()
        newLine(level: level)
        bytes.append(UInt8(ascii: "]"))
    }

    private mutating func newLine(level: Int) {
        guard isPretty else { return }
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * level))
    }

    /// What needs no escape goes over in one piece.
    private mutating func write(_ string: String) {
        var string = string
        bytes.append(UInt8(ascii: "\""))
        string.withUTF8 { text in
            // Looked for without a branch: nearly no string has any, and the compiler does many bytes at a time.
            let escapes = text.reduce(UInt8(0)) { $0 | (Self.mustBeEscaped($1) ? 1 : 0) }
            guard escapes != 0 else { return bytes.append(contentsOf: text) }
            var start = 0
            for index in text.indices where Self.mustBeEscaped(text[index]) {
                bytes.append(contentsOf: text[start..<index])
                escape(text[index])
                start = index + 1
            }
            bytes.append(contentsOf: text[start...])
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func mustBeEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case 0x08: bytes.append(contentsOf: "\\b".utf8)
        case 0x09: bytes.append(contentsOf: "\\t".utf8)
        case 0x0A: bytes.append(contentsOf: "\\n".utf8)
        case 0x0C: bytes.append(contentsOf: "\\f".utf8)
        case 0x0D: bytes.append(contentsOf: "\\r".utf8)
        case 0x00..<0x20:
            bytes.append(contentsOf: "\\u00".utf8)
            bytes.append(contentsOf: [Self.digits[Int(byte >> 4)], Self.digits[Int(byte & 15)]])
        default: bytes.append(contentsOf: [UInt8(ascii: "\\"), byte])
        }
    }

    private static let sharedElements = 512
    private static let elementsAtATime = 64
    private static let digits = Array("0123456789abcdef".utf8)
}
