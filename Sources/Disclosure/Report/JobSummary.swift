package import Accounts
package import Batches
package import Energy
import Parallel

/// One job over all its nodes: what it drew, and how much of what it held is known.
///
/// A class, because it has many parts and every section of a report goes through all jobs: a copy would count the
/// references of each part.
package final class JobSummary: Sendable {
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

    package let pseudonym: String
    package let record: JobRecord?
    package let attempts: Int64
    package let start: UTCTime?
    package let stop: UTCTime?
    package let nodesExpected: Int64?
    /// Who said how many; empty where all who did said the same.
    package let disputedExpectations: [JobRegister.Expectation]
    package let nodesReporting: Int64
    package let time: NodeTime
    /// Something of the job was not measured: what it drew is at least this.
    package let isLowerBound: Bool
    package let energy: EnergyBreakdown
    /// The part of `energy` that was drawn while the job held devices and ran nothing.
    package let idleReservedMicrojoules: Int128
    package let nodes: [NodeShare]
    package let witness: JobEntry.Witness?
    package let flags: [String]
    package let jobClass: String
    package let model: String?
    package let activity: String?
    /// The run that the job is part of: the one that was named, else its model's.
    package let run: String?
    /// By name: class, model, activity, run.
    package let labels: [String: Label]
    /// Time in which at least one node was held.
    package let wallclockMilliseconds: Int64
    /// Its windows inside the period.
    let windows: IntervalSet
    let attemptWindows: [NumberedAttempt]

    init(
        pseudonym: String, record: JobRecord?, attempts: Int64, start: UTCTime?, stop: UTCTime?, nodesExpected: Int64?,
        disputedExpectations: [JobRegister.Expectation], nodesReporting: Int64, time: NodeTime, isLowerBound: Bool,
        energy: EnergyBreakdown, idleReservedMicrojoules: Int128, nodes: [NodeShare], witness: JobEntry.Witness?,
        flags: [String], labels: [String: Label], wallclockMilliseconds: Int64, windows: IntervalSet,
        attemptWindows: [NumberedAttempt]
    ) {
        self.pseudonym = pseudonym
        self.record = record
        self.attempts = attempts
        self.start = start
        self.stop = stop
        self.nodesExpected = nodesExpected
        self.disputedExpectations = disputedExpectations
        self.nodesReporting = nodesReporting
        self.time = time
        self.isLowerBound = isLowerBound
        self.energy = energy
        self.idleReservedMicrojoules = idleReservedMicrojoules
        self.nodes = nodes
        self.witness = witness
        self.flags = flags
        jobClass = labels["class"]?.value ?? "unclassified"
        model = labels["model"]?.value
        activity = labels["activity"]?.value
        run = labels["run"]?.value ?? model
        self.labels = labels
        self.wallclockMilliseconds = wallclockMilliseconds
        self.windows = windows
        self.attemptWindows = attemptWindows
    }

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
        // Each key is written once: else at each comparison.
        let keys = summaries.map(\.sortKey)
        return keys.indices.sorted { keys[$0] < keys[$1] }.map { summaries[$0] }
    }

    private typealias SortKey = (Int, String, String)

    /// Jobs without a record follow those with one.
    private var sortKey: SortKey {
        (record == nil ? 1 : 0, record?.key.description ?? "", pseudonym)
    }
}
