/// What a directory of /sys/class/hwmon (Documentation/hwmon/sysfs-interface.rst) measures, by the name of its driver.
package enum HwmonChip: Sendable, Hashable {
    /// An ACPI power meter (Documentation/hwmon/acpi_power_meter.rst): power in µW, averaged over an interval.
    case powerMeter
    /// i915 and xe (Documentation/ABI/testing/sysfs-driver-intel-xe-hwmon): a cumulative counter in µJ.
    case intelGPU
    /// amdgpu (Documentation/gpu/amdgpu/thermal.rst): socket power in µW.
    case amdGPU
    /// amd_energy (Documentation/hwmon/amd_energy.rst of Linux 5.8 to 5.12, now outside of the kernel): counters in µJ.
    case amdProcessors

    /// - Returns: nil when the driver is not known to measure a part of the node.
    init?(driver: String) {
        switch driver {
        case "power_meter": self = .powerMeter
        case "i915", "xe": self = .intelGPU
        case "amdgpu": self = .amdGPU
        case "amd_energy": self = .amdProcessors
        default: return nil
        }
    }

    /// The files that may hold its figure; a driver can show them later than the chip.
    var figures: [String] {
        switch self {
        case .powerMeter: ["power1_average", "device/power1_average"]
        case .intelGPU: Self.intelChannels.map { "energy\($0)_input" }
        case .amdGPU: ["power1_average", "power1_input"]
        case .amdProcessors: ["energy1_input"]
        }
    }

    /// The files that say what the figures are of, as far as a driver can change its mind.
    var labels: [String] {
        switch self {
        case .powerMeter: ["power1_oem_info", "device/power1_oem_info"]
        case .intelGPU: Self.intelChannels.map { "energy\($0)_label" }
        case .amdGPU, .amdProcessors: []
        }
    }

    static let intelChannels = 1...4

    /// What a label of amd_energy counts.
    enum ProcessorPart: Hashable {
        case socket(Int)
        case core

        init?(label: String) {
            if let socket = label.hasPrefix("Esocket") ? UInt16(label.dropFirst(7)) : nil {
                self = .socket(Int(socket))
            } else if label.hasPrefix("Ecore") {
                self = .core
            } else {
                return nil
            }
        }
    }

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
            let text = (label ?? "").lowercased()
            guard text.split(whereSeparator: { !$0.isLetter }).contains(where: { Self.parts.contains(String($0)) })
            else {
                self = .node
                return
            }
            let words = text.split(separator: " ")
            guard words.count == 4, words[1] == "power", words[2] == "socket", let socket = UInt16(words[3]) else {
                self = .unknownRail
                return
            }
            switch words[0] {
            case "module": self = .module(Int(socket))
            case "grace": self = .grace(Int(socket))
            case "cpu": self = .cpu(Int(socket))
            case "sysio": self = .systemIO(Int(socket))
            default: self = .unknownRail
            }
        }

        /// A meter that names one of these does not measure the machine.
        private static let parts: Set<String> = [
            "socket", "module", "grace", "cpu", "gpu", "sysio", "soc", "dimm", "dram", "memory",
        ]
    }
}
