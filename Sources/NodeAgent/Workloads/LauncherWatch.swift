import Batches
import Energy
import Sensors
import Workloads

/// Finds the jobs of launchers by the environment of new processes. Owned by the measuring thread.
///
/// A look lists /proc only when a process was made since the last one, and opens only what was not there before: a
/// process keeps the environment that it was started with, and a launcher's workers are new processes. Each is opened
/// twice, at two looks: it is made by fork(2) with its parent's environment and gets its own with execve(2) a moment
/// later, and a script around a rank may set the devices and run the program in its place.
struct LauncherWatch: Sendable {
    /// A process of a job, as the book of claims takes it.
    struct Found: Sendable, Hashable {
        var claim: UInt64
        var request: ClaimRequest
        var root: ProcessTree.Root
        var uid: UInt32
        var controlGroup: String?
    }

    /// A step of a Slurm job whose tasks lie in no control group of Slurm's.
    struct Step: Sendable, Hashable {
        var job: Int64
        var daemon: ProcessTree.Root
        var runsTasks: Bool
        /// That of a task.
        var environment: TaskEnvironment
    }

    enum Change: Sendable, Hashable {
        case found(Found)
        case gone(claim: UInt64)
        case step(Step)
    }

    private let processes: ProcessTable
    private let site: String
    private let node: String
    /// Every process of the last look; those of jobs with their claim.
    private var seen: [Int32: Seen] = [:]
    /// Opened for the first time at the last look, with what was found.
    private var young: [(pid: Int32, request: ClaimRequest?)] = []
    private var nextClaim: UInt64 = 1 << 63
    private var looksUntilNext = 0
    /// The newest process at the last listing; nil lists at the next look.
    private var newest: Int32?
    private var looksWithoutList = 0

    private struct Seen: Sendable, Hashable {
        var claim: UInt64?
        var startTicks: UInt64 = 0
    }

    /// New processes are looked at every other second; a scheduler's jobs come by another way.
    private static let looksBetween = 2
    /// So many new processes are opened at one look, the others at the next: a node full of processes must not hold up
    /// the readings.
    private static let maximumOpened = 64
    /// However quiet the node is, every tenth look lists.
    private static let maximumLooksWithoutList = 9

    init(processes: ProcessTable, site: String, node: String) {
        self.processes = processes
        self.node = node
        self.site = site
    }

    /// Goes on with a process that an earlier run of the agent found, and that is still there.
    ///
    /// - Returns: the number of its claim.
    mutating func restore(_ root: ProcessTree.Root) -> UInt64 {
        nextClaim += 1
        seen[root.pid] = Seen(claim: nextClaim, startTicks: root.startTicks)
        return nextClaim
    }

    /// Whether a claim came from here.
    static func isClaim(_ number: UInt64) -> Bool { number > 1 << 63 }

    mutating func look() -> [Change] {
        looksUntilNext -= 1
        guard looksUntilNext <= 0 else { return [] }
        looksUntilNext = Self.looksBetween
        var changes: [Change] = []
        for (pid, process) in seen {
            guard let claim = process.claim, !isSame(pid, process) else { continue }
            seen[pid] = nil
            changes.append(.gone(claim: claim))
        }
        for (pid, request) in young { openAgain(pid, request, &changes) }
        young = []
        let newest = processes.newest()
        looksWithoutList += 1
        if newest != nil, newest == self.newest, looksWithoutList <= Self.maximumLooksWithoutList { return changes }
        self.newest = newest
        looksWithoutList = 0
        list(&changes)
        return changes
    }

    private mutating func list(_ changes: inout [Change]) {
        let pids = FileTree.processes(in: processes.procfsRoot) ?? []
        var opened = 0
        for pid in pids where seen[pid] == nil {
            guard opened < Self.maximumOpened else {
                newest = nil
                break
            }
            opened += 1
            seen[pid] = Seen()
            let found = open(pid, &changes)
            young.append((pid, found?.request))
            if let found { changes.append(.found(enter(found))) }
        }
        guard seen.count > pids.count else { return }
        let there = Set(pids)
        seen = seen.filter { $0.value.claim != nil || there.contains($0.key) }
    }

    private func isSame(_ pid: Int32, _ process: Seen) -> Bool {
        guard let entry = processes.process(pid) else { return false }
        return entry.startTicks == process.startTicks && !entry.isZombie
    }

    private mutating func openAgain(_ pid: Int32, _ known: ClaimRequest?, _ changes: inout [Change]) {
        guard let process = seen[pid], var found = open(pid, &changes), found.request != known else { return }
        if let claim = process.claim, let known {
            guard process.startTicks == found.root.startTicks, known.key == found.request.key else {
                changes.append(.gone(claim: claim))
                return changes.append(.found(enter(found)))
            }
            found.claim = claim
            return changes.append(.found(found))
        }
        changes.append(.found(enter(found)))
    }

    /// Gives what was found a claim of its own.
    private mutating func enter(_ found: Found) -> Found {
        nextClaim += 1
        var found = found
        found.claim = nextClaim
        seen[found.root.pid] = Seen(claim: nextClaim, startTicks: found.root.startTicks)
        return found
    }

    private func open(_ pid: Int32, _ changes: inout [Change]) -> Found? {
        guard let environment = processes.environment(of: pid) else { return nil }
        if environment["SLURM_JOB_ID"] != nil, let step = step(of: pid, environment) { changes.append(.step(step)) }
        guard
            let job = LaunchedJob(environment, node: node, proxy: { processes.hydraProxy(above: pid) }),
            // The agent's own client tells of itself and of what it started over the socket.
            environment[LaunchedJob.claimed] == nil, let entry = processes.process(pid),
            let uid = processes.owner(of: pid)
        else { return nil }
        return Found(
            claim: 0, request: request(job), root: ProcessTree.Root(pid: pid, startTicks: entry.startTicks), uid: uid,
            controlGroup: processes.controlGroup(of: pid))
    }

    /// The step of a task that no control group shows, by the daemon above it: an environment alone is no proof.
    private func step(of pid: Int32, _ environment: TaskEnvironment) -> Step? {
        guard !processes.controlGroups(of: pid).contains(where: { SlurmStep(controlGroup: $0) != nil }),
            // Asked behind the groups: of one that ends meanwhile they say nothing, and it would make a second job of
            // its own, on every node that shares the kernel.
            processes.process(pid)?.isExiting == false,
            let (daemon, step) = processes.slurmDaemon(above: pid)
        else { return nil }
        return Step(job: step.job, daemon: daemon, runsTasks: step.runsTasks, environment: environment)
    }

    private func request(_ job: LaunchedJob) -> ClaimRequest {
        let named = job.launcher == "exec" ? JobKey(job.id) : nil
        var request = ClaimRequest(
            key: named
                ?? JobKey(
                    cluster: site.isEmpty ? "local" : site, scheduler: job.launcher, id: job.id, submitSeconds: nil))
        request.expectedNodes = job.expectedNodes
        request.rank = job.rank
        request.attempt = job.attempt
        request.devices = job.devices.map { "nvml:" + $0 }
        request.labels = job.labels
        return request
    }
}
