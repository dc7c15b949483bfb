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
        /// Where the node's time is cut.
        var moment: Moment
        /// When it ended, where a hook tells: what ended while no agent ran is cut later.
        var ended: UTCTime?
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
    /// Files of hooks that were read and not removed yet.
    private var readHooks: Set<String> = []
    /// What the hooks told of jobs that ended at the last look, by token.
    private(set) var ended: [String: TaskEnvironment] = [:]
    /// Groups of jobs that an epilog ended: they linger.
    private var finished: [Int64: UInt64] = [:]
    /// Groups without a process that the first look of this run found, of jobs that nobody knew: left behind by a job
    /// that ended before, until a process says otherwise.
    private var deserted: [Int64: UInt64] = [:]
    private var groups: SlurmGroups
    /// Steps that no control group holds, by job.
    private var ungrouped: [Int64: [LauncherWatch.Step]] = [:]
    private let hookDirectory: String
    private let processes: ProcessTable
    private var lastLook: Moment?
    private var counter: UInt64

    /// An epilog that does not come, after its job's group has gone.
    private static let epilogPatienceNanoseconds: Int64 = 60_000_000_000

    /// - Parameter firstToken: above the number of every token that an earlier run gave in this boot.
    init(
        sysfsRoot: String, processes: ProcessTable, names: Set<String>, hookDirectory: String, firstToken: UInt64 = 0
    ) {
        counter = firstToken
        groups = SlurmGroups(sysfsRoot: sysfsRoot, names: names)
        self.hookDirectory = hookDirectory
        self.processes = processes
    }

    mutating func look(at now: Moment) -> [TimedEdge] {
        var edges: [TimedEdge] = []
        ended = [:]
        // The groups before the hooks: a job that ends in between is then ended by its hook.
        var found = groups.look()
        addUngrouped(to: &found)
        let (hooks, names) = SlurmHook.read(in: hookDirectory, except: readHooks)
        readHooks.formUnion(names)
        for hook in hooks {
            take(hook, now, &edges)
            if hook.edge == .end { finished[hook.job] = found[hook.job]?.identity }
        }
        for (id, group) in found.sorted(by: { $0.key < $1.key }) { see(id, group, now, &edges) }
        for (id, known) in known where found[id] == nil && known.group != nil { miss(id, known, now, &edges) }
        finished = finished.filter { found[$0.key]?.identity == $0.value }
        deserted = deserted.filter { found[$0.key]?.identity == $0.value }
        lastLook = now
        return edges.sorted { $0.moment.nanoseconds < $1.moment.nanoseconds }
    }

    /// A task runs below the daemon of a step for which Slurm made no control group (proctrack/linuxproc and
    /// proctrack/pgid make none).
    mutating func see(_ step: LauncherWatch.Step) {
        guard ungrouped[step.job]?.contains(where: { $0.daemon == step.daemon }) != true else { return }
        ungrouped[step.job, default: []].append(step)
    }

    private mutating func addUngrouped(to found: inout [Int64: SlurmGroups.Job]) {
        for (id, steps) in ungrouped {
            let living = steps.filter { step in
                let entry = processes.process(step.daemon.pid)
                return entry?.startTicks == step.daemon.startTicks && entry?.isZombie == false
            }
            ungrouped[id] = living.isEmpty ? nil : living
            guard !living.isEmpty, found[id] == nil else { continue }
            // The same from step to step, and no directory's number.
            var job = SlurmGroups.Job(id: id, directories: [], identity: 1 << 63 | UInt64(id))
            job.daemons = living.map(\.daemon.pid)
            job.hasTaskDaemon = living.contains { $0.runsTasks }
            found[id] = job
        }
    }

    /// Whether steps without a control group are followed.
    var hasUngrouped: Bool { !ungrouped.isEmpty }

    /// The job below whose daemon a process runs.
    func job(ofDaemon pid: Int32) -> Known? {
        known.values.first { $0.group?.daemons.contains(pid) == true }
    }

    /// A tree of control groups may be new.
    mutating func searchAtNextLook() { groups.searchAtNextLook() }

    /// What the hooks told is remembered: a crash cannot lose it any more.
    mutating func removeHooks() {
        guard !readHooks.isEmpty else { return }
        SlurmHook.remove(readHooks, from: hookDirectory)
        readHooks.removeAll()
    }

    /// An edge lies between the last look and this one, or it is put there.
    private func moment(_ nanoseconds: Int64, _ now: Moment) -> Moment {
        // The very moment of that look: a clock that is slewed would put another time on it, and the time between the
        // two would be missing.
        if let lastLook, nanoseconds <= lastLook.nanoseconds { return lastLook }
        let instant = lastLook == nil ? now.nanoseconds : min(now.nanoseconds, nanoseconds)
        return Moment(nanoseconds: instant, utc: now.utc(at: instant))
    }

    private mutating func take(_ hook: SlurmHook, _ now: Moment, _ edges: inout [TimedEdge]) {
        let time = UTCTime(microseconds: min(hook.utcMicroseconds, now.utc.microseconds))
        let moment = moment(now.nanoseconds(at: time), now)
        switch hook.edge {
        case .begin:
            if let job = known[hook.job], job.hasHook, job.since < time {
                // A second prolog without an epilog between: the job was requeued while the node was away.
                edges.append(TimedEdge(edge: .end(token: job.token), moment: moment, ended: time))
                known[hook.job] = nil
            }
            if known[hook.job] == nil {
                begin(hook.job, nil, since: isJustMissed(time) ? moment.utc : time, at: moment, &edges)
            }
            known[hook.job]?.hasHook = true
            known[hook.job]?.environment = hook.environment
        case .end:
            guard let job = known.removeValue(forKey: hook.job) else { return }
            ended[job.token] = job.environment
            edges.append(TimedEdge(edge: .end(token: job.token), moment: moment, ended: max(time, job.since)))
        }
    }

    /// Whether a hook was written while the last look was made, and read by this one: the edge lies then at the look.
    /// By such milliseconds alone a job with a thousand nodes would nearly always be a lower bound.
    private func isJustMissed(_ time: UTCTime) -> Bool {
        guard let last = lastLook?.utc.microseconds else { return false }
        return time.microseconds < last && last - time.microseconds < 1_000_000
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
        } else if lastLook == nil || deserted[id] == group.identity, SlurmGroups.processes(of: group).pids.isEmpty {
            // Slurm leaves a directory behind at times. A job's own holds a daemon for as long as it runs; taken for a
            // job, an empty one would have half of the node's energy until somebody removes it.
            deserted[id] = group.identity
        } else {
            deserted[id] = nil
            let start = startNanoseconds(of: group) ?? now.nanoseconds
            let moment = moment(start, now)
            // What the first look of a run finds began before it: that time is missing, and not to be passed over.
            let since = lastLook == nil ? now.utc(at: min(start, now.nanoseconds)) : moment.utc
            begin(id, group, since: since, at: moment, &edges)
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
        if group?.daemons.isEmpty == false, let step = ungrouped[id]?.first {
            known[id]?.environment = step.environment
        }
        edges.append(TimedEdge(edge: .begin(token: token, since: since), moment: moment))
    }

    /// When the first process of the job was started, as the kernel keeps it (proc_pid_stat(5), field 22).
    private func startNanoseconds(of group: SlurmGroups.Job) -> Int64? {
        let starts = SlurmGroups.processes(of: group).pids.prefix(64).compactMap { processes.process($0)?.startTicks }
        return starts.min().map { processes.microseconds($0) &* 1000 }
    }

    // MARK: After a restart of the agent

    /// What became of a hold that an earlier run of the agent knew.
    enum Restored: Sendable, Hashable {
        case gone
        /// It is the same one.
        case held
        /// It goes on until a hook says more, or does not come: nobody knows whether it is the same one.
        case doubtful
    }

    /// Goes on with holds that an earlier run of the agent knew, as far as the kernel and the hooks that lie there show
    /// the same ones.
    mutating func restore(_ jobs: [Known], now: Moment) -> [String: Restored] {
        guard !jobs.isEmpty else { return [:] }
        let found = groups.look()
        let hooks = SlurmHook.read(in: hookDirectory, limit: SlurmHook.maximumFiles).hooks
        var restored: [String: Restored] = [:]
        for job in jobs where known[job.job] == nil {
            let hasNews = hooks.contains {
                $0.job == job.job && ($0.edge == .end || $0.utcMicroseconds > job.since.microseconds)
            }
            let state = Self.state(of: job, found[job.job], hasNews: hasNews)
            restored[job.token] = state
            guard state != .gone else { continue }
            var job = job
            let isSame = job.group == nil || job.group?.identity == found[job.job]?.identity
            job.group = isSame ? found[job.job] : job.group
            job.goneNanoseconds = isSame ? nil : now.nanoseconds
            known[job.job] = job
        }
        return restored
    }

    static func state(of job: Known, _ found: SlurmGroups.Job?, hasNews: Bool) -> Restored {
        // The hook that waits tells when it ended.
        if hasNews { return .doubtful }
        guard let group = job.group else { return job.hasHook ? .held : .gone }
        if group.identity == found?.identity { return .held }
        // Behind the last step; the epilog is still to come, or was lost.
        return job.hasHook && found == nil ? .doubtful : .gone
    }

    // MARK: Inside of a job

    /// Whether a process in a job's group tells of that job. In every component of a heterogeneous job `SLURM_JOB_ID`
    /// is the leader's (srun(1), "heterogeneous").
    static func isOfJob(_ id: Int64, _ environment: TaskEnvironment) -> Bool {
        environment.integer("SLURM_JOB_ID") == id
            || (environment["SLURM_JOB_ID"] != nil && environment["SLURM_HET_SIZE"] != nil)
    }

    /// A task's environment, once, as soon as there is a task.
    mutating func taskEnvironment(of id: Int64, pids: [Int32]) -> TaskEnvironment? {
        guard known[id]?.hasTask == false else { return nil }
        for pid in pids.prefix(256) {
            guard let environment = processes.environment(of: pid), Self.isOfJob(id, environment),
                environment["SLURM_PROCID"] != nil || environment["SLURM_SUBMIT_DIR"] != nil
            else { continue }
            known[id]?.hasTask = true
            if known[id]?.environment.isEmpty == true { known[id]?.environment = environment }
            return environment
        }
        return nil
    }
}
