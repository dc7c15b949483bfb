/// A file of SQL, cut into its statements.
///
/// Statements are sent one by one: the extended protocol takes no more, and Citus refuses several commands of data
/// definition in one text. Understood are quoted strings (with backslashes after `E`), quoted names, dollar quotes,
/// line comments and nested block comments (PostgreSQL manual, section 4.1); psql's own commands are not.
struct SQLScript {
    struct Piece: Equatable {
        /// Where the statement begins, counted from 1.
        let line: Int
        let text: String
    }

    private let bytes: [UInt8]
    private var position = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// - Throws: `.migration` for a quote or comment that does not end.
    static func pieces(of bytes: [UInt8]) throws(StoreError) -> [Piece] {
        var script = SQLScript(bytes)
        var pieces: [Piece] = []
        while let piece = try script.nextPiece() { pieces.append(piece) }
        return pieces
    }

    private mutating func nextPiece() throws(StoreError) -> Piece? {
        try skipBlank()
        let start = position
        while position < bytes.count && bytes[position] != UInt8(ascii: ";") { try skipToken() }
        let end = position
        position += 1
        if start >= bytes.count { return nil }
        if start == end { return try nextPiece() }
        var text = bytes[start..<end]
        while let last = text.last, Self.isBlank(last) { text.removeLast() }
        return Piece(line: line(at: start), text: String(decoding: text, as: UTF8.self))
    }

    /// White space and comments before a statement.
    private mutating func skipBlank() throws(StoreError) {
        while position < bytes.count {
            if Self.isBlank(bytes[position]) {
                position += 1
            } else if starts(with: "--") || starts(with: "/*") {
                try skipToken()
            } else {
                return
            }
        }
    }

    private mutating func skipToken() throws(StoreError) {
        switch bytes[position] {
        case UInt8(ascii: "'"): try skipQuoted(backslash: followsEscapeLetter)
        case UInt8(ascii: "\""): try skipQuoted(backslash: false)
        case UInt8(ascii: "$"): try skipDollarQuoted()
        case UInt8(ascii: "-") where starts(with: "--"): skipLine()
        case UInt8(ascii: "/") where starts(with: "/*"): try skipBlockComment()
        default: position += 1
        }
    }

    /// A doubled quote inside reads as the end of one string and the beginning of the next, which comes to the same.
    private mutating func skipQuoted(backslash: Bool) throws(StoreError) {
        let start = position
        let quote = bytes[position]
        position += 1
        while position < bytes.count {
            if bytes[position] == quote {
                position += 1
                return
            }
            position += backslash && bytes[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        throw unterminated("quote", at: start)
    }

    private mutating func skipDollarQuoted() throws(StoreError) {
        let start = position
        var end = start + 1
        while end < bytes.count && Self.isNamePart(bytes[end]) { end += 1 }
        // `$1` is a parameter and `a$b` a name, neither a quote.
        let isParameter = end > start + 1 && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[start + 1])
        let isName = start > 0 && Self.isNamePart(bytes[start - 1])
        guard end < bytes.count, bytes[end] == UInt8(ascii: "$"), !isParameter, !isName else {
            position += 1
            return
        }
        let tag = bytes[start...end]
        position = end + 1
        while position + tag.count <= bytes.count {
            if bytes[position..<position + tag.count].elementsEqual(tag) {
                position += tag.count
                return
            }
            position += 1
        }
        throw unterminated("dollar quote", at: start)
    }

    private mutating func skipLine() {
        while position < bytes.count && bytes[position] != UInt8(ascii: "\n") { position += 1 }
    }

    private mutating func skipBlockComment() throws(StoreError) {
        let start = position
        var depth = 0
        while position < bytes.count {
            if starts(with: "/*") {
                depth += 1
                position += 2
            } else if starts(with: "*/") {
                depth -= 1
                position += 2
                if depth == 0 { return }
            } else {
                position += 1
            }
        }
        throw unterminated("comment", at: start)
    }

    private var followsEscapeLetter: Bool {
        guard position > 0, bytes[position - 1] | 0x20 == UInt8(ascii: "e") else { return false }
        return position == 1 || !Self.isNamePart(bytes[position - 2])
    }

    private func starts(with text: StaticString) -> Bool {
        position + 1 < bytes.count && bytes[position] == text.utf8Start[0] && bytes[position + 1] == text.utf8Start[1]
    }

    private func unterminated(_ what: String, at start: Int) -> StoreError {
        StoreError(.migration, "line \(line(at: start)): the \(what) does not end")
    }

    private func line(at offset: Int) -> Int {
        1 + bytes[..<offset].count { $0 == UInt8(ascii: "\n") }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private static func isNamePart(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == 0x5F || byte >= 0x80
    }
}
