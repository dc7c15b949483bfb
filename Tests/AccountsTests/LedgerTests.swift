import Accounts
import Energy
import SeededRandom
import Testing

/// The ledger against the plainest one there is: a dictionary of sums.
@Suite struct LedgerTests {
    private struct Sum {
        var key: Ledger.Key
        var microjoules: [Int64]
    }

    private func sums(seed: UInt64, count: Int) -> [Sum] {
        var random = SeededRandom(seed: seed)
        let accounts: [Account] = [.job("a"), .job("b"), .idleReserved("a"), .idle, .unattributed, .gap, .superseded]
        return (0..<count).map { _ in
            let key = Ledger.Key(
                account: accounts[Int.random(in: accounts.indices, using: &random)],
                node: "n\(Int.random(in: 0..<3, using: &random))", hour: Int64.random(in: -3...20, using: &random),
                provenance: Provenance.allCases[Int.random(in: 0..<5, using: &random)],
                boundary: Boundary.allCases[Int.random(in: 0..<6, using: &random)])
            // Some are beyond what 64 bits hold together.
            let isHuge = Int.random(in: 0..<20, using: &random) == 0
            let range: ClosedRange<Int64> = isHuge ? (.max / 2)...(.max) : -1000...1_000_000
            let sign: Int64 = Bool.random(using: &random) ? 1 : -1
            return Sum(
                key: key, microjoules: Component.allCases.map { _ in sign * Int64.random(in: range, using: &random) })
        }
    }

    private func energy(_ sum: Sum) -> ComponentEnergy {
        var energy = ComponentEnergy()
        for (component, microjoules) in zip(Component.allCases, sum.microjoules) {
            energy[component] = Int128(microjoules)
        }
        return energy
    }

    @Test(arguments: UInt64(0)..<8) func holdsEverySumInAnyOrder(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let sums = sums(seed: seed, count: 600)
        var plain: [Ledger.Key: ComponentEnergy] = [:]
        for sum in sums { plain[sum.key, default: ComponentEnergy()].add(energy(sum)) }
        for _ in 0..<3 {
            var whole = Ledger()
            var posted = Ledger()
            for sum in sums.shuffled(using: &random) {
                whole.add(energy(sum), at: sum.key)
                var batch = BatchPostings()
                batch.postings = zip(Component.allCases, sum.microjoules).map { component, microjoules in
                    Posting(
                        account: sum.key.account, component: component, provenance: sum.key.provenance,
                        boundary: sum.key.boundary, hour: sum.key.hour, microjoules: microjoules)
                }
                posted.add(batch, node: sum.key.node, index: 0)
            }
            #expect(whole.energy == plain, "seed \(seed)")
            #expect(posted.energy == plain, "seed \(seed)")
            #expect(whole.totalMicrojoules == plain.values.reduce(0) { $0 + $1.total }, "seed \(seed)")
            for line in whole.lines {
                let times = line.hours.map { whole.hours[Int($0.slot)] }
                #expect(times == times.sorted() && Set(times).count == times.count, "seed \(seed)")
            }
            let period = UTCInterval(start: UTCTime(hour: 2), end: UTCTime(hour: 7))
            #expect(whole.restricted(to: period).energy == plain.filter { (2..<7).contains($0.key.hour) })
            let ofJob = whole.lines(ofJob: "a").flatMap { line in line.hours.map { whole.key(of: line, $0) } }
            #expect(Set(ofJob) == Set(plain.keys.filter { $0.account.job == "a" }), "seed \(seed)")
        }
    }

    @Test(arguments: UInt64(0)..<4) func coverageOfAnHourIsOneSum(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var plain: [Ledger.CoverageKey: Ledger.Coverage] = [:]
        var ledger = Ledger()
        for _ in 0..<300 {
            let key = Ledger.CoverageKey(
                job: "j\(Int.random(in: 0..<3, using: &random))", node: "n\(Int.random(in: 0..<3, using: &random))",
                hour: Int64.random(in: 0..<9, using: &random))
            let start = Int64.random(in: 0..<1000, using: &random)
            let sum = Ledger.Coverage(
                measuredMilliseconds: Int64.random(in: 0..<100, using: &random), bridgedMilliseconds: 1,
                hold: UTCInterval(start: UTCTime(seconds: start), end: UTCTime(seconds: start + 7)))
            if plain[key] == nil { plain[key] = sum } else { plain[key]?.add(sum) }
            ledger.add(sum, at: key)
        }
        #expect(ledger.coverage == plain, "seed \(seed)")
    }

    /// A report that is being made is not touched by what is posted meanwhile.
    @Test func aCopyStaysAsItWas() {
        var ledger = Ledger()
        for sum in sums(seed: 3, count: 50) { ledger.add(energy(sum), at: sum.key) }
        let copy = ledger
        let before = copy.energy
        for sum in sums(seed: 4, count: 50) { ledger.add(energy(sum), at: sum.key) }
        #expect(copy.energy == before)
        #expect(ledger.energy != before)
    }
}
