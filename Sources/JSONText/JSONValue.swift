/// One JSON value (RFC 8259). Numbers keep their text, objects keep the order of their members: what is parsed renders
/// to the same value, and no figure passes through binary floating point on its way.
///
/// The module owns JSON as text and nothing else: no Foundation, no coding by reflection, no I/O. It refuses what two
/// readers could understand in two ways: names given twice, lone surrogates, bytes that are not UTF-8, anything after
/// the value.
package enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

extension JSONValue {
    package var isNull: Bool { self == .null }

    package var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    package var number: JSONNumber? {
        guard case .number(let value) = self else { return nil }
        return value
    }

    package var string: String? {
        guard case .string(let value) = self else { return nil }
        return value
    }

    package var array: [JSONValue]? {
        guard case .array(let value) = self else { return nil }
        return value
    }

    package var object: JSONObject? {
        guard case .object(let value) = self else { return nil }
        return value
    }

    /// A number that is written as an integer and fits 64 bits. `1.0` and `1e3` are not integers here.
    package var int64: Int64? { number.flatMap { Int64($0.text) } }

    /// A 64-bit integer written as a decimal string, as the disclosure writes them, without sign `+` or leading zeros.
    package var decimalString: Int64? {
        guard let text = string, let value = Int64(text), String(value) == text else { return nil }
        return value
    }

    /// The member of that name; nil when this is no object or has none.
    package subscript(name: String) -> JSONValue? { object?[name] }

    /// A 64-bit integer as a decimal string: readers that keep numbers in binary floating point would round it.
    package static func decimalString(_ value: some BinaryInteger) -> JSONValue {
        // Wide integers are written by generic arithmetic, digit by digit; hardly any is beyond 64 bits.
        .string(Int64(exactly: value).map { String($0) } ?? String(value))
    }

    package static func integer(_ value: some BinaryInteger) -> JSONValue { .number(JSONNumber(value)) }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(nilLiteral: ()) { self = .null }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    /// Members in the order written.
    ///
    /// - Precondition: no name is given twice; debug builds check it.
    package init(dictionaryLiteral members: (String, JSONValue)...) {
        self = .object(JSONObject(distinct: members.map { JSONObject.Member(name: $0, value: $1) }))
    }
}
