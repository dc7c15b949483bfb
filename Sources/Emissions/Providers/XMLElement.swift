/// An element of an XML document, as far as market documents need it: names without prefix, children, text.
///
/// No document type declarations: entities that expand are refused with them. Attributes are passed over.
struct XMLElement: Sendable, Hashable {
    var name: String
    var children: [XMLElement] = []
    var text = ""

    static let maximumDepth = 32
    static let maximumBytes = 64 << 20

    /// - Throws: `malformedAnswer` with the byte at which reading stopped.
    init(parsing bytes: [UInt8]) throws(EmissionsError) {
        var parser = XMLParser(bytes: bytes)
        self = try parser.document()
    }

    fileprivate init(name: String) { self.name = name }

    subscript(name: String) -> XMLElement? { children.first { $0.name == name } }
    func all(_ name: String) -> [XMLElement] { children.filter { $0.name == name } }
}

private struct XMLParser {
    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    func failure(_ what: String) -> EmissionsError {
        EmissionsError(.malformedAnswer, "XML, byte \(position): \(what)")
    }

    mutating func document() throws(EmissionsError) -> XMLElement {
        guard bytes.count <= XMLElement.maximumBytes else { throw failure("larger than 64 MiB") }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
        try skipMisc()
        guard peek("<") else { throw failure("no element") }
        let root = try element(depth: 0)
        try skipMisc()
        guard position == bytes.count else { throw failure("text behind the document") }
        return root
    }

    private mutating func skipMisc() throws(EmissionsError) {
        while true {
            skipSpace()
            if peek("<?") {
                try skip(past: "?>")
            } else if peek("<!--") {
                try skip(past: "-->")
            } else if peek("<!") {
                throw failure("document type declarations are not accepted")
            } else {
                return
            }
        }
    }

    private mutating func element(depth: Int) throws(EmissionsError) -> XMLElement {
        guard depth < XMLElement.maximumDepth else { throw failure("nested too deep") }
        position += 1
        let name = try name()
        var element = XMLElement(name: String(name.split(separator: ":").last ?? ""))
        if try attributes() { return element }
        var text: [UInt8] = []
        while position < bytes.count {
            if peek("</") {
                position += 2
                guard try self.name() == name else { throw failure("an end tag of another element") }
                skipSpace()
                guard peek(">") else { throw failure("an end tag is not closed") }
                position += 1
                guard let validated = String(validating: text, as: UTF8.self) else { throw failure("not UTF-8") }
                element.text = validated
                return element
            } else if peek("<!--") {
                try skip(past: "-->")
            } else if peek("<!") || peek("<?") {
                throw failure("only elements, text and comments are accepted")
            } else if peek("<") {
                element.children.append(try self.element(depth: depth + 1))
            } else if peek("&") {
                text.append(contentsOf: try entity())
            } else {
                text.append(bytes[position])
                position += 1
            }
        }
        throw failure("the document ends inside '\(element.name)'")
    }

    /// Passes over attributes to the end of the tag; true when the element is empty (`/>`).
    private mutating func attributes() throws(EmissionsError) -> Bool {
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: ">"):
                position += 1
                return false
            case UInt8(ascii: "/"):
                guard peek("/>") else { throw failure("a slash inside a tag") }
                position += 2
                return true
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                let quote = bytes[position]
                position += 1
                guard let end = bytes[position...].firstIndex(of: quote) else {
                    throw failure("an attribute is not closed")
                }
                position = end + 1
            case UInt8(ascii: "<"): throw failure("a tag inside a tag")
            default: position += 1
            }
        }
        throw failure("the document ends inside a tag")
    }

    private mutating func name() throws(EmissionsError) -> String {
        let start = position
        while position < bytes.count, Self.isNameByte(bytes[position]) { position += 1 }
        guard position > start, position - start <= 256 else { throw failure("no name") }
        guard let name = String(validating: bytes[start..<position], as: UTF8.self) else { throw failure("not UTF-8") }
        return name
    }

    private mutating func entity() throws(EmissionsError) -> [UInt8] {
        let known: [(StaticString, UInt8)] = [
            ("&lt;", UInt8(ascii: "<")), ("&gt;", UInt8(ascii: ">")), ("&amp;", UInt8(ascii: "&")),
            ("&quot;", UInt8(ascii: "\"")), ("&apos;", UInt8(ascii: "'")),
        ]
        for (entity, byte) in known where peek(entity) {
            position += entity.utf8CodeUnitCount
            return [byte]
        }
        throw failure("an unknown entity")
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: ":"), 0x80...:
            true
        default: false
        }
    }

    private func peek(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard bytes.count - position >= count else { return false }
        return text.withUTF8Buffer { $0.elementsEqual(bytes[position..<(position + count)]) }
    }

    private mutating func skip(past text: StaticString) throws(EmissionsError) {
        while position < bytes.count {
            if peek(text) {
                position += text.utf8CodeUnitCount
                return
            }
            position += 1
        }
        throw failure("the document ends inside a comment or instruction")
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }
}
