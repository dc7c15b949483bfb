import Energy
import JSONText
import Testing

@testable import Sensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Whatever the tree: no crash, no hang, every sensor well formed and placed once, every refusal with its reason.
@Suite struct TreeFuzzTests {
    private func sources(_ root: String) -> [any SensorSource] {
        [
            PowercapSource(sysfsRoot: root, procfsRoot: root + "/proc"),
            PerfEnergySource(sysfsRoot: root) { _, _, processor in processor == 0 ? -EACCES : -ENODEV },
            HwmonSource(sysfsRoot: root), CraySource(sysfsRoot: root, utcMicroseconds: { 1_700_000_000_000_000 }),
            CPUModelSource(procfsRoot: root + "/proc", ticksPerSecond: 100),
        ]
    }

    @Test(arguments: 0..<300) func anyTree(seed: UInt64) {
        let tree = RandomTree(seed: seed).tree
        asStranger { check(tree.root, seed) }
    }

    private func check(_ root: String, _ seed: UInt64) {
        var sources = sources(root)
        var reports: [SourceReport] = []
        for index in sources.indices {
            let report = sources[index].discover()
            #expect(report.sensors.isEmpty == (report.absence != nil), "seed \(seed): \(report.source)")
            #expect(report.absence.map { !$0.reason.isEmpty && !$0.remedy.isEmpty } ?? true, "seed \(seed)")
            for _ in 0..<2 {
                let readings = sources[index].read(nowNanoseconds: 5_000_000_000)
                #expect(readings.map(\.sensor) == Array(report.sensors.indices), "seed \(seed): \(report.source)")
                for reading in readings { check(reading, of: report.sensors[reading.sensor], seed) }
            }
            // Looking again shows the same, and forgets nothing.
            #expect(sources[index].discover() == report, "seed \(seed)")
            reports.append(report)
        }
        check(Layering(reports), seed)
        let text = SensorsReport(reports: reports)
        #expect(!text.text.isEmpty)
        #expect(!text.text.utf8.contains { $0 < 32 && $0 != UInt8(ascii: "\n") }, "seed \(seed)")
        #expect((try? JSONValue(parsing: text.json)) != nil, "seed \(seed): \(text.json)")
        #expect(SourceWatch(sysfsRoot: root).fingerprint() == SourceWatch(sysfsRoot: root).fingerprint())
    }

    private func check(_ reading: SensorReading, of found: FoundSensor, _ seed: UInt64) {
        switch (reading.reading.value, found.access) {
        case (.unreadable(let reason), .unreadable(let known, let remedy)):
            #expect(reason == known && !remedy.isEmpty, "seed \(seed): \(found.place)")
        case (.unreadable(.inactive), .readable): #expect(found.description.kind == "hwmon", "seed \(seed)")
        case (.unreadable, .readable), (_, .unreadable):
            #expect(Bool(false), "seed \(seed): \(found.place) is \(found.access) and shows \(reading.reading.value)")
        case (.counter, .readable), (.power, .readable): break
        }
    }

    private func check(_ layering: Layering, _ seed: UInt64) {
        var known: Set<String> = []
        for placed in layering.sensors {
            let description = placed.description
            #expect(SensorDescription.isWellFormed(description.id), "seed \(seed): \(description.id)")
            #expect(description.within.map(known.contains) ?? true, "seed \(seed): \(description.id)")
            #expect(known.insert(description.id).inserted, "seed \(seed): \(description.id)")
            #expect((50...60_000).contains(description.periodMilliseconds), "seed \(seed)")
            if let within = description.within, placed.found.access.isReadable {
                let container = layering.sensors.first { $0.description.id == within }
                #expect(container?.found.access.isReadable == true, "seed \(seed): \(description.id) in \(within)")
            }
        }
    }

    @Test func thousandsOfDevicesAreCutToABatch() {
        var files: [String: String] = [:]
        for index in 0..<400 {
            files["class/hwmon/hwmon\(index)/name"] = "amdgpu\n"
            files["class/hwmon/hwmon\(index)/power1_average"] = "5000000\n"
        }
        let tree = FixtureTree(files)
        var source = HwmonSource(sysfsRoot: tree.root)
        let layering = Layering([source.discover()])
        #expect(layering.sensors.count == 256)
        #expect(layering.leftOut.count == 144 && layering.leftOut.allSatisfy { $0.reason.contains("256") })
    }

    @Test func moreMonitorsThanAnyNodeHasAreNotLookedAt() {
        let tree = FixtureTree()
        for index in 0...HwmonSource.maximumMonitors { tree.write("class/hwmon/hwmon\(index)/name", "nvme\n") }
        var source = HwmonSource(sysfsRoot: tree.root)
        #expect(source.discover().remarks.contains { $0.contains("lists 1025 hardware monitors: the first 1024") })
    }

    @Test func directoriesThatMayNotBeListedAreDeniedNotMissing() {
        let tree = FixtureTree([
            "class/powercap/x": "", "class/hwmon/x": "", "cray/pm_counters/x": "",
            "bus/event_source/devices/power/type": "25\n",
        ])
        for path in ["class/powercap", "class/hwmon", "cray/pm_counters", "bus/event_source/devices/power"] {
            chmod(tree.root + "/" + path, 0)
        }
        asStranger {
            for var source in sources(tree.root).dropLast() {
                let absence = source.discover().absence
                #expect(
                    absence?.reason.hasSuffix("cannot be listed: denied") == true, "\(source.name): \(absence as Any)")
                #expect(absence?.remedy.contains("list") == true)
            }
        }
    }

    @Test func aPipeWithAWriterThatSaysNothingDoesNotHoldTheAgent() {
        let tree = FixtureTree(PowercapTrees.zone("intel-rapl:0", name: "package-0", energy: "1"))
        let path = tree.root + "/class/powercap/intel-rapl:0/name"
        unlink(path)
        mkfifo(path, 0o644)
        let writer = open(path, O_RDWR)
        defer { close(writer) }
        var source = PowercapSource(sysfsRoot: tree.root, procfsRoot: tree.root)
        #expect(source.discover().remarks.contains { $0.contains("timed-out") })
    }
}

@Suite struct SourceWatchTests {
    @Test func itSeesWhatIsAddedRemovedAndRenamedAndNothingElse() {
        let tree = FixtureTree(PowercapTrees.intelServer)
        tree.write("class/hwmon/hwmon0/name", "coretemp\n")
        let watch = SourceWatch(sysfsRoot: tree.root)
        var last = watch.fingerprint()
        func isChanged() -> Bool {
            defer { last = watch.fingerprint() }
            return watch.fingerprint() != last
        }
        tree.write("class/powercap/intel-rapl:0/energy_uj", "77\n")
        #expect(!isChanged())
        tree.write("class/hwmon/hwmon0/temp1_input", "40000\n")
        #expect(!isChanged())
        tree.write("class/hwmon/hwmon0/name", "xe\n")
        #expect(isChanged())
        // A driver that shows its counter later than its device.
        tree.write("class/hwmon/hwmon0/energy2_input", "1\n")
        #expect(isChanged())
        tree.write("class/hwmon/hwmon0/energy2_input", "2\n")
        #expect(!isChanged())
        tree.write("class/hwmon/hwmon0/energy2_label", "pkg\n")
        #expect(isChanged())
        tree.write("class/hwmon/hwmon1/name", "power_meter\n")
        tree.write("class/hwmon/hwmon1/power1_oem_info", "Module Power Socket 0\n")
        #expect(isChanged())
        tree.write("class/hwmon/hwmon1/power1_oem_info", "Module Power Socket 1\n")
        #expect(isChanged())
        tree.write("bus/pci/drivers/nvidia/0000:3b:00.0/vendor", "0x10de\n")
        #expect(isChanged())
        tree.remove("class/powercap/intel-rapl:1")
        #expect(isChanged())
        tree.write("cray/pm_counters/energy", "1 J\n")
        #expect(isChanged())
        tree.write("module/nvidia/version", "1")
        #expect(isChanged())
        #expect(!isChanged())
    }
}
