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
        var code = Array(source.code.joined(separator: ["\n"]))[...]
        var line = 1
        var spans: [FunctionSpan] = []
        var previous: Character = "\n"
        while let character = code.first {
            if character.isLetter, !isPartOfWord(previous), previous != "." {
                let word = String(code.prefix { isPartOfWord($0) })
                if keywords.contains(word), let lines = extent(of: code.dropFirst(word.count)) {
                    spans.append(FunctionSpan(firstLine: line, lines: lines))
                }
                previous = "a"
                code = code.dropFirst(word.count)
                continue
            }
            if character == "\n" { line += 1 }
            previous = character
            code.removeFirst()
        }
        return spans
    }

    private static let keywords: Set<String> = ["func", "init", "deinit", "subscript"]
    private static let declarations: Set<String> = keywords.union([
        "var", "let", "static", "package", "public", "private", "struct", "enum", "case", "associatedtype", "mutating",
    ])

    private static func isPartOfWord(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_"
    }

    /// Lines from here to the closing brace of the body; nil for a requirement, which has none.
    private static func extent(of rest: Array<Character>.SubSequence) -> Int? {
        var lines = 1
        var parentheses = 0
        var braces = 0
        var atLineStart = false
        var index = rest.startIndex
        while index < rest.endIndex {
            let character = rest[index]
            switch character {
            case "\n": lines += 1
            case "(", "[": parentheses += 1
            case ")", "]": parentheses -= 1
            case "{" where parentheses == 0 || braces > 0: braces += 1
            case "}" where parentheses == 0 || braces > 0:
                if braces <= 1 { return braces == 1 ? lines : nil }
                braces -= 1
            default: break
            }
            if atLineStart, braces == 0, parentheses == 0, character.isLetter {
                let word = String(rest[index...].prefix { isPartOfWord($0) })
                if declarations.contains(word) { return nil }
            }
            if character == "\n" { atLineStart = true } else if character != " " { atLineStart = false }
            index += 1
        }
        return nil
    }
}
