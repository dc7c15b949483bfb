import SeededRandom
@testable import Sensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Trees as no kernel would show them: every file may be right, garbage, empty, huge, denied, a directory, a pipe, a
/// link in a circle, or missing.
struct RandomTree {
    let tree = FixtureTree()
    private var random: SeededRandom

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
        for index in 0..<Int.random(in: 0...5, using: &random) { zone(index) }
        for index in 0..<Int.random(in: 0...6, using: &random) { monitor(index) }
        if chance(3) { cray() }
        if chance(3) { perf() }
        file("proc/stat", ["cpu  1 0 1 1000 0 0 0 0 0 0\ncpu0 1 0 1 1 0 0 0 0 0 0\n"])
        file("proc/cpuinfo", ["flags\t: fpu hypervisor\n", "CPU implementer\t: 0x41\n"])
        if chance(10) { place(.denied, "class/powercap", []) }
        if chance(10) { place(.loop, "class/powercap/intel-rapl:9", []) }
    }

    private mutating func chance(_ of: Int) -> Bool { Int.random(in: 0..<of, using: &random) == 0 }

    private enum Kind: CaseIterable {
        case right, garbage, empty, huge, denied, directory, pipe, loop, missing, number
    }

    private mutating func file(_ path: String, _ contents: [String]) {
        let kind: Kind = chance(4) ? Kind.allCases.randomElement(using: &random) ?? .right : .right
        place(kind, path, contents)
    }

    private mutating func place(_ kind: Kind, _ path: String, _ contents: [String]) {
        let full = tree.root + "/" + path
        switch kind {
        case .right: tree.write(path, contents.randomElement(using: &random) ?? "")
        case .garbage:
            tree.write(path, "")
            var bytes = (0..<Int.random(in: 1...600, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let descriptor = open(full, O_WRONLY)
            if descriptor >= 0 {
                _ = write(descriptor, &bytes, bytes.count)
                close(descriptor)
            }
        case .empty: tree.write(path, "")
        case .huge:
            tree.write(path, "5")
            truncate(full, 1 << 40)
        case .denied:
            tree.write(path + (contents.isEmpty ? "/x" : ""), contents.first ?? "")
            chmod(full, 0)
        case .directory: tree.write(path + "/inner", "1")
        case .pipe:
            tree.write(path, "")
            unlink(full)
            mkfifo(full, 0o644)
        case .loop:
            tree.write(path, "")
            unlink(full)
            symlink(full, full)
        case .missing: break
        case .number:
            let numbers = ["-1", "18446744073709551615", "18446744073709551616", "0", "1e9", " 7 \n", "0x10", "+5"]
            tree.write(path, numbers.randomElement(using: &random) ?? "")
        }
    }

    private mutating func zone(_ index: Int) {
        let name =
            ["intel-rapl:\(index)", "intel-rapl-mmio:\(index)", "intel-rapl:0:\(index)", "intel-rapl:x\(index)"]
            .randomElement(using: &random) ?? ""
        let path = "class/powercap/" + name
        file(path + "/name", ["package-\(index)\n", "package-0-die-\(index)\n", "dram\n", "core\n", "psys\n", "odd\n"])
        file(path + "/energy_uj", ["123456\n"])
        file(path + "/max_energy_range_uj", ["262143328850\n", "1\n"])
        file(path + "/constraint_0_max_power_uw", ["270000000\n", "0\n"])
    }

    private mutating func monitor(_ index: Int) {
        let path = "class/hwmon/" + (chance(6) ? "hw\u{1B}[2J\n mön" : "hwmon") + "\(index)"
        file(path + "/name", ["power_meter\n", "amdgpu\n", "i915\n", "xe\n", "coretemp\n", "amd_energy\n"])
        file(path + "/power1_average", ["250000000\n"])
        file(path + "/power1_input", ["250000000\n"])
        file(path + "/energy1_input", ["99\n"])
        file(path + "/energy1_label", ["Esocket\(index)\n", "Ecore000\n", "card\n"])
        file(
            path + "/power1_oem_info",
            ["Module Power Socket 0\n", "Grace Power Socket \(index)\n", "CPU Power Socket 1\n", "PSU\n"])
        file(path + "/power1_average_interval", ["1000\n", "50\n"])
        file(path + "/device/uevent", ["PCI_SLOT_NAME=0000:0\(index):00.0\n"])
    }

    private mutating func cray() {
        for name in [
            "energy", "cpu_energy", "cpu0_energy", "accel0_energy", "accelx_energy", "a\nb_energy", "freshness",
            "generation",
        ] {
            file("cray/pm_counters/" + name, ["12345 J 1700000000000000 us\n", "5\n"])
        }
    }

    private mutating func perf() {
        for (name, value) in [
            ("type", "25\n"), ("cpumask", "0-1\n"), ("events/energy-pkg", "event=0x02\n"),
            ("events/energy-pkg.scale", "2.3283064365386962890625e-10\n"),
        ] { file("bus/event_source/devices/power/" + name, [value]) }
    }
}
