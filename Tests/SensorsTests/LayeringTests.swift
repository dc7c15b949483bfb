import Energy
import JSONText
import SeededRandom
import Testing

@testable import Sensors

@Suite struct LayeringTests {
    private func report(_ source: any SensorSource) -> SourceReport {
        var source = source
        return source.discover()
    }

    private func reports(_ tree: FixtureTree) -> [SourceReport] {
        [
            report(PowercapSource(sysfsRoot: tree.root, procfsRoot: tree.root)),
            report(HwmonSource(sysfsRoot: tree.root)),
            report(CraySource(sysfsRoot: tree.root)), report(CPUModelSource()),
        ]
    }

    private func found(
        _ id: String, kind: String, layer: Layer, part: FoundSensor.Part, within: String? = nil,
        access: FoundSensor.Access = .readable
    ) -> FoundSensor {
        let description = SensorDescription(
            id: id, kind: kind, layer: layer, within: within, provenance: .counter, quantity: .microjouleCounter(),
            maximumPowerMicrowatts: 1)
        return FoundSensor(
            description: description, part: part, measurementPoint: "", place: "", access: access, costMicroseconds: 1)
    }

    private func within(_ layering: Layering) -> [String: String] {
        Dictionary(uniqueKeysWithValues: layering.sensors.map { ($0.description.id, $0.description.within ?? "-") })
    }

    private func gpus(_ count: Int) -> SourceReport {
        SourceReport(
            source: "nvml",
            sensors: (0..<count).map {
                found("nvml:GPU-\($0)", kind: "nvml", layer: .gpu, part: .gpu("0000:0\($0):00"))
            })
    }

    @Test func withoutANodeSensorThePartsAreRoots() {
        let layering = Layering(reports(FixtureTree(PowercapTrees.intelServer)) + [gpus(2)])
        #expect(Set(within(layering).values) == ["-"])
        #expect(layering.sensors.count == 6)
        #expect(layering.boundary == "components")
        #expect(layering.leftOut == [.init(id: "cpu-model:host", reason: "processors or node are measured")])
        #expect(Layering([gpus(1)]).boundary == "accelerator")
        #expect(Layering([]).boundary == "none")
    }

    @Test func nodeSensorsChainFromTheOutsideIn() {
        let nodes = [
            SourceReport(source: "ipmi", sensors: [found("dcmi:node", kind: "dcmi", layer: .nodeDC, part: .node)]),
            SourceReport(
                source: "redfish", sensors: [found("redfish:node", kind: "redfish", layer: .nodeAC, part: .node)]),
        ]
        let layering = Layering(reports(FixtureTree(PowercapTrees.intelServer)) + nodes + [gpus(1)])
        let map = within(layering)
        #expect(map["redfish:node"] == "-")
        #expect(map["dcmi:node"] == "redfish:node")
        #expect(map["rapl:package-0"] == "dcmi:node")
        #expect(map["rapl:package-0/dram"] == "dcmi:node")
        #expect(map["nvml:GPU-0"] == "dcmi:node")
        #expect(layering.boundary == "node-ac")
        #expect(layering.sensors.first?.description.id == "redfish:node")
    }

    @Test func crayPartsYieldToTheirOwnSensors() {
        let tree = FixtureTree(PowercapTrees.merged(CrayTrees.node, PowercapTrees.amdServer))
        let layering = Layering(reports(tree) + [gpus(2)])
        let map = within(layering)
        #expect(
            map == [
                "cray:node": "-", "rapl:package-0": "cray:node", "rapl:package-1": "cray:node",
                "cray:memory": "cray:node",
                "nvml:GPU-0": "cray:node", "nvml:GPU-1": "cray:node",
            ])
        #expect(Set(layering.leftOut.map(\.id)) == ["cray:cpu", "cray:accel0", "cray:accel1", "cpu-model:host"])
    }

    /// A processor that three sources count is one processor.
    @Test func socketsOfOtherSourcesYieldToTheProcessorsOwnCounters() {
        let sockets = PowercapTrees.merged(
            HwmonSourceTests.amdEnergy, CrayTrees.node,
            ["cray/pm_counters/cpu0_energy": "140 J\n", "cray/pm_counters/cpu1_energy": "160 J\n"])
        let tree = FixtureTree(PowercapTrees.merged(sockets, PowercapTrees.amdServer))
        func packages() -> [String] {
            Layering(reports(tree)).sensors.filter { $0.description.layer == .package }.map(\.description.id)
        }
        #expect(packages() == ["rapl:package-0", "rapl:package-1"])
        #expect(
            Layering(reports(tree)).leftOut.contains {
                $0.id == "hwmon:socket-1" && $0.reason == "the processors are read through rapl"
            })
        tree.remove("class/powercap")
        #expect(packages() == ["cray:cpu"])
        tree.remove("cray/pm_counters/cpu_energy")
        #expect(packages() == ["cray:cpu0", "cray:cpu1"])
        tree.remove("cray")
        #expect(packages() == ["hwmon:socket-0", "hwmon:socket-1"])
    }

    @Test func crayAloneKeepsItsParts() {
        let map = within(Layering(reports(FixtureTree(CrayTrees.node))))
        #expect(map.count == 5)
        #expect(map["cray:accel1"] == "cray:node")
    }

    @Test func aSensorThatCannotBeReadContainsNothing() {
        let denied = FoundSensor.Access.unreadable(.denied, remedy: "")
        let node = SourceReport(
            source: "ipmi", sensors: [found("dcmi:node", kind: "dcmi", layer: .nodeDC, part: .node, access: denied)])
        let layering = Layering([node, gpus(1)])
        #expect(within(layering) == ["dcmi:node": "-", "nvml:GPU-0": "-"])
        #expect(layering.boundary == "accelerator")
    }

    @Test func graceModulesContainTheirSocketAndGPU() {
        let layering = Layering(reports(FixtureTree(HwmonTrees.grace)) + [gpus(2)])
        let map = within(layering)
        #expect(map["hwmon:cpu-0"] == "hwmon:grace-0")
        #expect(map["hwmon:grace-1"] == "hwmon:module-1")
        #expect(map["nvml:GPU-0"] == "hwmon:module-0")
        #expect(map["nvml:GPU-1"] == "hwmon:module-1")
    }

    private func modules(_ count: Int) -> SourceReport {
        SourceReport(
            source: "nvml",
            sensors: (0..<count).flatMap { index in
                [
                    found("nvml:GPU-\(index)/module", kind: "nvml", layer: .module, part: .other("m\(index)")),
                    found(
                        "nvml:GPU-\(index)", kind: "nvml", layer: .gpu, part: .gpu("000\(index):01:00"),
                        within: "nvml:GPU-\(index)/module"),
                ]
            })
    }

    /// GH200: the counter of the module contains Grace, so Grace is never added beside it.
    @Test func moduleCountersContainGrace() {
        let layering = Layering(reports(FixtureTree(HwmonTrees.grace)) + [modules(2)])
        let map = within(layering)
        #expect(map["hwmon:grace-0"] == "nvml:GPU-0/module")
        #expect(map["hwmon:grace-1"] == "nvml:GPU-1/module")
        #expect(map["hwmon:cpu-0"] == "hwmon:grace-0")
        #expect(map["nvml:GPU-1"] == "nvml:GPU-1/module")
        #expect(map["hwmon:module-0"] == nil)
        #expect(map.filter { $0.value == "-" }.count == 2)
    }

    /// GB200: four GPUs on two sockets. Two module counters would both hold one Grace.
    @Test func moduleCountersThatShareASocketAreNotUsed() {
        let map = within(Layering(reports(FixtureTree(HwmonTrees.grace)) + [modules(4)]))
        #expect(map.keys.allSatisfy { !$0.contains("GPU") || !$0.hasSuffix("/module") })
        // The meter of each module contains two of them.
        #expect((0...3).map { map["nvml:GPU-\($0)"] } == ["0", "0", "1", "1"].map { "hwmon:module-" + $0 })
        #expect(map["hwmon:grace-0"] == "hwmon:module-0")
        #expect(map.filter { $0.value == "-" }.keys.sorted() == ["hwmon:module-0", "hwmon:module-1"])
    }

    private func boards(_ count: Int, _ name: String) -> SourceReport {
        var report = gpus(count)
        for index in report.sensors.indices { report.sensors[index].measurementPoint = name + " board" }
        return report
    }

    /// A GPU in a slot is in no module's figure; GPUs of which one is missing could be in either's.
    @Test func onlyGPUsThatAreInAModuleAreCountedInIt() {
        let grace = reports(FixtureTree(HwmonTrees.grace))
        let beside = within(Layering(grace + [boards(2, "NVIDIA H100 PCIe")]))
        #expect(beside["nvml:GPU-0"] == "-" && beside["nvml:GPU-1"] == "-" && beside["hwmon:module-0"] == "-")
        let inside = within(Layering(grace + [boards(4, "NVIDIA GB200")]))
        #expect(inside["nvml:GPU-1"] == "hwmon:module-0" && inside["nvml:GPU-2"] == "hwmon:module-1")
        let unclear = Layering(grace + [boards(3, "NVIDIA GB200")])
        #expect(!within(unclear).keys.contains { $0.hasPrefix("hwmon:module") })
        #expect(within(unclear)["hwmon:grace-0"] == "-" && within(unclear)["nvml:GPU-2"] == "-")
        #expect(unclear.leftOut.contains { $0.id == "hwmon:module-1" && $0.reason.contains("3 GPUs") })
    }

    /// HPE Cray nodes of Grace show the processors and accelerators of the modules once more.
    @Test func crayAndModulesAreNoTwoCounts() {
        let tree = FixtureTree(PowercapTrees.merged(CrayTrees.node, HwmonTrees.grace))
        let map = within(Layering(reports(tree)))
        #expect(
            map == [
                "cray:node": "-", "cray:cpu": "cray:node", "cray:memory": "cray:node", "cray:accel0": "cray:node",
                "cray:accel1": "cray:node",
            ])
        let counters = within(Layering(reports(tree) + [modules(2)]))
        #expect(counters["cray:cpu"] == nil && counters["cray:memory"] == nil && counters["cray:accel0"] == nil)
        #expect(counters["nvml:GPU-1/module"] == "cray:node")
        tree.remove("cray/pm_counters/cpu_energy")
        let nested = within(Layering(reports(tree)))
        #expect(nested["cray:accel0"] == "hwmon:module-0" && nested["hwmon:module-0"] == "cray:node")
    }

    @Test func anEstimateIsNoBoundary() {
        let estimate = report(CPUModelSource())
        #expect(Layering([estimate]).boundary == "estimated")
        #expect(Layering([estimate, gpus(1)]).boundary == "accelerator")
    }

    @Test func oneGPUInTwoSourcesIsOneGPU() {
        let hwmon = SourceReport(
            source: "hwmon",
            sensors: [found("hwmon:gpu-0000:03:00.0", kind: "hwmon", layer: .gpu, part: .gpu("0000:03:00.0"))])
        let amdsmi = SourceReport(
            source: "amdsmi", sensors: [found("amdsmi:x", kind: "amdsmi", layer: .gpu, part: .gpu("0000:03:00"))])
        #expect(within(Layering([hwmon, amdsmi])) == ["amdsmi:x": "-"])
    }

    @Test func theModelStandsInOnlyWhereNothingIsMeasured() {
        let empty = FixtureTree([:])
        #expect(within(Layering(reports(empty))) == ["cpu-model:host": "-"])
        #expect(within(Layering(reports(empty) + [gpus(1)]))["cpu-model:host"] == "-")
    }

    /// Whatever is found: each part once, no circle, containers before contents, and nothing lost without a word.
    @Test func arrangementsAreTreesOnRandomFindings() {
        let parts: [(FoundSensor.Part, Layer)] = [
            (.node, .nodeAC), (.node, .nodeDC), (.package(0, die: nil), .package), (.packages, .package),
            (.rail(package: 0), .package), (.memory(package: 0), .dram), (.memories, .dram), (.gpu("0000:01:00"), .gpu),
            (.gpu("0000:02:00"), .gpu), (.accelerator(0), .gpu), (.module(0), .module), (.other("x"), .module),
        ]
        let kinds = ["nvml", "rapl", "rapl-perf", "cray", "hwmon", "redfish", "dcmi", "cpu-model"]
        for seed in UInt64(0)..<3000 {
            var random = SeededRandom(seed: seed)
            let reports = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                let kind = kinds.randomElement(using: &random)!
                return SourceReport(
                    source: kind,
                    sensors: (0..<Int.random(in: 0...4, using: &random)).map { _ in
                        let (part, layer) = parts.randomElement(using: &random)!
                        let access: FoundSensor.Access =
                            Int.random(in: 0..<4, using: &random) == 0 ? .unreadable(.denied, remedy: "") : .readable
                        return found(
                            "\(kind):\(Int.random(in: 0..<6, using: &random))", kind: kind, layer: layer, part: part,
                            access: access)
                    })
            }
            let layering = Layering(reports)
            var seen: Set<String> = []
            for placed in layering.sensors {
                if let within = placed.description.within { #expect(seen.contains(within), "seed \(seed)") }
                #expect(seen.insert(placed.description.id).inserted, "seed \(seed)")
            }
            let total = reports.reduce(0) { $0 + $1.sensors.count }
            #expect(layering.sensors.count + layering.leftOut.count == total, "seed \(seed)")
        }
    }
}

@Suite struct SensorsReportTests {
    @Test func tableAndJSONSayWhatAndWhyNot() throws {
        let tree = FixtureTree(PowercapTrees.intelServer)
        var sources: [any SensorSource] = [
            PowercapSource(sysfsRoot: tree.root, procfsRoot: tree.root), CraySource(sysfsRoot: tree.root),
            CPUModelSource(),
        ]
        let report = SensorsReport(reports: sources.indices.map { sources[$0].discover() })
        let text = report.text
        #expect(text.contains("rapl:package-0/dram"))
        #expect(text.contains("WRAPS AT") && text.contains("REFRESH") && text.contains("PERIOD"))
        #expect(text.contains("cray: not found"))
        #expect(text.contains("what to do: none outside HPE Cray nodes"))
        #expect(text.contains("cpu-model:host: not used"))
        let json = try JSONValue(parsing: report.json)
        #expect(json["sensors"]?.array?.count == 4)
        #expect(json.member(at: "sensors[0].wraps_at")?.string == "262143328850")
        #expect(json["boundary"]?.string == "components")
    }
}
