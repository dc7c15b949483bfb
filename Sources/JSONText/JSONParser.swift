extension JSONValue {
    /// What a text may be at most. Depth bounds the parser's stack, bytes its memory: a report of ten thousand jobs has
    /// a hundred million of them. Whoever takes text from strangers sets less.
    package struct Limits: Sendable, Hashable {
        package var bytes: Int
        package var depth: Int

        package init(bytes: Int = 256 << 20, depth: Int = 64) {
            self.bytes = bytes
            self.depth = depth
        }
    }

    /// Parses one JSON value with optional white space around it. A byte order mark is refused (RFC 8259 section 8.1).
    package init(parsing text: [UInt8], limits: Limits = Limits()) throws(JSONError) {
        guard text.count <= limits.bytes else {
            throw JSONError(reason: .tooLarge, byteOffset: limits.bytes, line: 1, column: 1)
        }
        var parser = JSONParser(text: text, depthLimit: limits.depth)
        do {
            self = try parser.document()
        } catch {
            throw parser.placed(error)
        }
    }

    package init(parsing text: String, limits: Limits = Limits()) throws(JSONError) {
        try self.init(parsing: Array(text.utf8), limits: limits)
    }
}

/// Recursive descent over bytes; its depth is bounded before it descends.
struct JSONParser {
    /// A reason at a byte; line and column are counted only when it is thrown outside.
    struct Failure: Error {
        var reason: JSONError.Reason
        var byteOffset: Int
    }

    let text: [UInt8]
    let depthLimit: Int
    var position = 0
    private var depth = 0

    init(text: [UInt8], depthLimit: Int) {
        self.text = text
        self.depthLimit = depthLimit
    }

    func failure(_ reason: JSONError.Reason, at offset: Int? = nil) -> Failure {
        Failure(reason: reason, byteOffset: offset ?? position)
    }

    func placed(_ failure: Failure) -> JSONError {
        let before = text[..<min(failure.byteOffset, text.count)]
        let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        return JSONError(
            reason: failure.reason, byteOffset: failure.byteOffset,
            line: before.count { $0 == UInt8(ascii: "\n") } + 1, column: failure.byteOffset - lineStart + 1)
    }

    mutating func document() throws(Failure) -> JSONValue {
        let result = try value()
        skipSpace()
        guard position == text.count else { throw failure(.trailingBytes) }
        return result
    }

    private mutating func value() throws(Failure) -> JSONValue {
        skipSpace()
        guard position < text.count else { throw failure(.endOfText) }
        switch text[position] {
        case UInt8(ascii: "{"): return try nested { parser throws(Failure) in .object(try parser.object()) }
        case UInt8(ascii: "["): return try nested { parser throws(Failure) in .array(try parser.array()) }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        default: throw failure(.unexpectedByte)
        }
    }

    private mutating func nested(
        _ body: (inout JSONParser) throws(Failure) -> JSONValue
    ) throws(Failure) -> JSONValue {
        guard depth < depthLimit else { throw failure(.tooDeep) }
        depth += 1
        position += 1
        let result = try body(&self)
        depth -= 1
        return result
    }

    private mutating func array() throws(Failure) -> [JSONValue] {
        var elements: [JSONValue] = []
        if takeAfterSpace(UInt8(ascii: "]")) { return elements }
        repeat { elements.append(try value()) } while takeAfterSpace(UInt8(ascii: ","))
        try expect(UInt8(ascii: "]"))
        return elements
    }

    private mutating func object() throws(Failure) -> JSONObject {
        var object = JSONObject()
        if takeAfterSpace(UInt8(ascii: "}")) { return object }
        repeat {
            skipSpace()
            let start = position
            guard position < text.count else { throw failure(.endOfText) }
            guard text[position] == UInt8(ascii: "\"") else { throw failure(.unexpectedByte) }
            let name = try string()
            try expect(UInt8(ascii: ":"))
            guard object.append(name, try value()) else { throw failure(.repeatedName, at: start) }
        } while takeAfterSpace(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
        return object
    }

    private mutating func number() throws(Failure) -> JSONNumber {
        guard let length = JSONNumber.prefixLength(text[position...]) else { throw failure(.malformedNumber) }
        let digits = text[position..<(position + length)]
        position += length
        // `01` and `1x` are caught here rather than as two values.
        if position < text.count, isNumberLike(text[position]) { throw failure(.malformedNumber) }
        return JSONNumber(checked: String(decoding: digits, as: UTF8.self))
    }

    private func isNumberLike(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: ".")
            || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")
    }

    private mutating func literal(_ word: StaticString, _ value: JSONValue) throws(Failure) -> JSONValue {
        let length = word.utf8CodeUnitCount
        guard text.count - position >= length else { throw failure(.endOfText) }
        let matches = word.withUTF8Buffer { $0.elementsEqual(text[position..<(position + length)]) }
        guard matches else { throw failure(.unexpectedByte) }
        position += length
        return value
    }

    mutating func skipSpace() {
        while position < text.count {
            switch text[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    private mutating func takeAfterSpace(_ byte: UInt8) -> Bool {
        skipSpace()
        guard position < text.count, text[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ byte: UInt8) throws(Failure) {
        if takeAfterSpace(byte) { return }
        throw failure(position < text.count ? .unexpectedByte : .endOfText)
    }
}
