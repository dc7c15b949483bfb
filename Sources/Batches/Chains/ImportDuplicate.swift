package import Energy

/// Why an import is refused whose file the log knows: by whom it was begun, and how far it has come.
///
/// The refusal's message carries it, so that an importer on another machine can tell a complete import from one that
/// was left half way.
package struct ImportDuplicate: Sendable, Hashable {
    package var node: String
    package var sensor: String
    package var signer: String
    /// End of the last batch in the log, nil when it holds none.
    package var until: UTCTime?

    package init(node: String, sensor: String, signer: String, until: UTCTime?) {
        self.node = node
        self.sensor = sensor
        self.signer = signer
        self.until = until
    }

    private static let opening = "already imported: "

    package var message: String {
        "\(Self.opening)\(node) \(sensor) by \(signer) until \(until.map { "\($0.microseconds)" } ?? "-")"
    }

    /// Names have no blanks, so that the words are what they were.
    package init?(message: String) {
        guard message.hasPrefix(Self.opening) else { return nil }
        let words = message.dropFirst(Self.opening.count).split(separator: " ").map(String.init)
        guard words.count == 6, words[2] == "by", words[4] == "until" else { return nil }
        self.init(
            node: words[0], sensor: words[1], signer: words[3],
            until: Int64(words[5]).map { UTCTime(microseconds: $0) })
    }
}
