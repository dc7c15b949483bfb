/// Why a text is not a JSON value that is accepted here, and where.
package struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Reason: String, Sendable, Hashable, CaseIterable {
        case tooLarge = "the text is larger than is accepted here"
        case tooDeep = "arrays and objects are nested deeper than is accepted here"
        case endOfText = "the text ends before the value does"
        case unexpectedByte = "a value, name or punctuation mark was expected"
        case malformedNumber = "not a number by RFC 8259 section 6"
        case malformedEscape = "not an escape by RFC 8259 section 7"
        case loneSurrogate = "half of a surrogate pair"
        case controlCharacter = "a control character inside a string must be escaped"
        case malformedUTF8 = "the bytes are not UTF-8"
        case repeatedName = "the object has this name already"
        case trailingBytes = "something follows the value"
    }

    package var reason: Reason
    /// From 0.
    package var byteOffset: Int
    /// From 1. Columns count bytes.
    package var line: Int
    package var column: Int

    package var description: String { "line \(line), column \(column): \(reason.rawValue)" }
}
