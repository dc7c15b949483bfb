/// An entry that is stored as the text that is signed: its grammar is fixed, and the one way in checks it.
package protocol StoredText: Codable {
    var text: [UInt8] { get }
    init(text: [UInt8]) throws(NoteSyntaxError)
}

extension StoredText {
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        try self.init(text: try container.decode([UInt8].self))
    }
}

extension GenesisEntry: StoredText {}
extension ReportEntry: StoredText {}
extension CorrectEntry: StoredText {}
