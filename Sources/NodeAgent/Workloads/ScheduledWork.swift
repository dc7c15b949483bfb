import Batches
import Energy
import Sensors
import Synchronization
import Workloads

/// What the measuring thread knows of scheduled work: who holds the node, since when, with how much CPU time.
struct ScheduledWork: Sendable {
    struct Configuration: Sendable {
        var sysfsRoot: String
        var procfsRoot: String
        /// This node's names: as enrolled, as the host is called, as Slurm calls it.
        var node: String
        var slurmNode: String?
        var site: String
        var hookDirectory: String
        var controllerDirectory: String?
        var accounts: SignedAccounts
        /// nil where this is no node of a Kubernetes cluster.
        var pods: PodResolver?
        /// Where the holds are kept for the next run of the agent.
        var recordPath: String
    }

    private(set) var book = WorkloadBook()
    private let configuration: Configuration
    private var watch: SlurmWatch
    private var podWatch: PodWatch
    private let processes: ProcessTable
    private let resolver: WorkloadResolver
    private let tenancy: Tenancy
    private var usage: [String: NodeUsage.Job] = [:]
    private var trees: [String: ProcessTree] = [:]
    /// Files of the control groups that are held open, by token.
    private var groups: [String: GroupFiles] = [:]
    /// Looks at a job's processes for its labels that found nothing.
    private var labelLooks: [String: Int] = [:]
    private var devices: [DeviceReference: String] = [:]
    private var instances: [String: String] = [:]
    private(set) var isRecordStale = false
    /// Holds that ended, of which the log was not told yet.
    private var untold: Set<String> = []

    init(
        _ configuration: Configuration, processes: ProcessTable, tenancy: Tenancy,
        answer: @escaping @Sendable (_ token: String, Workload) -> Void
    ) {
        self.configuration = configuration
        self.processes = processes
        self.tenancy = tenancy
        // Microseconds of this boot: far fewer holds begin.
        let firstToken = UInt64(max(0, AgentEnvironment.bootNanoseconds() / 1000))
        let host = String(NodeName.host().prefix { $0 != "." })
        watch = SlurmWatch(
            sysfsRoot: configuration.sysfsRoot, processes: processes,
            names: Set([configuration.node, host, NodeName.host(), configuration.slurmNode].compactMap(\.self)),
            hookDirectory: configuration.hookDirectory, firstToken: firstToken)
        podWatch = PodWatch(sysfsRoot: configuration.sysfsRoot, firstToken: firstToken)
        resolver = WorkloadResolver(
            .init(
                controller: SlurmController(directory: configuration.controllerDirectory), site: configuration.site,
                accounts: configuration.accounts), answer: answer)
    }

    func stop() { resolver.stop() }

    // MARK: Looking

    /// What changed since the last look, in the order of time.
    ///
    /// - Parameter isAfresh: also for trees of control groups that were not there a moment ago.
    mutating func look(at now: Moment, afresh isAfresh: Bool = false) -> [SlurmWatch.TimedEdge] {
        if isAfresh { watch.searchAtNextLook() }
        var edges = watch.look(at: now)
        for job in watch.known.values { measure(job) }
        guard configuration.pods != nil else { return edges }
        edges += podWatch.look(at: now, afresh: isAfresh)
        for pod in podWatch.known.values {
            let group = SlurmGroups.Job(id: 0, directories: pod.directories, identity: 0)
            let read = withFiles(pod.token) { $0.cpuMicroseconds(of: group) } ?? 0
            let used = max(usage[pod.token]?.cpuMicroseconds ?? 0, read)
            usage[pod.token] = .init(cpuMicroseconds: used, isActive: true)
        }
        return edges.sorted { $0.moment.nanoseconds < $1.moment.nanoseconds }
    }

    /// Enters an edge into the book.
    mutating func enter(_ edge: SlurmWatch.TimedEdge) -> WorkloadBook.Hold? {
        isRecordStale = true
        switch edge.edge {
        case .begin(let token, let since):
            // More holds than a batch has lines for are nobody's.
            guard book.count < Batch.maximumAllocations else { return nil }
            book.begin(.init(token: token, since: since))
            ask(token)
            return nil
        case .end(let token):
            guard let hold = book.end(token, at: edge.ended ?? edge.moment.utc) else { return nil }
            if !hold.isDropped { untold.insert(token) }
            return hold
        }
    }

    private mutating func ask(_ token: String) {
        let parts = token.split(separator: "/")
        if parts[0].dropFirst() == "pod" {
            configuration.pods?.ask(token, uid: String(parts[1]))
            return
        }
        guard let job = watch.known.values.first(where: { $0.token == token }) else { return askGone(token) }
        let environment = job.environment.isEmpty ? anyEnvironment(of: job) : job.environment
        ask(token, job.job, job.group?.node ?? environment["SLURMD_NODENAME"], environment)
    }

    /// A job that was over at the look that first saw it: its hooks have told what there is to tell.
    private func askGone(_ token: String) {
        let id = token.split(separator: "/").dropFirst().first.flatMap { DecimalNumber.parse($0) }
        let environment = watch.ended[token] ?? TaskEnvironment()
        ask(token, id ?? 0, environment["SLURMD_NODENAME"], environment, isOver: true)
    }

    private func ask(
        _ token: String, _ job: Int64, _ node: String?, _ environment: TaskEnvironment, isOver: Bool = false
    ) {
        let now = AgentEnvironment.bootNanoseconds()
        resolver.ask(
            .init(
                token: token, job: job, node: node ?? configuration.slurmNode ?? configuration.node,
                environment: environment,
                dueNanoseconds: WorkloadResolver.firstTry(now: now, environment: environment),
                giveUpNanoseconds: now + WorkloadResolver.patienceNanoseconds, isOver: isOver))
    }

    private func anyEnvironment(of job: SlurmWatch.Known) -> TaskEnvironment {
        guard let group = job.group else { return TaskEnvironment() }
        for pid in SlurmGroups.processes(of: group).pids.prefix(64) {
            if let found = processes.environment(of: pid), SlurmWatch.isOfJob(job.job, found) { return found }
        }
        return TaskEnvironment()
    }

    // MARK: Names

    /// - Returns: the hold that now has a name, to be told to the log.
    mutating func name(_ token: String, _ workload: Workload) -> WorkloadBook.Hold? {
        isRecordStale = true
        return book.name(
            token, workload, pseudonym: tenancy.pseudonym(of: workload), tenant: tenancy.hold(of: workload))
    }

    /// Gives every hold that has no name yet the one that can be told without asking.
    mutating func nameRemaining() -> [WorkloadBook.Hold] {
        book.unnamed.compactMap { hold in
            let parts = hold.token.split(separator: "/")
            guard parts[0].dropFirst() == "slurm", let id = DecimalNumber.parse(parts[1])
            else {
                drop(hold.token)
                return nil
            }
            var job = SlurmJob(id: id)
            if let known = watch.known[id], known.token == hold.token { job.fill(from: known.environment) }
            let accounts = configuration.accounts.map
            return name(hold.token, job.workload(site: configuration.site, accounts: accounts).named(by: accounts))
        }
    }

    /// The hold in which a process runs, nil when it belongs to no scheduler.
    func token(ofProcess pid: Int32) -> String? {
        for path in processes.controlGroups(of: pid) {
            if let step = SlurmStep(controlGroup: path), let job = watch.known[step.job] { return job.token }
            if let group = PodGroup(controlGroup: path), let pod = podWatch.known[group.uid] { return pod.token }
        }
        guard watch.hasUngrouped, let (daemon, _) = processes.slurmDaemon(above: pid) else { return nil }
        return watch.job(ofDaemon: daemon.pid)?.token
    }

    /// A task of a Slurm job that no control group shows.
    mutating func see(_ step: LauncherWatch.Step) { watch.see(step) }

    /// Whether a process runs in a scheduler's control group of which the last look knew nothing.
    func isUnseen(_ pid: Int32) -> Bool {
        let groups = processes.controlGroups(of: pid)
        let isScheduled = groups.contains { path in
            SlurmStep(controlGroup: path) != nil || (configuration.pods != nil && PodGroup(controlGroup: path) != nil)
        }
        return isScheduled && token(ofProcess: pid) == nil
    }

    mutating func drop(_ token: String) {
        book.drop(token)
        if book[token]?.isDropped == true { told(token) }
    }

    /// A process of a hold works on an accelerator.
    mutating func see(_ sensor: String, heldBy token: String) { book.see(sensor, heldBy: token) }

    mutating func add(_ labels: [String: String], to token: String) -> WorkloadBook.Hold? {
        book.add(labels, to: token)
    }

    /// Labels that the tasks of jobs brought since the last look.
    mutating func newLabels() -> [WorkloadBook.Hold] {
        var told: [WorkloadBook.Hold] = []
        for job in watch.known.values where !job.hasTask && usage[job.token]?.isActive == true {
            guard let group = job.group, isLabelLookDue(job.token) else { continue }
            let pids = SlurmGroups.processes(of: group).pids
            guard let environment = watch.taskEnvironment(of: job.job, pids: pids) else { continue }
            // Who is asked again takes from a task what nobody could tell before: the cluster, the names of instances.
            let hasInstances = environment["CUDA_VISIBLE_DEVICES"]?.contains("MIG-") == true
            if book[job.token]?.isNamed == false || hasInstances {
                ask(job.token, job.job, group.node, environment)
            }
            if let hold = book.add(JobLabels.parse(environment: environment), to: job.token) { told.append(hold) }
        }
        return told
    }

    /// A task shows its variables within its first seconds or hides them for good: after ten looks one a minute is
    /// enough.
    private mutating func isLabelLookDue(_ token: String) -> Bool {
        let looks = labelLooks[token, default: 0]
        labelLooks[token] = looks &+ 1
        return looks < 10 || looks.isMultiple(of: 60)
    }

    // MARK: Measuring

    private mutating func measure(_ job: SlurmWatch.Known) {
        guard let group = job.group, job.goneNanoseconds == nil else {
            // Between the prolog and the first step, and behind the last: held, and nothing runs.
            usage[job.token] = .init(cpuMicroseconds: usage[job.token]?.cpuMicroseconds ?? 0, isActive: false)
            return
        }
        let last = usage[job.token]?.cpuMicroseconds ?? 0
        // Once tasks were seen that holds until the next cut, which looks again.
        let wasActive = usage[job.token]?.isActive ?? false
        let (counted, isActive) = withFiles(job.token) { files in
            (files.cpuMicroseconds(of: group), wasActive || files.runsTasks(group))
        }
        let used = counted ?? treeMicroseconds(job.token, group)
        usage[job.token] = .init(cpuMicroseconds: max(last, used), isActive: isActive)
    }

    /// Looks which jobs run tasks now; for cuts.
    mutating func lookAtTasks() {
        for job in watch.known.values {
            guard let group = job.group, job.goneNanoseconds == nil, usage[job.token] != nil else { continue }
            let isActive = withFiles(job.token) { $0.runsTasks(group) }
            usage[job.token]?.isActive = isActive
        }
    }

    /// So many groups have files that stay open: descriptors are few, and a node with more jobs is no usual one.
    private static let maximumHeld = 256

    private mutating func withFiles<Value>(_ token: String, _ body: (inout GroupFiles) -> Value) -> Value {
        var files = groups[token] ?? GroupFiles()
        defer { if groups.count < Self.maximumHeld || groups[token] != nil { groups[token] = files } }
        return body(&files)
    }

    /// CPU time of a group that no controller counts: that of its processes.
    private mutating func treeMicroseconds(_ token: String, _ group: SlurmGroups.Job) -> Int64 {
        var table: [Int32: ProcessEntry] = [:]
        var children: [Int32: [Int32]] = [:]
        let pids = SlurmGroups.processes(of: group).pids
        if group.daemons.isEmpty {
            for pid in pids { table[pid] = processes.process(pid) }
        } else {
            table = processes.processes()
            for entry in table.values { children[entry.parent, default: []].append(entry.pid) }
        }
        let roots = pids.compactMap { table[$0] }.map { ProcessTree.Root(pid: $0.pid, startTicks: $0.startTicks) }
        trees[token, default: ProcessTree()].update(roots: roots, table: table, childrenByParent: children)
        return processes.microseconds(trees[token]?.ticks ?? 0)
    }

    /// CPU time of every hold as it was last seen; what ended keeps its last value until it is signed.
    var usageByToken: [String: NodeUsage.Job] { usage }

    /// Forgets what is in no interval any more.
    mutating func forget(except tokens: Set<String>) {
        let kept = tokens.union(watch.known.values.map(\.token)).union(podWatch.known.values.map(\.token))
        usage = usage.filter { kept.contains($0.key) }
        trees = trees.filter { kept.contains($0.key) }
        let read = Set(watch.known.values.map(\.token)).union(podWatch.known.values.map(\.token))
        groups = groups.filter { read.contains($0.key) }
        labelLooks = labelLooks.filter { read.contains($0.key) }
    }

    // MARK: Devices

    /// The sensor of an accelerator, or of the board that an instance is a part of.
    func sensor(of device: DeviceReference) -> String? {
        if let sensor = devices[device] { return sensor }
        guard case .identity(let name) = device else { return nil }
        return instances[name]
    }

    /// Names of the MIG instances with the sensors of their boards.
    mutating func setInstances(_ found: [String: String]) { instances = found }

    /// Learns which sensor is which accelerator.
    mutating func setDevices(_ placed: [Layering.Placed]) {
        let numbers = GPUFiles.identities(procfsRoot: configuration.procfsRoot)
        devices = DeviceSensors.map(placed, numbers: numbers)
    }

    /// The holds of tenants among the lines of a settled interval, by pseudonym.
    func tenantHolds(in facts: IntervalFacts) -> [String: TenantHold] {
        book.tenantHolds(of: Set(facts.allocations.map(\.job)))
    }

    func settle(_ interval: MeasuringSession.Interval) -> MeasuringSession.Interval {
        var interval = interval
        // CPU time of pods that are no jobs is nobody's. So is that of a job which has no name when the agent stops:
        // under another name it would be another job, in every later run too. The next run asks again.
        let dropped = interval.facts.allocations.filter { book[$0.job]?.isNamed == false }
        interval.facts.host?.unheldCPUMicroseconds += dropped.reduce(0) { $0 + $1.cpuMicroseconds }
        interval.facts.allocations = book.settle(
            interval.facts.allocations, durationNanoseconds: interval.facts.durationNanoseconds
        ) { sensor(of: $0) }
        return interval
    }
}

extension ScheduledWork {
    // MARK: Through a restart

    /// Goes on with the holds that an earlier run of the agent kept, as far as the kernel shows the same ones; the
    /// others ended while it was away.
    ///
    /// - Returns: those that hold the node without a doubt since they began.
    mutating func restore(_ record: WorkRecord, _ away: AwayTime) -> [Allocation] {
        let open = away.isSameBoot ? record.holds.filter { $0.end == nil } : []
        let states = watch.restore(open.compactMap(\.known), now: away.now)
        let pods = configuration.pods == nil ? [] : podWatch.restore(open.filter { $0.known == nil }.map(\.token))
        var sure: [Allocation] = []
        for kept in record.holds {
            let isHeld = pods.contains(kept.token) || (states[kept.token].map { $0 != .gone } ?? false)
            book.begin(.init(token: kept.token, since: kept.since))
            if let workload = kept.workload { _ = name(kept.token, workload) }
            if isHeld {
                usage[kept.token] = .init(cpuMicroseconds: kept.cpuMicroseconds, isActive: kept.isActive)
                trees[kept.token] = ProcessTree(carriedTicks: processes.ticks(kept.cpuMicroseconds))
                if states[kept.token] != .doubtful {
                    sure.append(Allocation(job: kept.token, mode: .shared, since: kept.since))
                }
            } else {
                if kept.end == nil { _ = book.add(away.labels(since: kept.since), to: kept.token) }
                _ = book.end(kept.token, at: kept.end ?? max(kept.since, away.end))
                untold.insert(kept.token)
            }
            if kept.workload == nil { ask(kept.token) }
        }
        isRecordStale = true
        return sure
    }

    /// Counts on where the last batch of the run before left off.
    mutating func carry(_ held: HeldAtEnd) {
        for hold in held.holds {
            let job = hold.allocation.job
            guard let now = usage[job]?.cpuMicroseconds, now < hold.cpuMicroseconds else { continue }
            usage[job]?.cpuMicroseconds = hold.cpuMicroseconds
            trees[job] = ProcessTree(carriedTicks: processes.ticks(hold.cpuMicroseconds))
        }
    }

    /// Holds that ended and have a name, of which the log was not told yet.
    var untoldEnds: [WorkloadBook.Hold] {
        untold.sorted().compactMap { book[$0] }.filter { $0.isNamed && $0.end != nil }
    }

    /// The log was told of the end.
    mutating func told(_ token: String) {
        if untold.remove(token) != nil { isRecordStale = true }
    }

    /// What the next run of the agent is to know.
    var kept: [WorkRecord.Hold] {
        let tokens = untold.union(watch.known.values.map(\.token)).union(podWatch.known.values.map(\.token))
        let slurm = Dictionary(watch.known.values.map { ($0.token, $0) }) { first, _ in first }
        return tokens.sorted().compactMap { token in
            guard let hold = book[token], !hold.isDropped else { return nil }
            return WorkRecord.Hold(
                token: token, since: hold.since, known: slurm[token], workload: hold.workload,
                cpuMicroseconds: usage[token]?.cpuMicroseconds ?? 0, isActive: usage[token]?.isActive ?? false,
                end: hold.end)
        }
    }

    /// It is durable.
    mutating func isKept() {
        isRecordStale = false
        watch.removeHooks()
    }
}

extension JobKey {
    init(_ identity: WorkloadIdentity) {
        self.init(
            cluster: identity.cluster, scheduler: identity.scheduler, id: identity.id,
            submitSeconds: identity.submitSeconds)
    }
}
