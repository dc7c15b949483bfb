package import Energy
package import TransparencyLog

/// A correction: energy that was posted to one account by the rule, and belongs to another by a person's word. What was
/// logged stays; whoever reads the log from its beginning sees both, and who said why.
///
/// Each move is about one node and hour, takes from what stands there in front of this entry, keeps component,
/// provenance and boundary, and never takes more than there is. Sums are conserved: nothing is made or destroyed.
///
/// Signed by the administration key.
package struct CorrectEntry: Sendable, Hashable {
    package var log: String
    package var time: UTCTime
    package var by: String
    package var reason: String
    /// Leaf hash of the entry that misled, nil when it is none in particular.
    package var refersTo: MerkleHash?
    /// 1 to `maximumMoves`.
    package var moves: [Move]
    package var salt: [UInt8]

    package static let maximumMoves = 256

    /// Who pays: the accounts that add up to the organization's energy.
    package enum Account: Sendable, Hashable {
        case job(String)
        case idleReserved(String)
        case idle
        case unattributed
        case gap

        package var name: String {
            switch self {
            case .job(let job): "job/\(job)"
            case .idleReserved(let job): "idle-reserved/\(job)"
            case .idle: "idle"
            case .unattributed: "unattributed"
            case .gap: "gap"
            }
        }

        /// The pseudonym of the job that pays, nil for what nobody's job pays.
        var job: String? {
            switch self {
            case .job(let job), .idleReserved(let job): job
            case .idle, .unattributed, .gap: nil
            }
        }

        package init?(name: String) {
            switch name {
            case "idle": self = .idle
            case "unattributed": self = .unattributed
            case "gap": self = .gap
            default:
                let parts = name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                guard parts.count == 2, Pseudonym.isWellFormed(parts[1]) else { return nil }
                switch parts[0] {
                case "job": self = .job(parts[1])
                case "idle-reserved": self = .idleReserved(parts[1])
                default: return nil
                }
            }
        }
    }

    package struct Move: Sendable, Hashable {
        package var node: String
        /// Start of a whole UTC hour.
        package var hour: UTCTime
        package var from: Account
        package var to: Account
        package var microjoules: Int64

        package init(node: String, hour: UTCTime, from: Account, to: Account, microjoules: Int64) {
            self.node = node
            self.hour = hour
            self.from = from
            self.to = to
            self.microjoules = microjoules
        }
    }

    package init(
        log: String, time: UTCTime, by: String, reason: String, refersTo: MerkleHash?, moves: [Move], salt: [UInt8]
    ) {
        self.log = log
        self.time = time
        self.by = by
        self.reason = reason
        self.refersTo = refersTo
        self.moves = moves
        self.salt = salt
    }

    package var text: [UInt8] {
        var writer = LineWriter()
        writer.version("wattest/correct/v1")
        writer.opening(log, time)
        writer.line("by") { $0.encodedText(by) }
        writer.line("reason") { $0.encodedText(reason) }
        writer.line("refers") { writer in
            guard let refersTo else { return writer.nothing() }
            writer.base64(refersTo.bytes)
        }
        for move in moves {
            writer.line("move") {
                $0.field(move.node)
                $0.field(move.hour.microseconds)
                $0.field(move.from.name)
                $0.field(move.to.name)
                $0.field(move.microjoules)
            }
        }
        writer.line("salt") { $0.base64(salt) }
        return writer.bytes
    }

    package init(text: [UInt8]) throws(NoteSyntaxError) {
        var reader = LineReader(text)
        try reader.version("wattest/correct/v1")
        (log, time) = try reader.opening()
        try reader.begin("by")
        by = try reader.encodedText("by")
        try reader.endLine()
        try reader.begin("reason")
        reason = try reader.encodedText("reason")
        try reader.endLine()
        try reader.begin("refers")
        refersTo = reader.takeNothing() ? nil : try reader.hash("leaf hash")
        try reader.endLine()
        moves = []
        repeat {
            guard moves.count < Self.maximumMoves else { throw reader.failure("at most \(Self.maximumMoves) moves") }
            moves.append(try Self.move(&reader))
        } while reader.startsLine("move")
        salt = try reader.saltLine()
        try reader.endText()
    }

    private static func move(_ reader: inout LineReader) throws(NoteSyntaxError) -> Move {
        try reader.begin("move")
        let node = try reader.name("node")
        let hour = UTCTime(microseconds: try reader.integer("hour"))
        guard hour.isWholeHour else { throw reader.failure("hour, the start of a whole UTC hour") }
        let from = try account("from", &reader)
        let to = try account("to", &reader)
        guard from != to else { throw reader.failure("to, another account than it is taken from") }
        let microjoules = try reader.integer("energy")
        guard microjoules > 0 else { throw reader.failure("energy, more than 0") }
        try reader.endLine()
        return Move(node: node, hour: hour, from: from, to: to, microjoules: microjoules)
    }

    private static func account(_ what: StaticString, _ reader: inout LineReader) throws(NoteSyntaxError) -> Account {
        guard let account = Account(name: try reader.name(what, maximumBytes: 64)) else {
            throw reader.failure("\(what), an account: job/PSEUDONYM, idle-reserved/PSEUDONYM, idle, unattributed, gap")
        }
        return account
    }
}
