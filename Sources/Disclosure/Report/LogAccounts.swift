package import Accounts
package import Batches

/// Everything of one log prefix that a report is made from: sums and registers, without the entries.
///
/// The aggregator restores it from the folds of its database, the auditor gets it from `LogReplay`; both are equal, and
/// so is every figure made from them.
package struct LogAccounts: Sendable {
    /// Sums by account, node and hour. It must span the hours of the period that is asked for.
    package var ledger: Ledger
    package var jobs: JobRegister
    package var settings: SettingRegister
    package var nodes: NodeRegister
    package var reports: ReportRegister
    package var closings: ClosingRegister
    package var corrections: CorrectionRegister
    /// Batches behind the last trusted place of a key that was revoked afterwards; of the period that was read.
    package var revoked: [RevokedRegister.Run]
    /// `measure/1` …: every method that a batch names.
    package var measuringMethods: Set<String>
    /// By pseudonym; what is erased or withheld is absent.
    package private(set) var records: [String: JobRecord] = [:]

    package init(
        ledger: Ledger, jobs: JobRegister, settings: SettingRegister, nodes: NodeRegister,
        reports: ReportRegister = ReportRegister(), corrections: CorrectionRegister = CorrectionRegister(),
        revoked: [RevokedRegister.Run] = [],
        closings: ClosingRegister = ClosingRegister(), measuringMethods: Set<String>
    ) {
        self.ledger = ledger
        self.jobs = jobs
        self.settings = settings
        self.nodes = nodes
        self.reports = reports
        self.closings = closings
        self.corrections = corrections
        self.revoked = revoked
        self.measuringMethods = measuringMethods
    }

    /// Adds the bytes of a job's record if the log commits to them.
    ///
    /// Of several records of one job the one that was committed to last counts, whatever the order of adding.
    ///
    /// - Returns: false when no job entry commits to them or they contradict the pseudonym; nothing changed then.
    @discardableResult
    package mutating func add(record bytes: [UInt8], of pseudonym: String) -> Bool {
        guard let record = JobRecord(bytes: bytes), record.pseudonym == pseudonym,
            let job = jobs[pseudonym], let index = job.commitment(to: record)
        else { return false }
        if let known = records[pseudonym], let earlier = job.commitment(to: known), earlier > index { return true }
        records[pseudonym] = record
        return true
    }

    /// Forgets what all other jobs are called.
    package mutating func keepRecords(of jobs: Set<String>) {
        records = records.filter { jobs.contains($0.key) }
    }
}

extension JobRegister.Job {
    /// Index of the entry that first commits to the record.
    func commitment(to record: JobRecord) -> UInt64? {
        let sha256 = record.sha256
        return records.first { $0.sha256 == sha256 }?.index
    }
}
