/// Notices that the kernel shows other sources than before, without opening one: a driver that was loaded, a zone that
/// went, a monitor with another number.
package struct SourceWatch: Sendable {
    private let sysfsRoot: String

    package init(sysfsRoot: String = "/sys") { self.sysfsRoot = sysfsRoot }

    /// A number that changes when the names in the classes of sources, or what their devices are called, change.
    package func fingerprint() -> UInt64 {
        var hash = Fingerprint()
        for directory in ["/class/powercap", "/class/hwmon"] {
            for name in names(directory, &hash) {
                let path = sysfsRoot + directory + "/" + name
                hash.add(FileTree.text(path + "/name") ?? "")
                hash.add(FileTree.exists(path + "/energy_uj") ? "e" : "")
            }
        }
        for directory in ["/cray/pm_counters", "/bus/event_source/devices", "/class/ipmi"] {
            _ = names(directory, &hash)
        }
        // A driver brings devices that have no class of their own.
        for module in ["nvidia", "amdgpu", "ipmi_devintf"] {
            hash.add(FileTree.exists(sysfsRoot + "/module/" + module) ? module : "")
        }
        return hash.value
    }

    private func names(_ directory: String, _ hash: inout Fingerprint) -> [String] {
        hash.add(directory)
        guard let names = FileTree.names(in: sysfsRoot + directory) else { return [] }
        for name in names { hash.add(name) }
        return Array(names.prefix(512))
    }
}

/// FNV-1a over texts: a change is to be noticed, not to be hidden from.
private struct Fingerprint {
    var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ text: String) {
        for byte in text.utf8 { add(byte) }
        add(0xFF)
    }

    private mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
}
