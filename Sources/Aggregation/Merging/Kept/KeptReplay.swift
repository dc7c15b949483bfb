import Disclosure
import TransparencyLog

/// The file in which an aggregator keeps the accounts of a log over a stop, so that a start reads what has come since
/// and not the log from its first entry.
///
/// It is a cache beside the database: whoever deletes it, or starts another version of the program, waits for the log
/// to be read once. What it says is used where it ends in a tree that this log has published; a damaged one is none.
/// Only its owner may write it; a report that is issued is made from the entries in any case.
struct KeptReplay: Sendable {
    let path: String
    let origin: String

    /// Raised with every change of what `LogReplay` consists of, since a file of another shape is not told apart by
    /// itself.
    static let version = "wattest/accounts/1"
    /// An aggregator that has more in memory reads its log after a start.
    static let maximumBytes = 4 << 30

    private struct Content: Codable {
        var version: String
        var replay: LogReplay
    }

    /// Replaces the file.
    func write(_ replay: LogReplay) throws {
        let bytes = try CompactEncoder.bytes(of: Content(version: Self.version, replay: replay))
        guard bytes.count <= Self.maximumBytes else { return }
        let file = Array("\(Self.version)\n".utf8) + MerkleHash.sha256(of: bytes).bytes
        try LargeFile.write([file, bytes], to: path)
    }

    /// Nil when there is none that this program wrote for this log.
    func read() -> LogReplay? {
        let opening = Array("\(Self.version)\n".utf8)
        guard let (head, bytes) = LargeFile.read(path, head: opening.count + 32, maximumBytes: Self.maximumBytes),
            head.starts(with: opening), MerkleHash.sha256(of: bytes).bytes == Array(head[opening.count...]),
            let content = try? CompactDecoder.value(Content.self, from: bytes), content.version == Self.version,
            content.replay.origin == origin, content.replay.period == nil
        else { return nil }
        return content.replay
    }
}
