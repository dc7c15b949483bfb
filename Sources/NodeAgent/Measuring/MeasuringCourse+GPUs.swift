import Batches
import Energy
import Sensors
import Workloads

/// What the measuring thread knows of the work on GPUs.
struct GPUWork: Sendable {
    var shares = GPUShares()
    /// Processes that belong to no job, with the number of looks that showed them so.
    fileprivate var strangers: [Int32: Int] = [:]
    /// Claims that were made for them, by number.
    fileprivate var claims: [UInt64: ProcessTree.Root] = [:]
    fileprivate var nextClaim: UInt64 = 1 << 62

    init() {}

    /// Goes on with a process that an earlier run of the agent adopted, and that is still there.
    ///
    /// - Returns: the number of its claim.
    mutating func restore(_ root: ProcessTree.Root) -> UInt64 {
        nextClaim += 1
        claims[nextClaim] = root
        return nextClaim
    }

    /// Whether a claim was made here.
    func isClaim(_ number: UInt64) -> Bool { claims[number] != nil }
}

/// Work on GPUs in the measuring thread: shares of boards that several hold, and the last resort of finding out whose a
/// board is.
extension MeasuringCourse {
    /// A process that is no job's becomes one of its own when it was seen so often: monitors come and go, and launchers
    /// and schedulers tell of their processes meanwhile.
    private static let looksOfStranger = 2

    mutating func lookAtGPUs(_ now: Moment) {
        for look in loop.configuration.gpus?.take() ?? [] {
            var jobs: [Int32: String] = [:]
            for process in Set(look.boards.flatMap { $0.processes + Array($0.busy.keys) }) {
                jobs[process] = job(ofProcess: process)
            }
            let work = work
            gpus.shares.take(
                look.boards, at: look.nanoseconds, sensor: { work.sensor(of: .identity($0)) }, job: { jobs[$0] })
            self.work.setInstances(gpus.shares.instances.mapValues(\.sensor))
            learn(look.boards, jobs, now)
        }
    }

    /// What the measuring session calls the job that a process runs in: by its control group, or by a parent that
    /// claimed the node.
    private func job(ofProcess process: Int32) -> String? {
        if let token = work.token(ofProcess: process) { return token }
        let roots = Dictionary(book.claims.values.map { ($0.root.pid, $0) }) { first, _ in first }
        guard !roots.isEmpty else { return nil }
        var next = process
        for _ in 0..<32 where next > 1 {
            guard let entry = processes.process(next) else { return nil }
            if let claim = roots[next], claim.root.startTicks == entry.startTicks { return claim.pseudonym }
            next = entry.parent
        }
        return nil
    }

    private mutating func learn(_ boards: [NVMLWork.Board], _ jobs: [Int32: String], _ now: Moment) {
        endStrangers(now)
        var strangers: [Int32: Int] = [:]
        var isChanged = false
        for board in boards {
            guard let sensor = work.sensor(of: .identity(board.uuid)) else { continue }
            for process in board.processes {
                if let job = jobs[process] {
                    if book.see(sensor, heldBy: job) { isChanged = true }
                    work.see(sensor, heldBy: job)
                } else if processes.process(process) != nil {
                    strangers[process] = (gpus.strangers[process] ?? 0) + 1
                }
            }
        }
        gpus.strangers = strangers
        if isChanged { session.change(to: allocations, at: now, usage: usage()) }
        for (process, looks) in strangers where looks >= Self.looksOfStranger { adopt(process, now) }
    }

    /// Makes a job of a process that nobody claims: its process group, as a shell starts a program. Its devices are
    /// learned at the next look.
    private mutating func adopt(_ process: Int32, _ now: Moment) {
        guard let entry = processes.process(process), let uid = processes.owner(of: process) else { return }
        let leader = processes.process(entry.group).flatMap { $0.isZombie ? nil : $0 } ?? entry
        guard !gpus.claims.values.contains(where: { $0.pid == leader.pid }) else { return }
        var request = ClaimRequest(
            key: JobKey(
                cluster: enrolment.site.isEmpty ? "local" : enrolment.site, scheduler: "process",
                id: "\(enrolment.node)-\(leader.pid)-\(leader.startTicks)", submitSeconds: nil))
        request.labels = ["launcher": "process"]
        let pseudonym = Pseudonym.of(jobKey: request.key.description, salt: enrolment.jobSalt)
        guard book.hasRoom(for: pseudonym) else { return }
        gpus.nextClaim += 1
        let root = ProcessTree.Root(pid: leader.pid, startTicks: leader.startTicks)
        gpus.claims[gpus.nextClaim] = root
        begin(
            AllocationBook.Claim(
                request: request, pseudonym: pseudonym, root: root, uid: uid,
                controlGroup: processes.controlGroup(of: leader.pid), since: now.utc), gpus.nextClaim, at: now)
    }

    /// Ends what was adopted when its process is over, or when somebody tells whose it is.
    private mutating func endStrangers(_ now: Moment) {
        for (id, root) in gpus.claims {
            let entry = processes.process(root.pid)
            let isThere = entry?.startTicks == root.startTicks && entry?.isZombie == false
            let isClaimed = book.claims.contains { $0.key != id && $0.value.root == root }
            guard !isThere || isClaimed || work.token(ofProcess: root.pid) != nil else { continue }
            gpus.claims[id] = nil
            endClaim(id, at: now)
        }
    }

    /// Puts the measured shares into the lines that are to be signed.
    mutating func weighGPUs(_ facts: inout IntervalFacts) {
        let book = work.book
        gpus.shares.weigh(
            &facts, name: { $0.hasPrefix(WorkloadBook.tokenPrefix) ? book[$0]?.pseudonym : $0 },
            held: { book.instances(of: $0) })
    }
}
