package import Energy

/// One job's hold on this node, as whoever knows it says: a scheduler, a cluster manager, or the job itself.
package struct Allocation: Sendable, Hashable {
    /// Pseudonym of the job.
    package var job: String
    package var mode: AllocationFacts.Mode
    /// Identities of the accelerators that it holds.
    package var devices: [String]
    package var reservedMillicores: Int64
    package var expectedNodes: Int64?
    package var rank: Int64?
    /// When the hold began.
    package var since: UTCTime

    package init(
        job: String, mode: AllocationFacts.Mode, devices: [String] = [], reservedMillicores: Int64 = 0,
        expectedNodes: Int64? = nil, rank: Int64? = nil, since: UTCTime
    ) {
        self.job = job
        self.mode = mode
        self.devices = devices
        self.reservedMillicores = reservedMillicores
        self.expectedNodes = expectedNodes
        self.rank = rank
        self.since = since
    }
}

/// CPU time on the node, cumulative, as it was read at one moment.
package struct NodeUsage: Sendable, Hashable {
    package struct Job: Sendable, Hashable {
        /// Never falls while the hold lasts.
        package var cpuMicroseconds: Int64
        /// Whether a process of the job runs.
        package var isActive: Bool

        package init(cpuMicroseconds: Int64, isActive: Bool) {
            self.cpuMicroseconds = cpuMicroseconds
            self.isActive = isActive
        }
    }

    /// Time that all processors together were busy since boot; nil where it cannot be read.
    package var busyMicroseconds: Int64?
    package var millicores: Int64
    /// By pseudonym.
    package var jobs: [String: Job]

    package init(busyMicroseconds: Int64?, millicores: Int64, jobs: [String: Job] = [:]) {
        self.busyMicroseconds = busyMicroseconds
        self.millicores = millicores
        self.jobs = jobs
    }
}
