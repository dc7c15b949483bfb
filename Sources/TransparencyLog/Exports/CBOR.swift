/// The part of CBOR (RFC 8949) that receipts use, in its deterministic form: shortest heads, definite lengths.
package indirect enum CBOR: Sendable, Hashable {
    case unsigned(UInt64)
    /// Of the value −1 − n.
    case negative(UInt64)
    case bytes([UInt8])
    case text(String)
    case array([CBOR])
    /// In the order of the encoding.
    case map([Pair])
    case tagged(UInt64, CBOR)
    case null

    package struct Pair: Sendable, Hashable {
        package let key: CBOR
        package let value: CBOR

        package init(_ key: CBOR, _ value: CBOR) {
            self.key = key
            self.value = value
        }
    }

    package static func integer(_ value: Int64) -> CBOR {
        value < 0 ? .negative(UInt64(-1 - value)) : .unsigned(UInt64(value))
    }

    /// The value of a map under an integer key.
    package subscript(key: Int64) -> CBOR? {
        guard case .map(let pairs) = self else { return nil }
        return pairs.first { $0.key == .integer(key) }?.value
    }

    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    private func append(to bytes: inout [UInt8]) {
        switch self {
        case .unsigned(let value): Self.appendHead(0, value, to: &bytes)
        case .negative(let value): Self.appendHead(1, value, to: &bytes)
        case .bytes(let content):
            Self.appendHead(2, UInt64(content.count), to: &bytes)
            bytes += content
        case .text(let content):
            Self.appendHead(3, UInt64(content.utf8.count), to: &bytes)
            bytes += Array(content.utf8)
        case .array(let items):
            Self.appendHead(4, UInt64(items.count), to: &bytes)
            for item in items { item.append(to: &bytes) }
        case .map(let pairs):
            Self.appendHead(5, UInt64(pairs.count), to: &bytes)
            for pair in pairs {
                pair.key.append(to: &bytes)
                pair.value.append(to: &bytes)
            }
        case .tagged(let tag, let item):
            Self.appendHead(6, tag, to: &bytes)
            item.append(to: &bytes)
        case .null:
            bytes.append(0xF6)
        }
    }

    private static func appendHead(_ major: UInt8, _ value: UInt64, to bytes: inout [UInt8]) {
        let head = major << 5
        switch value {
        case 0..<24: bytes.append(head | UInt8(value))
        case 24...0xFF: bytes += [head | 24, UInt8(value)]
        case 0x100...0xFFFF: bytes += [head | 25] + value.bigEndianBytes.suffix(2)
        case 0x1_0000...0xFFFF_FFFF: bytes += [head | 26] + value.bigEndianBytes.suffix(4)
        default: bytes += [head | 27] + value.bigEndianBytes
        }
    }
}
