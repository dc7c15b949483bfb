/// Standard base64 (RFC 4648 section 4) with padding, in its one canonical spelling.
///
/// Decoding refuses missing padding, line breaks, foreign characters and non-zero bits behind the last byte: with them
/// one signature line would have several spellings and one log entry several hashes.
package enum Base64 {
    private static let alphabet = [UInt8](
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let invalid: UInt8 = 0xFF
    private static let values: [UInt8] = {
        var table = [UInt8](repeating: invalid, count: 256)
        for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
        return table
    }()
    private static let padding = UInt8(ascii: "=")

    package static func encode(_ bytes: [UInt8]) -> String { encode(bytes[...]) }

    package static func encode(_ bytes: ArraySlice<UInt8>) -> String {
        var text: [UInt8] = []
        append(bytes, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends the encoding of `bytes` to `text`.
    package static func append(_ bytes: ArraySlice<UInt8>, to text: inout [UInt8]) {
        bytes.withUnsafeBytes { append($0, to: &text) }
    }

    package static func append(_ bytes: UnsafeRawBufferPointer, to text: inout [UInt8]) {
        text.reserveCapacity(text.count + (bytes.count + 2) / 3 * 4)
        var offset = 0
        while offset < bytes.count {
            let left = bytes.count - offset
            var group = UInt32(bytes[offset]) << 16
            if left > 1 { group |= UInt32(bytes[offset + 1]) << 8 }
            if left > 2 { group |= UInt32(bytes[offset + 2]) }
            text.append(alphabet[Int(group >> 18)])
            text.append(alphabet[Int(group >> 12 & 63)])
            text.append(left > 1 ? alphabet[Int(group >> 6 & 63)] : padding)
            text.append(left > 2 ? alphabet[Int(group & 63)] : padding)
            offset += 3
        }
    }

    package static func decode(_ text: String) -> [UInt8]? { decode(Array(text.utf8)[...]) }
    package static func decode(_ text: [UInt8]) -> [UInt8]? { decode(text[...]) }

    /// The bytes of `text`, or nil when it is not the canonical encoding of any.
    package static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        text.withUnsafeBufferPointer { characters in
            guard characters.count.isMultiple(of: 4) else { return nil }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(characters.count / 4 * 3)
            return values.withUnsafeBufferPointer { values in
                decode(characters, with: values, into: &bytes) ? bytes : nil
            }
        }
    }

    private static func decode(
        _ text: UnsafeBufferPointer<UInt8>, with values: UnsafeBufferPointer<UInt8>, into bytes: inout [UInt8]
    ) -> Bool {
        var offset = 0
        while offset < text.count {
            let isLast = offset + 4 == text.count
            let padded = isLast ? (text[offset + 3] != padding ? 0 : text[offset + 2] != padding ? 1 : 2) : 0
            let first = values[Int(text[offset])]
            let second = values[Int(text[offset + 1])]
            let third = padded == 2 ? 0 : values[Int(text[offset + 2])]
            let fourth = padded > 0 ? 0 : values[Int(text[offset + 3])]
            guard (first | second | third | fourth) < 64 else { return false }
            let group = UInt32(first) << 18 | UInt32(second) << 12 | UInt32(third) << 6 | UInt32(fourth)
            switch padded {
            case 1: guard group & 0xFF == 0 else { return false }
            case 2: guard group & 0xFFFF == 0 else { return false }
            default: break
            }
            bytes.append(UInt8(group >> 16))
            if padded < 2 { bytes.append(UInt8(group >> 8 & 0xFF)) }
            if padded < 1 { bytes.append(UInt8(group & 0xFF)) }
            offset += 4
        }
        return true
    }
}
