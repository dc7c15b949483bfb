import TransparencyLog

/// Writes the text of an entry: the inverse of `LineReader`.
struct LineWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int = 2048) { bytes.reserveCapacity(capacity) }

    mutating func line(_ keyword: StaticString, _ fields: (inout LineWriter) -> Void) {
        raw(keyword)
        fields(&self)
        bytes.append(UInt8(ascii: "\n"))
    }

    mutating func version(_ word: StaticString) {
        raw(word)
        bytes.append(UInt8(ascii: "\n"))
    }

    mutating func field(_ text: String) {
        bytes.append(UInt8(ascii: " "))
        bytes.append(contentsOf: text.utf8)
    }

    mutating func field(_ value: Int64) {
        bytes.append(UInt8(ascii: " "))
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        var magnitude = value.magnitude
        let start = bytes.count
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: magnitude % 10))
            magnitude /= 10
        } while magnitude > 0
        bytes[start...].reverse()
    }

    mutating func field(_ value: Int128) { field("\(value)") }

    mutating func field(_ value: Int64?) {
        if let value { field(value) } else { nothing() }
    }

    mutating func field(_ text: String?) {
        if let text { field(text) } else { nothing() }
    }

    mutating func nothing() {
        bytes.append(UInt8(ascii: " "))
        bytes.append(UInt8(ascii: "-"))
    }

    mutating func base64(_ value: [UInt8]) {
        bytes.append(UInt8(ascii: " "))
        Base64.append(value[...], to: &bytes)
    }

    mutating func encodedText(_ text: String) {
        bytes.append(UInt8(ascii: " "))
        bytes.append(contentsOf: PercentEncoding.encode(text).utf8)
    }

    private mutating func raw(_ word: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
    }
}
