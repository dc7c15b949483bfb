import Energy
import Synchronization
import Testing

@testable import Sensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Files as on HPE Cray EX ("User Access to Compute Node Power Data").
enum CrayTrees {
    static let node = [
        "cray/pm_counters/energy": "1000 J 1700000000000000 us\n",
        "cray/pm_counters/power": "500 W 1700000000000000 us\n",
        "cray/pm_counters/cpu_energy": "300 J 1700000000000000 us\n",
        "cray/pm_counters/memory_energy": "50 J 1700000000000000 us\n",
        "cray/pm_counters/accel0_energy": "200 J 1700000000000000 us\n",
        "cray/pm_counters/accel1_energy": "210 J 1700000000000000 us\n", "cray/pm_counters/generation": "7\n",
        "cray/pm_counters/freshness": "42\n", "cray/pm_counters/raw_scan_hz": "10\n", "cray/pm_counters/version": "2\n",
    ]
}

@Suite struct CraySourceTests {
    private func discover(_ tree: FixtureTree, utc: Int64 = 1_700_000_000_080_000) -> (CraySource, SourceReport) {
        var source = CraySource(sysfsRoot: tree.root, utcMicroseconds: { utc })
        let report = source.discover()
        return (source, report)
    }

    @Test func partsLieInsideTheNode() {
        let tree = FixtureTree(CrayTrees.node)
        var (source, report) = discover(tree)
        let readings = source.read(nowNanoseconds: 1_000_000_000)
        var values: [String: Reading.Value] = [:]
        for reading in readings { values[report.sensors[reading.sensor].description.id] = reading.reading.value }
        #expect(
            values == [
                "cray:node": .counter(1000), "cray:cpu": .counter(300), "cray:memory": .counter(50),
                "cray:accel0": .counter(200), "cray:accel1": .counter(210),
            ])
        // 80 ms old by the stamp in the file.
        #expect(readings.allSatisfy { $0.reading.monotonicNanoseconds == 920_000_000 })
        #expect(report.sensors.filter { $0.description.within == "cray:node" }.count == 4)
    }

    /// Nodes of GH200 count each socket beside all of them.
    @Test func socketsAreReadWhereNothingCountsThemAll() {
        let tree = FixtureTree(CrayTrees.node)
        tree.write("cray/pm_counters/cpu0_energy", "140 J 1700000000000000 us\n")
        tree.write("cray/pm_counters/cpu1_energy", "160 J 1700000000000000 us\n")
        func processors() -> [String] {
            discover(tree).1.sensors.map(\.description.id).filter { $0.hasPrefix("cray:cpu") }.sorted()
        }
        #expect(processors() == ["cray:cpu"])
        let remarks = discover(tree).1.remarks
        #expect(remarks.filter { $0.contains("lies inside") && $0.contains("/cpu_energy and is") }.count == 2)
        tree.write("cray/pm_counters/cpu_energy", "nonsense\n")
        #expect(processors() == ["cray:cpu", "cray:cpu0", "cray:cpu1"])
        tree.remove("cray/pm_counters/cpu_energy")
        #expect(processors() == ["cray:cpu0", "cray:cpu1"])
        let report = discover(tree).1
        #expect(report.sensors.contains { $0.part == .package(1, die: nil) && $0.description.within == "cray:node" })
    }

    @Test(arguments: [1_699_999_999_999_999, 1_700_000_006_000_000] as [Int64])
    func anAgeThatCannotBeIsNone(utc: Int64) {
        let tree = FixtureTree(CrayTrees.node)
        var (source, _) = discover(tree, utc: utc)
        #expect(source.read(nowNanoseconds: 5)[0].reading.monotonicNanoseconds == 5)
    }

    /// The stamp of a controller that stands still grows older by a clock other than the one that counts the seconds.
    @Test func aFrozenControllerStaysInTimeOrder() {
        let tree = FixtureTree(CrayTrees.node)
        let utc = Mutex<Int64>(1_700_000_000_080_000)
        var source = CraySource(sysfsRoot: tree.root, utcMicroseconds: { utc.withLock { $0 } })
        _ = source.discover()
        var last = Int64.min
        for second in 0..<20 as Range<Int64> {
            // A microsecond faster than the other clock.
            utc.withLock { $0 = 1_700_000_000_080_000 + second * 1_000_001 }
            let instant = source.read(nowNanoseconds: 1_000_000_000 * (second + 1))[0].reading.monotonicNanoseconds
            #expect(instant >= last)
            last = instant
        }
        #expect(last == 20_000_000_000)
    }

    @Test(arguments: [
        "", "\n", "12", "12 W 1 us", "12 J 17000", "12 J x us", "-5 J 1 us", "18446744073709110816 J 1 us",
    ])
    func tornFilesAreMalformed(text: String) {
        let tree = FixtureTree(["cray/pm_counters/energy": text])
        var (source, _) = discover(tree)
        #expect(source.read(nowNanoseconds: 5)[0].reading.value == .unreadable(.malformed))
    }

    @Test func writersThatReplaceTheFileAreFollowed() {
        let tree = FixtureTree(CrayTrees.node)
        var (source, report) = discover(tree)
        let node = report.sensors.firstIndex { $0.part == .node }
        for energy in [1000, 1500, 2000] as [UInt64] {
            tree.replace("cray/pm_counters/energy", "\(energy) J 1700000000000000 us\n")
            let reading = source.read(nowNanoseconds: 5).first { $0.sensor == node }
            #expect(reading?.reading.value == .counter(energy))
            #expect(reading?.breaksEpoch == false)
        }
        tree.remove("cray/pm_counters/energy")
        #expect(source.read(nowNanoseconds: 6).first { $0.sensor == node }?.reading.value == .unreadable(.gone))
    }

    /// A fall is a reset, never a wrap: no counter of this source wraps.
    @Test func aFallIsAReset() {
        let tree = FixtureTree(CrayTrees.node)
        let quantity = SensorDescription.Quantity.energyCounter(
            microjoulesNumerator: 1_000_000, microjoulesDenominator: 1, modulus: nil)
        #expect(discover(tree).1.sensors.allSatisfy { $0.description.quantity == quantity })
    }

    @Test func withoutTheNodeTheOthersAreRoots() {
        var files = CrayTrees.node
        files["cray/pm_counters/energy"] = nil
        let report = discover(FixtureTree(files)).1
        #expect(report.sensors.allSatisfy { $0.description.within == nil })
        #expect(discover(FixtureTree([:])).1.absence?.remedy == "none outside HPE Cray nodes")
    }
}
