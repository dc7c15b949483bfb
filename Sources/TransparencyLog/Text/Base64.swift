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
        guard text.count.isMultiple(of: 4) else { return nil }
        var isCanonical = false
        let bytes = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3) { buffer, count in
            guard let decoded = decode(text, into: UnsafeMutableRawBufferPointer(buffer)) else { return }
            isCanonical = true
            count = decoded
        }
        return isCanonical ? bytes : nil
    }

    /// Decodes into memory that has room for three bytes for each four characters.
    ///
    /// - Returns: the number of bytes, nil when `text` is not the canonical encoding of any.
    static func decode(_ text: ArraySlice<UInt8>, into bytes: UnsafeMutableRawBufferPointer) -> Int? {
        guard text.count.isMultiple(of: 4), bytes.count >= text.count / 4 * 3 else { return nil }
        return values.withUnsafeBufferPointer { values in
            text.withUnsafeBufferPointer { decode($0, with: values, into: bytes) }
        }
    }

    private static func decode(
        _ text: UnsafeBufferPointer<UInt8>, with values: UnsafeBufferPointer<UInt8>,
        into bytes: UnsafeMutableRawBufferPointer
    ) -> Int? {
        var offset = 0
        var count = 0
        // Only the last four may be padded.
        while offset + 4 < text.count {
            let first = values[Int(text[offset])]
            let second = values[Int(text[offset + 1])]
            let third = values[Int(text[offset + 2])]
            let fourth = values[Int(text[offset + 3])]
            guard (first | second | third | fourth) < 64 else { return nil }
            bytes[count] = first << 2 | second >> 4
            bytes[count + 1] = second << 4 | third >> 2
            bytes[count + 2] = third << 6 | fourth
            count += 3
            offset += 4
        }
        guard offset < text.count else { return count }
        let padded = text[offset + 3] != padding ? 0 : text[offset + 2] != padding ? 1 : 2
        let first = values[Int(text[offset])]
        let second = values[Int(text[offset + 1])]
        let third = padded == 2 ? 0 : values[Int(text[offset + 2])]
        let fourth = padded > 0 ? 0 : values[Int(text[offset + 3])]
        guard (first | second | third | fourth) < 64 else { return nil }
        let group = UInt32(first) << 18 | UInt32(second) << 12 | UInt32(third) << 6 | UInt32(fourth)
        switch padded {
        case 1: guard group & 0xFF == 0 else { return nil }
        case 2: guard group & 0xFFFF == 0 else { return nil }
        default: break
        }
        bytes[count] = UInt8(group >> 16)
        if padded < 2 { bytes[count + 1] = UInt8(group >> 8 & 0xFF) }
        if padded < 1 { bytes[count + 2] = UInt8(group & 0xFF) }
        count += 3 - padded
        return count
    }
}
