import Parallel

/// Writes JSON as text, piece by piece: what `JSONValue.rendered` does with a value, without there being one.
///
/// Long lists are written with it, since a tree of values costs several times what its text does. Who writes an object
/// sees to it that its names differ.
package struct JSONWriter: Sendable {
    private let isPretty: Bool
    /// Behind `written`.
    private var bytes: [UInt8] = []
    /// What stands before, in pieces: a long list is not copied piece by piece while others wait.
    private var written: [[UInt8]] = []
    /// Of the members or elements that are written now.
    private var level: Int
    /// The object or list at hand has nothing in it yet.
    private var isFirst = true

    /// - Parameter level: at which the first value stands.
    package init(_ form: JSONValue.Form, level: Int = 0) {
        isPretty = form == .pretty
        self.level = level
    }

    /// What was written so far.
    package var text: [UInt8] { written.isEmpty ? bytes : (written + [bytes]).parallelJoined() }

    /// The text of a whole document.
    package consuming func finished() -> [UInt8] {
        if isPretty { bytes.append(UInt8(ascii: "\n")) }
        return text
    }

    // MARK: Values

    package mutating func write(_ value: JSONValue) {
        switch value {
        case .null: text("null")
        case .bool(let value): write(value)
        case .number(let number): bytes.append(contentsOf: number.text.utf8)
        case .string(let string): write(string)
        case .array(let elements) where elements.count >= Self.sharedElements:
            share(elements) { writer, element in writer.write(element) }
        case .array(let elements): list(elements) { writer, element in writer.write(element) }
        case .object(let object):
            self.object { writer in
                for member in object.members { writer.member(named: member.name, member.value) }
            }
        }
    }

    package mutating func write(_ value: Bool) { text(value ? "true" : "false") }

    /// A number.
    package mutating func write(_ value: Int64) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        digits(value.magnitude)
    }

    /// A number as a decimal string: readers that keep numbers in binary floating point would round it.
    package mutating func write(decimal value: Int128) {
        bytes.append(UInt8(ascii: "\""))
        // Wide integers are written by generic arithmetic, digit by digit; hardly any is beyond 64 bits.
        if let value = Int64(exactly: value) { write(value) } else { bytes.append(contentsOf: String(value).utf8) }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func digits(_ value: UInt64) {
        var count = 1
        var rest = value
        while rest >= 10 {
            rest /= 10
            count += 1
        }
        put(count) { place in
            var rest = value
            for digit in stride(from: count - 1, through: 0, by: -1) {
                (place + digit).initialize(to: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
                rest /= 10
            }
        }
    }

    private mutating func text(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    // MARK: Objects and lists

    package mutating func object(_ members: (inout JSONWriter) -> Void) {
        open(UInt8(ascii: "{"))
        members(&self)
        close(UInt8(ascii: "}"))
    }

    package mutating func list<Element>(
        _ elements: some Sequence<Element>, _ body: (inout JSONWriter, Element) -> Void
    ) {
        open(UInt8(ascii: "["))
        for element in elements {
            next()
            body(&self, element)
        }
        close(UInt8(ascii: "]"))
    }

    /// A long list, written on all cores.
    package mutating func share<Element: Sendable>(
        _ elements: [Element], _ body: @Sendable (inout JSONWriter, Element) -> Void
    ) {
        guard elements.count >= Self.sharedElements else { return list(elements, body) }
        list(JSONListText.written(elements, isPretty ? .pretty : .compact, level: level, body, beside: {}).0)
    }

    /// A list whose elements were written at this level before.
    package mutating func list(_ text: JSONListText) {
        open(UInt8(ascii: "["))
        if !text.parts.isEmpty {
            written.append(bytes)
            written += text.parts
            bytes = []
            isFirst = false
        }
        close(UInt8(ascii: "]"))
    }

    /// Elements of a list, with what stands between them.
    fileprivate mutating func elements<Element>(
        _ elements: some Sequence<Element>, areFirst: Bool, _ body: (inout JSONWriter, Element) -> Void
    ) {
        isFirst = areFirst
        for element in elements {
            next()
            body(&self, element)
        }
    }

    /// The name of a member, whose value is written next. It holds nothing that must be escaped.
    package mutating func name(_ name: StaticString) {
        let margin = isPretty ? 1 + 2 * level : 0
        let count = (isFirst ? 0 : 1) + margin + name.utf8CodeUnitCount + (isPretty ? 4 : 3)
        put(count) { [isFirst, isPretty] place in
            var place = place
            func mark(_ byte: UInt8) {
                place.initialize(to: byte)
                place += 1
            }
            if !isFirst { mark(UInt8(ascii: ",")) }
            if isPretty {
                mark(UInt8(ascii: "\n"))
                place.initialize(repeating: UInt8(ascii: " "), count: margin - 1)
                place += margin - 1
            }
            mark(UInt8(ascii: "\""))
            place.initialize(from: name.utf8Start, count: name.utf8CodeUnitCount)
            place += name.utf8CodeUnitCount
            mark(UInt8(ascii: "\""))
            mark(UInt8(ascii: ":"))
            if isPretty { mark(UInt8(ascii: " ")) }
        }
        isFirst = false
    }

    /// Room for so many bytes, all of which `fill` writes.
    @inline(__always)
    private mutating func put(_ count: Int, _ fill: (UnsafeMutablePointer<UInt8>) -> Void) {
        if bytes.capacity - bytes.count < count { bytes.reserveCapacity(max(2 * bytes.capacity, bytes.count + count)) }
        bytes.append(addingCapacity: count) { span in
            span.withUnsafeMutableBufferPointer { buffer, filled in
                guard let start = buffer.baseAddress else { return }
                fill(start + filled)
                filled += count
            }
        }
    }

    package mutating func member(_ name: StaticString, _ value: JSONValue) {
        self.name(name)
        write(value)
    }

    /// Null where there is no text.
    package mutating func member(_ name: StaticString, text: String?) {
        self.name(name)
        if let text { write(text) } else { write(.null) }
    }

    package mutating func member(_ name: StaticString, bool value: Bool) {
        self.name(name)
        write(value)
    }

    /// A number; null where there is none.
    package mutating func member(_ name: StaticString, integer value: Int64?) {
        self.name(name)
        if let value { write(value) } else { write(.null) }
    }

    /// A number as a decimal string; null where there is none.
    package mutating func member(_ name: StaticString, decimal value: Int128?) {
        self.name(name)
        if let value { write(decimal: value) } else { write(.null) }
    }

    /// A member whose name is known at run time only.
    package mutating func member(named name: String, _ value: JSONValue) {
        self.name(dynamic: name)
        write(value)
    }

    package mutating func member(named name: String, decimal value: Int128) {
        self.name(dynamic: name)
        write(decimal: value)
    }

    private mutating func name(dynamic name: String) {
        next()
        write(name)
        text(isPretty ? ": " : ":")
    }

    private mutating func open(_ mark: UInt8) {
        bytes.append(mark)
        level += 1
        isFirst = true
    }

    private mutating func close(_ mark: UInt8) {
        level -= 1
        if !isFirst { newLine() }
        bytes.append(mark)
        isFirst = false
    }

    /// What stands in front of a member or an element.
    private mutating func next() {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        newLine()
    }

    private mutating func newLine() {
        guard isPretty else { return }
        put(1 + 2 * level) { [level] place in
            place.initialize(to: UInt8(ascii: "\n"))
            (place + 1).initialize(repeating: UInt8(ascii: " "), count: 2 * level)
        }
    }

    private static let sharedElements = 512
}

/// The elements of a long list as text, written on all cores.
package struct JSONListText: Sendable {
    fileprivate let parts: [[UInt8]]

    /// - Parameters:
    ///   - level: of the object or list in which the list stands.
    ///   - other: made meanwhile; it is begun first.
    /// - Returns: the list, and what was made beside it.
    package static func written<Element: Sendable, Other: Sendable>(
        _ elements: [Element], _ form: JSONValue.Form, level: Int,
        _ body: @Sendable (inout JSONWriter, Element) -> Void, beside other: @Sendable () -> Other
    ) -> (JSONListText, Other) {
        let starts = Array(stride(from: 0, to: elements.count, by: elementsAtATime))
        let (parts, made) = starts.parallelMap(minimumShare: 1) { start in
            var writer = JSONWriter(form, level: level + 1)
            let part = elements[start..<min(start + elementsAtATime, elements.count)]
            writer.elements(part, areFirst: start == 0, body)
            return writer.text
        } beside: {
            other()
        }
        return (JSONListText(parts: parts), made)
    }

    private static let elementsAtATime = 64
}

// MARK: Strings

extension JSONWriter {
    /// What needs no escape goes over in one piece.
    package mutating func write(_ string: String) {
        var string = string
        string.withUTF8 { text in
            // Looked for without a branch: nearly no string has any, and the compiler does many bytes at a time.
            let escapes = text.reduce(UInt8(0)) { $0 | (Self.mustBeEscaped($1) ? 1 : 0) }
            guard escapes == 0 else { return escaped(text) }
            put(text.count + 2) { place in
                place.initialize(to: UInt8(ascii: "\""))
                if let start = text.baseAddress { (place + 1).initialize(from: start, count: text.count) }
                (place + 1 + text.count).initialize(to: UInt8(ascii: "\""))
            }
        }
    }

    private mutating func escaped(_ text: UnsafeBufferPointer<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        var start = 0
        for index in text.indices where Self.mustBeEscaped(text[index]) {
            bytes.append(contentsOf: text[start..<index])
            escape(text[index])
            start = index + 1
        }
        bytes.append(contentsOf: text[start...])
        bytes.append(UInt8(ascii: "\""))
    }

    private static func mustBeEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case 0x08: text("\\b")
        case 0x09: text("\\t")
        case 0x0A: text("\\n")
        case 0x0C: text("\\f")
        case 0x0D: text("\\r")
        case 0x00..<0x20:
            text("\\u00")
            bytes.append(contentsOf: [Self.hexadecimal[Int(byte >> 4)], Self.hexadecimal[Int(byte & 15)]])
        default: bytes.append(contentsOf: [UInt8(ascii: "\\"), byte])
        }
    }

    private static let hexadecimal = Array("0123456789abcdef".utf8)
}
