import TransparencyLog

/// One entry of a log, told by its version word.
package enum Entry: Sendable, Hashable {
    case genesis(GenesisEntry)
    case node(NodeEntry)
    case resume(ResumeEntry)
    case imported(ImportEntry)
    case job(JobEntry)
    /// A batch, or an extract of one. In a box of its own: entries are passed from hand to hand, and a batch is large.
    indirect case batch(Batch)
    case set(SetEntry)
    case close(CloseEntry)
    case conflict(ConflictEntry)
    case correct(CorrectEntry)
    case report(ReportEntry)
    case logKey(LogKeyEntry)

    /// The kinds with their version words and the numbers under which the database stores them. Never renumbered.
    package enum Kind: Int16, Sendable, Hashable, CaseIterable, Codable {
        case genesis = 1
        case node = 2
        case imported = 3
        case job = 4
        case batch = 5
        case set = 6
        case close = 7
        case conflict = 8
        case correct = 9
        case report = 10
        case resume = 11
        case extract = 12
        case logKey = 16

        package var version: String {
            switch self {
            case .genesis: "wattest/genesis/v1"
            case .node: "wattest/node/v1"
            case .imported: "wattest/import/v1"
            case .job: "wattest/job/v1"
            case .batch: "wattest/batch/v1"
            case .set: "wattest/set/v1"
            case .close: "wattest/close/v1"
            case .conflict: "wattest/conflict/v1"
            case .correct: "wattest/correct/v1"
            case .report: "wattest/report/v1"
            case .logKey: "wattest/logkey/v1"
            case .resume: "wattest/resume/v1"
            case .extract: "wattest/extract/v1"
            }
        }

        /// The kind that the first line names, without reading further.
        package init?(text: [UInt8]) {
            let word = String(decoding: text.prefix(64).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
            guard let kind = Kind.allCases.first(where: { $0.version == word }) else { return nil }
            self = kind
        }
    }

    /// Whether the text is of a batch or an extract, by its first line.
    package static func isBatch(_ text: ArraySlice<UInt8>) -> Bool {
        text.starts(with: batchOpening) || text.starts(with: extractOpening)
    }

    private static let batchOpening = Array("\(Kind.batch.version)\n".utf8)
    private static let extractOpening = Array("\(Kind.extract.version)\n".utf8)

    /// Parses the text of any entry.
    package init(text: [UInt8]) throws(NoteSyntaxError) {
        switch Kind(text: text) {
        case .genesis: self = .genesis(try GenesisEntry(text: text))
        case .node: self = .node(try NodeEntry(text: text))
        case .resume: self = .resume(try ResumeEntry(text: text))
        case .imported: self = .imported(try ImportEntry(text: text))
        case .job: self = .job(try JobEntry(text: text))
        case .batch, .extract: self = .batch(try Batch(text: text))
        case .set: self = .set(try SetEntry(text: text))
        case .close: self = .close(try CloseEntry(text: text))
        case .conflict: self = .conflict(try ConflictEntry(text: text))
        case .correct: self = .correct(try CorrectEntry(text: text))
        case .report: self = .report(try ReportEntry(text: text))
        case .logKey: self = .logKey(try LogKeyEntry(text: text))
        case nil: throw NoteSyntaxError(line: 1, expected: "the version word of a known kind of entry")
        }
    }

    package var text: [UInt8] {
        switch self {
        case .genesis(let entry): entry.text
        case .node(let entry): entry.text
        case .resume(let entry): entry.text
        case .imported(let entry): entry.text
        case .job(let entry): entry.text
        case .batch(let entry): entry.text
        case .set(let entry): entry.text
        case .close(let entry): entry.text
        case .conflict(let entry): entry.text
        case .correct(let entry): entry.text
        case .report(let entry): entry.text
        case .logKey(let entry): entry.text
        }
    }

    package var kind: Kind {
        switch self {
        case .genesis: .genesis
        case .node: .node
        case .resume: .resume
        case .imported: .imported
        case .job: .job
        case .batch(let entry): entry.home == nil ? .batch : .extract
        case .set: .set
        case .close: .close
        case .conflict: .conflict
        case .correct: .correct
        case .report: .report
        case .logKey: .logKey
        }
    }

    /// The log that the entry belongs to, by its own word.
    package var log: String {
        switch self {
        case .genesis(let entry): entry.log
        case .node(let entry): entry.log
        case .resume(let entry): entry.log
        case .imported(let entry): entry.log
        case .job(let entry): entry.log
        case .batch(let entry): entry.log
        case .set(let entry): entry.log
        case .close(let entry): entry.log
        case .conflict(let entry): entry.log
        case .correct(let entry): entry.log
        case .report(let entry): entry.log
        case .logKey(let entry): entry.log
        }
    }

    /// The largest entry that a tile bundle can carry.
    package static let maximumNoteBytes = 65_535
}
