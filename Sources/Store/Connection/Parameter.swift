/// One value sent with a statement, in PostgreSQL's binary format.
///
/// Binary parameters cannot be taken for SQL, need no escaping, and cost no parsing.
package struct Parameter: Sendable, Equatable {
    /// The type's number in `pg_type`; these have been fixed since before PostgreSQL 8.
    package struct TypeCode: Sendable, Equatable {
        package let number: UInt32
        package static let bool = TypeCode(number: 16)
        package static let bytea = TypeCode(number: 17)
        package static let int8 = TypeCode(number: 20)
        package static let int2 = TypeCode(number: 21)
        package static let int4 = TypeCode(number: 23)
        package static let text = TypeCode(number: 25)
        package static let timestamptz = TypeCode(number: 1184)

        var array: UInt32 {
            switch number {
            case 16: 1000
            case 17: 1001
            case 20: 1016
            case 21: 1005
            case 23: 1007
            case 25: 1009
            default: 1185
            }
        }
    }

    let type: UInt32
    /// `nil` is SQL's null.
    let bytes: [UInt8]?

    private init(_ type: TypeCode, _ bytes: [UInt8]?) {
        self.type = type.number
        self.bytes = bytes
    }

    package static func bool(_ value: Bool) -> Parameter { Parameter(.bool, [value ? 1 : 0]) }
    package static func int2(_ value: Int16?) -> Parameter { Parameter(.int2, value.map(bigEndian)) }
    package static func int4(_ value: Int32?) -> Parameter { Parameter(.int4, value.map(bigEndian)) }
    package static func int8(_ value: Int64?) -> Parameter { Parameter(.int8, value.map(bigEndian)) }
    package static func text(_ value: String?) -> Parameter { Parameter(.text, value.map { Array($0.utf8) }) }
    package static func bytea(_ value: [UInt8]?) -> Parameter { Parameter(.bytea, value) }

    /// A point in time, in µs of UTC since 1970.
    package static func timestamp(_ microseconds: Int64?) -> Parameter {
        Parameter(.timestamptz, microseconds.map { bigEndian($0 &- Self.epochShiftMicroseconds) })
    }

    /// PostgreSQL counts from 2000-01-01, which is 10,957 days after 1970-01-01.
    static let epochShiftMicroseconds: Int64 = 10_957 * 86_400 * 1_000_000

    static func bigEndian<Number: FixedWidthInteger>(_ value: Number) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
}

/// One-dimensional arrays, for `unnest`: as many rows as wanted in one statement.
///
/// Layout (src/backend/utils/adt/arrayfuncs.c, `array_recv`): dimensions, has-null flag, element type, length, lower
/// bound; then each element as its length (-1: null) and its bytes.
extension Parameter {
    package static func bools(_ values: some Collection<Bool>) -> Parameter {
        array(.bool, values.count, width: 1, hasNulls: false) { bytes in
            for value in values { element([value ? 1 : 0], into: &bytes) }
        }
    }

    package static func int2s(_ values: some Collection<Int16>) -> Parameter { integers(.int2, values) }
    package static func int4s(_ values: some Collection<Int32>) -> Parameter { integers(.int4, values) }
    package static func int8s(_ values: some Collection<Int64>) -> Parameter { integers(.int8, values) }

    package static func texts(_ values: some Collection<String?>) -> Parameter {
        array(.text, values.count, width: 16, hasNulls: true) { bytes in
            for value in values { element(value.map { Array($0.utf8) }, into: &bytes) }
        }
    }

    package static func byteas(_ values: some Collection<[UInt8]?>) -> Parameter {
        let width = values.reduce(0) { $0 + ($1?.count ?? 0) } / max(values.count, 1)
        return array(.bytea, values.count, width: width, hasNulls: true) { bytes in
            for value in values { element(value, into: &bytes) }
        }
    }

    private static func integers<Number: FixedWidthInteger>(
        _ type: TypeCode, _ values: some Collection<Number>
    ) -> Parameter {
        let width = Number.bitWidth / 8
        return array(type, values.count, width: width, hasNulls: false) { bytes in
            for value in values {
                append(Int32(width), to: &bytes)
                append(value, to: &bytes)
            }
        }
    }

    private static func array(
        _ type: TypeCode, _ count: Int, width: Int, hasNulls: Bool, elements: (inout [UInt8]) -> Void
    ) -> Parameter {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(20 + count * (width + 5))
        append(Int32(count == 0 ? 0 : 1), to: &bytes)
        append(Int32(hasNulls ? 1 : 0), to: &bytes)
        append(type.number, to: &bytes)
        if count > 0 {
            append(Int32(truncatingIfNeeded: count), to: &bytes)
            append(Int32(1), to: &bytes)
            elements(&bytes)
        }
        return Parameter(TypeCode(number: type.array), bytes)
    }

    private static func element(_ value: [UInt8]?, into bytes: inout [UInt8]) {
        guard let value else { return append(Int32(-1), to: &bytes) }
        append(Int32(truncatingIfNeeded: value.count), to: &bytes)
        bytes.append(contentsOf: value)
    }

    private static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }
}

/// A statement with its values. One statement, never several: PostgreSQL's extended protocol refuses more.
package struct Statement: Sendable {
    package let sql: String
    package let parameters: [Parameter]

    package init(_ sql: String, _ parameters: [Parameter] = []) {
        self.sql = sql
        self.parameters = parameters
    }
}
