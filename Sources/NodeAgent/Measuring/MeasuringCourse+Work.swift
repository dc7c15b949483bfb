import Batches
import Energy
import Workloads

/// Scheduled work in the measuring thread: its edges cut, its names go into what is signed.
extension MeasuringCourse {
    /// A batch waits so long for the name of a job that is in it.
    private static let namePatienceNanoseconds: Int64 = 75_000_000_000

    /// Cuts at the edges of schedulers' holds since the last look.
    ///
    /// - Parameter isAfresh: whether what is looked up only every few looks is looked up now.
    mutating func lookAtHolds(_ now: Moment, afresh isAfresh: Bool = false) {
        joinRestored(now)
        for edge in work.look(at: now, afresh: isAfresh) {
            _ = work.enter(edge)
            session.change(to: allocations, at: edge.moment, usage: usage())
        }
    }

    mutating func lookAtWork(_ now: Moment) {
        lookAtHolds(now)
        if !work.untoldEnds.isEmpty {
            keepWork()
            tellEnds()
        }
        for hold in work.newLabels() { enter(hold, .update) }
        for change in launched.look() { take(change, now) }
        endGoneClaims(now)
        lookAtGPUs(now)
        keepWork()
    }

    /// A launcher's process holds the node like one that claims it over the socket, unless a scheduler or such a claim
    /// stands above it.
    private mutating func take(_ change: LauncherWatch.Change, _ now: Moment) {
        switch change {
        case .gone(let id): if book.claims[id] != nil { endClaim(id, at: now) }
        case .step(let step): work.see(step)
        case .found(let found):
            guard work.token(ofProcess: found.root.pid) == nil, !isClaimed(found.root.pid) else { return }
            let pseudonym = Pseudonym.of(jobKey: found.request.key.description, salt: enrolment.jobSalt)
            guard book.hasRoom(for: pseudonym) else { return }
            let claim = AllocationBook.Claim(
                request: found.request, pseudonym: pseudonym, root: found.root, uid: found.uid,
                controlGroup: found.controlGroup, since: now.utc)
            begin(claim, found.claim, at: now)
        }
    }

    /// Whether a process or one of its parents claimed the node itself: `wattest exec -- torchrun …` is one job.
    private func isClaimed(_ pid: Int32) -> Bool {
        let roots = Set(book.claims.values.map(\.root.pid))
        var next = pid
        for _ in 0..<32 where next > 1 {
            if roots.contains(next) { return next != pid }
            guard let entry = processes.process(next) else { return false }
            next = entry.parent
        }
        return false
    }

    /// Up to where every job that holds the node has its name; nil where all have. Several intervals may be ready at
    /// once, and a line without a name would be left out of what is signed.
    mutating func namedUntil(at now: Int64) -> UTCTime? {
        guard let oldest = session.oldestCut, let first = work.book.unnamed.map(\.since).min() else { return nil }
        guard now - oldest.nanoseconds > Self.namePatienceNanoseconds else { return first }
        for hold in work.nameRemaining() { tell(hold) }
        return nil
    }

    /// A hold has a name now.
    mutating func tell(_ hold: WorkloadBook.Hold) {
        enter(hold, hold.end == nil ? .start : .end)
        if hold.end != nil { work.told(hold.token) }
    }

    /// Tells the log of a scheduled job that began here, ended here, or is known better.
    func enter(_ hold: WorkloadBook.Hold, _ event: JobEntry.Event) {
        guard let workload = hold.workload, let pseudonym = hold.pseudonym else { return }
        var labels = workload.labels
        labels.merge(hold.labels) { $1 }
        // A tenant's job is told of in the tenant's log alone.
        let tenant = hold.tenant?.tenant
        guard let enrolment = tenant.map({ tenants.enrolment(of: $0) }) ?? enrolment else { return }
        let record = JobRecord(key: JobKey(workload.identity), salt: enrolment.jobSalt, labels: labels)
        let entry = JobEntry(
            log: enrolment.log, time: Self.moment().utc, event: event, job: pseudonym, attempt: workload.attempt,
            witness: .agent, by: enrolment.node, start: hold.since, stop: hold.end,
            expectedNodes: workload.expectedNodes, nodes: listed(workload.nodes, as: enrolment.node),
            recordSHA256: record.sha256, salt: AgentEnvironment.randomBytes(16))
        guard let tenant else { return send(entry.text, samples: record.text) }
        do {
            try tenants.send(entry.text, samples: record.text, to: tenant)
        } catch {
            fail("an entry for tenant \(tenant) could not be stored: \(error)")
        }
    }

    /// The scheduler's node names, where they are the log's: this node's own among them is the proof. Else only their
    /// number is told, because a name that no chain has would count as a missing node.
    private func listed(_ nodes: [String], as own: String) -> [String] {
        nodes.contains(own) && nodes.count <= JobEntry.maximumNodesListed ? nodes : []
    }
}
