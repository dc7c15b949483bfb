import Energy
import Testing

@testable import Sensors

/// Trees after Documentation/hwmon/acpi_power_meter.rst, Documentation/hwmon/sysfs-interface.rst,
/// Documentation/ABI/testing/sysfs-driver-intel-xe-hwmon and Documentation/gpu/amdgpu/thermal.rst.
enum HwmonTrees {
    static func meter(_ number: Int, label: String?, microwatts: String, isOld: Bool = false) -> [String: String] {
        let base = "class/hwmon/hwmon\(number)"
        let path = isOld ? base + "/device" : base
        var files = [
            base + "/name": "power_meter\n", path + "/power1_average": microwatts + "\n",
            path + "/power1_average_interval": "50\n", path + "/power1_is_battery": "0\n",
        ]
        if let label { files[path + "/power1_oem_info"] = label + "\n" }
        return files
    }

    /// Two GH200 superchips.
    static let grace = PowercapTrees.merged(
        meter(1, label: "Module Power Socket 0", microwatts: "550000000"),
        meter(2, label: "Grace Power Socket 0", microwatts: "150000000"),
        meter(3, label: "CPU Power Socket 0", microwatts: "100000000", isOld: true),
        meter(4, label: "SysIO Power Socket 0", microwatts: "20000000"),
        meter(10, label: "Module Power Socket 1", microwatts: "0"),
        meter(11, label: "Grace Power Socket 1", microwatts: "151000000"))
}

@Suite struct HwmonSourceTests {
    private func discover(_ tree: FixtureTree) -> (HwmonSource, SourceReport) {
        var source = HwmonSource(sysfsRoot: tree.root)
        let report = source.discover()
        return (source, report)
    }

    private func values(_ source: inout HwmonSource, _ report: SourceReport) -> [String: Reading.Value] {
        var values: [String: Reading.Value] = [:]
        for reading in source.read(nowNanoseconds: 1) {
            values[report.sensors[reading.sensor].description.id] = reading.reading.value
        }
        return values
    }

    @Test func graceSocketsNest() {
        let tree = FixtureTree(HwmonTrees.grace)
        var (source, report) = discover(tree)
        #expect(
            values(&source, report) == [
                "hwmon:module-0": .power(550_000_000), "hwmon:grace-0": .power(150_000_000),
                "hwmon:cpu-0": .power(100_000_000), "hwmon:module-1": .unreadable(.inactive),
                "hwmon:grace-1": .power(151_000_000),
            ])
        let within = Dictionary(uniqueKeysWithValues: report.sensors.map { ($0.description.id, $0.description.within) })
        #expect(within["hwmon:cpu-0"] == "hwmon:grace-0")
        #expect(within["hwmon:grace-0"] == "hwmon:module-0")
        #expect(within["hwmon:module-0"] == .some(nil))
        #expect(report.sensors.allSatisfy { $0.description.refreshMilliseconds == 50 })
        #expect(report.remarks.contains { $0.contains("SysIO") })
        #expect(report.remarks.contains { $0.contains("hwmon:module-1 is `inactive`") })
    }

    @Test(
        arguments: [
            ("Grace Power Socket 2", .grace(2)), ("CPU Power Socket x", .unknownRail), ("", .node), (nil, .node),
            ("Grace Power", .unknownRail), ("DIMM Power Socket 0", .unknownRail),
            ("TH500 Total Power Socket 0", .unknownRail), ("CPU1 Power", .unknownRail),
            ("Grace Power Socket", .unknownRail),
            ("Grace Power Socket 18446744073709551616", .unknownRail), ("Intel Node Manager", .node),
        ] as [(String?, HwmonChip.Domain)])
    func labels(label: String?, domain: HwmonChip.Domain) { #expect(HwmonChip.Domain(label: label) == domain) }

    @Test func gpusAreKnownByTheirPCIAddress() {
        let tree = FixtureTree([
            "class/hwmon/hwmon0/name": "xe\n", "class/hwmon/hwmon0/energy1_label": "pkg\n",
            "class/hwmon/hwmon0/energy2_label": "card\n", "class/hwmon/hwmon0/energy1_input": "1\n",
            "class/hwmon/hwmon0/energy2_input": "18446744073709551615\n",
            "class/hwmon/hwmon0/power2_max": "300000000\n",
            "class/hwmon/hwmon0/device/uevent": "DRIVER=xe\nPCI_SLOT_NAME=0000:3B:00.0\n",
            "class/hwmon/hwmon1/name": "amdgpu\n", "class/hwmon/hwmon1/power1_average": "90000000\n",
            "class/hwmon/hwmon2/name": "amdgpu\n", "class/hwmon/hwmon2/power1_input": "nonsense\n",
            "class/hwmon/hwmon3/name": "coretemp\n",
        ])
        tree.link("class/hwmon/hwmon1/device", to: "../../../0000:03:00.0")
        var (source, report) = discover(tree)
        #expect(
            values(&source, report) == [
                "hwmon:gpu-0000:3b:00.0": .counter(.max), "hwmon:gpu-0000:03:00.0": .power(90_000_000),
                "hwmon:gpu-hwmon2": .unreadable(.malformed),
            ])
        #expect(report.sensors[0].description.maximumPowerMicrowatts == 450_000_000)
        #expect(report.remarks.contains { $0.contains("hwmon2") && $0.contains("next boot") })
    }

    /// xe shows of an Arc or Flex card the package alone, as its second channel (drivers/gpu/drm/xe/xe_hwmon.c).
    @Test func aCardThatCountsItsPackageAloneIsRead() {
        let card = "class/hwmon/hwmon0"
        let tree = FixtureTree([
            card + "/name": "xe\n", card + "/energy2_label": "pkg\n", card + "/energy2_input": "7\n",
            card + "/power1_max": "900000000\n", card + "/power2_max": "200000000\n",
            card + "/device/uevent": "PCI_SLOT_NAME=0000:3b:00.0\n",
            "class/hwmon/hwmon1/name": "i915\n", "class/hwmon/hwmon2/name": "amdgpu\n",
            "class/hwmon/hwmon2/temp1_input": "40000\n",
        ])
        var (source, report) = discover(tree)
        #expect(values(&source, report) == ["hwmon:gpu-0000:3b:00.0": .counter(7)])
        #expect(report.sensors[0].measurementPoint.contains("package"))
        #expect(report.sensors[0].description.maximumPowerMicrowatts == 300_000_000)
        #expect(report.remarks.contains { $0.contains("hwmon1") && $0.contains("without an energy counter") })
        #expect(report.remarks.contains { $0.contains("hwmon2") && $0.contains("without a power sensor") })
    }

    /// amd_energy counts cores and sockets (Documentation/hwmon/amd_energy.rst).
    static let amdEnergy: [String: String] = {
        var files = ["class/hwmon/hwmon5/name": "amd_energy\n"]
        for (channel, label) in ["Ecore000", "Ecore001", "Esocket0", "Esocket1"].enumerated() {
            files["class/hwmon/hwmon5/energy\(channel + 1)_label"] = label + "\n"
            files["class/hwmon/hwmon5/energy\(channel + 1)_input"] = "\((channel + 1) * 1_000_000)\n"
        }
        return files
    }()

    @Test func socketsOfAMDEnergyAreReadAndTheirCoresAreInThem() {
        let tree = FixtureTree(Self.amdEnergy)
        tree.write("class/hwmon/hwmon5/energy5_label", "Edie0\n")
        tree.remove("class/hwmon/hwmon5/energy4_input")
        var (source, report) = discover(tree)
        #expect(
            values(&source, report) == ["hwmon:socket-0": .counter(3_000_000), "hwmon:socket-1": .unreadable(.gone)])
        #expect(report.sensors.map(\.part) == [.package(0, die: nil), .package(1, die: nil)])
        #expect(report.remarks.contains { $0.contains("2 cores lie inside their sockets") })
        #expect(report.remarks.contains { $0.contains("energy5_label names neither") })
    }

    /// A server's management controller, a power supply: nobody can tell here what contains them.
    @Test func aMonitorOfAnUnknownPartIsNotSilent() {
        let tree = FixtureTree([
            "class/hwmon/hwmon0/name": "ibmpowernv\n", "class/hwmon/hwmon0/power1_input": "1000\n",
            "class/hwmon/hwmon1/name": "coretemp\n", "class/hwmon/hwmon1/temp1_input": "1000\n",
        ])
        let remarks = discover(tree).1.remarks
        #expect(remarks.count == 1)
        #expect(remarks.first?.contains("hwmon0 (ibmpowernv) shows power1_input") == true)
    }

    /// What an identity holds goes into signed lines, and what a remark holds to a terminal.
    @Test func aNameThatIsNoKernelsMakesAWellFormedIdentityAndOneLine() {
        let monitor = "class/hwmon/a b\u{1B}[31m\nö"
        let tree = FixtureTree([
            monitor + "/name": "amdgpu\n", monitor + "/power1_average": "5\n", monitor + "2/name": "xe\n",
        ])
        let report = discover(tree).1
        #expect(report.sensors.map(\.description.id) == ["hwmon:gpu-a_20b_1b_5b31m_0a_c3_b6"])
        let text = SensorsReport(reports: [report]).text
        let lines = text.split(separator: "\n")
        #expect(lines.count { $0.contains("it is known by `a b?[31m?ö`") } == 1)
        #expect(lines.count { $0.contains("/a b?[31m?ö2 is an Intel GPU without") } == 1)
        #expect(!text.contains("\u{1B}") && !lines.contains { $0.hasPrefix("ö") })
    }

    @Test func aMeterWithoutLabelIsTheMachineAndABatteryIsNot() {
        var tree = FixtureTree(HwmonTrees.meter(0, label: nil, microwatts: "200000000"))
        #expect(discover(tree).1.sensors.map(\.part) == [.node])
        tree = FixtureTree(
            PowercapTrees.merged(
                HwmonTrees.meter(0, label: nil, microwatts: "1"), ["class/hwmon/hwmon0/power1_is_battery": "1\n"]))
        #expect(discover(tree).1.sensors.isEmpty)
    }

    @Test func anUnreadableMeterHidesNoReadableOneOfTheSamePart() {
        let tree = FixtureTree(
            PowercapTrees.merged(
                HwmonTrees.meter(0, label: nil, microwatts: "nonsense"),
                HwmonTrees.meter(1, label: nil, microwatts: "200000000"),
                HwmonTrees.meter(2, label: nil, microwatts: "300000000")))
        var (source, report) = discover(tree)
        #expect(values(&source, report) == ["hwmon:node": .power(200_000_000)])
        #expect(report.remarks.filter { $0.contains("measures hwmon:node again") }.count == 2)
    }

    /// A driver that is loaded again gives its monitor another number and counts from zero.
    @Test func aCounterUnderAnotherNumberIsANewEpoch() {
        func card(_ number: Int, _ energy: String) -> [String: String] {
            let path = "class/hwmon/hwmon\(number)"
            return [
                path + "/name": "i915\n", path + "/energy1_input": energy,
                path + "/device/uevent": "PCI_SLOT_NAME=0000:3b:00.0\n",
            ]
        }
        let tree = FixtureTree(card(1, "100\n"))
        var (source, _) = discover(tree)
        #expect(source.read(nowNanoseconds: 1)[0].breaksEpoch == false)
        tree.remove("class/hwmon/hwmon1")
        for (path, contents) in card(4, "150\n") { tree.write(path, contents) }
        _ = source.discover()
        #expect(source.read(nowNanoseconds: 2).map(\.breaksEpoch) == [true])
        #expect(source.read(nowNanoseconds: 3).map(\.breaksEpoch) == [false])
    }

    @Test func machineWithoutMonitorsSaysSo() {
        let tree = FixtureTree([:])
        #expect(discover(tree).1.absence?.reason.contains("does not exist") == true)
        tree.write("class/hwmon/hwmon0/name", "nvme\n")
        #expect(discover(tree).1.absence?.remedy.contains("ACPI_POWER") == true)
    }

    @Test func pciAddresses() {
        #expect(PCIAddress.device("00000000:3B:00.0") == "0000:3b:00")
        #expect(PCIAddress.device("0009:01:00.0") == "0009:01:00")
        #expect(PCIAddress.device("hwmon2") == nil)
    }
}
