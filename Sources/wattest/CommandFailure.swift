/// Why a command did not do what was asked, for one line on standard error: `error[CODE]: what, where, what to do`.
struct CommandFailure: Error, Hashable, CustomStringConvertible {
    enum Status: Int32 {
        case refused = 1
        case usage = 2
        case unavailable = 3
        /// As shells have it, of the command that `exec` could not run.
        case commandNotRunnable = 126
        case commandNotFound = 127
    }

    let status: Status
    /// Capital letters, digits and underscores.
    let code: String
    let message: String

    init(_ status: Status, _ code: String, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    static func usage(_ what: String, _ remedy: String) -> CommandFailure {
        CommandFailure(.usage, "USAGE", "\(what), \(remedy)")
    }

    static func file(_ what: String, _ path: String, _ remedy: String) -> CommandFailure {
        CommandFailure(.refused, "FILE", "\(what), \(path), \(remedy)")
    }

    /// One line whatever a server or a file put into the message; control characters cannot reach the terminal.
    var description: String {
        let visible = message.unicodeScalars.map { scalar in
            scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
                ? " " : String(scalar)
        }
        let words = visible.joined().split(separator: " ", omittingEmptySubsequences: true)
        return "error[\(code)]: \(words.joined(separator: " "))"
    }
}
