import Batches
import Energy
import Sensors
import TransparencyLog

/// One run of the measuring thread, with everything that only it touches.
struct MeasuringCourse: ~Copyable {
    let loop: MeasuringLoop
    let enrolment: Enrolment
    let boot: String
    let processes: ProcessTable
    private var sampler: Sampler
    var session: MeasuringSession
    private var chain: NodeChain
    var tenants: TenantBook
    var book = AllocationBook()
    /// Schedulers' holds; a process's own claim never overrides them.
    var work: ScheduledWork
    var launched: LauncherWatch
    var trees: [String: ProcessTree] = [:]
    /// Claims of an earlier run.
    var restored = RestoredClaims()
    /// Jobs of claims that ended, of which the log was not told yet.
    var untoldClaims: [WorkRecord.Claim] = []
    var isClaimRecordStale = false
    /// What an earlier run left has its place in the session.
    var isJoined = false
    /// The open interval began in another boot: its monotonic length means nothing.
    private var beganInOtherBoot: Bool
    private var isStopped = false
    /// A batch was signed and is not durable. The chain goes on from the last one that is, in another run.
    private var isBroken = false
    private var discovery = Discovery()
    private let watch: SourceWatch
    /// Where sensors stand that are not read now: of the run before, or lost in this one.
    private var absent: AbsentSensors
    private var residuals = ResidualWatch()
    private var states = ReadingStates()
    var gpus = GPUWork()
    private var pages = ProgramPages(startedAt: AgentEnvironment.bootNanoseconds())

    init(_ loop: MeasuringLoop) throws {
        self.loop = loop
        enrolment = loop.configuration.enrolment
        processes = ProcessTable(procfsRoot: loop.configuration.sources.procfsRoot)
        boot = NodeClock.bootID(procfsRoot: loop.configuration.sources.procfsRoot) ?? "unknown"
        sampler = Sampler(
            sources: loop.configuration.makeSources(),
            maximumPowerMicrowatts: loop.configuration.sources.maximumPowerMicrowatts)
        watch = SourceWatch(sysfsRoot: loop.configuration.sources.sysfsRoot)
        let recovered = try RecoveredChain(loop.spool, enrolment)
        var tenants = try TenantBook(
            loop.configuration.tenants, staged: recovered.staged,
            next: ChainPosition(
                incarnation: recovered.chain.incarnation, sequence: recovered.chain.nextSequence),
            report: loop.configuration.report)
        try tenants.resume(now: Self.moment().utc)
        chain = recovered.chain
        recovered.announce(to: loop.uplink, enrolment)
        self.tenants = tenants
        work = ScheduledWork(
            loop.configuration.work, processes: processes, tenancy: loop.configuration.tenancy
        ) { [loop] token, workload in loop.post(.named(token: token, workload)) }
        launched = LauncherWatch(processes: processes, site: enrolment.site, node: enrolment.node)
        work.setDevices(sampler.report.layering.sensors)
        let now = Self.moment()
        let left = LeftWork(path: loop.configuration.work.recordPath, recovered, boot: boot, now: now)
        let sure = work.restore(left.record, left.away)
        let start = recovered.start(boot: boot, now: now)
        beganInOtherBoot = start.isOtherBoot
        let tracks = sampler.descriptions.map { description in
            recovered.track(description, isSameBoot: !start.isOtherBoot, at: start.moment.nanoseconds)
        }
        absent = AbsentSensors(
            recovered.continuations(except: Set(tracks.map(\.description.id))), isSameBoot: !start.isOtherBoot)
        session = MeasuringSession(
            settings: .init(intervalSeconds: loop.configuration.intervalSeconds), start: start.moment, now: now,
            tracks: tracks, clock: Self.clock(), usage: processes.usage(jobs: [:]))
        session.isSuspended = !chain.isOpen
        restoreClaims(left)
        if let held = recovered.heldAtEnd, !start.isOtherBoot {
            carry(held)
            session.prove(held.proven(sure + book.allocations), held.usage(millicores: 0))
        }
        if let loss = recovered.loss { giveUp(loss) }
    }

    static func moment() -> Moment {
        Moment(
            nanoseconds: AgentEnvironment.bootNanoseconds(),
            utc: UTCTime(microseconds: AgentEnvironment.utcMicroseconds()))
    }

    private static func clock() -> ClockState {
        let quality = NodeClock.quality()
        return ClockState(
            letter: ClockState.Letter(rawValue: quality.letter.rawValue) ?? .unknown,
            errorMicroseconds: quality.errorMicroseconds)
    }

    // MARK: Running

    mutating func run() {
        publishSources()
        loop.configuration.gpus?.start()
        let incarnation = chain.incarnation
        let state = chain.state
        loop.publish {
            $0.isMeasuring = true
            $0.started = Self.moment().utc
            $0.incarnation = incarnation
            $0.chain = state
        }
        var next = AgentEnvironment.bootNanoseconds()
        while !isStopped {
            tick()
            next += sampler.tickMilliseconds * 1_000_000
            wait(until: &next)
        }
        stop()
        sampler.stop()
        loop.publish { $0.isMeasuring = false }
    }

    /// Waits for the next tick; orders are carried out at once.
    private mutating func wait(until next: inout Int64) {
        while !isStopped {
            carryOutOrders()
            let now = AgentEnvironment.bootNanoseconds()
            // After a suspend the ticks that were slept through are not made up for.
            if next - now < -10_000_000_000 { next = now }
            guard next > now else { return }
            pages.tick(at: now)
            loop.wait(milliseconds: pages.milliseconds(until: next, from: now))
        }
    }

    private mutating func tick() {
        let now = Self.moment()
        pages.tick(at: now.nanoseconds)
        sampler.read(now: now.nanoseconds)
        for sample in sampler.samples where sample.sensor < session.tracks.count {
            session.take(sample.reading, of: sample.sensor, breaksEpoch: sample.breaksEpoch)
        }
        for (place, refresh) in sampler.refreshMilliseconds where place < session.tracks.count {
            session.observe(refreshMilliseconds: refresh, of: place)
        }
        states.take(sampler.samples)
        lookAtWork(now)
        session.relieve(max(loop.spool.pressure, tenants.pressure))
        if session.isDue(at: now) {
            session.advance(to: now, clock: Self.clock(), usage: usage())
            // What is cut has its CPU time; only the open interval asks for more.
            work.forget(except: session.holds.jobs)
            pages.afterCut(at: now.nanoseconds)
        } else {
            session.pass(to: now, clock: session.clock)
        }
        if session.hasPendingCut {
            let limit = namedUntil(at: now.nanoseconds)
            let ready = session.takeReady(at: now.nanoseconds, until: limit)
            if !ready.isEmpty { pages.beforeBatch(at: now.nanoseconds) }
            sign(ready)
            if !ready.isEmpty { pages.afterBatch(at: AgentEnvironment.bootNanoseconds()) }
        }
        rediscover(now)
        publishStates()
    }

    /// Sensors come and go: a GPU falls off the bus, a driver is loaded after the agent. What is new begins with the
    /// next interval; what is gone ends with this one.
    private mutating func rediscover(_ now: Moment) {
        let fingerprint = discovery.looksAround(at: now.nanoseconds) ? watch.fingerprint() : nil
        if discovery.isDue(
            at: now.nanoseconds, sampler.samples, unreadable: sampler.unreadable, fingerprint: fingerprint)
        {
            sampler.rediscover()
        } else {
            sampler.update()
        }
        guard sampler.isOutdated else {
            discovery.isChanging = false
            session.change = nil
            return
        }
        if !discovery.isChanging {
            discovery.isChanging = true
            session.finish(at: now, usage: usage())
        }
        let found = sampler.report.layering.sensors.map(\.description)
        session.change = MeasuringSession.Change(
            lost: Set(session.tracks.map(\.description.id)).subtracting(found.map(\.id)),
            sinceNanoseconds: session.change?.sinceNanoseconds ?? now.nanoseconds)
        guard !session.hasPendingCut else { return }
        var absent = absent
        let isReplaced = session.replaceTracks { start, known in
            let tracks = found.map { description in
                guard let track = known.first(where: { $0.description.id == description.id }) else {
                    return absent.track(description, at: start)
                }
                return track.changed(to: description, at: start)
            }
            absent.lose(known, except: tracks)
            return tracks
        }
        guard isReplaced else { return }
        self.absent = absent
        sampler.adopt()
        states.reset()
        discovery.isChanging = false
        work.setDevices(sampler.report.layering.sensors)
        publishSources()
        loop.configuration.report(
            "the sensors of this node changed: \(found.map(\.id).joined(separator: ", "))")
    }

    private func publishSources() {
        let report = sampler.report
        loop.publish {
            $0.boundary = report.layering.boundary
            $0.sources = report.reports.map {
                .init(name: $0.source, found: $0.sensors.count, reason: $0.absence?.reason)
            }
        }
    }

    private mutating func stop() {
        tick()
        session.finish(at: session.last, usage: usage())
        awaitNames()
        sign(session.takeReady(at: .max, force: true))
        keepWork(isForced: true)
        work.stop()
        loop.configuration.gpus?.stop()
    }

    /// A controller answers within milliseconds, or is away.
    private static let stopPatienceNanoseconds: Int64 = 3_000_000_000

    private mutating func awaitNames() {
        let end = AgentEnvironment.bootNanoseconds() + Self.stopPatienceNanoseconds
        while !work.book.unnamed.isEmpty, case let rest = end - AgentEnvironment.bootNanoseconds(), rest > 0 {
            loop.wait(milliseconds: rest / 1_000_000 + 1)
            carryOutOrders()
        }
    }

    // MARK: Signing

    private mutating func sign(_ intervals: [MeasuringSession.Interval]) {
        // A batch behind one that is nowhere would be a gap that no log takes.
        for interval in intervals where !isBroken {
            var interval = work.settle(interval)
            weighGPUs(&interval.facts)
            if beganInOtherBoot {
                interval.facts.monotonic = nil
                beganInOtherBoot = false
            }
            do {
                try store(interval)
                publish(interval)
            } catch {
                // Signed and not durable: this place of the chain may never be used again with other bytes, and was
                // not.
                giveUp("a batch could not be stored: \(error)")
                isBroken = true
            }
        }
    }

    /// Signs an interval for the home log and what is cut from it for tenants, and makes all of it durable.
    private mutating func store(_ interval: MeasuringSession.Interval) throws {
        let cut = TenantCut(interval.facts, holds: work.tenantHolds(in: interval.facts), logged: tenants.slugs)
        var home = interval
        home.facts = cut.home
        // A reading is signed in full into one log.
        if cut.wholeNodeTenant != nil { home.samples = nil }
        loop.publish { $0.count(strangers: cut.strangers) }
        let entry = try chain.sign(
            home, anchor: loop.uplink.anchor, boot: boot, salt: AgentEnvironment.randomBytes(16))
        var extracts: [StagedExtract] = []
        if let position = entry.position, !(cut.extracts.isEmpty && cut.strangers.isEmpty) {
            extracts = try tenants.sign(
                cut, interval, home: HomeBatch(log: enrolment.log, position: position, leaf: entry.leaf), boot: boot)
        }
        let point = ResumePoint(
            boot: boot, continuations: interval.continuations, heldAtEnd: interval.heldAtEnd, extracts: extracts)
        try loop.spool.write(entry, resumePoint: point.bytes)
        loop.uplink.add(SpoolItem(entry))
        try tenants.store(extracts)
    }

    private mutating func publish(_ interval: MeasuringSession.Interval) {
        let judgements = residuals.take(
            interval.facts, refreshMilliseconds: session.tracks.map(\.description.refreshMilliseconds).max() ?? 1000)
        for judgement in judgements where judgement.hasChanged {
            let verdict = judgement.isInconsistent ? "contradict each other" : "agree again"
            loop.configuration.report(
                "\(judgement.root) and its parts \(verdict): "
                    + "rest \(judgement.restMicrojoules) of \(judgement.rootMicrojoules) µJ")
        }
        loop.publish { status in
            status.residuals = judgements
            status.batches += 1
            status.lastBatchUTC = interval.facts.interval.end
            status.sensors = interval.facts.sensors.map { sensor in
                .init(
                    id: sensor.id, layer: sensor.layer.rawValue, provenance: sensor.provenance.rawValue,
                    microjoules: sensor.lastMicrojoules,
                    flags: SensorFlags.words.filter { sensor.flags.contains($0.flag) }.map(\.word)
                        .joined(separator: ","))
            }
        }
    }

    private mutating func publishStates() {
        guard states.takeChange() else { return }
        let current = states.texts(of: session.tracks.map(\.description))
        loop.publish { $0.states = current }
    }

    func fail(_ text: String) {
        loop.publish { $0.faults += 1 }
        loop.configuration.report(text)
    }

    /// Ends the run: who supervises the agent starts it again, and it goes on from what is durable.
    private mutating func giveUp(_ text: String) {
        fail(text)
        loop.publish { $0.end = text }
        isStopped = true
    }

    /// Stores and sends an entry that stands outside of chains.
    func send(_ text: [UInt8], samples: [UInt8] = []) {
        do {
            let note = try enrolment.signingKey.sign(text)
            let entry = SignedEntry(position: nil, note: note.bytes, samples: samples)
            try loop.spool.write(entry)
            loop.uplink.add(SpoolItem(entry))
        } catch {
            fail("an entry could not be stored: \(error)")
        }
    }

    // MARK: CPU time

    mutating func usage() -> NodeUsage {
        work.lookAtTasks()
        var jobs = work.usageByToken
        if !book.jobs.isEmpty {
            let table = processes.processes()
            var children: [Int32: [Int32]] = [:]
            for entry in table.values { children[entry.parent, default: []].append(entry.pid) }
            for job in book.jobs {
                trees[job, default: ProcessTree()].update(
                    roots: book.roots(of: job), table: table, childrenByParent: children)
                guard let tree = trees[job] else { continue }
                jobs[job] = NodeUsage.Job(
                    cpuMicroseconds: processes.microseconds(tree.ticks), isActive: tree.isActive)
            }
        }
        return processes.usage(jobs: jobs)
    }

    // MARK: Orders

    /// What schedulers did until now is seen first: a cut in front of the edge of a hold that no look has seen would
    /// leave the time between the two without readings.
    private mutating func carryOutOrders() {
        let orders = loop.takeOrders()
        guard !orders.isEmpty else { return }
        let now = Self.moment()
        lookAtHolds(now)
        for order in orders { carryOut(order, now) }
    }

    private mutating func carryOut(_ order: MeasuringLoop.Order, _ now: Moment) {
        switch order {
        case .claim(let claim, let id):
            // A step begins between two looks, and its program claims at once.
            if work.isUnseen(claim.root.pid) { lookAtHolds(now, afresh: true) }
            begin(claim, id, at: now)
        case .named(let token, let workload):
            let wasDropped = work.book[token]?.isDropped == true
            if let hold = work.name(token, workload) { tell(hold) }
            if wasDropped { session.change(to: allocations, at: now, usage: usage()) }
        case .release(let id): endClaim(id, at: now)
        case .dropped(let token):
            work.drop(token)
            session.change(to: allocations, at: now, usage: usage())
        case .answer(let answer): take(answer)
        case .tenant(let slug, let event):
            do {
                try tenants.take(event, of: slug, now: now.utc)
            } catch {
                fail("tenant \(slug): \(error)")
            }
        case .stop: isStopped = true
        }
    }

    private mutating func take(_ answer: LogAnswer) {
        switch answer {
        case .logged(let leaf, let index): logged(leaf, index)
        case .gaveUp(let loss): giveUp(loss)
        case .refused(let leaf, let refusal):
            chain.refused(leaf: leaf, refusal)
            let state = chain.state
            loop.publish { $0.chain = state }
        }
    }

    /// - Parameter moment: that of the last look at schedulers' holds.
    mutating func endClaim(_ id: UInt64, at moment: Moment) {
        // The last look at the job's processes, while they are still its own.
        let last = usage()
        let change = book.end(id)
        session.change(to: allocations, at: moment, usage: last)
        isClaimRecordStale = true
        guard case .ended(let claim) = change else { return }
        trees[claim.pseudonym] = nil
        let ended = WorkRecord.Claim(claim: claim, origin: .socket, end: moment.utc)
        untoldClaims.append(ended)
        keepWork()
        enter(claim, .end, stop: ended.end)
        untoldClaims.removeAll { $0 == ended }
        isClaimRecordStale = true
    }

    /// - Parameter moment: that of the last look at schedulers' holds.
    mutating func begin(_ claim: AllocationBook.Claim, _ id: UInt64, at moment: Moment) {
        if let token = work.token(ofProcess: claim.root.pid) {
            // A scheduler's id wins; the claim may name the model.
            if let hold = work.add(claim.request.labels, to: token) { enter(hold, .update) }
            return
        }
        // The job's window is that of its holds in the batches: a moment more on either side would be time of the job
        // without readings.
        var claim = claim
        claim.since = moment.utc
        let change = book.begin(claim, id: id)
        isClaimRecordStale = true
        session.change(to: allocations, at: moment, usage: usage())
        keepWork()
        if case .started(let claim) = change { enter(claim, .start) }
        for number in restored.takeReplaced(by: claim) { endClaim(number, at: moment) }
    }

    /// Everybody who holds the node now.
    var allocations: [Allocation] { book.allocations + work.book.allocations }

    /// Tells the log of a job that began or ended here.
    func enter(_ claim: AllocationBook.Claim, _ event: JobEntry.Event, stop: UTCTime? = nil) {
        let record = claim.record(salt: enrolment.jobSalt)
        let entry = JobEntry(
            log: enrolment.log, time: Self.moment().utc, event: event, job: claim.pseudonym,
            attempt: claim.request.attempt, witness: .agent, by: enrolment.node, start: claim.since, stop: stop,
            expectedNodes: claim.request.expectedNodes, nodes: [], recordSHA256: record.sha256,
            salt: AgentEnvironment.randomBytes(16))
        send(entry.text, samples: record.text)
    }

    private mutating func giveUp(_ loss: UplinkState.ChainLoss) {
        do {
            let first = try loss.setAside.first.flatMap { try loop.spool.readSetAside($0) }
            let batch = first.flatMap { try? SignedNote(parsing: $0) }.flatMap { try? Batch(text: Array($0.text)) }
            let entry = try chain.giveUp(
                loss, firstRefused: batch, lastEnd: loop.status.lastBatchUTC, now: Self.moment().utc,
                anchor: loop.uplink.anchor, salt: AgentEnvironment.randomBytes(16))
            guard let entry else { return }
            loop.configuration.report("chain \(loss.incarnation) was given up: \(loss.refusal)")
            session.isSuspended = true
            let state = chain.state
            loop.publish { $0.chain = state }
            try loop.spool.write(entry)
            loop.uplink.add(SpoolItem(entry))
        } catch {
            fail("the chain cannot be resumed: \(error)")
        }
    }

    private mutating func logged(_ leaf: MerkleHash, _ index: Int64) {
        guard let opening = chain.logged(leaf: leaf, index: index) else { return }
        do {
            try ChainFile(incarnation: index, openingLeaf: leaf).write(to: loop.spool.path)
        } catch {
            return giveUp("the new chain cannot be remembered: \(error)")
        }
        loop.uplink.openChain(index, node: enrolment.node, keepsNewest: true, nextSequence: 0, previous: leaf)
        let now = Self.moment()
        session.isSuspended = false
        session.pass(to: now, clock: Self.clock())
        if let tail = opening.after, tail.boot == boot, let begins = tail.monotonicNanoseconds, begins < now.nanoseconds
        {
            session.reopen(at: Moment(nanoseconds: begins, utc: tail.utc), values: tail.values, usage: usage())
        } else {
            session.reopen(at: now, values: [:], usage: usage())
        }
        let state = chain.state
        loop.publish {
            $0.chain = state
            $0.incarnation = index
        }
    }
}
