import Batches
import Energy
import JSONText

extension JobFold {
    static let knownLabelFields: [(name: String, field: String)] = [
        ("class", SettingField.jobClass), ("model", SettingField.jobModel),
        ("activity", SettingField.jobActivity), ("run", SettingField.jobRun),
    ]

    /// What the job was for: a `set` entry's word before the record's label.
    func labels(of pseudonym: String) -> [String: JobSummary.Label] {
        var labels: [String: JobSummary.Label] = [:]
        for (name, field, isSet) in labelFields {
            if let label = label(name, isSet ? field : nil, pseudonym) { labels[name] = label }
        }
        return labels
    }

    /// - Parameter field: nil where nobody ever set it.
    private func label(_ label: String, _ field: String?, _ pseudonym: String) -> JobSummary.Label? {
        let time = period.map { UTCTime(microseconds: $0.end.microseconds - 1) } ?? UTCTime(microseconds: .max)
        if let field, let setting = accounts.settings.setting(field, of: pseudonym, at: time),
            let text = setting.json?.string
        {
            return JobSummary.Label(value: text, setting: setting)
        }
        return accounts.records[pseudonym]?.labels[label].map { JobSummary.Label(value: $0, setting: nil) }
    }
}
