import Batches
import Energy
import JSONText

extension JobFold {
    static let labelFields: [(name: String, field: String)] = [
        ("class", SettingField.jobClass), ("model", SettingField.jobModel),
        ("activity", SettingField.jobActivity), ("run", SettingField.jobRun),
    ]

    /// Writes what the job was for: a `set` entry's word before the record's label.
    func classify(_ summary: inout JobSummary) {
        for (name, field, isSet) in labels {
            if let label = label(name, isSet ? field : nil, summary.pseudonym) { summary.labels[name] = label }
        }
        summary.jobClass = summary.labels["class"]?.value ?? "unclassified"
        summary.model = summary.labels["model"]?.value
        summary.activity = summary.labels["activity"]?.value
        summary.run = summary.labels["run"]?.value ?? summary.model
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
