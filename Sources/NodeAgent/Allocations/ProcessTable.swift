import Sensors
import Workloads

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Reads the node's processes and its CPU time from /proc.
struct ProcessTable: Sendable {
    let procfsRoot: String
    let ticksPerSecond: Int64

    init(procfsRoot: String = "/proc", ticksPerSecond: Int64 = Int64(sysconf(Int32(_SC_CLK_TCK)))) {
        self.procfsRoot = procfsRoot
        self.ticksPerSecond = max(1, ticksPerSecond)
    }

    /// Every process that can be read; one that ends meanwhile is left out.
    func processes() -> [Int32: ProcessEntry] {
        var table: [Int32: ProcessEntry] = [:]
        guard let names = try? DurableFile.names(in: procfsRoot) else { return table }
        for name in names {
            guard let pid = Int32(name), let entry = process(pid) else { continue }
            table[pid] = entry
        }
        return table
    }

    func process(_ pid: Int32) -> ProcessEntry? {
        read("\(procfsRoot)/\(pid)/stat", limit: 1024) { ProcessEntry(stat: $0) }
    }

    /// The process that was made last, nil where /proc cannot tell or belongs to other processes than the agent's:
    /// while it stays the same there is no new one (proc_loadavg(5), last field).
    func newest() -> Int32? {
        var link = [CChar](repeating: 0, count: 16)
        let length = readlink(procfsRoot + "/self", &link, link.count)
        guard length > 0, length < link.count, atoi(link) == getpid() else { return nil }
        return read(procfsRoot + "/loadavg", limit: 128) { bytes in
            bytes.split { $0 == 32 || $0 == 10 }.last.flatMap { Int32(String(decoding: $0, as: UTF8.self)) }
        }
    }

    /// The control group of a process as the kernel states it, its unified line where there is one.
    func controlGroup(of pid: Int32) -> String? {
        read("\(procfsRoot)/\(pid)/cgroup", limit: 4096) { bytes in
            let lines = bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
            let line = lines.first { $0.hasPrefix("0::") } ?? lines.last
            return line.flatMap { $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).last }
                .map(String.init)
        }
    }

    /// What the environment of a process tells of its job.
    func environment(of pid: Int32) -> TaskEnvironment? {
        FileTree.read("\(procfsRoot)/\(pid)/environ", limit: TaskEnvironment.maximumBytes)
            .map { TaskEnvironment(bytes: $0) }
    }

    /// What started a process for Hydra, near above it.
    func hydraProxy(above pid: Int32) -> HydraProxy? {
        var next = pid
        for _ in 0..<8 {
            guard let parent = process(next)?.parent, parent > 1 else { return nil }
            let line = FileTree.read("\(procfsRoot)/\(parent)/cmdline", limit: 4096)
            if let proxy = line.flatMap({ HydraProxy(commandLine: $0) }) { return proxy }
            next = parent
        }
        return nil
    }

    /// The daemon of the Slurm step that a process runs in, by the title that it gives itself.
    func slurmDaemon(above pid: Int32) -> (daemon: ProcessTree.Root, step: SlurmStep)? {
        var next = pid
        for _ in 0..<32 {
            guard let parent = process(next)?.parent, parent > 1, let entry = process(parent) else { return nil }
            let title = FileTree.read("\(procfsRoot)/\(parent)/cmdline", limit: 4096)
                .map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if let step = title.flatMap({ SlurmStep(processTitle: $0) }) {
                return (ProcessTree.Root(pid: parent, startTicks: entry.startTicks), step)
            }
            next = parent
        }
        return nil
    }

    /// Every control group of a process, one a hierarchy.
    func controlGroups(of pid: Int32) -> [String] {
        (FileTree.text("\(procfsRoot)/\(pid)/cgroup") ?? "").split(separator: "\n").compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            return parts.count == 3 ? String(parts[2]) : nil
        }
    }

    /// Real user id of a process.
    func owner(of pid: Int32) -> UInt32? {
        read("\(procfsRoot)/\(pid)/status", limit: 4096) { bytes in
            let lines = bytes.split(separator: UInt8(ascii: "\n"))
            guard let line = lines.first(where: { $0.starts(with: "Uid:".utf8) }) else { return nil }
            let ids = line.dropFirst(4).split { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") }
            return ids.first.flatMap { UInt32(String(decoding: $0, as: UTF8.self)) }
        }
    }

    func usage(jobs: [String: NodeUsage.Job]) -> NodeUsage {
        let busy = read(procfsRoot + "/stat", limit: 4096) { CPUTimes(stat: $0)?.busyTicks }
        return NodeUsage(
            busyMicroseconds: busy.map { microseconds($0) },
            millicores: Int64(sysconf(Int32(_SC_NPROCESSORS_ONLN))) * 1000,
            jobs: jobs)
    }

    func ticks(_ microseconds: Int64) -> UInt64 {
        UInt64(max(0, microseconds).multipliedFullWidth(by: ticksPerSecond).low / 1_000_000)
    }

    func microseconds(_ ticks: UInt64) -> Int64 {
        let (product, overflow) = Int64(clamping: ticks).multipliedReportingOverflow(by: 1_000_000)
        return overflow ? .max : product / ticksPerSecond
    }

    private func read<Value>(
        _ path: String, limit: Int, _ parse: (UnsafeRawBufferPointer) -> Value?
    ) -> Value? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return withUnsafeTemporaryAllocation(byteCount: limit, alignment: 1) { buffer in
            let count = pread(descriptor, buffer.baseAddress, buffer.count, 0)
            return count > 0 ? parse(UnsafeRawBufferPointer(rebasing: buffer[..<count])) : nil
        }
    }
}
