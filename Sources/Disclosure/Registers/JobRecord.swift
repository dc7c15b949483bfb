package import Batches

/// The names that reports read from a job's record.
extension JobRecord {
    package init(key: JobKey, name: String?, user: String?, labels: [String: String], salt: [UInt8]) {
        var labels = labels
        labels["name"] = name
        labels["user"] = user
        self.init(key: key, salt: salt, labels: labels)
    }

    package var name: String? { labels["name"] }
    package var user: String? { labels["user"] }

    /// The bytes that a job entry commits to.
    package var bytes: [UInt8] { text }

    /// Reads a record; nil when the bytes are not the one rendering of one.
    package init?(bytes: [UInt8]) {
        guard let record = try? JobRecord(text: bytes) else { return nil }
        self = record
    }
}

/// A record that was taken apart, with what the log may commit to.
package struct KnownRecord: Sendable, Hashable {
    package let pseudonym: String
    package let record: JobRecord
    package let sha256: [UInt8]

    /// - Returns: nil when the bytes are no record, or another job's.
    package init?(bytes: [UInt8], pseudonym: String) {
        guard let record = JobRecord(bytes: bytes), record.pseudonym == pseudonym else { return nil }
        self.pseudonym = pseudonym
        self.record = record
        sha256 = record.sha256
    }
}
