/// Foreign text in an error message: short, on one line, and without characters that a terminal would obey.
struct Quoted: CustomStringConvertible {
    private static let maximumCharacters = 80
    let description: String

    init(_ text: String) {
        var quoted = "'"
        for scalar in text.unicodeScalars.prefix(Self.maximumCharacters) {
            quoted += scalar.value < 0x20 || scalar.value == 0x7F ? "?" : String(scalar)
        }
        description = quoted + (text.unicodeScalars.count > Self.maximumCharacters ? "…'" : "'")
    }

    init(_ text: ArraySlice<UInt8>) {
        self.init(String(decoding: text.prefix(4 * Self.maximumCharacters), as: UTF8.self))
    }
}
