import JSONText

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An error as the person at the terminal sees it: one line, and the exit status.
struct Failure: Error {
    enum Code: String {
        case usage = "USAGE"
        case refused = "REFUSED"
        case unavailable = "UNAVAILABLE"
    }

    let code: Code
    let message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    var status: Int32 {
        switch code {
        case .refused: 1
        case .usage: 2
        case .unavailable: 3
        }
    }

    func report() {
        let words = message.split(whereSeparator: \.isNewline).joined(separator: " ")
        let bytes = Array("wattest: error[\(code.rawValue)]: \(PlainText.line(words))\n".utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}
