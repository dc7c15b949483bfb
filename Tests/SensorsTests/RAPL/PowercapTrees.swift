/// Kernel trees after Documentation/power/powercap/powercap.rst and Documentation/ABI/testing/sysfs-class-powercap.
enum PowercapTrees {
    static func zone(
        _ directory: String, name: String, energy: String, range: String = "262143328850", limit: String? = "270000000"
    ) -> [String: String] {
        let path = "class/powercap/" + directory
        var files = [
            path + "/name": name + "\n", path + "/energy_uj": energy + "\n",
            path + "/max_energy_range_uj": range + "\n",
            path + "/enabled": "1\n",
        ]
        if let limit {
            files[path + "/constraint_0_name"] = "long_term\n"
            files[path + "/constraint_0_max_power_uw"] = limit + "\n"
            files[path + "/constraint_1_max_power_uw"] = "0\n"
        }
        return files
    }

    static func processors(_ packages: [Int]) -> [String: String] {
        var files: [String: String] = [:]
        for (index, package) in packages.enumerated() {
            files["devices/system/cpu/cpu\(index)/topology/physical_package_id"] = "\(package)\n"
            files["devices/system/cpu/cpu\(index)/topology/die_id"] = "0\n"
        }
        return files
    }

    static func merged(_ parts: [String: String]...) -> [String: String] {
        parts.reduce(into: [:]) { $0.merge($1) { _, new in new } }
    }

    /// Two sockets; memory is `:1` on the first and `:0` on the second; psys and the mmio window beside them.
    static let intelServer = merged(
        processors([0, 0, 1, 1]), ["class/powercap/intel-rapl/enabled": "1\n"],
        zone("intel-rapl:0", name: "package-0", energy: "1000"),
        zone("intel-rapl:0:0", name: "core", energy: "400"),
        zone("intel-rapl:0:1", name: "dram", energy: "50", range: "65712999613", limit: nil),
        zone("intel-rapl:1", name: "package-1", energy: "2000"),
        zone("intel-rapl:1:0", name: "dram", energy: "60", range: "65712999613", limit: nil),
        zone("intel-rapl:1:1", name: "uncore", energy: "7"),
        zone("intel-rapl:2", name: "psys", energy: "9000"),
        zone("intel-rapl-mmio:0", name: "package-0", energy: "1001"))

    /// AMD has packages and cores, no memory, and no power limits.
    static let amdServer = merged(
        processors([0, 1]), zone("intel-rapl:0", name: "package-0", energy: "5", range: "65532610987", limit: nil),
        zone("intel-rapl:0:0", name: "core", energy: "1", range: "65532610987", limit: nil),
        zone("intel-rapl:1", name: "package-1", energy: "6", range: "65532610987", limit: nil))

    static let dualDie = merged(
        processors([0, 1]), zone("intel-rapl:0", name: "package-0-die-0", energy: "10"),
        zone("intel-rapl:0:0", name: "dram", energy: "11"), zone("intel-rapl:1", name: "package-0-die-1", energy: "20"),
        zone("intel-rapl:1:0", name: "dram", energy: "21"), zone("intel-rapl:2", name: "package-1-die-0", energy: "30"),
        zone("intel-rapl:3", name: "package-1-die-1", energy: "40"))
}
