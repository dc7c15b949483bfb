/// Swift source with everything that is not code blanked out: the rules look for words in code, and a word in a comment
/// or in a string literal is none.
///
/// Line structure stays: line and column of a match are those of the file.
struct SourceText {
    /// The code, comments and the contents of string literals replaced by blanks. Interpolated code stays.
    let code: [ArraySlice<UInt8>]
    /// The comments alone, line by line.
    let comments: [ArraySlice<UInt8>]

    init(_ text: String) {
        var scanner = Scanner(text)
        scanner.run()
        code = scanner.code.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        comments = scanner.comments.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    }

    /// Line `index` (from 0) as text.
    func line(_ index: Int) -> String { String(decoding: code[index], as: UTF8.self) }
    func comment(_ index: Int) -> String { String(decoding: comments[index], as: UTF8.self) }
}

private struct Scanner {
    /// What encloses the position, innermost last.
    private enum Context {
        case lineComment
        case blockComment
        case string(hashes: Int, isMultiline: Bool)
        case interpolation(openParentheses: Int)
    }

    private let text: [UInt8]
    private var position = 0
    private var stack: [Context] = []
    var code: [UInt8] = []
    var comments: [UInt8] = []

    init(_ text: String) {
        self.text = Array(text.utf8)
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

    private func isAt(_ offset: Int, _ character: Unicode.Scalar) -> Bool {
        position + offset < text.count && text[position + offset] == UInt8(ascii: character)
    }

    private func count(of character: Unicode.Scalar, at offset: Int, atMost limit: Int = .max) -> Int {
        var count = 0
        while count < limit, isAt(offset + count, character) { count += 1 }
        return count
    }

    private mutating func take(_ count: Int = 1, asCode: Bool = false, asComment: Bool = false) {
        let newLine = UInt8(ascii: "\n")
        for byte in text[position..<min(position + count, text.count)] {
            code.append(asCode || byte == newLine ? byte : 0x20)
            comments.append(asComment || byte == newLine ? byte : 0x20)
        }
        position += count
    }

    private mutating func lineComment() {
        if isAt(0, "\n") { stack.removeLast() }
        take(asComment: true)
    }

    private mutating func blockComment() {
        if isAt(0, "/"), isAt(1, "*") {
            stack.append(.blockComment)
            take(2, asComment: true)
        } else if isAt(0, "*"), isAt(1, "/") {
            stack.removeLast()
            take(2, asComment: true)
        } else {
            take(asComment: true)
        }
    }

    private mutating func string(_ hashes: Int, _ isMultiline: Bool) {
        let quotes = isMultiline ? 3 : 1
        if isAt(0, "\\"), count(of: "#", at: 1, atMost: hashes) == hashes {
            guard isAt(1 + hashes, "(") else { return take(2 + hashes) }
            take(1 + hashes)
            take(asCode: true)
            stack.append(.interpolation(openParentheses: 1))
        } else if count(of: "\"", at: 0, atMost: quotes) == quotes,
            count(of: "#", at: quotes, atMost: hashes) == hashes
        {
            take(quotes + hashes, asCode: true)
            stack.removeLast()
        } else if isAt(0, "\n"), !isMultiline {
            stack.removeLast()
            take()
        } else {
            take()
        }
    }

    private mutating func plain() {
        if isAt(0, "/"), isAt(1, "/") {
            stack.append(.lineComment)
        } else if isAt(0, "/"), isAt(1, "*") {
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
        if isAt(0, "(") {
            stack[stack.count - 1] = .interpolation(openParentheses: open + 1)
        } else if isAt(0, ")") {
            if open == 1 {
                stack.removeLast()
            } else {
                stack[stack.count - 1] = .interpolation(openParentheses: open - 1)
            }
        }
    }

    private func literalStart() -> (hashes: Int, isMultiline: Bool)? {
        let hashes = count(of: "#", at: 0)
        guard isAt(hashes, "\"") else { return nil }
        return (hashes, count(of: "\"", at: hashes, atMost: 4) == 3)
    }
}
