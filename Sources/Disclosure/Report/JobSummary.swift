package import Accounts
package import Batches
package import Energy
import Parallel

/// One job over all its nodes: what it drew, and how much of what it held is known.
package struct JobSummary: Sendable, Hashable {
    /// Node-time in milliseconds. allocated = measured + bridged + missing, unless more was measured than was
    /// allocated.
    package struct NodeTime: Sendable, Hashable {
        package var allocated: Int64 = 0
        package var measured: Int64 = 0
        package var bridged: Int64 = 0
        package var missing: Int64 = 0

        mutating func add(_ other: NodeTime) {
            allocated &+= other.allocated
            measured &+= other.measured
            bridged &+= other.bridged
            missing &+= other.missing
        }
    }

    package struct NodeShare: Sendable, Hashable {
        package var node: String
        package var kind: NodeRegister.Kind
        /// Nil when the node was expected and nothing of it is in the log.
        package var energyMicrojoules: Int128?
        package var time: NodeTime
        package var boundaries: KindSums<Boundary>
        /// First and last hold that the node's batches show; aligned where its clock is off.
        package var held: UTCInterval?
        /// When the job held the node, nil when nobody told.
        var allocated: IntervalSet?
        /// Holes in what is known of the node while the job held it.
        package var gaps: [GapSpan] = []
        package var witness: NodeWitness?
        /// The manifest lists other nodes and not this one.
        package var isUnlisted = false
        package var isEnrolled = false
        /// Its batches name the job, and their readings stand in the log already: they are posted to `superseded`.
        package var isSuperseded = false
    }

    /// What the job was for: who said it, and when.
    package struct Label: Sendable, Hashable {
        package var value: String
        /// The entry that sets it; nil for a label of the job's own record.
        package var setting: SettingRegister.Setting?
    }

    package var pseudonym: String
    package var record: JobRecord?
    package var attempts: Int64
    package var start: UTCTime?
    package var stop: UTCTime?
    package var nodesExpected: Int64?
    /// Who said how many; empty where all who did said the same.
    package var disputedExpectations: [JobRegister.Expectation] = []
    package var nodesReporting: Int64
    package var time: NodeTime
    /// Something of the job was not measured: what it drew is at least this.
    package var isLowerBound: Bool
    package var energy: EnergyBreakdown
    /// The part of `energy` that was drawn while the job held devices and ran nothing.
    package var idleReservedMicrojoules: Int128
    package var nodes: [NodeShare]
    package var witness: JobEntry.Witness?
    package var flags: [String]
    package var jobClass = "unclassified"
    package var model: String?
    package var activity: String?
    /// The run that the job is part of: the one that was named, else its model's.
    package var run: String?
    /// By name: class, model, activity, run.
    package var labels: [String: Label] = [:]
    /// Time in which at least one node was held.
    package var wallclockMilliseconds: Int64
    /// Its windows inside the period.
    var windows: IntervalSet
    var attemptWindows: [NumberedAttempt]

    struct NumberedAttempt: Sendable, Hashable {
        var number: Int64
        var attempt: JobRegister.Attempt
    }

    /// - Parameter period: nil for the job's whole life.
    /// - Returns: nil when the log does not know the job.
    package static func make(_ job: String, in accounts: LogAccounts, period: UTCInterval? = nil) -> JobSummary? {
        guard accounts.jobs[job] != nil else { return nil }
        let sums = PeriodSums(accounts, period: period, ofJob: job)
        return JobFold(accounts: accounts, period: period, sums: sums).summary(of: job)
    }

    /// Every job that drew or held anything in the period, or whose stated window lies in it, in the order of keys.
    package static func all(in accounts: LogAccounts, period: UTCInterval? = nil) -> [JobSummary] {
        all(in: accounts, period: period, sums: PeriodSums(accounts, period: period))
    }

    /// - Parameter sums: of that period.
    static func all(in accounts: LogAccounts, period: UTCInterval?, sums: PeriodSums) -> [JobSummary] {
        let fold = JobFold(accounts: accounts, period: period, sums: sums)
        let summaries = Array(accounts.jobs.jobs.keys).parallelMap(minimumShare: 64) { job in
            fold.summaryInPeriod(of: job)
        }.compactMap(\.self)
        // Each key is written once and no summary is copied before its place is known: else at each comparison.
        let keys = summaries.map(\.sortKey)
        return keys.indices.sorted { keys[$0] < keys[$1] }.map { summaries[$0] }
    }

    private typealias SortKey = (Int, String, String)

    /// Jobs without a record follow those with one.
    private var sortKey: SortKey {
        (record == nil ? 1 : 0, record?.key.description ?? "", pseudonym)
    }
}
