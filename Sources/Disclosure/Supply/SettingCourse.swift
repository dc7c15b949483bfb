import Batches
import Energy
import JSONText

/// One setting over time: between two changes it is looked up once, however many hours ask for it.
struct SettingCourse {
    private let settings: SettingRegister
    private let field: String
    private let subject: String
    /// Ascending.
    private let changes: [UTCTime]
    /// By the number of changes that came before.
    private var known: [Int: JSONValue?] = [:]

    init(_ settings: SettingRegister, _ field: String, _ subject: String) {
        self.settings = settings
        self.field = field
        self.subject = subject
        changes = settings.changes(of: field, subject: subject).sorted()
    }

    mutating func text(at time: UTCTime) -> String? { value(at: time)?.string }

    mutating func value(at time: UTCTime) -> JSONValue? {
        let span = passed(at: time)
        if let value = known[span] { return value }
        let value = settings.json(field, of: subject, at: time)
        known[span] = .some(value)
        return value
    }

    /// How many changes lie at a time or before it.
    private func passed(at time: UTCTime) -> Int {
        var (low, high) = (0, changes.count)
        while low < high {
            let middle = low + (high - low) / 2
            if changes[middle] <= time { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
