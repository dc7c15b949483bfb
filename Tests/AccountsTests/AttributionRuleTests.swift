import Accounts
import Energy
import SeededRandom
import Testing

private let second: Int64 = 1_000_000
private let jobA = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
private let jobB = "baaaaaaaaaaaaaaaaaaaaaaaaa"

private func sensor(
    _ id: String, _ layer: Layer, _ energy: Int64, within: String? = nil, idle: Int64 = 0, bridged: Int64 = 0,
    missing: Int64 = 0, flags: SensorFlags = [], readings: Int64 = 30
) -> SensorFacts {
    SensorFacts(
        id: id, kind: "test", layer: layer, within: within, provenance: .counter, epoch: 0, firstMicrojoules: 1000,
        lastMicrojoules: 1000 + energy, readings: readings, longestGapMilliseconds: 1000, bridgedMilliseconds: bridged,
        missingMilliseconds: missing, periodMilliseconds: 1000, idlePowerMilliwatts: idle, flags: flags)
}

private func facts(
    _ sensors: [SensorFacts], _ allocations: [AllocationFacts] = [], host: HostFacts? = nil,
    state: IntervalFacts.State = .measured, seconds: Int64 = 30, start: Int64 = 0, others: OtherTenants? = nil
) -> IntervalFacts {
    IntervalFacts(
        interval: UTCInterval(
            start: UTCTime(seconds: start), end: UTCTime(microseconds: (start + seconds) * second)),
        monotonic: MonotonicInterval(startNanoseconds: 0, endNanoseconds: seconds * 1_000_000_000), state: state,
        host: host, sensors: sensors, allocations: allocations, others: others)
}

private func allocation(
    _ job: String, _ mode: AllocationFacts.Mode = .shared, devices: [DeviceHold] = [], cpu: Int64 = 0,
    cores: Int64 = 0, held: Int64? = nil, active: Bool = true
) -> AllocationFacts {
    AllocationFacts(
        job: job, mode: mode, devices: devices, cpuMicroseconds: cpu, reservedMillicores: cores,
        heldNanoseconds: held, since: UTCTime(seconds: 0), isActive: active)
}

private func sums(_ result: BatchPostings) -> [String: Int64] {
    var sums: [String: Int64] = [:]
    for posting in result.postings {
        sums["\(posting.account.key) \(posting.component.name)", default: 0] += posting.microjoules
    }
    return sums
}

@Suite struct AttributionRuleTests {
    private let rule = AttributionRule.attribution1

    @Test func exclusiveHolderPaysForTheWholeNode() {
        let result = rule.post(
            facts(
                [sensor("node", .nodeAC, 900), sensor("gpu", .gpu, 500, within: "node")],
                [allocation(jobA, .exclusive)]))
        #expect(sums(result) == ["job/\(jobA) accelerator": 500, "job/\(jobA) rest": 400])
        #expect(result.postings.allSatisfy { $0.boundary == .nodeAC })
    }

    @Test func reservedButInactiveIsTheJobsOwnIdle() {
        let result = rule.post(facts([sensor("gpu", .gpu, 7)], [allocation(jobA, .exclusive, active: false)]))
        #expect(sums(result) == ["idle-reserved/\(jobA) accelerator": 7])
    }

    @Test func recordedEnergyOutsideTheWindowIsNobodysAndNotIdle() {
        var recorded = facts([sensor("node", .nodeAC, 9), sensor("gpu", .gpu, 4, within: "node")])
        recorded.monotonic = nil
        #expect(sums(rule.post(recorded)) == ["unattributed accelerator": 4, "unattributed rest": 5])
    }

    @Test func acceleratorGoesToItsHolderElseIdle() {
        let result = rule.post(
            facts(
                [sensor("g0", .gpu, 100), sensor("g1", .gpu, 60)],
                [allocation(jobA, devices: [DeviceHold(sensor: "g0")])]))
        #expect(sums(result) == ["job/\(jobA) accelerator": 100, "idle accelerator": 60])
    }

    @Test func sharedAcceleratorByMeasureElseEquallyAndFlagged() {
        let measured = rule.post(
            facts(
                [sensor("g0", .gpu, 100)],
                [
                    allocation(jobA, devices: [DeviceHold(sensor: "g0", weight: 3)]),
                    allocation(jobB, devices: [DeviceHold(sensor: "g0", weight: 1)]),
                ]))
        #expect(sums(measured) == ["job/\(jobA) accelerator": 75, "job/\(jobB) accelerator": 25])
        #expect(measured.flags.isEmpty)
        let equal = rule.post(
            facts(
                [sensor("g0", .gpu, 101)],
                [
                    allocation(jobB, devices: [DeviceHold(sensor: "g0")]),
                    allocation(jobA, devices: [DeviceHold(sensor: "g0", weight: 1)]),
                ]))
        #expect(sums(equal) == ["job/\(jobA) accelerator": 51, "job/\(jobB) accelerator": 50])
        #expect(equal.flags == ["equal-share"])
    }

    @Test func packageSplitsIdleByCoresAndTheRestByTime() {
        // 30 s at 10 W idle are 300 J; 1,000 J in all, so 700 J follow CPU time.
        let result = rule.post(
            facts(
                [sensor("p0", .package, 1_000_000_000, idle: 10_000)],
                [allocation(jobA, cpu: 6, cores: 2000), allocation(jobB, cpu: 2, cores: 1000)],
                host: HostFacts(millicores: 4000, unheldCPUMicroseconds: 2)))
        #expect(
            sums(result) == [
                "job/\(jobA) cpu": 150_000_000 + 420_000_000, "job/\(jobB) cpu": 75_000_000 + 140_000_000,
                "idle cpu": 75_000_000, "unattributed cpu": 140_000_000,
            ])
    }

    @Test func processorWithoutCPUTimeFallsBackToCoresThenToIdle() {
        let cores = rule.post(
            facts(
                [sensor("p0", .package, 100)], [allocation(jobA, cores: 1000)],
                host: HostFacts(millicores: 4000, unheldCPUMicroseconds: 0)))
        #expect(sums(cores) == ["job/\(jobA) cpu": 25, "idle cpu": 75])
        #expect(sums(rule.post(facts([sensor("p0", .package, 100)]))) == ["idle cpu": 100])
    }

    @Test func restFollowsAcceleratorsThenPackagesThenIdle() {
        let result = rule.post(
            facts(
                [
                    sensor("node", .nodeDC, 1000), sensor("g0", .gpu, 300, within: "node"),
                    sensor("g1", .gpu, 100, within: "node"),
                ], [allocation(jobA, devices: [DeviceHold(sensor: "g0")])]))
        #expect(
            sums(result) == [
                "job/\(jobA) accelerator": 300, "idle accelerator": 100, "job/\(jobA) rest": 450, "idle rest": 150,
            ])
        #expect(sums(rule.post(facts([sensor("node", .nodeDC, 9)], [allocation(jobA)]))) == ["idle rest": 9])
    }

    @Test func blindRootMakesItsPartsTheRoots() {
        let result = rule.post(
            facts(
                [
                    sensor("node", .nodeAC, 0, flags: .failed, readings: 0),
                    sensor("g0", .gpu, 300, within: "node"), sensor("p0", .package, 50, within: "node"),
                ], [allocation(jobA, .exclusive)]))
        #expect(sums(result) == ["job/\(jobA) accelerator": 300, "job/\(jobA) cpu": 50])
        #expect(Set(result.postings.map(\.boundary)) == [.accelerator, .component])
    }

    @Test func negativeRestIsPostedWithItsSign() {
        let result = rule.post(
            facts(
                [sensor("node", .nodeAC, 100), sensor("g0", .gpu, 130, within: "node")],
                [allocation(jobA, devices: [DeviceHold(sensor: "g0")])]))
        #expect(sums(result) == ["job/\(jobA) accelerator": 130, "job/\(jobA) rest": -30])
        #expect(result.totalMicrojoules == 100)
    }

    @Test func suspectEnergyIsAcceptedAndUnattributed() {
        let result = rule.post(facts([sensor("g0", .gpu, 9, flags: .suspect)], [allocation(jobA, .exclusive)]))
        #expect(sums(result) == ["unattributed accelerator": 9])
        #expect(result.flags == ["suspect"])
    }

    @Test func outageWithoutAProvenHolderIsAGap() {
        let open = rule.post(facts([sensor("node", .nodeAC, 9, bridged: 30_000)], state: .outage))
        #expect(sums(open) == ["gap rest": 9])
        #expect(open.gaps.map(\.kind) == [.outage])
        let held = rule.post(
            facts([sensor("node", .nodeAC, 9, bridged: 30_000)], [allocation(jobA, .exclusive)], state: .outage))
        #expect(sums(held) == ["job/\(jobA) rest": 9])
        #expect(held.coverage.map(\.bridgedMilliseconds) == [30_000])
    }

    @Test func supersededIntervalIsPostedOnceMore() {
        let result = rule.post(
            facts([sensor("node", .nodeAC, 9)], [allocation(jobA, .exclusive)]), superseded: true)
        #expect(sums(result) == ["superseded rest": 9])
        #expect(result.coverage.isEmpty)
    }

    @Test func joinedCutsWeighByTheTimeHeld() {
        let result = rule.post(
            facts(
                [sensor("node", .nodeAC, 300)],
                [
                    allocation(jobA, .exclusive, held: 10_000_000_000),
                    allocation(jobB, .exclusive, held: 5_000_000_000),
                ]))
        #expect(sums(result) == ["job/\(jobA) rest": 100, "job/\(jobB) rest": 50, "idle rest": 150])
        #expect(result.coverage.map(\.measuredMilliseconds) == [10_000, 5_000])
        // A part of a millisecond is no time without readings.
        let parts = rule.post(
            facts([sensor("node", .nodeAC, 300)], [allocation(jobA, .exclusive, held: 1_000_400_000)]))
        #expect(parts.coverage.map(\.measuredMilliseconds) == [1001])
    }

    @Test func extractPostsTheTenantsSharesOnly() {
        let others = OtherTenants(
            reservedMillicores: 1000, cpuMicroseconds: 3, devices: [DeviceHold(sensor: "g1")])
        let sensors = [sensor("g0", .gpu, 100), sensor("g1", .gpu, 60), sensor("p0", .package, 40)]
        let extract = rule.post(
            facts(
                sensors, [allocation(jobA, devices: [DeviceHold(sensor: "g0")], cpu: 1, cores: 1000)],
                host: HostFacts(millicores: 2000, unheldCPUMicroseconds: 0), others: others))
        #expect(sums(extract) == ["job/\(jobA) accelerator": 100, "job/\(jobA) cpu": 10])
        let home = rule.post(
            facts(
                sensors,
                [
                    allocation(jobA, .tenant, devices: [DeviceHold(sensor: "g0")], cpu: 1, cores: 1000),
                    allocation(jobB, devices: [DeviceHold(sensor: "g1")], cpu: 3, cores: 1000),
                ], host: HostFacts(millicores: 2000, unheldCPUMicroseconds: 0)))
        #expect(
            sums(home) == [
                "tenant accelerator": 100, "tenant cpu": 10, "job/\(jobB) accelerator": 60, "job/\(jobB) cpu": 30,
            ])
    }

    @Test func hoursSplitLinearlyAndRoundDownForTheEarlier() {
        // From 20 s before a full hour to 10 s after it.
        let result = rule.post(facts([sensor("node", .nodeAC, 100)], [allocation(jobA, .exclusive)], start: 3580))
        #expect(result.postings.map(\.hour) == [0, 1])
        #expect(result.postings.map(\.microjoules) == [66, 34])
        #expect(result.coverage.map(\.measuredMilliseconds) == [20_000, 10_000])
    }

    /// The clock was set back by an hour: what is signed until it has caught up has no UTC of its own, but was measured
    /// all the same.
    @Test func anIntervalWithoutUTCIsCoveredByWhatItLasted() {
        var set = facts([sensor("node", .nodeAC, 9, bridged: 4000)], [allocation(jobA, .exclusive)])
        set.interval.end = set.interval.start
        let span = rule.post(set).coverage.first
        #expect(span?.measuredMilliseconds == 26_000 && span?.bridgedMilliseconds == 4000)
        // It catches up 10 s before the end.
        set.interval.end = UTCTime(seconds: 10)
        #expect(rule.post(set).coverage.map(\.measuredMilliseconds) == [26_000])
        // A clock that is slewed is not set, and holds are told by UTC.
        set.interval.end = UTCTime(microseconds: 29_985_000)
        #expect(rule.post(set).coverage.map(\.measuredMilliseconds) == [25_985])
        set.monotonic = nil
        set.interval.end = set.interval.start
        #expect(rule.post(set).coverage.isEmpty)
    }

    @Test func holesAreNamed() {
        let result = rule.post(
            facts([sensor("node", .nodeAC, 9, bridged: 19_000, missing: 1000)], [allocation(jobA, .exclusive)]))
        #expect(
            result.coverage == [
                CoverageSpan(
                    job: jobA, hour: 0,
                    interval: UTCInterval(start: UTCTime(seconds: 0), end: UTCTime(seconds: 30)),
                    measuredMilliseconds: 10_000, bridgedMilliseconds: 19_000)
            ])
        #expect(result.gaps.map(\.kind) == [.bridged, .missing])
    }

    /// What one batch leaves behind for the next is memory, and decides nothing.
    @Test(arguments: 0..<100) func everyBatchIsAttributedByItself(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var room = AttributionRoom()
        var facts = randomFacts(&random)
        for _ in 0..<20 {
            // Another node's, or the next one of the same, whose devices may have other holders.
            if random.next() % 4 == 0 { facts = randomFacts(&random) }
            for index in facts.sensors.indices {
                facts.sensors[index].lastMicrojoules = Int64.random(in: -1_000_000...1_000_000_000, using: &random)
            }
            for index in facts.allocations.indices where random.next() % 3 == 0 {
                facts.allocations[index].devices.shuffle(using: &random)
                _ = facts.allocations[index].devices.popLast()
            }
            let superseded = random.next() % 6 == 0
            let tree = SensorTree(facts.sensors)
            let posted = rule.post(facts, superseded: superseded, tree: tree, in: &room)
            #expect(posted == rule.post(facts, superseded: superseded), "seed \(seed)")
        }
    }

    /// Σ postings = Σ advances of the roots, whatever the facts.
    @Test(arguments: 0..<400) func conservesEveryMicrojoule(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let facts = randomFacts(&random)
        let roots = SensorTree(facts.sensors).roots.map { facts.sensors[$0].advanceMicrojoules }
        let expected = roots.reduce(0, +)
        #expect(rule.post(facts).totalMicrojoules == expected, "seed \(seed)")
        #expect(rule.post(facts, superseded: true).totalMicrojoules == expected, "seed \(seed)")
    }
}

private func randomFacts(_ random: inout SeededRandom) -> IntervalFacts {
    let layers = Layer.allCases
    let names = (0..<8).map { "s\($0)" }
    let extreme = random.next() % 8 == 0
    let sensors = names.prefix(Int(random.next() % 9)).map { name in
        var facts = sensor(
            name, layers[Int(random.next() % 8)], 0,
            within: random.next() % 2 == 0 ? names.randomElement(using: &random) : nil,
            idle: Int64(random.next() % 200_000), flags: random.next() % 5 == 0 ? .failed : [],
            readings: Int64(random.next() % 3))
        facts.firstMicrojoules = extreme ? Int64.random(in: .min...(.max), using: &random) : 5
        facts.lastMicrojoules =
            extreme
            ? Int64.random(in: .min...(.max), using: &random)
            : Int64.random(in: -1_000_000...1_000_000_000, using: &random)
        return facts
    }
    let modes = AllocationFacts.Mode.allCases
    let allocations = (0..<Int(random.next() % 4)).map { index in
        allocation(
            index == 0 ? jobA : jobB, modes[Int(random.next() % 3)],
            devices: names.filter { _ in random.next() % 3 == 0 }.map {
                DeviceHold(sensor: $0, weight: random.next() % 2 == 0 ? Int64(random.next() % 5) : nil)
            },
            cpu: Int64(random.next() % 1_000_000), cores: Int64(random.next() % 64_000),
            held: random.next() % 3 == 0 ? Int64(random.next() % 40_000_000_000) : nil,
            active: random.next() % 4 != 0)
    }
    return facts(
        Array(sensors), allocations,
        host: random.next() % 2 == 0
            ? HostFacts(millicores: Int64(random.next() % 128_000), unheldCPUMicroseconds: Int64(random.next() % 9999))
            : nil,
        state: random.next() % 4 == 0 ? .outage : .measured, seconds: Int64(random.next() % 10_000),
        start: Int64(random.next() % 1_000_000))
}
