import Energy
import SeededRandom
import Testing

@testable import Sensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

@Suite struct PowercapSourceTests {
    private func discover(_ tree: FixtureTree) -> (PowercapSource, SourceReport) {
        var source = PowercapSource(sysfsRoot: tree.root, procfsRoot: tree.root + "/proc")
        let report = source.discover()
        return (source, report)
    }

    private func values(_ source: inout PowercapSource, _ report: SourceReport) -> [String: Reading.Value] {
        var values: [String: Reading.Value] = [:]
        for reading in source.read(nowNanoseconds: 1) {
            values[report.sensors[reading.sensor].description.id] = reading.reading.value
        }
        return values
    }

    @Test func zonesWithoutAPackageAreNotNoZones() {
        let tree = FixtureTree(PowercapTrees.zone("intel-rapl:0", name: "psys", energy: "1"))
        let report = discover(tree).1
        #expect(report.absence?.reason.hasPrefix("1 RAPL zones, none of a package or its memory,") == true)
        #expect(report.remarks.contains { $0.contains("(psys) contains the packages") })
    }

    @Test func intelServerCountsPackagesAndMemoryOnce() {
        let tree = FixtureTree(PowercapTrees.intelServer)
        var (source, report) = discover(tree)
        #expect(
            values(&source, report) == [
                "rapl:package-0": .counter(1000), "rapl:package-0/dram": .counter(50), "rapl:package-1": .counter(2000),
                "rapl:package-1/dram": .counter(60),
            ])
        #expect(report.sensors.map(\.description.layer) == [.package, .dram, .package, .dram])
        #expect(report.sensors[0].description.maximumPowerMicrowatts == 405_000_000)
        #expect(report.sensors[1].description.maximumPowerMicrowatts == 200_000_000)
        #expect(report.sensors[1].description.quantity == .microjouleCounter(modulus: 65_712_999_613))
        let remarks = report.remarks.joined(separator: "\n")
        for word in ["psys", "intel-rapl-mmio:0", "intel-rapl:0:0", "intel-rapl:1:1"] {
            #expect(remarks.contains(word))
        }
    }

    @Test func memoryMappedWindowIsTakenWhereItIsAlone() {
        let tree = FixtureTree(PowercapTrees.zone("intel-rapl-mmio:0", name: "package-0", energy: "5"))
        var (source, report) = discover(tree)
        #expect(values(&source, report) == ["rapl:package-0": .counter(5)])
    }

    @Test func amdServerHasNoMemoryZoneAndTheDefaultLimit() {
        let tree = FixtureTree(PowercapTrees.amdServer)
        var (source, report) = discover(tree)
        #expect(values(&source, report) == ["rapl:package-0": .counter(5), "rapl:package-1": .counter(6)])
        #expect(report.sensors[0].description.maximumPowerMicrowatts == 1_000_000_000)
    }

    @Test func everyDieIsASensor() {
        let tree = FixtureTree(PowercapTrees.dualDie)
        var (source, report) = discover(tree)
        #expect(values(&source, report).count == 6)
        #expect(report.sensors.map(\.description.id).contains("rapl:package-0-die-1/dram"))
    }

    /// One driver shows a package whole, another one its dies: it is counted once.
    @Test func diesOfAPackageThatIsShownWholeAreNotAdded() {
        let tree = FixtureTree(
            PowercapTrees.merged(
                PowercapTrees.zone("intel-rapl:0", name: "package-0", energy: "30"),
                PowercapTrees.zone("intel-rapl:0:0", name: "dram", energy: "3"),
                PowercapTrees.zone("intel-rapl:1", name: "package-0-die-0", energy: "10"),
                PowercapTrees.zone("intel-rapl:1:0", name: "dram", energy: "1"),
                PowercapTrees.zone("intel-rapl:2", name: "package-0-die-1", energy: "20"),
                PowercapTrees.zone("intel-rapl:3", name: "package-1-die-0", energy: "40")))
        var (source, report) = discover(tree)
        #expect(
            values(&source, report) == [
                "rapl:package-0": .counter(30), "rapl:package-0/dram": .counter(3),
                "rapl:package-1-die-0": .counter(40),
            ])
        #expect(report.remarks.count { $0.contains("is not added to it") } == 3)
    }

    /// A guest's zones may be frozen or garbage, and a range that no part has bounds nothing.
    @Test func whatCannotBeRightIsSaid() {
        let tree = FixtureTree(
            PowercapTrees.merged(
                PowercapTrees.zone("intel-rapl:0", name: "package-0", energy: "5", range: "0"),
                PowercapTrees.zone("intel-rapl:1", name: "package-1", energy: "5", range: "1"),
                PowercapTrees.zone("intel-rapl:2", name: "package-2", energy: "300000000000"),
                ["proc/cpuinfo": "flags\t: fpu hypervisor\n"]))
        let report = discover(tree).1
        for sensor in report.sensors.prefix(2) {
            #expect(sensor.description.quantity == .microjouleCounter() && sensor.access == .readable)
            #expect(sensor.description.periodMilliseconds == 1000)
        }
        #expect(report.remarks.count { $0.contains("max_energy_range_uj that can be right") } == 2)
        #expect(report.remarks.contains { $0.contains("virtual machine") })
        guard case .unreadable(.malformed, let remedy) = report.sensors[2].access else {
            Issue.record("garbage is taken for a count")
            return
        }
        #expect(remedy.contains("no count of microjoules"))
    }

    @Test func aFileInTheDirectorysPlaceIsSaid() {
        let tree = FixtureTree(["class/powercap": "x"])
        #expect(discover(tree).1.absence?.reason.contains("is no directory") == true)
    }

    @Test func subZonesMayStandOnlyInsideTheirParent() {
        let tree = FixtureTree(
            PowercapTrees.merged(
                PowercapTrees.zone("intel-rapl:0", name: "package-0", energy: "1"),
                PowercapTrees.zone("intel-rapl:0/intel-rapl:0:0", name: "dram", energy: "2")))
        var (source, report) = discover(tree)
        #expect(values(&source, report) == ["rapl:package-0": .counter(1), "rapl:package-0/dram": .counter(2)])
    }

    @Test func missingPackageIsNamed() {
        let tree = FixtureTree(
            PowercapTrees.merged(
                PowercapTrees.processors([0, 1]), PowercapTrees.zone("intel-rapl:0", name: "package-0", energy: "1")))
        #expect(discover(tree).1.remarks.contains { $0.contains("no zone for package 1") })
        #expect(discover(tree).1.remarks.contains { $0.contains("no zone measures memory") })
    }

    @Test func virtualMachineSaysThatItIsOne() {
        let tree = FixtureTree(["proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu vme hypervisor lahf_lm\n"])
        let absence = discover(tree).1.absence
        #expect(absence?.reason.contains("virtual machine") == true)
        tree.write("proc/cpuinfo", "flags\t: fpu\n")
        #expect(discover(tree).1.absence?.remedy.contains("intel_rapl_msr") == true)
    }

    /// Garbage, frozen, empty and half-readable zones: each is a state of its own and hides no other.
    @Test func brokenZonesHideNoOther() {
        let tree = FixtureTree(
            PowercapTrees.merged(
                PowercapTrees.zone("intel-rapl:0", name: "package-0", energy: "920000000000000000000"),
                PowercapTrees.zone("intel-rapl:1", name: "package-1", energy: "300000000000"),
                PowercapTrees.zone("intel-rapl:2", name: "package-2", energy: "", range: "broken"),
                PowercapTrees.zone("intel-rapl:3", name: "package-3", energy: "33"),
                ["class/powercap/intel-rapl:4/energy_uj": "44\n", "class/powercap/intel-rapl:5/name": "\n"],
                ["class/powercap/intel-rapl:6/name": "package-6\n"]))
        var (source, report) = discover(tree)
        #expect(
            values(&source, report) == [
                "rapl:package-0": .unreadable(.malformed), "rapl:package-1": .unreadable(.malformed),
                "rapl:package-2": .unreadable(.malformed), "rapl:package-3": .counter(33),
                "rapl:package-6": .unreadable(.gone),
            ])
        #expect(report.remarks.contains { $0.contains("intel-rapl:4") })
    }

    @Test func aZoneThatGoesAndComesBackIsANewEpoch() {
        let tree = FixtureTree(PowercapTrees.zone("intel-rapl:0", name: "package-0", energy: "100"))
        var (source, _) = discover(tree)
        #expect(source.read(nowNanoseconds: 1)[0].breaksEpoch == false)
        tree.remove("class/powercap/intel-rapl:0")
        #expect(source.read(nowNanoseconds: 2)[0].reading.value == .unreadable(.gone))
        for (path, contents) in PowercapTrees.zone("intel-rapl:0", name: "package-0", energy: "500") {
            tree.write(path, contents)
        }
        let back = source.read(nowNanoseconds: 3)[0]
        #expect((back.reading.value, back.breaksEpoch) == (.counter(500), true))
        #expect(source.read(nowNanoseconds: 4)[0].breaksEpoch == false)
        tree.replace("class/powercap/intel-rapl:0/energy_uj", "600\n")
        let replaced = source.read(nowNanoseconds: 5)[0]
        #expect((replaced.reading.value, replaced.breaksEpoch) == (.counter(600), false))
    }

    /// A part that another directory stands for may have another counter, however near its value is.
    @Test func aZoneThatMovesToAnotherDirectoryIsANewEpoch() {
        let tree = FixtureTree(PowercapTrees.zone("intel-rapl:0", name: "package-0", energy: "100"))
        var (source, _) = discover(tree)
        #expect(source.read(nowNanoseconds: 1)[0].breaksEpoch == false)
        tree.remove("class/powercap/intel-rapl:0")
        for (path, contents) in PowercapTrees.zone("intel-rapl:3", name: "package-0", energy: "101") {
            tree.write(path, contents)
        }
        _ = source.discover()
        _ = source.discover()
        let moved = source.read(nowNanoseconds: 2)[0]
        #expect((moved.reading.value, moved.breaksEpoch) == (.counter(101), true))
        #expect(source.read(nowNanoseconds: 3)[0].breaksEpoch == false)
    }

    @Test func anUnreadableZoneHidesNoReadableOneOfTheSamePart() {
        let tree = FixtureTree(
            PowercapTrees.merged(
                PowercapTrees.zone("intel-rapl:0", name: "package-0", energy: "nonsense"),
                PowercapTrees.zone("intel-rapl-mmio:0", name: "package-0", energy: "7"),
                PowercapTrees.zone("intel-rapl:1", name: "package-1", energy: "8"),
                PowercapTrees.zone("intel-rapl-mmio:1", name: "package-1", energy: "nonsense")))
        var (source, report) = discover(tree)
        #expect(values(&source, report) == ["rapl:package-0": .counter(7), "rapl:package-1": .counter(8)])
        #expect(report.remarks.contains { $0.contains("intel-rapl:0 shows rapl:package-0 again beside") })
    }

    @Test func deniedZonesAreNamedWithARemedy() {
        let tree = FixtureTree(PowercapTrees.intelServer)
        for zone in ["intel-rapl:0", "intel-rapl-mmio:0"] {
            chmod(tree.root + "/class/powercap/\(zone)/energy_uj", 0o400)
            chown(tree.root + "/class/powercap/\(zone)/energy_uj", 0, 0)
        }
        asStranger {
            var (source, report) = discover(tree)
            #expect(values(&source, report)["rapl:package-0"] == .unreadable(.denied))
            #expect(report.sensors[0].access == .unreadable(.denied, remedy: PowercapSource.permissionRemedy))
            #expect(values(&source, report)["rapl:package-1"] == .counter(2000))
        }
    }

    /// A counter that wraps hundreds of times, read through the file: the total equals the truth.
    @Test func wrapsAreExactThroughTheFile() {
        for seed in UInt64(0)..<3 {
            var random = SeededRandom(seed: seed)
            let modulus: UInt64 = 65_532_610_987
            let tree = FixtureTree(
                PowercapTrees.zone("intel-rapl:0", name: "package-0", energy: "0", range: "\(modulus)"))
            var (source, report) = discover(tree)
            let description = report.sensors[0].description
            var counter = ExtendedCounter(
                modulus: modulus, maximumPowerMicrowatts: description.maximumPowerMicrowatts)
            var truth: UInt64 = 0
            var now: Int64 = 0
            var wraps = 0
            _ = counter.take(source.read(nowNanoseconds: now)[0].reading)
            for _ in 0..<1200 {
                let milliseconds = Int64.random(in: 1000...120_000, using: &random)
                let power = UInt64.random(in: 0...400_000_000, using: &random)
                now += milliseconds * 1_000_000
                truth += power * UInt64(milliseconds) / 1000
                tree.write("class/powercap/intel-rapl:0/energy_uj", "\(truth % modulus)\n")
                if case .wrapped = counter.take(source.read(nowNanoseconds: now)[0].reading).step { wraps += 1 }
            }
            #expect(counter.extendedMicrojoules == Int64(truth), "seed \(seed)")
            #expect(counter.epoch == 0)
            #expect(wraps > 100, "seed \(seed)")
        }
    }
}
