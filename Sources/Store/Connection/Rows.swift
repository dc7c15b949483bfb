import CPostgres

/// The answer to one statement, in PostgreSQL's binary format.
///
/// Lives on the connection's thread like the connection itself; decoded values are what leaves it.
package final class Rows {
    private let result: OpaquePointer
    package let count: Int
    package let columns: Int

    /// Takes over the result and frees it at the end.
    init(owning result: OpaquePointer) {
        self.result = result
        count = Int(PQntuples(result))
        columns = Int(PQnfields(result))
    }

    deinit { PQclear(result) }

    /// The command's tag, as `COMMIT` or `ROLLBACK`: a COMMIT of a failed transaction answers `ROLLBACK`.
    package var command: String { String(cString: PQcmdStatus(result)) }

    /// How many rows an INSERT, UPDATE or DELETE touched.
    package var affected: Int { Int(String(cString: PQcmdTuples(result))) ?? 0 }

    package func get<Value: ColumnValue>(
        _ row: Int, _ column: Int, as type: Value.Type = Value.self
    ) throws(StoreError) -> Value {
        guard let value = try optional(row, column, as: type) else {
            throw StoreError(.unexpectedAnswer, "column \(column) of the answer is null, which the query excludes")
        }
        return value
    }

    package func optional<Value: ColumnValue>(
        _ row: Int, _ column: Int, as type: Value.Type = Value.self
    ) throws(StoreError) -> Value? {
        guard row >= 0, row < count, column >= 0, column < columns else {
            throw StoreError(.unexpectedAnswer, "the answer has \(count) × \(columns) fields, not (\(row), \(column))")
        }
        let line = Int32(row)
        let field = Int32(column)
        if PQgetisnull(result, line, field) == 1 { return nil }
        let bytes = UnsafeRawBufferPointer(
            start: PQgetvalue(result, line, field), count: Int(PQgetlength(result, line, field)))
        guard let value = Value.decode(bytes, type: PQftype(result, field)) else {
            throw StoreError(.unexpectedAnswer, "column \(column) of the answer is not a \(Value.self)")
        }
        return value
    }

    /// Decodes every row in order.
    package func map<Value>(_ decode: (Row) throws(StoreError) -> Value) throws(StoreError) -> [Value] {
        var values: [Value] = []
        values.reserveCapacity(count)
        for row in 0..<count { values.append(try decode(Row(rows: self, number: row))) }
        return values
    }

    /// The only row, or `nil` when there is none.
    package func first<Value>(_ decode: (Row) throws(StoreError) -> Value) throws(StoreError) -> Value? {
        count == 0 ? nil : try decode(Row(rows: self, number: 0))
    }
}

/// One row of an answer.
package struct Row {
    let rows: Rows
    let number: Int

    package func get<Value: ColumnValue>(
        _ column: Int, as type: Value.Type = Value.self
    ) throws(StoreError) -> Value {
        try rows.get(number, column, as: type)
    }

    package func optional<Value: ColumnValue>(
        _ column: Int, as type: Value.Type = Value.self
    ) throws(StoreError) -> Value? {
        try rows.optional(number, column, as: type)
    }
}

/// A Swift value that a column can hold.
package protocol ColumnValue {
    /// `nil` when the bytes are not such a value.
    static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> Self?
}

extension Bool: ColumnValue {
    package static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> Bool? {
        type == Parameter.TypeCode.bool.number && bytes.count == 1 ? bytes[0] != 0 : nil
    }
}

/// Widths must match: an int4 read as int8 would be a wrong query found late.
extension Int16: ColumnValue {
    package static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> Int16? {
        type == Parameter.TypeCode.int2.number ? integer(bytes) : nil
    }
}

extension Int32: ColumnValue {
    package static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> Int32? {
        type == Parameter.TypeCode.int4.number ? integer(bytes) : nil
    }
}

/// Numbers beyond 64 bits are selected as text: `sum(…)::text`.
extension Int128: ColumnValue {
    package static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> Int128? {
        String.decode(bytes, type: type).flatMap { Int128($0) }
    }
}

extension Int64: ColumnValue {
    package static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> Int64? {
        type == Parameter.TypeCode.int8.number ? integer(bytes) : nil
    }
}

extension [UInt8]: ColumnValue {
    package static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> [UInt8]? {
        type == Parameter.TypeCode.bytea.number ? Array(bytes) : nil
    }
}

extension String: ColumnValue {
    package static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> String? {
        // And `name`, `unknown`, `varchar`.
        switch type {
        case Parameter.TypeCode.text.number, 19, 705, 1043:
            String(validating: bytes, as: UTF8.self)
        default: nil
        }
    }
}

/// A `timestamptz`, in µs of UTC since 1970.
package struct Timestamp: Sendable, Equatable, ColumnValue {
    package let microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    package static func decode(_ bytes: UnsafeRawBufferPointer, type: UInt32) -> Timestamp? {
        guard type == Parameter.TypeCode.timestamptz.number, let value: Int64 = integer(bytes) else { return nil }
        return Timestamp(microseconds: value &+ Parameter.epochShiftMicroseconds)
    }
}

private func integer<Number: FixedWidthInteger>(_ bytes: UnsafeRawBufferPointer) -> Number? {
    guard bytes.count == Number.bitWidth / 8 else { return nil }
    return Number(bigEndian: bytes.loadUnaligned(as: Number.self))
}
