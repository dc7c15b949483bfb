/// Percent-encoding of everything outside `[A-Za-z0-9._-]`, with capital hex digits: one spelling for one text.
package enum PercentEncoding {
    package static func encode(_ text: String) -> String {
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            if isPlain(byte) {
                encoded.append(byte)
            } else {
                encoded += [UInt8(ascii: "%"), hexDigits[Int(byte >> 4)], hexDigits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }

    /// The text, or nil when the bytes are not its only encoding.
    package static func decode(_ bytes: some Collection<UInt8>) -> String? {
        var decoded: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let byte = bytes[index]
            bytes.formIndex(after: &index)
            if isPlain(byte) {
                decoded.append(byte)
                continue
            }
            guard byte == UInt8(ascii: "%"), let high = digit(&index, bytes), let low = digit(&index, bytes) else {
                return nil
            }
            let value = high << 4 | low
            guard !isPlain(value) else { return nil }
            decoded.append(value)
        }
        return String(validating: decoded, as: UTF8.self)
    }

    private static let hexDigits = Array("0123456789ABCDEF".utf8)

    private static func digit<Bytes: Collection<UInt8>>(_ index: inout Bytes.Index, _ bytes: Bytes) -> UInt8? {
        guard index < bytes.endIndex else { return nil }
        defer { bytes.formIndex(after: &index) }
        switch bytes[index] {
        case let byte where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte): return byte - UInt8(ascii: "0")
        case let byte where (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte): return byte - UInt8(ascii: "A") + 10
        default: return nil
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
