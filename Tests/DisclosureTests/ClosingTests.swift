import Batches
import ClusterSimulation
import Disclosure
import Energy
import JSONText
import SeededRandom
import Testing
import TransparencyLog

@Suite struct ClosingTests {
    @Test func anHonestCloseStandsWhereverThePrefixIsRead() throws {
        var log = try exampleLog(seed: 41)
        let index = try log.close(examplePeriod)
        try log.batch("n3")
        let closing = try #require(try log.accounts().closings.closings.first)
        #expect(closing.index == index)
        #expect(closing.mark == ClosingMark(period: examplePeriod, size: Int64(index)))
        #expect(closing.isComplete)
        // The same from a replay that keeps the sums of other hours alone.
        let elsewhere = UTCInterval(start: UTCTime(hour: 3), end: UTCTime(hour: 4))
        #expect(try log.accounts(period: elsewhere).closings == log.accounts().closings)
    }

    @Test func theSumsAreThoseOfTheReport() throws {
        let log = try exampleLog(seed: 42)
        let content = try log.closingStatement(of: examplePeriod).content
        let energy = try #require(Disclosure(try log.disclosureInput(examplePeriod)).value["energy"])
        func total(_ account: CloseEntry.Account) -> Int128 {
            content.totals.first { $0.account == account }?.microjoules ?? -1
        }
        #expect(energy["idle_uj"]?.string == "\(total(.idle))")
        #expect(energy["unattributed_uj"]?.string == "\(total(.unattributed))")
        #expect(energy["gap_uj"]?.string == "\(total(.gap))")
        #expect(energy["jobs_uj"]?.string == "\(total(.jobs) + total(.idleReserved))")
        let nodes = content.nodes.reduce(Int128(0)) { $0 + $1.microjoules }
        #expect(energy["it_uj"]?.string == "\(nodes)")
    }

    @Test func nodesAndChainsHaveTheirState() throws {
        var log = try exampleLog(seed: 43)
        try log.enrol("n4")
        try log.conflict("n3", second: Cheat.secondBatch(of: "n3", in: log))
        try log.retire("n2")
        let content = try log.closingStatement(of: examplePeriod).content
        let states = Dictionary(uniqueKeysWithValues: content.nodes.map { ($0.name, $0.state) })
        #expect(states["n1"] == .reporting)
        #expect(states["n2"] == .retired)
        #expect(states["n4"] == .silent)
        #expect(states["sw0"] == .reporting)
        #expect(content.chains.first { $0.node == "n3" }?.state == .forked)
        #expect(content.chains.first { $0.node == "n4" }?.lastSequence == nil)
        // n1 resumed: both of its chains cover the period.
        #expect(content.chains.count { $0.node == "n1" } == 2)
    }

    /// A gap that crosses the bounds counts as far as it lies inside, so that days add up to months.
    @Test func gapsAreCutAtTheBounds() throws {
        var log = try SyntheticLog(seed: 44)
        try log.enrol("n1")
        try log.batch("n1", seconds: 5400, state: .outage)
        let hours = (0..<2).map { hour in
            UTCInterval(start: UTCTime(hour: 490_896 + hour), end: UTCTime(hour: 490_897 + hour))
        }
        let whole = UTCInterval(start: hours[0].start, end: hours[1].end)
        func milliseconds(_ period: UTCInterval) throws -> Int64 {
            try log.closingStatement(of: period).content.gaps.reduce(0) { $0 + $1.milliseconds }
        }
        let sum = try milliseconds(hours[0]) + milliseconds(hours[1])
        #expect(try milliseconds(whole) == sum)
        #expect(sum > 0)
    }

    /// Each row: what the operator states falsely, and the line that the audit names.
    @Test(arguments: [
        ("a total", "total idle"), ("a node's energy", "node n1"), ("a node left out", "node n2"),
        ("an earlier last seq", "chain n3"), ("a chain left out", "chain n1"), ("another size", ""),
        ("a size ahead", ""), ("half an hour", ""), ("again", ""), ("a lost part", ""),
    ])
    func aFalseCloseIsNamed(_ lie: String, _ line: String) throws {
        var log = try exampleLog(seed: 45)
        if lie == "again" || lie == "another size" { try log.close(examplePeriod) }
        let place = log.size
        if lie == "another size" { try log.batch("n1") }
        let index = try log.close(examplePeriod) { Self.change(&$0, lie, place) }
        if line.isEmpty {
            // What is stated is of another prefix or period than what is signed over it. The same over a longer one
            // is a close like any other.
            #expect(lie == "again" ? log.refusal == nil : log.refusal?.failureClass == .close, "\(lie)")
            return
        }
        let failure = try #require(log.refusal, "\(lie) was not noticed")
        #expect(failure.failureClass == .close, "\(failure)")
        #expect(failure.place == "entry \(index)")
        #expect(failure.expected?.hasPrefix(line) == true, "\(failure)")
    }

    private static func change(_ entry: inout CloseEntry, _ lie: String, _ place: UInt64) {
        switch lie {
        case "a total": entry.content.totals[2].microjoules -= 1
        case "a node's energy":
            entry.content.nodes.firstIndex { $0.name == "n1" }.map { entry.content.nodes[$0].microjoules += 1 }
        case "a node left out": entry.content.nodes.removeAll { $0.name == "n2" }
        case "an earlier last seq":
            entry.content.chains.firstIndex { $0.node == "n3" }.map { entry.content.chains[$0].lastSequence = 1 }
        case "a chain left out": entry.content.chains.removeAll { $0.node == "n1" }
        case "another size": entry.size = Int64(place) - 1
        case "a size ahead": entry.size = 1 << 40
        case "half an hour": entry.period.end.microseconds -= 1_800_000_000
        case "a lost part": entry.parts += 1
        default: break
        }
    }

    /// The cheat that the close is there for: acknowledged batches vanish from a log that is shown anew.
    @Test func whoeverDropsTheLastBatchesOfANodeContradictsTheClose() throws {
        var honest = try SyntheticLog(seed: 46)
        for name in ["n1", "n2"] { try honest.enrol(name) }
        for _ in 0..<3 { for name in ["n1", "n2"] { try honest.batch(name) } }
        let index = try honest.close(examplePeriod)
        // n2's last batch goes, and whatever of it would follow: its chain is whole as far as it is shown.
        var entries = honest.entries
        entries.remove(at: Int(index) - 1)
        #expect(throws: ReplayFailure.self) { try SyntheticLog.replay(entries, origin: honest.origin) }
        var shown = honest.replacing(Array(entries.dropLast()))
        let size = Int64(shown.size)
        // The same words over the shorter prefix, signed by the operator again.
        let old = try CloseEntry(text: Array(SignedNote(parsing: honest.entries[Int(index)]).text))
        var again = old
        again.size = size
        try shown.append(.close(again), by: shown.administration)
        do {
            _ = try SyntheticLog.replay(shown.entries, origin: shown.origin)
            Issue.record("the dropped batch was not noticed")
        } catch let failure as ReplayFailure {
            #expect(failure.failureClass == .close, "\(failure)")
            #expect(failure.place == "entry \(size)")
        }
        // What the node holds against a log in which the close says less: its own note, behind the last seq stated.
        let stated = old.content.chains.first { $0.node == "n2" }?.lastSequence
        #expect(stated == 2)
    }

    @Test func lateBatchesAreFlaggedAndThePeriodIsClosedAgain() async throws {
        var log = try exampleLog(seed: 47)
        try log.close(examplePeriod)
        try log.batch("n1")
        try log.batch("n2")
        let disclosure = Disclosure(try log.disclosureInput(examplePeriod))
        #expect(disclosure.value["closes"]?.array?.first?["late_batches"]?.int64 == 2)
        let audit = try await BundleAudit(
            source: BundleSource(files: try log.bundle(examplePeriod)), policy: log.policy, workers: 2
        ).run()
        #expect(audit.isVerified, "\(audit.text)")
        #expect(audit.notCovered.contains { $0.contains("2 batches") && $0.contains("closed") }, "\(audit.text)")
        try log.close(examplePeriod)
        let closings = try log.accounts().closings
        #expect(closings.newest(of: examplePeriod)?.lateBatches == 0)
        #expect(closings.closings.count == 2)
    }

    @Test func aCloseOfManyNodesHasParts() throws {
        var log = try SyntheticLog(seed: 48)
        for number in 0..<900 { try log.enrol("a-node-with-a-rather-long-name-\(number).cluster.example") }
        let period = UTCInterval(start: log.now, end: UTCTime(hour: log.now.hour + 1))
        let index = try log.close(period)
        let closing = try #require(try log.accounts().closings.closings.first)
        #expect(closing.parts > 1 && closing.isComplete && closing.index == index)
        #expect(log.entries.allSatisfy { $0.count <= Entry.maximumNoteBytes })
        // A part that is missing leaves the period open, a part out of turn is refused.
        let short = log.replacing(Array(log.entries.dropLast()))
        #expect(try short.accounts().closings.newest(of: period) == nil)
        var holed = log.entries
        holed.remove(at: Int(index))
        #expect(log.replacing(holed).refusal?.failureClass == .close)
    }

    @Test(arguments: 0..<50) func parsingInvertsRendering(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        func count(_ bound: UInt64) -> Int { Int(random.next() % bound) }
        func wide() -> Int128 { Int128(Int64(bitPattern: random.next())) * Int128(1 + count(1 << 40)) }
        var content = CloseEntry.Content()
        let part = 1 + count(2)
        if part == 1 { content.totals = CloseEntry.Account.allCases.map { .init(account: $0, microjoules: wide()) } }
        content.nodes = (0..<count(5)).map {
            .init(name: "n\($0)", state: CloseEntry.NodeState.allCases[count(4)], microjoules: wide())
        }
        content.gaps = (0..<count(5)).map {
            .init(node: "n\($0)", kind: CloseEntry.GapKind.allCases[count(3)], count: 3, milliseconds: 7)
        }
        content.chains = (0..<count(5)).map {
            .init(
                node: "n\($0)", incarnation: Int64(count(99)), lastSequence: count(2) == 0 ? nil : 4,
                state: CloseEntry.ChainState.allCases[count(2)], leaf: .leaf(of: [UInt8($0)]))
        }
        let entry = CloseEntry(
            log: "log.example/acme", time: UTCTime(hour: 1), period: examplePeriod, size: 9, part: Int64(part),
            parts: 2,
            content: content, salt: random.bytes(16))
        #expect(try CloseEntry(text: entry.text) == entry)
        #expect(try Entry(text: entry.text).text == entry.text)
        for _ in 0..<40 {
            var bytes = entry.text
            bytes[count(UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            if let parsed = try? CloseEntry(text: bytes) { #expect(parsed.text == bytes) }
        }
    }
}
