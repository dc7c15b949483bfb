/// The rule for names of keys (C2SP signed-note): not empty, no Unicode space, no `+`, no control character.
enum KeyName {
    static func isValid(_ name: ArraySlice<UInt8>) -> Bool {
        guard !name.isEmpty else { return false }
        var isASCII = true
        for byte in name {
            guard byte > 0x20, byte != UInt8(ascii: "+") else { return false }
            if byte >= 0x80 { isASCII = false }
        }
        // Only names outside ASCII pay for Unicode tables; U+00A0 and its like would make two names look equal.
        return isASCII || String(validating: name, as: UTF8.self).map(hasNoSpace) ?? false
    }

    private static func hasNoSpace(_ name: String) -> Bool {
        !name.unicodeScalars.contains { $0.properties.isWhitespace }
    }
}
