import Energy
import SeededRandom
import Testing

@testable import Sensors

@Suite struct CPUModelTests {
    private let stat = """
        cpu  1000 200 300 5000 700 10 20 99 400 0
        cpu0 500 100 150 2500 350 5 10 50 200 0
        cpu1 500 100 150 2500 350 5 10 49 200 0
        intr 12345 0 0
        ctxt 99

        """

    private func source(_ tree: FixtureTree) -> CPUModelSource {
        CPUModelSource(
            procfsRoot: tree.root,
            stated: .init(idleMilliwatts: 100_000, fullMilliwatts: 300_000, origin: "data sheet"), ticksPerSecond: 100)
    }

    @Test func guestIdleIowaitAndStolenTimeAreNotBusy() {
        #expect(CPUTimes(stat: Array(stat.utf8))?.busyTicks == 1530)
        #expect(CPUTimes.processors(stat: Array(stat.utf8)) == 2)
    }

    @Test(arguments: [
        "", "cpu", "cpu ", "cpu0 1 2 3 4 5 6 7\n", "cpu  1 2 3\n", "cpu  1 2 3 4 5 6 7", "cpu  1 -2 3 4 5 6 7\n",
        "cpu  99999999999999999999 2 3 4 5 6 7\n", "cpu  18446744073709551615 2 3 4 5 6 7\n",
    ])
    func brokenStatIsMalformed(text: String) { #expect(CPUTimes(stat: Array(text.utf8)) == nil) }

    /// 10 s since boot at 100 W idle, and 15.3 s of busy time on two processors at half of 200 W each.
    @Test func energyIsAFunctionOfOneReading() {
        let tree = FixtureTree(["stat": stat])
        var source = source(tree)
        let report = source.discover()
        let found = report.sensors[0]
        #expect(found.description.provenance == .estimated)
        #expect((found.description.kind, found.description.layer) == ("cpu-model", .package))
        #expect(found.parameters?.contains("idle_mw=100000 full_mw=300000 cpus=2") == true)
        let expected: UInt64 = 100 * 10_000_000 + 100 * 15_300_000
        #expect(source.read(nowNanoseconds: 10_000_000_000)[0].reading.value == .counter(expected))
    }

    @Test func aTickThatStepsBackIsNotARest() {
        let tree = FixtureTree(["stat": stat])
        var source = source(tree)
        _ = source.discover()
        let first = source.read(nowNanoseconds: 10_000_000_000)[0].reading
        tree.write("stat", stat.replacing("cpu  1000 ", with: "cpu  998 "))
        #expect(source.read(nowNanoseconds: 10_000_000_000)[0].reading == first)
        tree.write("stat", "garbage")
        #expect(source.read(nowNanoseconds: 11_000_000_000)[0].reading.value == .unreadable(.malformed))
    }

    @Test func impossibleFiguresAreRefusedWithARemedy() {
        let tree = FixtureTree(["stat": stat])
        var source = CPUModelSource(
            procfsRoot: tree.root, stated: .init(idleMilliwatts: 2, fullMilliwatts: 1, origin: "typo"))
        #expect(source.discover().absence?.remedy.contains("idle and full power") == true)
        var nowhere = CPUModelSource(procfsRoot: tree.root + "/none")
        #expect(nowhere.discover().absence != nil)
        #expect(nowhere.read(nowNanoseconds: 0).isEmpty)
    }

    /// Energy over any set of samples equals energy over first and last: nothing hangs on how often one looks.
    @Test func samplesTileOnRandomHistories() throws {
        for seed in UInt64(0)..<200 {
            var random = SeededRandom(seed: seed)
            let full = Int64.random(in: 0...CPUPowerModel.maximumMilliwatts, using: &random)
            let model = try #require(
                CPUPowerModel(
                    idleMilliwatts: Int64.random(in: 0...full, using: &random), fullMilliwatts: full,
                    processors: Int64.random(in: 1...512, using: &random), ticksPerSecond: 100, origin: ""))
            var counter = ExtendedCounter(modulus: nil, maximumPowerMicrowatts: full * 1500)
            var (time, ticks, first, last): (Int64, UInt64, UInt64?, UInt64) = (1_000_000_000, 5, nil, 0)
            for _ in 0..<50 {
                last = try #require(model.microjoules(sinceBootNanoseconds: time, busyTicks: ticks))
                first = first ?? last
                let step = counter.take(Reading(monotonicNanoseconds: time, value: .counter(last)))
                #expect(!step.suspect && step.step != .reset, "seed \(seed)")
                let elapsed = UInt64.random(in: 1...1_000, using: &random)
                time += Int64(elapsed) * 10_000_000
                ticks += UInt64.random(in: 0...elapsed * UInt64(model.processors), using: &random)
            }
            #expect(counter.extendedMicrojoules == Int64(last - (first ?? 0)), "seed \(seed)")
        }
    }

    @Test func thisMachinesStatIsRead() {
        var source = CPUModelSource()
        #expect(source.discover().sensors.count == 1)
        guard case .counter(let energy) = source.read(nowNanoseconds: NodeClock.bootNanoseconds())[0].reading.value
        else {
            return #expect(Bool(false))
        }
        #expect(energy > 0)
    }
}
