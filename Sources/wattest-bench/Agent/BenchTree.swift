import Glibc

/// A node as fixture: two packages, two memories and a power meter under a private /sys, eight GPUs behind a stub of
/// libnvidia-ml. The counters move once a second, as a node's would.
final class BenchTree: Sendable {
    let sysfs: String
    let procfs: String
    let library: String

    private static let range: UInt64 = 262_143_328_850

    init(_ directory: String) throws {
        sysfs = directory + "/sys"
        procfs = directory + "/proc"
        library = directory + "/libnvidia-ml.so.1"
        for package in 0..<2 {
            let zone = "/class/powercap/intel-rapl:\(package)"
            try write(sysfs + zone + "/name", "package-\(package)\n")
            try write(sysfs + zone + "/max_energy_range_uj", "\(Self.range)\n")
            try write(sysfs + zone + "/constraint_0_max_power_uw", "350000000\n")
            try write(sysfs + zone + ":0/name", "dram\n")
            try write(sysfs + zone + ":0/max_energy_range_uj", "65712999613\n")
        }
        try write(sysfs + "/class/hwmon/hwmon0/name", "power_meter\n")
        try write(sysfs + "/class/hwmon/hwmon0/power1_average_interval", "1000\n")
        try write(procfs + "/sys/kernel/random/boot_id", "6d1c0f2e-0000-4000-8000-000000000000\n")
        try move(second: 0)
        try compile(directory + "/gpus.c")
    }

    /// Sets every counter to where it stands so many seconds after the start.
    func move(second: Int) throws {
        let wave = UInt64(second % 7) * 1_000_000
        for package in 0..<2 {
            let zone = sysfs + "/class/powercap/intel-rapl:\(package)"
            try write(zone + "/energy_uj", "\((UInt64(second) * 250_000_000 + wave) % Self.range)\n")
            try write(zone + ":0/energy_uj", "\(UInt64(second) * 30_000_000 + wave)\n")
        }
        try write(sysfs + "/class/hwmon/hwmon0/power1_average", "\(5_400_000_000 + wave)\n")
        // The agent's own /proc tells CPU time; a node's is longer.
        let processors = (0..<128).map { "cpu\($0) \(second) 0 \(second) 1000 0 0 0 0 0 0\n" }.joined()
        try write(procfs + "/stat", "cpu  \(second * 128) 0 \(second * 128) 1000 0 0 0 0 0 0\n" + processors)
    }

    private func write(_ path: String, _ text: String) throws {
        var directory = ""
        for part in path.split(separator: "/").dropLast() {
            directory += "/" + part
            mkdir(directory, 0o755)
        }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw BenchError("\(path) cannot be written: \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else { throw BenchError("\(path): no space") }
    }

    private func compile(_ source: String) throws {
        try write(source, Self.gpus)
        for compiler in ["cc", "clang", "gcc"] {
            let child = try? BenchProcess([compiler, "-shared", "-fPIC", "-O1", "-o", library, source])
            if child?.wait() == 0 { return }
        }
        throw BenchError("no C compiler for the stub of libnvidia-ml; install gcc")
    }

    /// Symbols of libnvidia-ml: eight boards, whose counters follow the clock in steps of 50 ms.
    private static let gpus = """
        #include <stdint.h>
        #include <stdio.h>
        #include <string.h>
        #include <time.h>
        typedef struct { uint32_t id, scope; int64_t stamp, latency; uint32_t type, status; uint64_t value; } field;
        static uint64_t ms(clockid_t c) { struct timespec t; clock_gettime(c, &t);
            return (uint64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000; }
        static uint64_t energy(void *d) { return ms(CLOCK_BOOTTIME) / 50 * 50 * (400 + (uintptr_t)d * 10); }
        uint32_t nvmlInit_v2(void) { return 0; }
        uint32_t nvmlShutdown(void) { return 0; }
        uint32_t nvmlDeviceGetCount_v2(uint32_t *n) { *n = 8; return 0; }
        uint32_t nvmlDeviceGetHandleByIndex_v2(uint32_t i, void **d) { *d = (void *)(uintptr_t)(i + 1); return 0; }
        uint32_t nvmlDeviceGetUUID(void *d, char *b, uint32_t n) {
            snprintf(b, n, "GPU-5f1e0002-0000-4000-8000-%012d", (int)(uintptr_t)d); return 0; }
        uint32_t nvmlDeviceGetHandleByUUID(const char *u, void **d) {
            int n = 0; sscanf(u + 28, "%d", &n); *d = (void *)(uintptr_t)n; return 0; }
        uint32_t nvmlDeviceGetName(void *d, char *b, uint32_t n) { snprintf(b, n, "NVIDIA H100 80GB HBM3"); return 0; }
        uint32_t nvmlDeviceGetFieldValues(void *d, int n, field *f) {
            for (int i = 0; i < n; i++, f++) {
                f->status = 0; f->type = 3; f->stamp = ms(CLOCK_REALTIME) * 1000;
                if (f->id == 83) f->value = energy(d);
                else if (f->id == 188 && !f->scope) f->value = 700000;
                else f->status = 3;
            }
            return 0;
        }
        """
}
