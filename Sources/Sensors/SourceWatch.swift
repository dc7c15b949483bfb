/// Notices that the kernel shows other sources than before, without opening one: a driver that was loaded, a zone that
/// went, a monitor with another number, a counter that its driver shows later. sysfs gives its directories no time of
/// change (fs/kernfs/dir.c keeps one for those alone whose attributes somebody set), so that the files are looked for.
package struct SourceWatch: Sendable {
    private let sysfsRoot: String

    package init(sysfsRoot: String = "/sys") { self.sysfsRoot = sysfsRoot }

    /// A number that changes with the names in the classes of sources, with what their devices and figures are called,
    /// and with which of the files that can be read are there.
    package func fingerprint() -> UInt64 {
        var hash = Fingerprint()
        for directory in ["/class/powercap", "/class/hwmon"] {
            for name in names(directory, &hash) {
                let path = sysfsRoot + directory + "/" + name
                let device = FileTree.text(path + "/name") ?? ""
                hash.add(device)
                let chip = HwmonChip(driver: device)
                for file in chip?.figures ?? ["energy_uj"] {
                    hash.add(FileTree.exists(path + "/" + file) ? file : "")
                }
                for file in chip?.labels ?? [] { hash.add(FileTree.text(path + "/" + file) ?? "") }
            }
        }
        // Boards that the NVIDIA driver holds have no class.
        for directory in [
            "/cray/pm_counters", "/bus/event_source/devices", "/class/ipmi", "/bus/pci/drivers/nvidia",
        ] {
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
