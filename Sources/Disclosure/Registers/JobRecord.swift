package import Batches
import JSONText
import TransparencyLog

/// What a job is called: kept outside the log and bound to it by a commitment, so that it can be erased.
///
/// The log holds SHA-256 of these bytes and the pseudonym, which is a hash of salt and key; with the record at hand
/// anybody can check both.
package struct JobRecord: Sendable, Hashable {
    package static let schema = "wattest/job-record/v1"

    package var key: JobKey
    package var name: String?
    package var user: String?
    /// Free labels. `class` and `model` are read by reports where no `set` entry says otherwise.
    package var labels: [String: String]
    /// 16 random bytes.
    package var salt: [UInt8]

    package init(key: JobKey, name: String?, user: String?, labels: [String: String], salt: [UInt8]) {
        self.key = key
        self.name = name
        self.user = user
        self.labels = labels
        self.salt = salt
    }

    package var pseudonym: String { Pseudonym.of(jobKey: key.description, salt: salt) }

    /// The bytes that a job entry commits to.
    package var bytes: [UInt8] {
        var labels = JSONObject()
        for (name, value) in self.labels.sorted(by: { $0.key < $1.key }) { labels.append(name, .string(value)) }
        let value: JSONValue = [
            "schema": .string(Self.schema), "key": .string(key.description), "name": name.map(JSONValue.string) ?? .null,
            "user": user.map(JSONValue.string) ?? .null, "labels": .object(labels),
            "salt": .string(Base64.encode(salt)),
        ]
        return value.rendered(.compact)
    }

    package var sha256: [UInt8] { MerkleHash.sha256(of: bytes).bytes }

    /// Reads a record; nil when the bytes are not the one rendering of one.
    package init?(bytes: [UInt8]) {
        guard let value = try? JSONValue(parsing: bytes, limits: JSONValue.Limits(bytes: 1 << 20, depth: 4)),
            value["schema"]?.string == Self.schema, let key = value["key"]?.string.flatMap(JobKey.init),
            let labels = value["labels"]?.object, let salt = value["salt"]?.string.flatMap({ Base64.decode($0) })
        else { return nil }
        var texts: [String: String] = [:]
        for member in labels.members {
            guard let text = member.value.string else { return nil }
            texts[member.name] = text
        }
        self.init(key: key, name: value["name"]?.string, user: value["user"]?.string, labels: texts, salt: salt)
        guard self.bytes == bytes else { return nil }
    }
}
