/// Swift source with everything that is not code blanked out: the rules look for words in code, and a word in a comment or
/// in a string literal is none.
///
/// Line structure stays: line and column of a match are those of the file.
struct SourceText {
    /// The code, comments and the contents of string literals replaced by blanks. Interpolated code stays.
    let code: [[Character]]
    /// The comments alone, line by line.
    let comments: [String]

    init(_ text: String) {
        var scanner = Scanner(text)
        scanner.run()
        code = scanner.code.split(separator: "\n", omittingEmptySubsequences: false).map { Array($0) }
        comments = scanner.comments.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
    }

    /// Line `index` (from 0) as text.
    func line(_ index: Int) -> String { String(code[index]) }
}

private struct Scanner {
    /// What encloses the position, innermost last.
    private enum Context {
        case lineComment
        case blockComment
        case string(hashes: Int, isMultiline: Bool)
        case interpolation(openParentheses: Int)
    }

    private let text: [Character]
    private var position = 0
    private var stack: [Context] = []
    var code: [Character] = []
    var comments: [Character] = []

    init(_ text: String) {
        self.text = text.map { $0 == "\r\n" ? "\n" : $0 }
        code.reserveCapacity(self.text.count)
        comments.reserveCapacity(self.text.count)
    }

    mutating func run() {
        while position < text.count {
            switch stack.last {
            case .lineComment: lineComment()
            case .blockComment: blockComment()
            case .string(let hashes, let isMultiline): string(hashes, isMultiline)
            case .interpolation, nil: plain()
            }
        }
    }

    private func looksAt(_ word: String) -> Bool { text[position...].starts(with: word) }

    private mutating func take(_ count: Int = 1, asCode: Bool = false, asComment: Bool = false) {
        for character in text[position..<min(position + count, text.count)] {
            code.append(asCode || character == "\n" ? character : " ")
            comments.append(asComment || character == "\n" ? character : " ")
        }
        position += count
    }

    private mutating func lineComment() {
        if text[position] == "\n" { stack.removeLast() }
        take(asComment: true)
    }

    private mutating func blockComment() {
        if looksAt("/*") {
            stack.append(.blockComment)
            take(2, asComment: true)
        } else if looksAt("*/") {
            stack.removeLast()
            take(2, asComment: true)
        } else {
            take(asComment: true)
        }
    }

    private mutating func string(_ hashes: Int, _ isMultiline: Bool) {
        let marks = String(repeating: "#", count: hashes)
        let end = (isMultiline ? "\"\"\"" : "\"") + marks
        if looksAt("\\" + marks + "(") {
            take(1 + hashes)
            take(asCode: true)
            stack.append(.interpolation(openParentheses: 1))
        } else if looksAt("\\" + marks) {
            take(2 + hashes)
        } else if looksAt(end) {
            take(end.count, asCode: true)
            stack.removeLast()
        } else if text[position] == "\n", !isMultiline {
            stack.removeLast()
            take()
        } else {
            take()
        }
    }

    private mutating func plain() {
        if looksAt("//") {
            stack.append(.lineComment)
        } else if looksAt("/*") {
            stack.append(.blockComment)
            take(2, asComment: true)
        } else if let (hashes, isMultiline) = literalStart() {
            stack.append(.string(hashes: hashes, isMultiline: isMultiline))
            take(hashes + (isMultiline ? 3 : 1), asCode: true)
        } else {
            parenthesis()
            take(asCode: true)
        }
    }

    private mutating func parenthesis() {
        guard case .interpolation(let open) = stack.last else { return }
        switch text[position] {
        case "(": stack[stack.count - 1] = .interpolation(openParentheses: open + 1)
        case ")" where open == 1: stack.removeLast()
        case ")": stack[stack.count - 1] = .interpolation(openParentheses: open - 1)
        default: break
        }
    }

    private func literalStart() -> (hashes: Int, isMultiline: Bool)? {
        let hashes = text[position...].prefix { $0 == "#" }.count
        let rest = text[(position + hashes)...]
        guard rest.first == "\"" else { return nil }
        return (hashes, rest.starts(with: "\"\"\"") && !rest.dropFirst(3).starts(with: "\""))
    }
}
