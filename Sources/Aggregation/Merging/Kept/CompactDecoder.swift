import Accounts

/// Reads back what `CompactEncoder` wrote, for the very types that were written.
struct CompactDecoder: Decoder {
    private let source: Source
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    fileprivate final class Source {
        var packed: PackedIntegerReader

        init(_ bytes: [UInt8]) { packed = PackedIntegerReader(bytes) }
    }

    /// - Throws: for bytes that are damaged or of other types.
    static func value<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
        let source = Source(bytes)
        let value = try Reader(source: source).decode(type)
        guard source.packed.remaining == 0 else { throw UnsupportedShape() }
        return value
    }

    fileprivate init(source: Source) { self.source = source }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(try Members(reader: Reader(source: source)))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { try Elements(reader: Reader(source: source)) }
    func singleValueContainer() -> any SingleValueDecodingContainer { Reader(source: source) }
}

/// One value.
private struct Reader: SingleValueDecodingContainer {
    let source: CompactDecoder.Source
    var codingPath: [any CodingKey] { [] }

    private func narrow<Number: FixedWidthInteger>(_ number: some BinaryInteger) throws -> Number {
        guard let number = Number(exactly: number) else { throw UnsupportedShape() }
        return number
    }

    func decodeNil() -> Bool { false }
    func decode(_ type: Double.Type) throws -> Double { throw UnsupportedShape() }
    func decode(_ type: Float.Type) throws -> Float { throw UnsupportedShape() }
    func decode(_ type: Bool.Type) throws -> Bool { try source.packed.unsigned() != 0 }
    func decode(_ type: String.Type) throws -> String {
        let count = try source.packed.count()
        guard let text = String(validating: try source.packed.take(count), as: UTF8.self) else {
            throw UnsupportedShape()
        }
        return text
    }
    func decode(_ type: Int.Type) throws -> Int { try narrow(try source.packed.next()) }
    func decode(_ type: Int8.Type) throws -> Int8 { try narrow(try source.packed.next()) }
    func decode(_ type: Int16.Type) throws -> Int16 { try narrow(try source.packed.next()) }
    func decode(_ type: Int32.Type) throws -> Int32 { try narrow(try source.packed.next()) }
    func decode(_ type: Int64.Type) throws -> Int64 { try source.packed.next() }
    func decode(_ type: Int128.Type) throws -> Int128 { try source.packed.wide() }
    func decode(_ type: UInt.Type) throws -> UInt { try narrow(try source.packed.unsigned()) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try narrow(try source.packed.unsigned()) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try narrow(try source.packed.unsigned()) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try narrow(try source.packed.unsigned()) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try source.packed.unsigned() }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if type == [UInt8].self {
            let count = try source.packed.count()
            if let bytes = try source.packed.take(count) as? Value { return bytes }
        }
        return try Value(from: CompactDecoder(source: source))
    }
}

/// The members of a struct in their order, or the values of a dictionary by their keys.
private struct Members<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let reader: Reader
    let allKeys: [Key]
    private var places: [String: Int] = [:]
    private var end = 0
    var codingPath: [any CodingKey] { [] }

    init(reader: Reader) throws {
        self.reader = reader
        var keys: [Key] = []
        if Key.isAnyText {
            for _ in 0..<(try reader.source.packed.fixed()) {
                let text = try reader.decode(String.self)
                let length = Int(try reader.source.packed.fixed())
                places[text] = reader.source.packed.position
                try reader.source.packed.move(to: reader.source.packed.position + length)
                if let key = Key(stringValue: text) { keys.append(key) }
            }
            end = reader.source.packed.position
        }
        allKeys = keys
    }

    func contains(_ key: Key) -> Bool { true }
    func decodeNil(forKey key: Key) -> Bool { false }

    // The library's own answer to this width is an error, and would be taken before the general one.
    func decode(_ type: Int128.Type, forKey key: Key) throws -> Int128 { try kept(type, key) }
    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value { try kept(type, key) }

    private func kept<Value: Decodable>(_ type: Value.Type, _ key: Key) throws -> Value {
        guard Key.isAnyText else { return try reader.decode(type) }
        guard let place = places[key.stringValue] else { throw UnsupportedShape() }
        try reader.source.packed.move(to: place)
        let value = try reader.decode(type)
        try reader.source.packed.move(to: end)
        return value
    }

    private func marked<Value: Decodable>(_ type: Value.Type) throws -> Value? {
        try reader.decode(Bool.self) ? try reader.decode(type) : nil
    }

    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { try marked(type) }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? { try marked(type) }
    func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? { try marked(type) }
    func decodeIfPresent(_ type: Float.Type, forKey key: Key) throws -> Float? { try marked(type) }
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { try marked(type) }
    func decodeIfPresent(_ type: Int8.Type, forKey key: Key) throws -> Int8? { try marked(type) }
    func decodeIfPresent(_ type: Int16.Type, forKey key: Key) throws -> Int16? { try marked(type) }
    func decodeIfPresent(_ type: Int32.Type, forKey key: Key) throws -> Int32? { try marked(type) }
    func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? { try marked(type) }
    func decodeIfPresent(_ type: Int128.Type, forKey key: Key) throws -> Int128? { try marked(type) }
    func decodeIfPresent(_ type: UInt.Type, forKey key: Key) throws -> UInt? { try marked(type) }
    func decodeIfPresent(_ type: UInt8.Type, forKey key: Key) throws -> UInt8? { try marked(type) }
    func decodeIfPresent(_ type: UInt16.Type, forKey key: Key) throws -> UInt16? { try marked(type) }
    func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) throws -> UInt32? { try marked(type) }
    func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) throws -> UInt64? { try marked(type) }
    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? { try marked(type) }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { throw UnsupportedShape() }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw UnsupportedShape() }
    func superDecoder() throws -> any Decoder { throw UnsupportedShape() }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw UnsupportedShape() }
}

private struct Elements: UnkeyedDecodingContainer {
    let reader: Reader
    let count: Int?
    private(set) var currentIndex = 0
    var codingPath: [any CodingKey] { [] }
    var isAtEnd: Bool { currentIndex >= count ?? 0 }

    init(reader: Reader) throws {
        self.reader = reader
        let count = Int(try reader.source.packed.fixed())
        // Every element takes a byte at least: nothing is reserved for more than there can be.
        guard count <= reader.source.packed.remaining else { throw UnsupportedShape() }
        self.count = count
    }

    mutating func decodeNil() -> Bool { false }

    mutating func decode(_ type: Int128.Type) throws -> Int128 { try next(type) }
    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try next(type) }

    private mutating func next<Value: Decodable>(_ type: Value.Type) throws -> Value {
        guard !isAtEnd else { throw UnsupportedShape() }
        currentIndex += 1
        return try reader.decode(type)
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws -> KeyedDecodingContainer<Nested> {
        throw UnsupportedShape()
    }
    func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { throw UnsupportedShape() }
    func superDecoder() throws -> any Decoder { throw UnsupportedShape() }
}
