import Accounts
import Disclosure
import Energy
import Store
import Synchronization
import TransparencyLog

/// Reports that were made a moment ago, for whoever asks for the very same again while nothing that they rest on has
/// changed. Nothing else is looked at: a report is a function of what its key names.
final class ReportShelf: Sendable {
    struct Key: Hashable {
        var period: UTCInterval
        var audience: Audience
        var rule: AttributionRule
        var method: CalculationMethod
        /// The prefix of the log, by what it holds.
        var head: TreeHead
        var records: JobsVersion
        var policy: [UInt8]
        /// SHA-256 of the factor files that are at hand.
        var factorFiles: Set<String>
    }

    /// What is kept at most, in reports and in bytes of them.
    static let maximumReports = 16
    static let maximumBytes = 128 << 20

    private struct Item {
        var key: Key
        var bytes: [UInt8]
    }

    /// The oldest first.
    private let items = Mutex<[Item]>([])

    func bytes(_ key: Key) -> [UInt8]? { items.withLock { items in items.last { $0.key == key }?.bytes } }

    func keep(_ bytes: [UInt8], _ key: Key) {
        guard bytes.count <= Self.maximumBytes else { return }
        items.withLock { items in
            items.removeAll { $0.key == key }
            items.append(Item(key: key, bytes: bytes))
            while items.count > Self.maximumReports
                || items.reduce(0, { $0 + $1.bytes.count }) > Self.maximumBytes
            {
                items.removeFirst()
            }
        }
    }

    /// A report's bytes, made where they are not at hand.
    func bytes(_ input: DisclosureInput, records: JobsVersion) -> [UInt8] {
        let key = Key(
            period: input.period, audience: input.audience, rule: input.rule, method: input.method,
            head: TreeHead(size: input.checkpoint.size, root: input.checkpoint.root), records: records,
            policy: input.policy, factorFiles: Set(input.factorFiles.keys))
        if let known = bytes(key) { return known }
        let made = Disclosure(input).bytes
        keep(made, key)
        return made
    }
}
