import Crypto

/// What is known of a job by name: it lies outside the log, is bound by its SHA-256 in the job entry, and can be
/// erased.
///
/// It travels beside the job entry as the entry's sample block does beside a batch.
package struct JobRecord: Sendable, Hashable {
    package var key: JobKey
    /// The log's salt under which the key's pseudonym is made.
    package var salt: [UInt8]
    /// Names and labels: `name`, `model`, `class`, `activity`, `account`, `user` and whatever else the source tells.
    package var labels: [String: String]

    package init(key: JobKey, salt: [UInt8], labels: [String: String] = [:]) {
        self.key = key
        self.salt = salt
        self.labels = labels
    }

    package static let maximumBytes = 16_384
    package static let maximumLabels = 64

    package var pseudonym: String { Pseudonym.of(jobKey: key.description, salt: salt) }

    /// The bytes that a job entry commits to.
    package var text: [UInt8] {
        var writer = LineWriter()
        writer.version("wattest/record/v1")
        writer.line("key") { $0.encodedText(key.description) }
        writer.line("salt") { $0.base64(salt) }
        for (label, value) in labels.sorted(by: { $0.key < $1.key }) {
            writer.line("label") {
                $0.field(label)
                $0.encodedText(value)
            }
        }
        return writer.bytes
    }

    package var sha256: [UInt8] { Array(SHA256.hash(data: text)) }

    package init(text: [UInt8]) throws(NoteSyntaxError) {
        var reader = LineReader(text)
        try reader.version("wattest/record/v1")
        try reader.begin("key")
        guard let key = JobKey(try reader.encodedText("job key")) else { throw reader.failure("a job key") }
        self.key = key
        try reader.endLine()
        try reader.begin("salt")
        salt = try reader.base64("salt", count: 16)
        try reader.endLine()
        labels = [:]
        var previous = ""
        while reader.startsLine("label") {
            try reader.begin("label")
            let label = try reader.name("label", maximumBytes: 64)
            // Ascending order, so that one record has one spelling.
            guard label > previous, labels.count < Self.maximumLabels else {
                throw reader.failure("at most 64 labels in ascending order")
            }
            previous = label
            labels[label] = try reader.encodedText("value")
            try reader.endLine()
        }
        try reader.endText()
    }
}
