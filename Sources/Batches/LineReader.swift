import Energy
import TransparencyLog

/// Why the text of an entry is not one: where, and what was expected there.
package struct NoteSyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Line of the note, counted from 1.
    package var line: Int
    package var expected: String

    package init(line: Int, expected: String) {
        self.line = line
        self.expected = expected
    }

    package var description: String { "line \(line): expected \(expected)" }
}

/// Reads the text of an entry field by field.
///
/// Every field has exactly one spelling and nothing may be left over, so whatever is accepted renders to the same
/// bytes; a second spelling of one fact would be a second leaf of the log for it.
struct LineReader {
    private let bytes: ArraySlice<UInt8>
    private let end: Int
    private(set) var position: Int
    private(set) var line = 1
    private var isAtLineStart = true
    /// What the batch before had in the same places.
    var recall: BatchRecall

    init(_ bytes: [UInt8]) { self.init(bytes[...], recall: BatchRecall()) }

    init(_ bytes: ArraySlice<UInt8>, recall: consuming BatchRecall) {
        self.bytes = bytes
        position = bytes.startIndex
        end = bytes.endIndex
        self.recall = recall
    }

    /// Takes whole fields if they are those that are kept.
    mutating func take<Value>(_ kept: BatchRecall.Kept<Value>?) -> Value? {
        guard let kept, take(kept.fields) else { return nil }
        return kept.value
    }

    /// The same of the line's kind at a place in the batch.
    mutating func take<Value>(_ kept: [BatchRecall.Kept<Value>], at place: Int) -> Value? {
        guard place < kept.count, take(kept[place].fields) else { return nil }
        return kept[place].value
    }

    private mutating func take(_ fields: Range<Int>) -> Bool {
        let stop = position + fields.count
        guard stop < end, bytes[stop] <= UInt8(ascii: " ") else { return false }
        let begin = position - bytes.startIndex
        let isSame = Self.isSame(
            bytes.span.bytes.extracting(begin..<begin + fields.count), recall.spelling.span.bytes.extracting(fields))
        if isSame { position = stop }
        return isSame
    }

    /// The fields from a position up to here, kept with what they say.
    mutating func keep<Value>(
        _ value: Value, from start: Int, insteadOf old: BatchRecall.Kept<Value>?
    ) -> BatchRecall.Kept<Value> {
        recall.keep(value, bytes[start..<position], insteadOf: old)
    }

    /// Eight bytes at a time: most of a batch's text is compared here with that of the one before.
    private static func isSame(_ left: RawSpan, _ right: RawSpan) -> Bool {
        guard left.byteCount == right.byteCount else { return false }
        var offset = 0
        while offset + 8 <= left.byteCount {
            let (a, b) = (
                left.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self),
                right.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            )
            if a != b { return false }
            offset += 8
        }
        while offset < left.byteCount {
            if left.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
                != right.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            {
                return false
            }
            offset += 1
        }
        return true
    }

    var isAtEnd: Bool { position == end }

    func failure(_ expected: String) -> NoteSyntaxError { NoteSyntaxError(line: line, expected: expected) }

    /// Whether the next line begins with the keyword and a space.
    func startsLine(_ keyword: StaticString) -> Bool {
        let count = keyword.utf8CodeUnitCount
        guard position + count < end, bytes[position + count] == UInt8(ascii: " ") else { return false }
        let start = keyword.utf8Start
        for offset in 0..<count where bytes[position + offset] != start[offset] { return false }
        return true
    }

    mutating func begin(_ keyword: StaticString) throws(NoteSyntaxError) {
        guard takesKeyword(keyword) else { throw failure("'\(keyword) …'") }
    }

    /// Whether a line begins here with the keyword; then it is begun.
    mutating func takesKeyword(_ keyword: StaticString) -> Bool {
        guard isAtLineStart, startsLine(keyword) else { return false }
        position += keyword.utf8CodeUnitCount
        isAtLineStart = false
        return true
    }

    /// The version word that opens an entry.
    mutating func version(_ word: StaticString) throws(NoteSyntaxError) {
        let count = word.utf8CodeUnitCount
        let matches = end - position > count && (0..<count).allSatisfy { bytes[position + $0] == word.utf8Start[$0] }
        guard matches else { throw failure("'\(word)'") }
        position += count
        try endLine()
    }

    mutating func endLine() throws(NoteSyntaxError) {
        guard position < end, bytes[position] == UInt8(ascii: "\n") else { throw failure("end of line") }
        position += 1
        line += 1
        isAtLineStart = true
    }

    func endText() throws(NoteSyntaxError) {
        guard isAtEnd else { throw failure("end of text") }
    }

    /// The next field: the bytes after one space, up to a space or the end of the line.
    private mutating func field(_ expected: @autoclosure () -> String) throws(NoteSyntaxError) -> Range<Int> {
        guard position < end, bytes[position] == UInt8(ascii: " ") else { throw failure(expected()) }
        let start = position + 1
        var stop = start
        while stop < end, bytes[stop] > UInt8(ascii: " ") { stop += 1 }
        guard stop > start, stop < end, stop - start <= 65_535 else { throw failure(expected()) }
        position = stop
        return start..<stop
    }

    /// Whether the next field is `-`, which stands for nothing; then it is taken.
    mutating func takeNothing() -> Bool {
        guard position + 2 < end, bytes[position] == UInt8(ascii: " "), bytes[position + 1] == UInt8(ascii: "-"),
            bytes[position + 2] <= UInt8(ascii: " ")
        else { return false }
        position += 2
        return true
    }

    /// Whether the line has another field.
    var hasField: Bool { position < end && bytes[position] == UInt8(ascii: " ") }

    /// A decimal integer from 0 without sign or leading zeros.
    mutating func integer(_ name: StaticString) throws(NoteSyntaxError) -> Int64 {
        if let value = takeDecimal() { return value }
        let range = try field("\(name), a decimal integer")
        guard let value = decimal(range) else { throw failure("\(name), a decimal integer below 2^63") }
        return value
    }

    /// Takes the next field if it is a decimal integer, in one pass: most fields of a batch are. Whatever else it is,
    /// the caller reads it again and says what is wrong with it.
    private mutating func takeDecimal() -> Int64? {
        guard let (value, stop) = Self.decimal(in: bytes.span, at: position - bytes.startIndex) else { return nil }
        position = bytes.startIndex + stop
        return value
    }

    private static func decimal(in text: Span<UInt8>, at position: Int) -> (value: Int64, stop: Int)? {
        guard position + 1 < text.count, text[position] == UInt8(ascii: " ") else { return nil }
        let start = position + 1
        var index = start
        var value: UInt64 = 0
        // Counters and times have twelve digits and more.
        while index + 8 <= text.count,
            let eight = eightDigits(text.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
        {
            value = value &* 100_000_000 &+ eight
            index += 8
        }
        while index < text.count {
            let digit = text[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            value = value &* 10 &+ UInt64(digit)
            index += 1
        }
        // 19 digits stay below 2^64.
        guard index < text.count, text[index] <= UInt8(ascii: " "), (1...19).contains(index - start),
            text[start] != UInt8(ascii: "0") || index == start + 1, let value = Int64(exactly: value)
        else { return nil }
        return (value, index)
    }

    /// The number that eight bytes in memory spell, nil when one of them is no digit.
    private static func eightDigits(_ text: UInt64) -> UInt64? {
        // Digits become 0 to 9; every other byte has its highest bit, or gets it when 0x76 is added.
        let digits = UInt64(littleEndian: text) ^ 0x3030_3030_3030_3030
        guard (digits | (digits &+ 0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080 == 0 else { return nil }
        // Two digits in every other byte; then all four pairs by their powers of 100, two in each product.
        let pairs = digits &* 10 &+ digits &>> 8
        let (even, odd) = (pairs & 0xFF_0000_00FF, pairs &>> 16 & 0xFF_0000_00FF)
        return (even &* (1_000_000 << 32 | 100) &+ odd &* (10_000 << 32 | 1)) &>> 32
    }

    /// A decimal integer that may carry a minus sign.
    mutating func signedInteger(_ name: StaticString) throws(NoteSyntaxError) -> Int64 {
        if let value = takeDecimal() { return value }
        let range = try field("\(name), a decimal integer")
        guard bytes[range.lowerBound] == UInt8(ascii: "-") else {
            guard let value = decimal(range) else { throw failure("\(name), a decimal integer of 64 bits") }
            return value
        }
        let digits = range.lowerBound + 1..<range.upperBound
        guard let value = decimal(digits), value != 0 else { throw failure("\(name), a decimal integer of 64 bits") }
        return -value
    }

    private func decimal(_ range: Range<Int>) -> Int64? {
        guard !range.isEmpty, range.count <= 19 else { return nil }
        if bytes[range.lowerBound] == UInt8(ascii: "0") { return range.count == 1 ? 0 : nil }
        var value: UInt64 = 0
        for index in range {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            // 19 digits stay below 2^64.
            value = value &* 10 &+ UInt64(digit)
        }
        return Int64(exactly: value)
    }

    /// A decimal integer of 128 bits that may carry a minus sign: a sum of many.
    mutating func wideInteger(_ name: StaticString) throws(NoteSyntaxError) -> Int128 {
        let range = try field("\(name), a decimal integer")
        let text = String(decoding: bytes[range], as: UTF8.self)
        guard range.count <= 40, let value = Int128(text), "\(value)" == text else {
            throw failure("\(name), a decimal integer of 128 bits")
        }
        return value
    }

    /// A name of `[A-Za-z0-9._:/-]`.
    mutating func name(_ what: StaticString, maximumBytes: Int = 128) throws(NoteSyntaxError) -> String {
        let range = try field("\(what), a name")
        guard range.count <= maximumBytes, isName(range) else {
            throw failure("\(what), at most \(maximumBytes) bytes of [A-Za-z0-9._:/-]")
        }
        return String(decoding: bytes[range], as: UTF8.self)
    }

    /// A verifier key `name+hash+base64`.
    mutating func verifierKey(_ what: StaticString) throws(NoteSyntaxError) -> String {
        let range = try field("\(what), a verifier key")
        guard range.count <= 512, bytes[range].allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw failure("\(what), a verifier key")
        }
        return String(decoding: bytes[range], as: UTF8.self)
    }

    private func isName(_ range: Range<Int>) -> Bool {
        for index in range where !Self.isNameByte(bytes[index]) { return false }
        return true
    }

    /// Whether a byte is of `[A-Za-z0-9._:/-]`: one bit of two words instead of a chain of comparisons, because every
    /// name of every batch passes here.
    static func isNameByte(_ byte: UInt8) -> Bool {
        // `-` to `:` lie side by side.
        let low: UInt64 = 0x3FFF << 45
        let high: UInt64 = 0x3FF_FFFF << 1 | 1 << 31 | 0x3FF_FFFF << 33
        return byte < 128 && (byte < 64 ? low : high) >> UInt64(byte & 63) & 1 != 0
    }

    /// One of a closed set of words.
    mutating func word<Word: RawRepresentable & CaseIterable>(
        _ what: StaticString, of type: Word.Type
    ) throws(NoteSyntaxError) -> Word where Word.RawValue == String {
        let text = try name(what, maximumBytes: 32)
        guard let word = Word(rawValue: text) else {
            throw failure("\(what), one of \(Word.allCases.map(\.rawValue).joined(separator: " "))")
        }
        return word
    }

    /// Padded base64 of exactly so many bytes.
    mutating func base64(_ what: StaticString, count: Int) throws(NoteSyntaxError) -> [UInt8] {
        guard let range = takeField(byteCount: (count + 2) / 3 * 4), let decoded = Base64.decode(bytes[range]),
            decoded.count == count
        else {
            throw failure("\(what), base64 of \(count) bytes")
        }
        return decoded
    }

    /// The next field as 32 bytes in base64, nil for anything else.
    mutating func takeHash() -> MerkleHash? {
        takeField(byteCount: 44).flatMap { MerkleHash(base64: bytes[$0]) }
    }

    /// Takes the next field if it has so many bytes. What they are is told by whoever decodes them: a space among them
    /// has no meaning in base64.
    private mutating func takeField(byteCount: Int) -> Range<Int>? {
        let stop = position + 1 + byteCount
        guard stop < end, bytes[position] == UInt8(ascii: " "), bytes[stop] <= UInt8(ascii: " ") else { return nil }
        defer { position = stop }
        return position + 1..<stop
    }

    /// Padded base64 of 1 to `maximumCount` bytes.
    mutating func base64(_ what: StaticString, maximumCount: Int) throws(NoteSyntaxError) -> [UInt8] {
        let range = try field("\(what), base64")
        guard let decoded = Base64.decode(bytes[range]), (1...maximumCount).contains(decoded.count) else {
            throw failure("\(what), base64 of 1 to \(maximumCount) bytes")
        }
        return decoded
    }

    /// Free text, percent-encoded outside `[A-Za-z0-9._-]`.
    mutating func encodedText(_ what: StaticString, maximumBytes: Int = 1024) throws(NoteSyntaxError) -> String {
        let range = try field("\(what), percent-encoded text")
        guard let text = PercentEncoding.decode(bytes[range]), text.utf8.count <= maximumBytes else {
            throw failure("\(what), percent-encoded text of at most \(maximumBytes) bytes")
        }
        return text
    }

    /// Devices `id` or `id=weight`, comma-separated; `-` for none.
    mutating func devices(maximumCount: Int) throws(NoteSyntaxError) -> [DeviceHold] {
        if takeNothing() { return [] }
        let range = try field("devices, a comma-separated list")
        var devices: [DeviceHold] = []
        var start = range.lowerBound
        while start <= range.upperBound {
            var stop = start
            while stop < range.upperBound, bytes[stop] != UInt8(ascii: ",") { stop += 1 }
            guard devices.count < maximumCount, let hold = device(start..<stop) else {
                throw failure("devices, at most \(maximumCount) of id or id=weight")
            }
            devices.append(hold)
            start = stop + 1
        }
        return devices
    }

    private func device(_ range: Range<Int>) -> DeviceHold? {
        var end = range.lowerBound
        while end < range.upperBound, bytes[end] != UInt8(ascii: "=") { end += 1 }
        let id = range.lowerBound..<end
        guard (1...128).contains(id.count), isName(id) else { return nil }
        let name = String(decoding: bytes[id], as: UTF8.self)
        guard end < range.upperBound else { return DeviceHold(sensor: name) }
        guard let weight = decimal(end + 1..<range.upperBound) else { return nil }
        return DeviceHold(sensor: name, weight: weight)
    }

    /// The words of a comma-separated field.
    mutating func list(_ what: StaticString) throws(NoteSyntaxError) -> [String] {
        let range = try field("\(what), a comma-separated list")
        var words: [String] = []
        for part in bytes[range].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            guard !part.isEmpty, part.count <= 160 else { throw failure("\(what), a comma-separated list") }
            words.append(String(decoding: part, as: UTF8.self))
        }
        return words
    }
}
