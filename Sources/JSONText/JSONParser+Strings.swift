extension JSONParser {
    /// Takes one string, its opening quotation mark first.
    mutating func string() throws(Failure) -> String {
        position += 1
        let start = position
        // Most strings have no escape: one scan, one copy.
        while position < text.count, text[position] != UInt8(ascii: "\""), text[position] != UInt8(ascii: "\\") {
            guard text[position] >= 0x20 else { throw failure(.controlCharacter) }
            position += 1
        }
        guard position < text.count else { throw failure(.endOfText) }
        if text[position] == UInt8(ascii: "\"") {
            let bytes = text[start..<position]
            position += 1
            return try decoded(bytes, start: start)
        }
        return try escapedString(start: start)
    }

    private mutating func escapedString(start: Int) throws(Failure) -> String {
        var bytes = Array(text[start..<position])
        while position < text.count {
            let byte = text[position]
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return try decoded(bytes[...], start: start)
            case UInt8(ascii: "\\"):
                try escape(into: &bytes)
            case 0x00..<0x20:
                throw failure(.controlCharacter)
            default:
                bytes.append(byte)
                position += 1
            }
        }
        throw failure(.endOfText)
    }

    private func decoded(_ bytes: ArraySlice<UInt8>, start: Int) throws(Failure) -> String {
        guard let string = String(validating: bytes, as: UTF8.self) else { throw failure(.malformedUTF8, at: start) }
        return string
    }

    private mutating func escape(into bytes: inout [UInt8]) throws(Failure) {
        let start = position
        guard text.count - position >= 2 else { throw failure(.endOfText) }
        let letter = text[position + 1]
        position += 2
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(letter)
        case UInt8(ascii: "b"): bytes.append(0x08)
        case UInt8(ascii: "f"): bytes.append(0x0C)
        case UInt8(ascii: "n"): bytes.append(0x0A)
        case UInt8(ascii: "r"): bytes.append(0x0D)
        case UInt8(ascii: "t"): bytes.append(0x09)
        case UInt8(ascii: "u"): bytes.append(contentsOf: try unicodeEscape(start: start))
        default: throw failure(.malformedEscape, at: start)
        }
    }

    /// One UTF-16 unit, or a pair of them. Half a pair has no UTF-8 form and would be read differently by each reader.
    private mutating func unicodeEscape(start: Int) throws(Failure) -> [UInt8] {
        let high = try hexadecimalUnit(start: start)
        var units = [high]
        if UTF16.isTrailSurrogate(high) { throw failure(.loneSurrogate, at: start) }
        if UTF16.isLeadSurrogate(high) {
            guard text.count - position >= 2 else { throw failure(.endOfText) }
            guard text[position] == UInt8(ascii: "\\"), text[position + 1] == UInt8(ascii: "u") else {
                throw failure(.loneSurrogate, at: start)
            }
            position += 2
            let low = try hexadecimalUnit(start: start)
            guard UTF16.isTrailSurrogate(low) else { throw failure(.loneSurrogate, at: start) }
            units.append(low)
        }
        return Array(String(decoding: units, as: UTF16.self).utf8)
    }

    private mutating func hexadecimalUnit(start: Int) throws(Failure) -> UInt16 {
        guard text.count - position >= 4 else { throw failure(.endOfText) }
        var unit: UInt16 = 0
        for byte in text[position..<(position + 4)] {
            guard let digit = hexadecimalDigit(byte) else { throw failure(.malformedEscape, at: start) }
            unit = unit << 4 | UInt16(digit)
        }
        position += 4
        return unit
    }

    private func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
