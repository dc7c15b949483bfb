import Accounts
import Batches
import Energy
import MetricsEndpoint
import Synchronization
import Testing
import TransparencyLog

@testable import NodeAgent

/// Extracts on a real disk: what a crash between two spools leaves, and a chain that its log refuses.
@Suite struct TenantBookTests {
    private let job = Pseudonym.encode(Array(repeating: 1, count: 16))

    private func log(_ directory: String, _ aggregator: FakeAggregator) throws -> TenantLog {
        let (incarnation, leaf) = aggregator.enrol("n1")
        return try reopened(directory, aggregator, incarnation, leaf)
    }

    private func reopened(
        _ directory: String, _ aggregator: FakeAggregator, _ incarnation: Int64, _ leaf: MerkleHash
    ) throws -> TenantLog {
        let enrolment = try aggregator.enrolment(in: directory, incarnation, leaf)
        return try TenantLog("acme", enrolment, capacityBytes: 1 << 20, report: { _ in })
    }

    /// An interval in which the tenant has half of the processors, from this second on.
    private func interval(_ second: Int64, first: Int64, last: Int64) -> MeasuringSession.Interval {
        let sensor = SensorFacts(
            id: "package", kind: "test", layer: .package, within: nil, provenance: .counter, epoch: 0,
            firstMicrojoules: first, lastMicrojoules: last, readings: 30, longestGapMilliseconds: 1000,
            bridgedMilliseconds: 0, missingMilliseconds: 0, periodMilliseconds: 1000, idlePowerMilliwatts: 0, flags: [])
        let facts = IntervalFacts(
            interval: UTCInterval(start: UTCTime(seconds: second), end: UTCTime(seconds: second + 30)),
            monotonic: MonotonicInterval(
                startNanoseconds: second * 1_000_000_000, endNanoseconds: (second + 30) * 1_000_000_000),
            state: .measured, host: HostFacts(millicores: 2000, unheldCPUMicroseconds: 0), sensors: [sensor],
            allocations: [
                AllocationFacts(
                    job: job, mode: .shared, cpuMicroseconds: 5, reservedMillicores: 1000,
                    since: UTCTime(seconds: second)),
                AllocationFacts(
                    job: Pseudonym.encode(Array(repeating: 9, count: 16)), mode: .shared, cpuMicroseconds: 5,
                    reservedMillicores: 1000, since: UTCTime(seconds: second)),
            ])
        return MeasuringSession.Interval(
            facts: facts, samples: nil, clock: ClockState(letter: .synchronised, errorMicroseconds: 1),
            continuations: [])
    }

    private func cut(_ interval: MeasuringSession.Interval) -> TenantCut {
        let hold = TenantHold(tenant: "acme", homePseudonym: Pseudonym.encode(Array(repeating: 2, count: 16)))
        return TenantCut(interval.facts, holds: [job: hold], logged: ["acme"])
    }

    private func home(_ sequence: Int64) -> HomeBatch {
        HomeBatch(
            log: "log.example/home", position: ChainPosition(incarnation: 1, sequence: sequence),
            leaf: MerkleHash.leaf(of: [UInt8(sequence)]))
    }

    private func batches(_ log: TenantLog) throws -> [Batch] {
        try log.spool.recovered.compactMap { try log.spool.read($0.leaf) }.compactMap {
            try? Batch(text: Array(SignedNote(parsing: $0.note).text))
        }
    }

    /// The home batch became durable with its extract beside it; the tenant's spool did not get it any more.
    @Test func aCrashBetweenTwoSpoolsLosesAndDoublesNothing() throws {
        try ChildProcess.withDirectory { directory in
            let aggregator = try FakeAggregator()
            let first = try log(directory, aggregator)
            let (incarnation, leaf) = (first.enrolment.incarnation, first.enrolment.openingLeaf)
            var book = try TenantBook([first], staged: [], report: { _ in })
            let early = interval(0, first: 1000, last: 1100)
            try book.store(book.sign(cut(early), early, home: home(0), boot: "b"))
            let late = interval(90, first: 9000, last: 9300)
            let staged = try book.sign(cut(late), late, home: home(3), boot: "b")
            let point = ResumePoint(boot: "b", continuations: [], heldAtEnd: nil, extracts: staged)
            #expect(ResumePoint(bytes: point.bytes) == point && staged.count == 1)
            first.spool.close()

            // Twice: the second start finds it in the spool.
            for _ in 0..<2 {
                let next = try reopened(directory, aggregator, incarnation, leaf)
                let kept = try #require(ResumePoint(bytes: point.bytes))
                _ = try TenantBook([next], staged: kept.extracts, report: { _ in })
                next.spool.close()
            }
            let last = try reopened(directory, aggregator, incarnation, leaf)
            let found = try batches(last)
            #expect(found.map(\.position.sequence) == [0, 1])
            #expect(found.map(\.home?.position.sequence) == [0, 3])
            // Counters go on where they stood: 100 µJ, then 300.
            #expect(found.map { $0.facts.sensors[0].firstMicrojoules } == [0, 100])
            #expect(found.map { $0.facts.sensors[0].lastMicrojoules } == [100, 400])
            var head = ChainHead(node: "n1", opening: incarnation, leaf: leaf)
            for batch in found {
                #expect(head.refusal(of: batch) == nil)
                let bytes = try #require(try last.spool.read(last.spool.recovered[Int(batch.position.sequence)].leaf))
                head.advance(past: batch, leaf: MerkleHash.leaf(of: bytes.note))
            }
        }
    }

    @Test func organizationsWithoutALogAreCounted() throws {
        try ChildProcess.withDirectory { directory in
            let log = try log(directory, FakeAggregator())
            let hold = TenantHold(tenant: "globex", homePseudonym: Pseudonym.encode(Array(repeating: 2, count: 16)))
            let facts = interval(0, first: 0, last: 100).facts
            var status = MeasuringLoop.Status()
            func page() -> String {
                let page = AgentMetrics.page(
                    node: "n1", measuring: status, uplink: log.uplink.status, spool: log.spool, claims: [:])
                return String(decoding: page.text, as: UTF8.self)
            }
            status.count(strangers: TenantCut(facts, holds: [job: hold], logged: ["globex"]).strangers)
            #expect(!page().contains("wattest_tenant_without_log_total{"))
            for _ in 0..<2 { status.count(strangers: TenantCut(facts, holds: [job: hold], logged: ["acme"]).strangers) }
            #expect(page().contains("wattest_tenant_without_log_total{organization=\"globex\"} 2\n"))
            // However many names there are, the page stays bounded, and every batch is counted.
            status.count(strangers: Set((0..<1000).map { "o\($0)" }))
            #expect(status.strangers.count == MeasuringLoop.Status.maximumStrangers + 1)
            #expect(status.strangers.values.reduce(0, +) == 1002)
            log.spool.close()
        }
    }

    /// Signs the extract of the first home batch, half of 100 µJ, whose chain the tenant's log then refuses.
    private func signRefused(_ book: inout TenantBook, _ log: TenantLog) throws {
        let first = interval(0, first: 0, last: 100)
        let extracts = try book.sign(cut(first), first, home: home(0), boot: "b")
        try book.store(extracts)
        let refusal = Refusal(.chainFork, "another entry stands here")
        try log.spool.setAside(extracts[0].entry.leaf, reason: "\(refusal)")
        let loss = UplinkState.ChainLoss(
            incarnation: log.enrolment.incarnation, lastGoodSequence: -1, setAside: [SpoolItem(extracts[0].entry)],
            refusal: refusal, isBehindHead: false)
        try book.take(.gaveUp(loss), of: "acme", now: UTCTime(seconds: 40))
    }

    /// The first two home batches' extracts, once each, in the chain that the log opened behind the refused one.
    private func expectBothExtracts(_ found: [Batch]) {
        #expect(found.map(\.position) == [0, 1].map { ChainPosition(incarnation: 77, sequence: $0) })
        #expect(found.map(\.home?.position.sequence) == [0, 1])
        let posted = found.reduce(Int128(0)) {
            $0 + AttributionRule.attribution1.post($1.facts).totalMicrojoules
        }
        #expect(posted == 75, "half of 100 and of 50 µJ")
    }

    /// What the log does not take is signed again in the chain that follows, once it is open.
    @Test func aRefusedChainGoesOnInANewOne() throws {
        try ChildProcess.withDirectory { directory in
            let aggregator = try FakeAggregator()
            let log = try log(directory, aggregator)
            let incarnation = log.enrolment.incarnation
            var book = try TenantBook([log], staged: [], report: { _ in })
            try signRefused(&book, log)
            // While the chain is not open, cuts wait; nothing of the home log does.
            let second = interval(30, first: 100, last: 150)
            let waiting = try book.sign(cut(second), second, home: home(1), boot: "b")
            #expect(waiting.isEmpty)
            log.spool.close()

            let next = try reopened(directory, aggregator, incarnation, log.enrolment.openingLeaf)
            let resume = try #require(next.spool.recovered.first { $0.position == nil })
            next.spool.close()
            try book.take(.logged(leaf: resume.leaf, index: 77), of: "acme", now: UTCTime(seconds: 70))
            let last = try reopened(directory, aggregator, incarnation, log.enrolment.openingLeaf)
            let found = try batches(last)
            expectBothExtracts(found)
        }
    }

    /// The same where the agent ends while the chain is not open: what waits is on the disk, once.
    @Test func whatWaitsOutlivesTheAgent() throws {
        try ChildProcess.withDirectory { directory in
            let aggregator = try FakeAggregator()
            let log = try log(directory, aggregator)
            let (incarnation, leaf) = (log.enrolment.incarnation, log.enrolment.openingLeaf)
            var book = try TenantBook([log], staged: [], report: { _ in })
            try signRefused(&book, log)
            for (number, second) in [(1, 30), (2, 60)] {
                let next = interval(Int64(second), first: Int64(second), last: Int64(second) + 50)
                let waiting = try book.sign(cut(next), next, home: home(Int64(number)), boot: "b")
                #expect(waiting.isEmpty)
            }
            log.spool.close()

            // The home batch of the last one was never stored. Nobody opens the chain at the second start either.
            let place = ChainPosition(incarnation: 1, sequence: 2)
            for _ in 0..<2 {
                let next = try reopened(directory, aggregator, incarnation, leaf)
                _ = try TenantBook([next], staged: [], next: place, report: { _ in })
                next.spool.close()
            }
            let opened = try reopened(directory, aggregator, incarnation, leaf)
            var later = try TenantBook([opened], staged: [], next: place, report: { _ in })
            let resume = try #require(opened.spool.recovered.first { $0.position == nil })
            try later.take(.logged(leaf: resume.leaf, index: 77), of: "acme", now: UTCTime(seconds: 170))
            opened.spool.close()
            // What was signed is not signed again.
            for _ in 0..<2 {
                let last = try reopened(directory, aggregator, incarnation, leaf)
                var book = try TenantBook([last], staged: [], next: place, report: { _ in })
                let third = interval(90, first: 90, last: 100)
                let signed = try book.sign(cut(third), third, home: home(2), boot: "b")
                #expect(signed.map(\.home) == [place])
                let found = try batches(last)
                expectBothExtracts(found)
                last.spool.close()
            }
        }
    }

    /// An organization without a log on this node is told of once, and its share stays in the home log.
    @Test func strangersAreToldOfOnce() throws {
        let told = Told()
        var book = try TenantBook([], staged: [], report: { told.add($0) })
        let interval = interval(0, first: 0, last: 100)
        let hold = TenantHold(tenant: "acme", homePseudonym: Pseudonym.encode(Array(repeating: 2, count: 16)))
        let cut = TenantCut(interval.facts, holds: [job: hold], logged: book.slugs)
        for _ in 0..<3 {
            let signed = try book.sign(cut, interval, home: home(0), boot: "b")
            #expect(signed.isEmpty)
        }
        #expect(told.lines.count == 1 && told.lines.allSatisfy { $0.contains("enroll --tenant acme") })
    }
}

private final class Told: Sendable {
    private let kept = Mutex<[String]>([])
    var lines: [String] { kept.withLock { $0 } }
    func add(_ line: String) { kept.withLock { $0.append(line) } }
}
