import JSONText

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Results on standard output, errors and warnings on standard error.
enum Output {
    /// Names and reasons in it may be anybody's.
    static func text(_ text: String) { write(Array(PlainText.lines(text).utf8), to: STDOUT_FILENO) }
    static func bytes(_ bytes: [UInt8]) { write(bytes, to: STDOUT_FILENO) }
    static func json(_ value: JSONValue) { write(value.rendered(.pretty), to: STDOUT_FILENO) }

    static func error(_ failure: CommandFailure) { write(Array("wattest: \(failure)\n".utf8), to: STDERR_FILENO) }
    static func warning(_ text: String) {
        write(Array("wattest: warning: \(PlainText.line(text))\n".utf8), to: STDERR_FILENO)
    }

    /// Replaces the line at the cursor of a terminal; nil clears it.
    static func progress(_ text: String?) { write(Array("\r\u{1B}[K\(text ?? "")".utf8), to: STDERR_FILENO) }

    /// A lost reader is not an error of the command: what it did is done.
    private static func write(_ bytes: [UInt8], to descriptor: Int32) { _ = writeAll(bytes, to: descriptor) }
}

/// Writes all of it, in as many calls as it takes.
///
/// - Returns: false when the descriptor takes no more; `errno` has the reason.
func writeAll(_ bytes: some Collection<UInt8>, to descriptor: Int32) -> Bool {
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
        let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if written < 0, errno == EINTR { continue }
        guard written > 0 else { return false }
        rest = rest.dropFirst(written)
    }
    return true
}
