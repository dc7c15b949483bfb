import Energy
import SeededRandom
import Testing

@Suite struct ResidualWatchTests {
    private func sensor(_ id: String, _ layer: Layer, within: String? = nil, _ from: Int64, _ to: Int64) -> SensorFacts
    {
        SensorFacts(
            id: id, kind: "x", layer: layer, within: within, provenance: .counter, epoch: 0, firstMicrojoules: from,
            lastMicrojoules: to, readings: 30, longestGapMilliseconds: 1000, bridgedMilliseconds: 0,
            missingMilliseconds: 0, periodMilliseconds: 1000, idlePowerMilliwatts: 0, flags: [])
    }

    private func facts(_ batch: Int64, seconds: Int64 = 30, root: (Int64, Int64), part: (Int64, Int64)) -> IntervalFacts
    {
        IntervalFacts(
            interval: UTCInterval(
                start: UTCTime(seconds: batch * seconds), end: UTCTime(seconds: (batch + 1) * seconds)),
            monotonic: MonotonicInterval(
                startNanoseconds: batch * seconds * 1_000_000_000,
                endNanoseconds: (batch + 1) * seconds * 1_000_000_000),
            state: .measured, host: nil,
            sensors: [
                sensor("node", .nodeAC, root.0, root.1), sensor("gpu", .gpu, within: "node", part.0, part.1),
            ], allocations: [])
    }

    /// Batches of constant energies.
    private func judge(_ batches: Int64, root: Int64, part: Int64, refresh: Int64 = 1000) -> [Bool] {
        var watch = ResidualWatch()
        return (0..<batches).map { batch in
            watch.take(
                facts(batch, root: (batch * root, (batch + 1) * root), part: (batch * part, (batch + 1) * part)),
                refreshMilliseconds: refresh
            ).first?.isInconsistent ?? false
        }
    }

    @Test func theWindowIsThirtyRefreshes() {
        #expect(ResidualWatch.windowNanoseconds(refreshMilliseconds: 1000) == 300_000_000_000)
        #expect(ResidualWatch.windowNanoseconds(refreshMilliseconds: 10_000) == 300_000_000_000)
        #expect(ResidualWatch.windowNanoseconds(refreshMilliseconds: 60_000) == 1_800_000_000_000)
        #expect(ResidualWatch.windowNanoseconds(refreshMilliseconds: .max) == .max)
    }

    @Test func partsThatStayAboveTheirRootAreFlaggedAfterTwoWindows() {
        #expect(judge(40, root: 1_000_000, part: 1_040_000) == (0..<40).map { $0 >= 19 })
        #expect(judge(40, root: 1_000_000, part: 1_029_000).allSatisfy { !$0 })
        // 3 % exactly is not below -3 %.
        #expect(judge(40, root: 1_000_000, part: 1_030_000).allSatisfy { !$0 })
        #expect(judge(40, root: 1_000_000, part: 1_030_001).contains(true))
        #expect(judge(119, root: 1_000_000, part: 2_000_000, refresh: 60_000).allSatisfy { !$0 })
        #expect(judge(120, root: 1_000_000, part: 2_000_000, refresh: 60_000).last == true)
    }

    @Test func aRootThatWasNotReadBeginsAgain() {
        var watch = ResidualWatch()
        var flagged: [Int64] = []
        for batch in Int64(0)..<60 {
            var facts = facts(batch, root: (batch, batch + 1), part: (batch * 2, batch * 2 + 2))
            if batch == 25 {
                facts.sensors[0].readings = 0
                facts.sensors[0].flags = .timedOut
            }
            if watch.take(facts, refreshMilliseconds: 1000).contains(where: \.isInconsistent) { flagged.append(batch) }
        }
        #expect(flagged == Array(19..<25) + Array(45..<60))
    }

    /// A BMC that shows the mean of its last 10 s, asked every 5 s, on loads of any rhythm: healthy.
    @Test(arguments: 0..<200) func aSlowBMCOnAnAlternatingLoadIsNotFlagged(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let period = 2 + Int64(random.next() % 120)
        let high = Int64(600_000_000 + random.next() % 2_400_000_000)
        let low = Int64(50_000_000 + random.next() % 250_000_000)
        let duty = period * Int64(20 + random.next() % 60) / 100
        let phase = Int64(random.next() % 10)
        let other = Int64(random.next() % 2) * 30_000_000
        var consumed: [Int64] = [0]
        for second in Int64(0)..<3600 { consumed.append(consumed[Int(second)] + (second % period < duty ? high : low)) }
        func shown(_ second: Int64) -> Int64 {
            let look = (second - phase) / 10 * 10 + phase
            return (consumed[Int(look)] - consumed[Int(look - 10)]) / 10 + other
        }
        var integral = PowerIntegral(rule: .trapezoid)
        var points: [(Int64, Int64)] = []
        for second in stride(from: Int64(20), to: 3600, by: 5) {
            _ = integral.add(nanoseconds: second * 1_000_000_000, microwatts: shown(second))
            points.append((second, integral.microjoules))
        }
        func root(_ second: Int64) -> Int64 { points.last { $0.0 <= second }?.1 ?? 0 }
        var watch = ResidualWatch()
        for batch in Int64(1)..<118 {
            let (from, to) = (batch * 30, batch * 30 + 30)
            let facts = facts(
                batch, root: (root(from), root(to)), part: (consumed[Int(from)], consumed[Int(to)]))
            let judgements = watch.take(facts, refreshMilliseconds: 10_000)
            #expect(judgements.allSatisfy { !$0.isInconsistent }, "seed \(seed), batch \(batch)")
        }
    }

    /// The same BMC on one of two cords shows half: that is flagged on any load.
    @Test(arguments: 0..<20) func aBMCOnOneOfTwoCordsIsFlagged(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var watch = ResidualWatch()
        var total: Int64 = 0
        var flags: [Bool] = []
        for batch in Int64(0)..<60 {
            let energy = Int64(10_000_000_000 + random.next() % 10_000_000_000)
            let facts = facts(
                batch, root: (total / 2, (total + energy) / 2), part: (total, total + energy))
            flags.append(watch.take(facts, refreshMilliseconds: 10_000).contains(where: \.isInconsistent))
            total += energy
        }
        #expect(flags.suffix(40).allSatisfy { $0 }, "seed \(seed)")
    }
}
