import Accounts
import Batches
import Energy
import SeededRandom
import Testing
import Workloads

@testable import NodeAgent

/// Whose energy an outage's is: nobody's but theirs who held the node throughout it, whatever else began and ended.
@Suite struct OutageHolderTests {
    /// One hold of an accelerator, as the kernel and the scheduler know it.
    private struct Hold: Hashable {
        /// Of its control group; never used again.
        var identity: UInt64
        /// Ids are used again: a requeue, a reset controller.
        var job: Int64
    }

    /// What the agent knows of a hold.
    private struct Known: Hashable {
        var token: String
        var hold: Hold
        var device: Int
        var since: UTCTime
    }

    /// A node with four accelerators, an agent that crashes, and what is true of both.
    private struct Node {
        static let ids = (0..<4).map { "gpu\($0)" }
        static let sensors = ids.map { id in
            SensorDescription(
                id: id, kind: "nvml", layer: .gpu, provenance: .counter, quantity: .microjouleCounter(),
                maximumPowerMicrowatts: 1_000_000_000_000)
        }
        static let start: Int64 = 1_000_000_000_000
        static let usage = NodeUsage(busyMicroseconds: 0, millicores: 4000)

        var random: SeededRandom
        var second = 0
        var raw: [UInt64] = [10, 20, 30, 40]
        var holders: [Hold?] = [nil, nil, nil, nil]
        /// For each second who held which accelerator, and what it drew.
        var history: [[(hold: Hold?, energy: Int128)]] = []
        var nextIdentity: UInt64 = 1

        // The agent.
        var session: MeasuringSession
        var known: [Known] = []
        var book = WorkloadBook()
        var nextToken = 0
        /// What is on the disk: holds after the last edge, and the last batch.
        var kept: [Known] = []
        var last: (interval: MeasuringSession.Interval, end: Int)?

        var posted: [Account: Int128] = [:]
        var expected: [Account: Int128] = [:]
        /// Who stood on the newest batch up to its end.
        var lined: Set<UInt64> = []
        var outages = 0
        var bridged = 0

        init(seed: UInt64) {
            random = SeededRandom(seed: seed)
            session = Self.session(start: Self.moment(0), now: Self.moment(0), after: nil)
            read()
        }

        static func moment(_ second: Int) -> Moment {
            Moment(
                nanoseconds: start + Int64(second) * 1_000_000_000,
                utc: UTCTime(microseconds: 1_715_921_879_000_000 + Int64(second) * 1_000_000))
        }

        static func session(
            start: Moment, now: Moment, after last: MeasuringSession.Interval?
        ) -> MeasuringSession {
            MeasuringSession(
                settings: .init(intervalSeconds: 7), start: start, now: now,
                tracks: sensors.enumerated().map { index, sensor in
                    guard let last else { return SensorTrack(sensor, at: start.nanoseconds) }
                    return SensorTrack(
                        sensor, continuing: last.continuations[index], isSameBoot: true, at: start.nanoseconds)
                }, clock: ClockState(letter: .synchronised, errorMicroseconds: 1), usage: usage)
        }

        mutating func read() {
            for index in raw.indices {
                session.take(
                    Reading(monotonicNanoseconds: Self.moment(second).nanoseconds, value: .counter(raw[index])),
                    of: index)
            }
        }

        /// Time goes on, then the scheduler moves.
        mutating func pass() {
            history.append(
                holders.map { hold in (hold, Int128(random.next() % 700_000_000)) })
            for index in raw.indices { raw[index] += UInt64(history[second][index].energy) }
            second += 1
            for index in holders.indices {
                switch (holders[index], random.next() % 12) {
                case (.some, 0): holders[index] = nil
                case (.some(let old), 1): begin(old.job, on: index)  // requeued at once
                case (nil, 0...3): begin(Int64(1 + random.next() % 6), on: index)
                default: break
                }
            }
        }

        private mutating func begin(_ job: Int64, on index: Int) {
            let isElsewhere = holders.enumerated().contains { $0.offset != index && $0.element?.job == job }
            guard !isElsewhere else { return }
            holders[index] = Hold(identity: nextIdentity, job: job)
            nextIdentity += 1
        }

        // MARK: The agent

        mutating func look() {
            read()
            if session.isDue(at: Self.moment(second)) {
                session.advance(to: Self.moment(second), clock: session.clock, usage: Self.usage)
            } else {
                session.pass(to: Self.moment(second), clock: session.clock)
            }
            let before = known
            for hold in known where holders[hold.device] != hold.hold {
                _ = book.end(hold.token, at: Self.moment(second).utc)
                known.removeAll { $0 == hold }
            }
            for (device, holder) in holders.enumerated() {
                guard let holder, !known.contains(where: { $0.hold == holder }) else { continue }
                nextToken += 1
                known.append(
                    Known(
                        token: "~slurm/\(holder.job)/\(nextToken)", hold: holder, device: device,
                        since: Self.moment(second).utc))
                enter(known[known.count - 1])
            }
            if known != before { session.change(to: book.allocations, at: Self.moment(second), usage: Self.usage) }
            kept = known
            sign()
        }

        private mutating func enter(_ known: Known) {
            book.begin(.init(token: known.token, since: known.since))
            var workload = Workload(
                identity: WorkloadIdentity(
                    cluster: "c", scheduler: "slurm", id: "\(known.hold.job)", submitSeconds: 1))
            workload.devices = [.number(known.device)]
            _ = book.name(known.token, workload, pseudonym: "\(known.hold.job)")
        }

        mutating func sign(force: Bool = false) {
            for interval in session.takeReady(at: Self.moment(second).nanoseconds, force: force) {
                var facts = interval.facts
                facts.allocations = book.settle(
                    facts.allocations, durationNanoseconds: facts.durationNanoseconds
                ) { reference in
                    guard case .number(let number) = reference else { return nil }
                    return Node.ids[number]
                }
                for posting in AttributionRule.attribution1.post(facts).postings {
                    posted[posting.account.whoever, default: 0] += Int128(posting.microjoules)
                }
                let begin = last?.end ?? 0
                let end = begin + Int(facts.durationNanoseconds / 1_000_000_000)
                expect(begin..<end, isOutage: facts.state == .outage)
                last = (interval, end)
            }
        }

        /// The oracle: what is true of these seconds.
        private mutating func expect(_ seconds: Range<Int>, isOutage: Bool) {
            if isOutage { outages += 1 }
            var onLine: Set<UInt64> = []
            defer { lined = onLine }
            for device in raw.indices {
                let sum = history[seconds].reduce(Int128(0)) { $0 + $1[device].energy }
                guard isOutage else {
                    if let hold = history[seconds.upperBound - 1][device].hold { onLine.insert(hold.identity) }
                    for moment in history[seconds] {
                        let account = moment[device].hold.map { Account.job("\($0.job)") } ?? .idle
                        expected[account, default: 0] += moment[device].energy
                    }
                    continue
                }
                guard let first = history[seconds.lowerBound][device].hold, lined.contains(first.identity),
                    first == holders[device],
                    history[seconds].allSatisfy({ $0[device].hold == first })
                else {
                    expected[.gap, default: 0] += sum
                    continue
                }
                bridged += 1
                onLine.insert(first.identity)
                expected[.job("\(first.job)"), default: 0] += sum
            }
        }

        mutating func crash(awaySeconds: Int) throws {
            for _ in 0..<awaySeconds { pass() }
            let now = Self.moment(second)
            book = WorkloadBook()
            known = []
            guard let last else {
                session = Self.session(start: now, now: now, after: nil)
                history.removeFirst(history.count)
                second = 0
                return
            }
            session = Self.session(start: Self.moment(last.end), now: now, after: last.interval)
            let point = ResumePoint(
                boot: "b", continuations: last.interval.continuations, heldAtEnd: last.interval.heldAtEnd)
            let held = try #require(ResumePoint(bytes: point.bytes)?.heldAtEnd)
            let sure = restore()
            session.prove(held.proven(sure), held.usage(millicores: 4000))
            read()
            session.change(to: book.allocations, at: now, usage: Self.usage)
            look()
        }

        /// What the kernel shows of what was kept.
        private mutating func restore() -> [Allocation] {
            var sure: [Allocation] = []
            for hold in kept {
                var job = SlurmWatch.Known(token: hold.token, job: hold.hold.job, since: hold.since)
                job.group = SlurmGroups.Job(id: hold.hold.job, directories: [], identity: hold.hold.identity)
                let found = holders.compactMap(\.self).first { $0.job == hold.hold.job }.map {
                    SlurmGroups.Job(id: $0.job, directories: [], identity: $0.identity)
                }
                guard SlurmWatch.state(of: job, found, hasNews: false) == .held else { continue }
                known.append(hold)
                enter(hold)
                sure.append(Allocation(job: hold.token, mode: .shared, since: job.since))
            }
            return sure
        }
    }

    @Test(arguments: 0..<60) func onlyWhoHeldItThroughoutPaysForAnOutage(seed: UInt64) throws {
        var node = Node(seed: seed)
        // The first batch is on the disk before anything goes wrong.
        for _ in 0..<16 {
            node.pass()
            node.look()
        }
        for _ in 0..<400 {
            if node.random.next() % 9 == 0 {
                try node.crash(awaySeconds: Int(node.random.next() % 12))
            } else {
                node.pass()
                node.look()
            }
        }
        node.session.finish(at: Node.moment(node.second), usage: Node.usage)
        node.sign(force: true)
        #expect(node.posted.filter { $0.value != 0 } == node.expected.filter { $0.value != 0 }, "seed \(seed)")
        #expect(node.outages > 20, "seed \(seed)")
        #expect(node.bridged > 0 && node.posted[.gap] ?? 0 > 0, "seed \(seed)")
    }

    /// Another job began and ended while the agent was away: its processor time is in nobody's share.
    @Test func timeOfOthersInAnOutageIsNobodys() throws {
        let start = Node.moment(0)
        let end = Node.moment(100)
        let sensor = SensorDescription(
            id: "rapl:package-0", kind: "rapl", layer: .package, provenance: .counter, quantity: .microjouleCounter(),
            maximumPowerMicrowatts: 1_000_000_000_000)
        func postings(busy: Int64?, cpu: Int64) throws -> [Account: Int64] {
            let job = Allocation(job: "a", mode: .shared, reservedMillicores: 2000, since: start.utc)
            let held = HeldAtEnd(
                busyMicroseconds: busy, holds: [.init(allocation: job, cpuMicroseconds: cpu, isActive: true)])
            var session = MeasuringSession(
                settings: .init(intervalSeconds: 30), start: start, now: end,
                tracks: [
                    SensorTrack(
                        sensor,
                        continuing: .init(
                            id: sensor.id, epoch: 0, microjoules: 0, raw: 0, nanoseconds: start.nanoseconds,
                            extendedMicrojoules: 0), isSameBoot: true, at: start.nanoseconds)
                ], clock: ClockState(letter: .synchronised, errorMicroseconds: 1), usage: Node.usage)
            session.prove(held.proven([job]), held.usage(millicores: 4000))
            session.take(Reading(monotonicNanoseconds: end.nanoseconds, value: .counter(1_000_000)), of: 0)
            let now = NodeUsage(
                busyMicroseconds: 90_000_000, millicores: 4000,
                jobs: ["a": .init(cpuMicroseconds: 50_000_000, isActive: true)])
            session.change(to: [job], at: end, usage: now)
            let facts = try #require(session.takeReady(at: end.nanoseconds).first).facts
            #expect(facts.state == .outage)
            return AttributionRule.attribution1.post(facts).postings.reduce(into: [:]) {
                $0[$1.account, default: 0] += $1.microjoules
            }
        }
        // 80 s of the node's, 20 of them the job's.
        #expect(try postings(busy: 10_000_000, cpu: 30_000_000) == [.job("a"): 250_000, .gap: 750_000])
        // Nobody kept the node's time: the job's share of it is not known.
        #expect(try postings(busy: nil, cpu: 30_000_000) == [.gap: 1_000_000])
    }

    @Test func whatAHoldTookOnSinceIsNotProven() {
        func job(_ devices: [String], _ millicores: Int64, since: Int64 = 5) -> Allocation {
            Allocation(
                job: "a", mode: .shared, devices: devices, reservedMillicores: millicores,
                since: UTCTime(microseconds: since))
        }
        let held = HeldAtEnd(
            busyMicroseconds: 1, holds: [.init(allocation: job(["x", "y"], 3000), cpuMicroseconds: 0, isActive: true)])
        #expect(held.proven([job(["y", "z"], 4000)]) == [job(["y"], 3000)])
        #expect(held.proven([job(["y"], 3000, since: 6)]).isEmpty)
        #expect(HeldAtEnd().proven([job(["y"], 3000)]).isEmpty)
    }
}

extension Account {
    /// A job's account, whether its processes were seen or not.
    fileprivate var whoever: Account {
        if case .idleReserved(let job) = self { .job(job) } else { self }
    }
}
