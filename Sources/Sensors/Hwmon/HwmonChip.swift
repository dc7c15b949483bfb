/// What a directory of /sys/class/hwmon (Documentation/hwmon/sysfs-interface.rst) measures, from its names and labels.
package enum HwmonChip: Sendable, Hashable {
    /// An ACPI power meter (Documentation/hwmon/acpi_power_meter.rst): power in µW, averaged over an interval.
    case powerMeter(Domain)
    /// i915 and xe (Documentation/ABI/testing/sysfs-driver-intel-xe-hwmon): a cumulative counter in µJ.
    case intelGPU
    /// amdgpu (Documentation/gpu/amdgpu/thermal.rst): socket power in µW.
    case amdGPU

    /// What an ACPI power meter says in `power1_oem_info`. NVIDIA Grace labels its sockets: the module contains Grace
    /// (and the GPU, where there is one), Grace contains the CPU rail and the I/O rail.
    package enum Domain: Sendable, Hashable {
        case module(Int)
        case grace(Int)
        case cpu(Int)
        case systemIO(Int)
        /// Something of a socket that this list does not know: no machine, and nobody says what contains it.
        case unknownRail
        /// A meter without such a label measures the machine.
        case node

        package init(label: String?) {
            let words = (label ?? "").split(separator: " ")
            guard words.count >= 3, words[1] == "Power", words[2].lowercased() == "socket" else {
                self = .node
                return
            }
            guard words.count == 4, let socket = UInt16(words[3]) else {
                self = .unknownRail
                return
            }
            switch words[0] {
            case "Module": self = .module(Int(socket))
            case "Grace": self = .grace(Int(socket))
            case "CPU": self = .cpu(Int(socket))
            case "SysIO": self = .systemIO(Int(socket))
            default: self = .unknownRail
            }
        }
    }
}
