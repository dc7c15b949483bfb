import Batches
import Energy
import Workloads

/// What an earlier run of the agent left of the work on this node, and what this one leaves.
struct LeftWork: Sendable {
    var record: WorkRecord
    var away: AwayTime

    init(path: String, _ recovered: RecoveredChain, boot: String, now: Moment) {
        let bytes = (try? DurableFile.read(path, maximumBytes: WorkRecord.maximumBytes)) ?? []
        record = WorkRecord(bytes: bytes) ?? WorkRecord(boot: boot, written: now.utc, holds: [])
        away = AwayTime(boot: boot, record: record, witnessed: [recovered.end].compactMap(\.self), now: now)
    }
}

extension MeasuringCourse {
    /// Whether a process is the one that it was, by the kernel: claims over the socket are about processes of this
    /// machine, whatever tree is measured.
    private static func isThere(_ root: ProcessTree.Root) -> Bool {
        let entry = ProcessTable().process(root.pid)
        return entry?.startTicks == root.startTicks && entry?.isZombie == false
    }

    // MARK: Going on

    /// Goes on with the claims of processes that are still there; the jobs of the others ended meanwhile.
    mutating func restoreClaims(_ left: LeftWork) {
        for kept in left.record.claims where kept.end == nil {
            guard left.away.isSameBoot, Self.isThere(kept.claim.root), Self.isThere(kept.claim.holder) else { continue }
            let number =
                switch kept.origin {
                case .socket: restored.add(kept.claim)
                case .launcher: launched.restore(kept.claim.root)
                // Where nobody looks at GPUs any more, nobody would see its end.
                case .gpu:
                    loop.configuration.gpus == nil ? restored.add(kept.claim) : gpus.restore(kept.claim.root)
                }
            _ = book.begin(kept.claim, id: number)
            for device in kept.seen { _ = book.see(device, heldBy: kept.claim.pseudonym) }
        }
        for kept in left.record.claims where book.start(of: kept.claim.pseudonym) == nil {
            guard !untoldClaims.contains(where: { $0.claim.pseudonym == kept.claim.pseudonym }) else { continue }
            var ended = kept
            if kept.end == nil {
                ended.end = max(kept.claim.since, left.away.end)
                ended.claim.request.labels.merge(left.away.labels(since: kept.claim.since)) { $1 }
            }
            untoldClaims.append(ended)
        }
    }

    /// Counts on where the last batch of the run before left off.
    mutating func carry(_ held: HeldAtEnd) {
        work.carry(held)
        for hold in held.holds where book.start(of: hold.allocation.job) != nil {
            trees[hold.allocation.job] = ProcessTree(carriedTicks: processes.ticks(hold.cpuMicroseconds))
        }
    }

    /// After the outage: everybody who holds the node now, and the ends that nobody saw.
    mutating func joinRestored(_ now: Moment) {
        guard !isJoined else { return }
        isJoined = true
        session.change(to: allocations, at: now, usage: usage())
        keepWork(isForced: true)
        tellEnds()
        for claim in untoldClaims { enter(claim.claim, .end, stop: claim.end) }
        untoldClaims = []
        isClaimRecordStale = true
    }

    /// Tells the log of scheduled jobs that ended. What is told is remembered before, so that a crash between tells it
    /// again with the same time.
    mutating func tellEnds() {
        for hold in work.untoldEnds {
            enter(hold, .end)
            work.told(hold.token)
        }
    }

    mutating func endGoneClaims(_ now: Moment) {
        for number in restored.takeGone(Self.isThere) { endClaim(number, at: now) }
    }

    // MARK: Leaving word

    /// The holds outlive the agent. That they cannot be kept costs the proof of an outage's holder, no energy.
    mutating func keepWork(isForced: Bool = false) {
        guard work.isRecordStale || isClaimRecordStale || isForced else { return work.isKept() }
        let record = WorkRecord(boot: boot, written: Self.moment().utc, holds: work.kept, claims: keptClaims)
        do {
            try DurableFile.replace(loop.configuration.work.recordPath, with: record.bytes)
        } catch {
            fail("the holds on this node could not be kept: \(error)")
        }
        isClaimRecordStale = false
        work.isKept()
        let holds = holdStates
        loop.publish { $0.holds = holds }
    }

    private var holdStates: [MeasuringLoop.Status.HoldState] {
        let scheduled = work.book.holds.filter { !$0.isDropped }.map { hold in
            MeasuringLoop.Status.HoldState(
                job: hold.pseudonym, key: hold.workload.map { "\(JobKey($0.identity))" },
                toldBy: hold.workload?.identity.scheduler ?? (hold.token.contains("pod/") ? "kubernetes" : "slurm"),
                since: hold.since, tenant: hold.tenant?.tenant)
        }
        let claims = Dictionary(grouping: book.claims) { $0.value.pseudonym }.map { job, claims in
            MeasuringLoop.Status.HoldState(
                job: job, key: claims.first.map { "\($0.value.request.key)" },
                toldBy: claims.map { origin(of: $0.key).rawValue }.min() ?? "socket",
                since: book.start(of: job) ?? UTCTime(microseconds: 0))
        }
        return (scheduled + claims).sorted { ($0.since, $0.job ?? "") < ($1.since, $1.job ?? "") }
    }

    private var keptClaims: [WorkRecord.Claim] {
        let open = book.claims.sorted { $0.key < $1.key }.map { number, claim in
            var claim = claim
            claim.since = book.start(of: claim.pseudonym) ?? claim.since
            return WorkRecord.Claim(
                claim: claim, origin: origin(of: number), seen: book.seenDevices(of: claim.pseudonym))
        }
        return open + untoldClaims
    }

    private func origin(of number: UInt64) -> WorkRecord.Claim.Origin {
        if LauncherWatch.isClaim(number) { return .launcher }
        return gpus.isClaim(number) ? .gpu : .socket
    }
}
