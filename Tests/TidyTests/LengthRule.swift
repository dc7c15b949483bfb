/// Lines, functions and files have a bound, so that each can be read at one look.
struct LengthRule {
    static let columns = 120
    static let functionLines = 70
    static let fileLines = 600

    func violations(in file: SourceFile) -> [Violation] {
        var found: [Violation] = []
        let lines = file.lines
        if lines.count > Self.fileLines {
            found.append(
                Violation(path: file.path, line: 0, what: "\(lines.count) lines, of at most \(Self.fileLines)"))
        }
        for (index, line) in lines.enumerated() where line.count > Self.columns {
            found.append(
                Violation(path: file.path, line: index + 1, what: "\(line.count) columns, of at most \(Self.columns)"))
        }
        for function in FunctionSpan.all(in: SourceText(file.text)) where function.lines > Self.functionLines {
            found.append(
                Violation(
                    path: file.path, line: function.firstLine,
                    what: "a function of \(function.lines) lines, of at most \(Self.functionLines)"))
        }
        return found
    }
}

/// From the keyword of a function to its closing brace.
struct FunctionSpan: Equatable {
    /// From 1.
    let firstLine: Int
    let lines: Int

    static func all(in source: SourceText) -> [FunctionSpan] {
        let code = Array(source.code.joined(separator: [newLine]))
        var line = 1
        var spans: [FunctionSpan] = []
        var index = 0
        var previous = newLine
        while index < code.count {
            let byte = code[index]
            if isLetter(byte), !isPartOfWord(previous) {
                let word = word(code[index...])
                if previous != UInt8(ascii: "."), keywords.contains(word),
                    let lines = extent(of: code[(index + word.utf8.count)...])
                {
                    spans.append(FunctionSpan(firstLine: line, lines: lines))
                }
                index += word.utf8.count
                previous = UInt8(ascii: "a")
            } else {
                if byte == newLine { line += 1 }
                previous = byte
                index += 1
            }
        }
        return spans
    }

    private static let keywords: Set<String> = ["func", "init", "deinit", "subscript"]
    private static let declarations: Set<String> = keywords.union([
        "var", "let", "static", "package", "public", "private", "struct", "enum", "case", "associatedtype", "mutating",
    ])

    private static let newLine = UInt8(ascii: "\n")

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_") || byte >= 0x80
    }

    private static func isPartOfWord(_ byte: UInt8) -> Bool {
        isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func word(_ code: ArraySlice<UInt8>) -> String {
        String(decoding: code.prefix { isPartOfWord($0) }, as: UTF8.self)
    }

    /// Lines from here to the closing brace of the body; nil for a requirement, which has none.
    private static func extent(of rest: ArraySlice<UInt8>) -> Int? {
        var lines = 1
        var parentheses = 0
        var braces = 0
        var isAtLineStart = false
        for index in rest.indices {
            let byte = rest[index]
            switch byte {
            case newLine: lines += 1
            case UInt8(ascii: "("), UInt8(ascii: "["): parentheses += 1
            case UInt8(ascii: ")"), UInt8(ascii: "]"): parentheses -= 1
            case UInt8(ascii: "{") where parentheses == 0 || braces > 0: braces += 1
            case UInt8(ascii: "}") where parentheses == 0 || braces > 0:
                if braces <= 1 { return braces == 1 ? lines : nil }
                braces -= 1
            default: break
            }
            if isAtLineStart, braces == 0, parentheses == 0, isLetter(byte), declarations.contains(word(rest[index...]))
            {
                return nil
            }
            if byte != 0x20 { isAtLineStart = byte == newLine }
        }
        return nil
    }
}
