import Sensors
import Testing

@testable import NodeAgent

@Suite struct NodeSourcesTests {
    /// Beside a recorded tree nothing of this machine is asked, and every source says so.
    @Test func everySourceIsFoundOrSaysWhyNot() {
        let sources = NodeSources(sysfsRoot: "/nonexistent/sys", procfsRoot: "/nonexistent/proc")
        let reports = sources.survey().reports
        #expect(
            reports.map(\.source) == [
                "rapl", "rapl-perf", "hwmon", "cray", "cpu-model", "nvml", "amdsmi", "ipmi", "redfish", "meters",
            ])
        for report in reports {
            #expect(report.absence.map { !$0.reason.isEmpty && !$0.remedy.isEmpty } == true, "\(report.source)")
        }
        #expect(NodeSources().all.map(\.name) == reports.map(\.source))
    }

    @Test func aSlashAtTheEndMakesNoOtherTree() {
        let sources = NodeSources(sysfsRoot: "/sys//", procfsRoot: "/proc/")
        #expect(sources.sysfsRoot == "/sys" && sources.procfsRoot == "/proc")
        #expect(sources.gpuWork != nil)
        #expect(NodeSources(sysfsRoot: "/").sysfsRoot == "/")
    }
}
