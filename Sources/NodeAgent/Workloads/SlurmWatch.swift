import Energy
import Workloads

/// Follows the jobs that Slurm puts on this node: control groups and hooks in, edges out. Owned by the measuring
/// thread; reads two directories a second where there is nothing.
struct SlurmWatch: Sendable {
    enum Edge: Sendable, Hashable {
        case begin(token: String, since: UTCTime)
        case end(token: String)
    }

    struct TimedEdge: Sendable, Hashable {
        var edge: Edge
        var moment: Moment
    }

    /// A job on this node.
    struct Known: Sendable, Hashable {
        var token: String
        var job: Int64
        var group: SlurmGroups.Job?
        var environment = TaskEnvironment()
        var since: UTCTime
        /// A prolog told of it, so an epilog will.
        var hasHook = false
        /// When its control group was first missed.
        var goneNanoseconds: Int64?
        /// A task's environment was read.
        var hasTask = false
    }

    private(set) var known: [Int64: Known] = [:]
    /// Groups of jobs that an epilog ended: they linger.
    private var finished: [Int64: UInt64] = [:]
    private var groups: SlurmGroups
    private let hookDirectory: String
    private let processes: ProcessTable
    private var lastLook: Moment?
    private var counter: UInt64 = 0

    /// An epilog that does not come, after its job's group has gone.
    private static let epilogPatienceNanoseconds: Int64 = 60_000_000_000

    init(sysfsRoot: String, processes: ProcessTable, names: Set<String>, hookDirectory: String) {
        groups = SlurmGroups(sysfsRoot: sysfsRoot, names: names)
        self.hookDirectory = hookDirectory
        self.processes = processes
    }

    mutating func look(at now: Moment) -> [TimedEdge] {
        var edges: [TimedEdge] = []
        // The groups before the hooks: a job that ends in between is then ended by its hook.
        let found = groups.look()
        for hook in SlurmHook.take(from: hookDirectory) {
            take(hook, now, &edges)
            if hook.edge == .end { finished[hook.job] = found[hook.job]?.identity }
        }
        for (id, group) in found.sorted(by: { $0.key < $1.key }) { see(id, group, now, &edges) }
        for (id, known) in known where found[id] == nil && known.group != nil { miss(id, known, now, &edges) }
        finished = finished.filter { found[$0.key]?.identity == $0.value }
        lastLook = now
        return edges.sorted { $0.moment.nanoseconds < $1.moment.nanoseconds }
    }

    /// An edge lies between the last look and this one, or it is put there.
    private func moment(_ nanoseconds: Int64, _ now: Moment) -> Moment {
        let earliest = lastLook.map { $0.nanoseconds } ?? now.nanoseconds
        let instant = min(now.nanoseconds, max(earliest, nanoseconds))
        return Moment(nanoseconds: instant, utc: now.utc(at: instant))
    }

    private mutating func take(_ hook: SlurmHook, _ now: Moment, _ edges: inout [TimedEdge]) {
        let time = UTCTime(microseconds: min(hook.utcMicroseconds, now.utc.microseconds))
        let moment = moment(now.nanoseconds(at: time), now)
        switch hook.edge {
        case .begin:
            if let job = known[hook.job], job.hasHook, job.since < time {
                // A second prolog without an epilog between: the job was requeued while the node was away.
                edges.append(TimedEdge(edge: .end(token: job.token), moment: moment))
                known[hook.job] = nil
            }
            if known[hook.job] == nil { begin(hook.job, nil, since: time, at: moment, &edges) }
            known[hook.job]?.hasHook = true
            known[hook.job]?.environment = hook.environment
        case .end:
            guard let job = known.removeValue(forKey: hook.job) else { return }
            edges.append(TimedEdge(edge: .end(token: job.token), moment: moment))
        }
    }

    private mutating func see(
        _ id: Int64, _ group: SlurmGroups.Job, _ now: Moment, _ edges: inout [TimedEdge]
    ) {
        guard finished[id] != group.identity else { return }
        if let job = known[id], let old = job.group, old.identity != group.identity, !job.hasHook {
            edges.append(TimedEdge(edge: .end(token: job.token), moment: now))
            known[id] = nil
        }
        if known[id] != nil {
            known[id]?.group = group
            known[id]?.goneNanoseconds = nil
        } else {
            let moment = moment(startNanoseconds(of: group) ?? now.nanoseconds, now)
            begin(id, group, since: moment.utc, at: moment, &edges)
        }
    }

    private mutating func miss(_ id: Int64, _ job: Known, _ now: Moment, _ edges: inout [TimedEdge]) {
        if job.hasHook {
            let gone = job.goneNanoseconds ?? now.nanoseconds
            known[id]?.goneNanoseconds = gone
            guard now.nanoseconds - gone > Self.epilogPatienceNanoseconds else { return }
        }
        edges.append(TimedEdge(edge: .end(token: job.token), moment: now))
        known[id] = nil
    }

    private mutating func begin(
        _ id: Int64, _ group: SlurmGroups.Job?, since: UTCTime, at moment: Moment, _ edges: inout [TimedEdge]
    ) {
        counter += 1
        let token = "\(WorkloadBook.tokenPrefix)slurm/\(id)/\(counter)"
        known[id] = Known(token: token, job: id, group: group, since: since)
        edges.append(TimedEdge(edge: .begin(token: token, since: since), moment: moment))
    }

    /// When the first process of the job was started, as the kernel keeps it (proc_pid_stat(5), field 22).
    private func startNanoseconds(of group: SlurmGroups.Job) -> Int64? {
        let starts = SlurmGroups.processes(of: group).pids.prefix(64).compactMap { processes.process($0)?.startTicks }
        return starts.min().map { processes.microseconds($0) &* 1000 }
    }

    // MARK: After a restart of the agent

    /// Goes on with a hold that an earlier run of the agent knew, when it is the same one.
    mutating func restore(_ job: Known) -> Bool {
        guard known[job.job] == nil else { return false }
        let found = groups.look()[job.job]
        guard job.group.map({ $0.identity == found?.identity }) ?? job.hasHook else { return false }
        counter += 1
        var restored = job
        restored.group = found
        restored.token = "\(WorkloadBook.tokenPrefix)slurm/\(job.job)/r\(counter)"
        known[job.job] = restored
        return true
    }

    // MARK: Inside of a job

    /// A task's environment, once, as soon as there is a task.
    mutating func taskEnvironment(of id: Int64, pids: [Int32]) -> TaskEnvironment? {
        guard known[id]?.hasTask == false else { return nil }
        for pid in pids.prefix(256) {
            guard let environment = processes.environment(of: pid), environment.integer("SLURM_JOB_ID") == id,
                environment["SLURM_PROCID"] != nil || environment["SLURM_SUBMIT_DIR"] != nil
            else { continue }
            known[id]?.hasTask = true
            return environment
        }
        return nil
    }
}
