/// Text of others, made fit for people to read: nothing in it moves the cursor of a terminal, begins a line of its own
/// or turns the order of the letters around. Names, reasons and refusals come from whoever sent them.
package enum PlainText {
    /// Text for the middle of a line: ends of lines become spaces, whatever else cannot be seen becomes U+FFFD.
    package static func line(_ text: String) -> String {
        visible(text) { $0.properties.isWhitespace ? " " : "\u{FFFD}" }
    }

    /// Text of several lines: their ends and tabs stay.
    package static func lines(_ text: String) -> String {
        visible(text) { $0 == "\n" || $0 == "\t" ? $0 : "\u{FFFD}" }
    }

    private static func visible(
        _ text: String, _ replacement: (Unicode.Scalar) -> Unicode.Scalar
    ) -> String {
        guard text.unicodeScalars.contains(where: isUnseen) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { isUnseen($0) ? replacement($0) : $0 }))
    }

    /// Controls of both sets, marks of direction and others that have no shape, ends of lines.
    private static func isUnseen(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
