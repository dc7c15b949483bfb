import Accounts
import Batches
import Energy
import SeededRandom
import Testing
import TransparencyLog

/// One node, several organizations, two rules that must agree: what the home log posts to the account `tenant` and what
/// the extracts post to the tenants' jobs.
@Suite struct TenantCutTests {
    private let rule = AttributionRule.attribution1
    private static let tenants = ["beta", "gamma"]

    private struct Scene {
        var facts: IntervalFacts
        var holds: [String: TenantHold]
    }

    private func scene(_ random: inout SeededRandom) -> Scene {
        func count(_ bound: UInt64) -> Int64 { Int64(random.next() % bound) }
        func sensor(_ id: String, _ layer: Layer, _ energy: Int64, _ within: String?) -> SensorFacts {
            let first = count(1 << 50)
            return SensorFacts(
                id: id, kind: "test", layer: layer, within: within, provenance: .counter, epoch: 0,
                firstMicrojoules: first, lastMicrojoules: first + energy, readings: 30, longestGapMilliseconds: 1000,
                bridgedMilliseconds: 0, missingMilliseconds: 0, periodMilliseconds: 1000,
                idlePowerMilliwatts: layer == .package ? count(60_000) : 0, flags: [])
        }
        let gpus = (0..<4).map { sensor("gpu\($0)", .gpu, count(20_000_000_000), "node") }
        let package = sensor("package", .package, count(5_000_000_000), "node")
        let parts = (gpus + [package]).reduce(0) { $0 + Int64($1.advanceMicrojoules) }
        let node = sensor("node", .nodeAC, parts + count(4_000_000_000), nil)
        var holds: [String: TenantHold] = [:]
        let isJoined = random.next() % 3 == 0
        let allocations = (0..<1 + Int(random.next() % 6)).map { _ -> AllocationFacts in
            let job = Pseudonym.encode(random.bytes(16))
            let owner = random.next() % 3
            if owner > 0 {
                holds[job] = TenantHold(
                    tenant: Self.tenants[Int(owner - 1)], homePseudonym: Pseudonym.encode(random.bytes(16)))
            }
            let devices = gpus.filter { _ in random.next() % 3 == 0 }.map {
                DeviceHold(sensor: $0.id, weight: random.next() % 4 == 0 ? 1 + count(100) : nil)
            }
            return AllocationFacts(
                job: job, mode: random.next() % 8 == 0 ? .exclusive : .shared, devices: devices,
                cpuMicroseconds: count(60_000_000), reservedMillicores: count(16) * 1000,
                heldNanoseconds: isJoined ? count(1_000_000_001) : nil, since: UTCTime(seconds: 0),
                isActive: random.next() % 5 > 0)
        }.sorted { $0.job < $1.job }
        let seconds: Int64 = isJoined ? 1 : 30
        let facts = IntervalFacts(
            interval: UTCInterval(start: UTCTime(seconds: 0), end: UTCTime(seconds: seconds)),
            monotonic: MonotonicInterval(startNanoseconds: 0, endNanoseconds: seconds * 1_000_000_000),
            state: .measured, host: HostFacts(millicores: 128_000, unheldCPUMicroseconds: count(9_000_000)),
            sensors: [node, package] + gpus, allocations: allocations)
        return Scene(facts: facts, holds: holds)
    }

    private func total(_ postings: BatchPostings, _ isCounted: (Account) -> Bool) -> Int128 {
        postings.postings.reduce(0) { isCounted($1.account) ? $0 + Int128($1.microjoules) : $0 }
    }

    /// Home accounts and the account of the tenants are the root, to the microjoule; the tenants' own logs have that
    /// account's energy, to the rounding of each split.
    @Test(arguments: 0..<400) func bothSidesPostTheSame(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let scene = scene(&random)
        let cut = TenantCut(scene.facts, holds: scene.holds, logged: Set(Self.tenants))
        let root = SensorTree(cut.home.sensors).advanceMicrojoules(cut.home.sensors)
        let home = rule.post(cut.home)
        #expect(home.totalMicrojoules == root, "seed \(seed)")
        let extracted = cut.extracts.values.reduce(Int128(0)) { $0 + rule.post($1).totalMicrojoules }
        guard cut.wholeNodeTenant == nil else {
            #expect(root == 0 && extracted == SensorTree(scene.facts.sensors).advanceMicrojoules(scene.facts.sensors))
            return
        }
        let tenant = total(home) { $0 == .tenant }
        // A millicore of rounding in a joined interval, and one microjoule for each share of each split.
        let isJoined = scene.facts.allocations.contains { $0.heldNanoseconds != nil }
        let bound: Int128 = isJoined ? 200_000 : 64
        #expect((tenant - extracted).magnitude <= bound.magnitude, "seed \(seed): \(tenant) and \(extracted) µJ")
    }

    /// No log has a name out of another one, and nobody's postings name another's job.
    @Test(arguments: 0..<200) func noNameCrosses(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let scene = scene(&random)
        let cut = TenantCut(scene.facts, holds: scene.holds, logged: Set(Self.tenants))
        let home = Set(cut.home.allocations.map(\.job))
        #expect(home.isDisjoint(with: scene.holds.keys), "seed \(seed)")
        #expect(cut.home.allocations.count == scene.facts.allocations.count)
        for (tenant, facts) in cut.extracts {
            let own = Set(scene.holds.filter { $0.value.tenant == tenant }.keys)
            #expect(Set(facts.allocations.map(\.job)) == own, "seed \(seed)")
            #expect(Set(rule.post(facts).postings.compactMap(\.account.job)).isSubset(of: own), "seed \(seed)")
            #expect(facts.others != nil && facts.allocations.allSatisfy { $0.mode != .tenant })
        }
    }

    @Test func aTenantWithTheWholeNodeTakesItsReadings() {
        var random = SeededRandom(seed: 5)
        var scene = scene(&random)
        let job = Pseudonym.encode(random.bytes(16))
        scene.facts.allocations = [
            AllocationFacts(job: job, mode: .exclusive, reservedMillicores: 128_000, since: UTCTime(seconds: 0))
        ]
        let hold = TenantHold(tenant: "beta", homePseudonym: Pseudonym.encode(random.bytes(16)))
        let cut = TenantCut(scene.facts, holds: [job: hold], logged: ["beta"])
        #expect(cut.wholeNodeTenant == "beta" && cut.home.sensors.isEmpty && cut.home.host == nil)
        #expect(cut.home.allocations.map(\.job) == [hold.homePseudonym])
        #expect(cut.extracts["beta"]?.sensors == scene.facts.sensors)
        #expect(cut.extracts["beta"]?.allocations.map(\.mode) == [.exclusive])
        // An organization without a log here: nothing may get lost.
        let unknown = TenantCut(scene.facts, holds: [job: hold], logged: [])
        #expect(unknown.wholeNodeTenant == nil && unknown.home.sensors == scene.facts.sensors)
        #expect(unknown.extracts.isEmpty && unknown.strangers == ["beta"])
    }

    @Test func intervalsWithoutTenantsStayAsTheyAre() {
        var random = SeededRandom(seed: 6)
        let facts = scene(&random).facts
        let cut = TenantCut(facts, holds: [:], logged: ["beta"])
        #expect(cut.home == facts && cut.extracts.isEmpty)
    }

    /// The step between two extracts is not what others drew in the meantime.
    @Test func countersStandStillWithoutTheTenant() {
        func line(_ first: Int64, _ last: Int64) -> SensorFacts {
            SensorFacts(
                id: "s", kind: "test", layer: .nodeAC, within: nil, provenance: .counter, epoch: 0,
                firstMicrojoules: first, lastMicrojoules: last, readings: 1, longestGapMilliseconds: 0,
                bridgedMilliseconds: 0, missingMilliseconds: 0, periodMilliseconds: 1000, idlePowerMilliwatts: 0,
                flags: [])
        }
        var counters = ExtractCounters()
        let first = counters.advance([line(1_000_000, 1_000_040)])
        let second = counters.advance([line(9_000_000, 9_000_002)])
        let huge = counters.advance([line(.min, .max)])
        #expect(first.map(\.firstMicrojoules) == [0] && first.map(\.lastMicrojoules) == [40])
        #expect(second.map(\.firstMicrojoules) == [40] && second.map(\.lastMicrojoules) == [42])
        #expect(huge.map(\.firstMicrojoules) == [0] && huge.map(\.lastMicrojoules) == [.max])
    }
}
