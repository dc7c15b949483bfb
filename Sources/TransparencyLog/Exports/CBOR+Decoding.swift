extension CBOR {
    /// Receipts nest six deep; the bound keeps hostile input from the end of the stack.
    private static let maximumDepth = 16

    /// Reads one item that fills `bytes`.
    ///
    /// - Throws: `bad_receipt` for longer heads than needed, indefinite lengths, floating point, repeated map keys,
    ///   nesting over 16 and anything behind the item.
    package init(decoding bytes: [UInt8]) throws(TransparencyLogError) {
        var reader = CBORReader(rest: bytes[...])
        self = try reader.item(depth: Self.maximumDepth)
        guard reader.rest.isEmpty else { throw CBORReader.refusal("\(reader.rest.count) bytes follow the item") }
    }
}

private struct CBORReader {
    var rest: ArraySlice<UInt8>

    static func refusal(_ reason: String) -> TransparencyLogError {
        TransparencyLogError(.badReceipt, "CBOR: \(reason)")
    }

    mutating func item(depth: Int) throws(TransparencyLogError) -> CBOR {
        guard depth > 0 else { throw Self.refusal("nested too deeply") }
        let (major, value) = try head()
        switch major {
        case 0: return .unsigned(value)
        case 1: return .negative(value)
        case 2: return .bytes(Array(try take(value)))
        case 3:
            guard let text = String(validating: try take(value), as: UTF8.self) else {
                throw Self.refusal("a text is not UTF-8")
            }
            return .text(text)
        case 4:
            var items: [CBOR] = []
            for _ in 0..<(try count(value)) { items.append(try item(depth: depth - 1)) }
            return .array(items)
        case 5: return .map(try pairs(count(value), depth: depth - 1))
        case 6: return .tagged(value, try item(depth: depth - 1))
        default:
            guard value == 22 else { throw Self.refusal("simple value \(value)") }
            return .null
        }
    }

    private mutating func pairs(_ count: Int, depth: Int) throws(TransparencyLogError) -> [CBOR.Pair] {
        var pairs: [CBOR.Pair] = []
        var keys: Set<CBOR> = []
        for _ in 0..<count {
            let key = try item(depth: depth)
            guard keys.insert(key).inserted else { throw Self.refusal("a map key occurs twice") }
            pairs.append(CBOR.Pair(key, try item(depth: depth)))
        }
        return pairs
    }

    private mutating func head() throws(TransparencyLogError) -> (major: UInt8, value: UInt64) {
        guard let first = rest.popFirst() else { throw Self.refusal("ends inside an item") }
        let (major, additional) = (first >> 5, first & 31)
        guard additional >= 24 else { return (major, UInt64(additional)) }
        guard additional <= 27, major < 7 else { throw Self.refusal("head byte \(first)") }
        let length = 1 << (additional - 24)
        let value = try take(UInt64(length)).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let smallest: UInt64 = length == 1 ? 24 : 1 << UInt64(4 * length)
        guard value >= smallest else { throw Self.refusal("a head is longer than needed") }
        return (major, value)
    }

    private mutating func take(_ count: UInt64) throws(TransparencyLogError) -> ArraySlice<UInt8> {
        guard count <= UInt64(rest.count) else { throw Self.refusal("ends inside an item") }
        defer { rest = rest.dropFirst(Int(count)) }
        return rest.prefix(Int(count))
    }

    /// Every item has at least one byte, so no honest count exceeds what is left.
    private func count(_ value: UInt64) throws(TransparencyLogError) -> Int {
        guard value <= UInt64(rest.count) else { throw Self.refusal("ends inside a collection") }
        return Int(value)
    }
}
