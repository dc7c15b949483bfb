import Accounts

/// Writes values one behind the other, without names: only the same version of the same types can read them back.
///
/// It takes what synthesized conformances make of structs, arrays, sets, dictionaries and enumerations with raw values.
/// Anything else is an error, not a guess.
struct CompactEncoder: Encoder {
    private let sink: Sink
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    fileprivate final class Sink {
        var packed = PackedIntegers()
    }

    static func bytes(of value: some Encodable) throws -> [UInt8] {
        let sink = Sink()
        try Writer(sink: sink).encode(value)
        return sink.packed.bytes
    }

    fileprivate init(sink: Sink) { self.sink = sink }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(Members(writer: Writer(sink: sink)))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer { Elements(writer: Writer(sink: sink)) }
    func singleValueContainer() -> any SingleValueEncodingContainer { Writer(sink: sink) }
}

/// A shape of values that is not written.
struct UnsupportedShape: Error, CustomStringConvertible {
    var description: String { "a value of a shape that cannot be kept" }
}

extension CodingKey {
    /// Keys of a dictionary can be any text, those of a struct its members alone.
    static var isAnyText: Bool { Self(stringValue: "\u{0}") != nil }
}

/// One value.
private struct Writer: SingleValueEncodingContainer {
    let sink: CompactEncoder.Sink
    var codingPath: [any CodingKey] { [] }

    func encodeNil() throws { throw UnsupportedShape() }
    func encode(_ value: Double) throws { throw UnsupportedShape() }
    func encode(_ value: Float) throws { throw UnsupportedShape() }
    func encode(_ value: Bool) { sink.packed.append(unsigned: value ? 1 : 0) }
    func encode(_ value: String) {
        sink.packed.append(unsigned: UInt64(value.utf8.count))
        sink.packed.append(contentsOf: value.utf8)
    }
    func encode(_ value: Int) { sink.packed.append(Int64(value)) }
    func encode(_ value: Int8) { sink.packed.append(Int64(value)) }
    func encode(_ value: Int16) { sink.packed.append(Int64(value)) }
    func encode(_ value: Int32) { sink.packed.append(Int64(value)) }
    func encode(_ value: Int64) { sink.packed.append(value) }
    func encode(_ value: Int128) { sink.packed.append(value) }
    func encode(_ value: UInt) { sink.packed.append(unsigned: UInt64(value)) }
    func encode(_ value: UInt8) { sink.packed.append(unsigned: UInt64(value)) }
    func encode(_ value: UInt16) { sink.packed.append(unsigned: UInt64(value)) }
    func encode(_ value: UInt32) { sink.packed.append(unsigned: UInt64(value)) }
    func encode(_ value: UInt64) { sink.packed.append(unsigned: value) }

    func encode<Value: Encodable>(_ value: Value) throws {
        // Without this each byte would be a value of its own.
        if Value.self == [UInt8].self, let bytes = value as? [UInt8] {
            sink.packed.append(unsigned: UInt64(bytes.count))
            sink.packed.append(contentsOf: bytes)
        } else {
            try value.encode(to: CompactEncoder(sink: sink))
        }
    }
}

/// The members of a struct in their order, in front of an optional one whether it is there; or a dictionary by text:
/// how many there are, and each value behind its key and its length, since a reader asks for all keys first.
private struct Members<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let writer: Writer
    private let counter: Counter?
    var codingPath: [any CodingKey] { [] }

    init(writer: Writer) {
        self.writer = writer
        counter = Key.isAnyText ? Counter(writer.sink) : nil
    }

    // The library's own answer to this width is an error, and would be taken before the general one.
    func encode(_ value: Int128, forKey key: Key) throws { try keep(value, key) }
    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws { try keep(value, key) }

    private func keep<Value: Encodable>(_ value: Value, _ key: Key) throws {
        guard let counter else { return try writer.encode(value) }
        counter.count()
        writer.encode(key.stringValue)
        let length = Counter(writer.sink)
        try writer.encode(value)
        length.measure()
    }

    private func mark<Value: Encodable>(_ value: Value?) throws {
        writer.encode(value != nil)
        if let value { try writer.encode(value) }
    }

    func encodeIfPresent(_ value: Bool?, forKey key: Key) throws { try mark(value) }
    func encodeIfPresent(_ value: String?, forKey key: Key) throws { try mark(value) }
    func encodeIfPresent(_ value: Double?, forKey key: Key) throws { try mark(value) }
    func encodeIfPresent(_ value: Float?, forKey key: Key) throws { try mark(value) }
    func encodeIfPresent(_ value: Int?, forKey key: Key) throws { try mark(value) }
    func encodeIfPresent(_ value: Int8?, forKey key: Key) throws { try mark(value) }
    func encodeIfPresent(_ value: Int16?, forKey key: Key) throws { try mark(value) }
    func encodeIfPresent(_ value: Int32?, forKey key: Key) throws { try mark(value) }
    func encodeIfPresent(_ value: Int64?, forKey key: Key) throws { try mark(value) }
    func encodeIfPresent(_ value: Int128?, forKey key: Key) throws { try mark(value) }
    func encodeIfPresent(_ value: UInt?, forKey key: Key) throws { try mark(value) }
    func encodeIfPresent(_ value: UInt8?, forKey key: Key) throws { try mark(value) }
    func encodeIfPresent(_ value: UInt16?, forKey key: Key) throws { try mark(value) }
    func encodeIfPresent(_ value: UInt32?, forKey key: Key) throws { try mark(value) }
    func encodeIfPresent(_ value: UInt64?, forKey key: Key) throws { try mark(value) }
    func encodeIfPresent<Value: Encodable>(_ value: Value?, forKey key: Key) throws { try mark(value) }

    func encodeNil(forKey key: Key) throws { throw UnsupportedShape() }
    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> { KeyedEncodingContainer(Refused<Nested>()) }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer { Elements(writer: writer) }
    func superEncoder() -> any Encoder { CompactEncoder(sink: writer.sink) }
    func superEncoder(forKey key: Key) -> any Encoder { superEncoder() }
}

/// A list: how many elements there are, then each of them.
private struct Elements: UnkeyedEncodingContainer {
    let writer: Writer
    private let counter: Counter
    var codingPath: [any CodingKey] { [] }
    var count: Int { 0 }

    init(writer: Writer) {
        self.writer = writer
        counter = Counter(writer.sink)
    }

    func encode(_ value: Int128) throws {
        counter.count()
        writer.encode(value)
    }

    func encode<Value: Encodable>(_ value: Value) throws {
        counter.count()
        try writer.encode(value)
    }

    func encodeNil() throws { throw UnsupportedShape() }
    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        KeyedEncodingContainer(Refused<Nested>())
    }
    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { self }
    func superEncoder() -> any Encoder { CompactEncoder(sink: writer.sink) }
}

/// A number of four bytes that is known when what follows it is written.
private struct Counter {
    let sink: CompactEncoder.Sink
    let place: Int

    init(_ sink: CompactEncoder.Sink) {
        self.sink = sink
        place = sink.packed.bytes.count
        sink.packed.append(fixed: 0)
    }

    func count() { sink.packed.set(sink.packed.fixed(at: place) + 1, at: place) }
    func measure() { sink.packed.set(UInt32(clamping: sink.packed.bytes.count - place - 4), at: place) }
}

/// What an enumeration with values asks for.
private struct Refused<Key: CodingKey>: KeyedEncodingContainerProtocol {
    var codingPath: [any CodingKey] { [] }
    func encodeNil(forKey key: Key) throws { throw UnsupportedShape() }
    func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws { throw UnsupportedShape() }
    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> { KeyedEncodingContainer(Refused<Nested>()) }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        Elements(writer: Writer(sink: CompactEncoder.Sink()))
    }
    func superEncoder() -> any Encoder { CompactEncoder(sink: CompactEncoder.Sink()) }
    func superEncoder(forKey key: Key) -> any Encoder { superEncoder() }
}
