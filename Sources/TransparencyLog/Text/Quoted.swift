/// Foreign text in an error message: short, on one line, and without characters that a terminal would obey.
struct Quoted: CustomStringConvertible {
    private static let maximumCharacters = 80
    let description: String

    init(_ text: String) {
        var quoted = "'"
        for scalar in text.unicodeScalars.prefix(Self.maximumCharacters) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: quoted += "?"
            default: quoted += String(scalar)
            }
        }
        description = quoted + (text.unicodeScalars.count > Self.maximumCharacters ? "…'" : "'")
    }

    init(_ text: ArraySlice<UInt8>) {
        self.init(String(decoding: text.prefix(4 * Self.maximumCharacters), as: UTF8.self))
    }
}
