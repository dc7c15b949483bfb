import Accounts
import Batches
import Energy
import SeededRandom
import Testing
import Workloads

@testable import NodeAgent

/// Many short jobs through the interface by which schedulers' work reaches the measuring session: edges with tokens,
/// names that come later, batches, postings. What each job draws is known; nothing may cross.
@Suite struct ManyJobsTests {
    /// A node with four accelerators, read each second; every reading falls on an edge.
    private struct Node {
        var session: MeasuringSession
        var book = WorkloadBook()
        var now = Moment(nanoseconds: 1_000_000_000_000, utc: UTCTime(microseconds: 1_715_921_879_000_000))
        var raw: [UInt64] = [10, 20, 30, 40]
        var posted: [Account: Int128] = [:]
        var batches = 0
        var unnamed: [String] = []

        static let ids = (0..<4).map { "gpu\($0)" }

        init() {
            let now = now
            session = MeasuringSession(
                settings: .init(intervalSeconds: 30), start: now, now: now,
                tracks: Self.ids.map { id in
                    SensorTrack(
                        SensorDescription(
                            id: id, kind: "nvml", layer: .gpu, provenance: .counter, quantity: .microjouleCounter(),
                            maximumPowerMicrowatts: 1_000_000_000_000), at: now.nanoseconds)
                }, clock: ClockState(letter: .synchronised, errorMicroseconds: 1),
                usage: NodeUsage(busyMicroseconds: 0, millicores: 4000))
            read()
        }

        private mutating func read() {
            for index in raw.indices {
                session.take(Reading(monotonicNanoseconds: now.nanoseconds, value: .counter(raw[index])), of: index)
            }
        }

        /// One second in which each accelerator draws so much.
        mutating func pass(_ microjoules: [UInt64]) {
            now.nanoseconds += 1_000_000_000
            now.utc = UTCTime(microseconds: now.utc.microseconds + 1_000_000)
            for index in raw.indices { raw[index] += microjoules[index] }
            read()
        }

        mutating func change(begin: [(token: String, device: Int, exclusive: Bool)], end: [String]) {
            for token in end { _ = book.end(token, at: now.utc) }
            for (token, _, _) in begin { book.begin(.init(token: token, since: now.utc)) }
            session.change(to: book.allocations, at: now, usage: NodeUsage(busyMicroseconds: 0, millicores: 4000))
            for (token, device, exclusive) in begin {
                var workload = Workload(
                    identity: WorkloadIdentity(cluster: "c", scheduler: "slurm", id: token, submitSeconds: 1))
                workload.devices = [.number(device)]
                workload.isExclusive = exclusive
                _ = book.name(token, workload, pseudonym: token.dropFirst().description)
            }
            give(force: false)
        }

        mutating func give(force: Bool) {
            let usage = NodeUsage(busyMicroseconds: 0, millicores: 4000)
            if force {
                session.finish(at: now, usage: usage)
            } else if session.isDue(at: now) {
                session.advance(to: now, clock: session.clock, usage: usage)
            }
            for interval in session.takeReady(at: now.nanoseconds, force: force) {
                var facts = interval.facts
                facts.allocations = book.settle(
                    facts.allocations, durationNanoseconds: facts.durationNanoseconds
                ) { reference in
                    guard case .number(let number) = reference else { return nil }
                    return Node.ids[number]
                }
                batches += 1
                for posting in AttributionRule.attribution1.post(facts).postings {
                    posted[posting.account, default: 0] += Int128(posting.microjoules)
                }
            }
        }

        func energy(of job: Int) -> Int128 {
            (posted[.job("\(job)")] ?? 0) + (posted[.idleReserved("\(job)")] ?? 0)
        }
    }

    @Test func tenThousandJobsOfOneSecond() {
        var random = SeededRandom(seed: 41)
        var node = Node()
        var fed: [Int128] = []
        for job in 0..<10_000 {
            node.change(begin: [("~\(job)", 0, true)], end: job == 0 ? [] : ["~\(job - 1)"])
            let draw = (0..<4).map { _ in random.next() % 700_000_000 }
            node.pass(draw)
            fed.append(draw.reduce(0) { $0 + Int128($1) })
        }
        node.change(begin: [], end: ["~9999"])
        node.give(force: true)
        for job in fed.indices where node.energy(of: job) != fed[job] {
            Issue.record("job \(job): \(node.energy(of: job)) µJ, fed \(fed[job])")
            break
        }
        #expect(node.posted.values.reduce(0, +) == fed.reduce(0, +))
        #expect(node.batches == 10_000)
    }

    @Test func anArrayOfAThousandOverFourAccelerators() {
        var random = SeededRandom(seed: 42)
        var node = Node()
        var fed = [Int128](repeating: 0, count: 1000)
        var idle: Int128 = 0
        var running: [Int: (job: Int, left: Int)] = [:]
        var next = 0
        while next < 1000 || !running.isEmpty {
            let over = running.filter { $0.value.left == 0 }
            for device in over.keys { running[device] = nil }
            var begun: [(token: String, device: Int, exclusive: Bool)] = []
            for device in 0..<4 where running[device] == nil && next < 1000 && random.next() % 4 != 0 {
                running[device] = (next, 1 + Int(random.next() % 5))
                begun.append(("~\(next)", device, false))
                next += 1
            }
            node.change(begin: begun, end: over.values.map { "~\($0.job)" })
            let draw = (0..<4).map { _ in random.next() % 700_000_000 }
            node.pass(draw)
            for device in 0..<4 {
                if let job = running[device]?.job {
                    fed[job] += Int128(draw[device])
                } else {
                    idle += Int128(draw[device])
                }
                running[device]?.left -= 1
            }
        }
        node.change(begin: [], end: node.book.holds.map(\.token))
        node.give(force: true)
        for job in fed.indices where node.energy(of: job) != fed[job] {
            Issue.record("array element \(job): \(node.energy(of: job)) µJ, fed \(fed[job])")
            break
        }
        #expect(node.posted[.idle] == idle)
        #expect(node.posted.values.reduce(0, +) == fed.reduce(0, +) + idle)
    }
}
