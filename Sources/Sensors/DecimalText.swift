/// A decimal number as text, read exactly: power and energy in logs never pass through floating point.
package enum DecimalText {
    /// Reads `[+-]digits[.digits][e[+-]digits]` and gives it times 10^`scale` as an integer, rounded half to even where
    /// digits are left over.
    ///
    /// - Returns: nil when the bytes are not such a number or the result leaves 64 bits.
    package static func scaled(_ bytes: some Collection<UInt8>, by scale: Int) -> Int64? {
        guard var number = digits(of: bytes) else { return nil }
        number.exponent += scale
        return number.rounded()
    }

    private struct Digits {
        var magnitude: UInt128 = 0
        var exponent = 0
        var isNegative = false
        /// A digit other than 0 lies beyond the 36 that are kept: it breaks ties.
        var hasRest = false
        var count = 0

        mutating func append(_ digit: UInt8, isFraction: Bool) {
            count += 1
            guard magnitude < Digits.limit else {
                hasRest = hasRest || digit != 0
                if !isFraction { exponent += 1 }
                return
            }
            magnitude = magnitude * 10 + UInt128(digit)
            if isFraction { exponent -= 1 }
        }

        /// 10^36: another digit still fits into 128 bits.
        static let limit: UInt128 = 1_000_000_000_000_000_000 * 1_000_000_000_000_000_000

        func rounded() -> Int64? {
            var value = magnitude
            if magnitude == 0 { return 0 }
            if exponent >= 0 {
                for _ in 0..<exponent {
                    let (product, overflow) = value.multipliedReportingOverflow(by: 10)
                    if overflow || product > UInt128(UInt64.max) { return nil }
                    value = product
                }
            } else {
                value = roundedQuotient(digits: -exponent)
            }
            return isNegative ? Int64(exactly: -Int128(clamping: value)) : Int64(exactly: value)
        }

        private func roundedQuotient(digits: Int) -> UInt128 {
            guard digits <= 38 else { return 0 }
            var divisor: UInt128 = 1
            for _ in 0..<digits { divisor *= 10 }
            let (quotient, remainder) = magnitude.quotientAndRemainder(dividingBy: divisor)
            let half = divisor / 2
            if remainder > half || (remainder == half && (hasRest || quotient % 2 == 1)) { return quotient + 1 }
            return quotient
        }
    }

    private static func digits(of bytes: some Collection<UInt8>) -> Digits? {
        var number = Digits()
        var position = bytes.startIndex
        func byte() -> UInt8? { position < bytes.endIndex ? bytes[position] : nil }
        func advance() { position = bytes.index(after: position) }
        if let sign = byte(), sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            number.isNegative = sign == UInt8(ascii: "-")
            advance()
        }
        while let digit = byte().flatMap(value(ofDigit:)) {
            number.append(digit, isFraction: false)
            advance()
        }
        if byte() == UInt8(ascii: ".") {
            advance()
            while let digit = byte().flatMap(value(ofDigit:)) {
                number.append(digit, isFraction: true)
                advance()
            }
        }
        guard number.count > 0 else { return nil }
        if let mark = byte(), mark | 0x20 == UInt8(ascii: "e") {
            advance()
            guard let exponent = unsignedExponent(byte, advance) else { return nil }
            number.exponent += exponent
        }
        return position == bytes.endIndex ? number : nil
    }

    private static func unsignedExponent(_ byte: () -> UInt8?, _ advance: () -> Void) -> Int? {
        var isNegative = false
        if let sign = byte(), sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            isNegative = sign == UInt8(ascii: "-")
            advance()
        }
        var exponent = 0
        var count = 0
        while let digit = byte().flatMap(value(ofDigit:)) {
            // Beyond 999 every number is 0 or too large anyway.
            exponent = min(999, exponent * 10 + Int(digit))
            count += 1
            advance()
        }
        return count == 0 ? nil : isNegative ? -exponent : exponent
    }

    private static func value(ofDigit byte: UInt8) -> UInt8? {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? byte - UInt8(ascii: "0") : nil
    }

    /// Reads a plain decimal count, digits only, up to 64 bits: what the kernel writes.
    package static func unsigned(_ bytes: some Collection<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        var count = 0
        for byte in bytes {
            guard let digit = Self.value(ofDigit: byte) else { return nil }
            let (product, large) = value.multipliedReportingOverflow(by: 10)
            let (sum, over) = product.addingReportingOverflow(UInt64(digit))
            if large || over { return nil }
            value = sum
            count += 1
        }
        return count == 0 ? nil : value
    }
}

/// Byte strings without Foundation.
extension Collection<UInt8> where SubSequence: Collection<UInt8>, SubSequence.SubSequence == SubSequence {
    /// Without blanks, tabs, line ends and NUL on either side.
    func trimmed() -> SubSequence {
        var rest = self[...]
        while let first = rest.first, isBlank(first) { rest = rest.dropFirst() }
        var end = rest.endIndex
        var length = rest.count
        while length > 0 {
            let before = rest.index(rest.startIndex, offsetBy: length - 1)
            guard isBlank(rest[before]) else { break }
            end = before
            length -= 1
        }
        return rest[rest.startIndex..<end]
    }

    func isText(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { elementsEqual($0) }
    }

    func hasPrefix(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { starts(with: $0) }
    }

    /// Text for people: bytes that are not printable ASCII become `?`, and no more than `limit` are shown.
    func shown(limit: Int = 60) -> String {
        var text = String(
            decoding: prefix(limit).map { (32..<127).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
        if count > limit { text += "…" }
        return text
    }
}

private func isBlank(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) || byte == 0 }
