package import Sensors

/// Every source that the agent looks for.
package enum NodeSources {
    package static func all(sysfsRoot: String, procfsRoot: String) -> [any SensorSource] {
        var sources: [any SensorSource] = [
            PowercapSource(sysfsRoot: sysfsRoot, procfsRoot: procfsRoot), PerfEnergySource(sysfsRoot: sysfsRoot),
            HwmonSource(sysfsRoot: sysfsRoot), CraySource(sysfsRoot: sysfsRoot),
            CPUModelSource(procfsRoot: procfsRoot),
        ]
        // Libraries and devices belong to the running system; a recorded tree has none.
        if sysfsRoot == "/sys" {
            sources += [NVMLSource(), AMDSMISource(), IPMISource()] as [any SensorSource]
        }
        return sources
    }
}
