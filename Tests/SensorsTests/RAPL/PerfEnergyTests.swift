import Energy
import Testing

@testable import Sensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The tree of arch/x86/events/rapl.c (Documentation/ABI/testing/sysfs-bus-event_source-devices-events).
@Suite struct PerfEnergyTests {
    private let unit = "bus/event_source/devices/power/"

    private func tree() -> FixtureTree {
        FixtureTree(
            PowercapTrees.merged(
                PowercapTrees.processors([0, 1]),
                [
                    unit + "type": "25\n", unit + "cpumask": "0-1\n", unit + "events/energy-pkg": "event=0x02\n",
                    unit + "events/energy-pkg.scale": "2.3283064365386962890625e-10\n",
                    unit + "events/energy-ram": "event=0x03\n", unit + "events/energy-ram.scale": "bad\n",
                ]))
    }

    @Test func scalesAreExactFractions() throws {
        let scale = try #require(PerfScale("2.3283064365386962890625e-10"))
        #expect((scale.numerator, scale.denominator) == (15_625, 67_108_864))
        #expect(PerfScale("1.52587890625e-05").map { [$0.numerator, $0.denominator] } == [15_625, 1024])
        #expect(PerfScale("1").map { [$0.numerator, $0.denominator] } == [1_000_000, 1])
        for text in ["", "0", "-1", "1e99", "1e-99", "x", "1.2.3", "1e5e5"] { #expect(PerfScale(text) == nil) }
    }

    @Test func lists() {
        #expect(CPUList.parse("0,64") == [0, 64])
        #expect(CPUList.parse("0-2,8") == [0, 1, 2, 8])
        for text in ["", "-", "3-1", "a", "0-65535,0-65535", "1-2-3"] { #expect(CPUList.parse(text).isEmpty) }
        #expect(CPUList.event("event=0x02") == 2)
        #expect(CPUList.event("config=0x02") == nil)
    }

    @Test func oneEventAPackage() {
        let tree = tree()
        let path = tree.root + "/eight"
        var bytes: [UInt8] = [1, 2, 0, 0, 0, 0, 0, 0]
        let file = fopen(path, "w")
        fwrite(&bytes, 1, 8, file)
        fclose(file)
        var source = PerfEnergySource(sysfsRoot: tree.root) { type, config, processor in
            #expect(type == 25 && config == 2)
            return processor == 0 ? descriptor(path) : -EACCES
        }
        let report = source.discover()
        #expect(report.sensors.map(\.description.id) == ["rapl:package-0", "rapl:package-1"])
        #expect(report.sensors[1].access == .unreadable(.denied, remedy: PerfEnergySource.permissionRemedy))
        #expect(source.read(nowNanoseconds: 1).map(\.reading.value) == [.counter(513), .unreadable(.denied)])
        #expect(report.remarks.contains { $0.contains("energy-ram.scale") })
    }

    @Test func foreignTreesAreNotOpened() {
        var source = PerfEnergySource(sysfsRoot: tree().root)
        #expect(source.discover().absence != nil)
        #expect(source.read(nowNanoseconds: 1).isEmpty)
    }

    private func descriptor(_ path: String) -> Int32 { open(path, O_RDONLY) }
}
