/// Why the store could not do what it was asked to.
///
/// The text is one line and names no row's values: it ends in logs that people of several organizations read.
package struct StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// No connection could be had; nothing was sent, so trying again is always safe.
        case unavailable
        /// The connection broke while work was on its way: done or not done is unknown. Only idempotent work may be
        /// sent again.
        case connectionLost
        /// The server refused the statement.
        case refused
        /// A bound, type or uniqueness that the values broke; the same values break it again.
        case invalidData
        /// Another transaction was in the way; the same work may be sent again.
        case conflict
        /// The log has another size than the work was done for; nothing was changed.
        case logHasMoved
        /// The named log does not exist, or this role may not see it.
        case unknownLog
        /// Nobody has made the partition for this time; see `ensurePartitions`.
        case partitionMissing
        /// The answer has not the shape that the code expects.
        case unexpectedAnswer
        /// A migration that is edited, missing, failed, or newer than this program.
        case migration
        /// The private cluster cannot be made or started.
        case cluster
        /// More work is waiting than the pool takes; nothing was sent.
        case overloaded
        /// The task was cancelled before its work was sent.
        case cancelled
        /// The pool was closed; nothing was sent.
        case closed
    }

    package let kind: Kind
    /// The five characters of SQLSTATE, where the server gave them.
    package let sqlState: String?
    package let message: String
    /// What to do, for a person.
    package let hint: String?

    package init(_ kind: Kind, _ message: String, sqlState: String? = nil, hint: String? = nil) {
        self.kind = kind
        self.sqlState = sqlState
        self.message = Self.oneLine(message)
        self.hint = hint.map(Self.oneLine)
    }

    package var description: String {
        var text = message
        if let sqlState { text += " [\(sqlState)]" }
        if let hint { text += "; \(hint)" }
        return text
    }

    /// Whether the same work can be sent again without a second thought.
    package var isSafeToRetry: Bool {
        switch kind {
        case .unavailable, .conflict, .overloaded: true
        default: false
        }
    }

    /// The same error with the place where it happened in front.
    package func at(_ place: String) -> StoreError {
        StoreError(kind, "\(place): \(message)", sqlState: sqlState, hint: hint)
    }

    private static func oneLine(_ text: String) -> String {
        var words: [Substring] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let trimmed = line.drop(while: \.isWhitespace)
            if !trimmed.isEmpty { words.append(trimmed) }
        }
        return words.joined(separator: " ")
    }
}

extension StoreError {
    /// What the server said, without what it quoted of the values.
    ///
    /// Class 22 (data exceptions) puts the offending value into the primary message and class 23 into the detail;
    /// both are replaced by the names of table and constraint.
    static func server(
        sqlState: String, primary: String, hint: String?, table: String?, constraint: String?
    ) -> StoreError {
        let place = [table.map { "table \($0)" }, constraint.map { "constraint \($0)" }].compactMap { $0 }
        // A row without a partition is reported as a check that has no name.
        let isHomeless = sqlState == "23514" && constraint == nil
        let kind = isHomeless ? .partitionMissing : kind(of: sqlState)
        guard kind == .invalidData else {
            return StoreError(kind, primary, sqlState: sqlState, hint: hint)
        }
        let subject = place.isEmpty ? "a value" : place.joined(separator: ", ")
        return StoreError(kind, "the database refused \(subject)", sqlState: sqlState)
    }

    /// PostgreSQL, appendix A: error classes.
    private static func kind(of sqlState: String) -> Kind {
        switch sqlState {
        // Of require_size().
        case "WA001": .logHasMoved
        case "40001", "40P01", "55P03": .conflict
        // The server ends the session: administrator's command, crash of a sibling, idle timeouts.
        case "57P01", "57P02", "57P05", "25P03": .connectionLost
        // Starting up, too many connections, database not there: refused before any work.
        case "57P03", "53300", "3D000": .unavailable
        default:
            switch sqlState.prefix(2) {
            case "22", "23": .invalidData
            case "08": .connectionLost
            default: .refused
            }
        }
    }
}
