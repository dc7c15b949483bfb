import Foundation
import Testing

/// A node that a test makes: one package's counter, the control groups of a Slurm node, and a controller that answers.
struct NodeTree: Sendable {
    let root: String

    var sysfs: String { root + "/sys" }
    var procfs: String { root + "/proc" }
    var programs: String { root + "/bin" }
    var hooks: String { root + "/hooks" }

    /// The counter's modulus, far above what a test feeds.
    private static let range = 262_143_328_850
    private var zone: String { sysfs + "/class/powercap/intel-rapl:0" }
    private var jobs: String { sysfs + "/fs/cgroup/system.slice/slurmstepd.scope" }

    init(_ root: String) throws {
        self.root = root
        for directory in [zone, jobs, procfs + "/sys/kernel/random", programs + "/jobs", hooks] {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        }
        try write(zone + "/name", "package-0\n")
        try write(zone + "/max_energy_range_uj", "\(Self.range)\n")
        try write(procfs + "/sys/kernel/random/boot_id", "\(UUID().uuidString.lowercased())\n")
        // No fewer than any job of a test reserves.
        let processors = (0..<64).map { "cpu\($0) 0 0 0 0 0 0 0 0 0 0\n" }.joined()
        try write(procfs + "/stat", "cpu  0 0 0 0 0 0 0 0 0 0\n" + processors)
        try write(
            programs + "/scontrol",
            "#!/bin/sh\nfor word; do last=$word; done\ncat \"\(programs)/jobs/$last\" 2>/dev/null\n", mode: 0o755)
        try feed(0)
    }

    /// Sets the counter. A reader sees the old figure or the new one.
    func feed(_ microjoules: Int) throws { try write(zone + "/energy_uj", "\(1_000_000 + microjoules)\n") }

    struct Job: Sendable {
        var id: Int
        var account: String
        var user: String
        var name: String
        var processors: Int
        var isExclusive = false
    }

    func begin(_ job: Job, node: String) throws {
        let line =
            "JobId=\(job.id) JobName=\(job.name) UserId=\(job.user)(1000) GroupId=g(1000) Account=\(job.account) "
            + "Restarts=0 SubmitTime=1700000000 StartTime=1700000001 Partition=p NodeList=\(node) NumNodes=1 "
            + "NumCPUs=\(job.processors) JOB_GRES=(null) Nodes=\(node) CPU_IDs=0-\(job.processors - 1) Mem=0 GRES= "
            + "MinCPUsNode=1 OverSubscribe=\(job.isExclusive ? "NO" : "OK") Comment=(null) StdErr=/dev/null\n"
        try write(programs + "/jobs/\(job.id)", line)
        // The group appears whole, as the kernel's does.
        let group = "\(jobs)/.job_\(job.id)"
        try FileManager.default.createDirectory(atPath: group + "/step_0", withIntermediateDirectories: true)
        try write(group + "/step_0/cgroup.procs", "\(job.id)\n")
        try write(group + "/cpu.stat", "usage_usec 0\n")
        try FileManager.default.moveItem(atPath: group, toPath: "\(jobs)/job_\(job.id)")
    }

    func use(_ job: Job, cpuMicroseconds: Int) throws {
        try write("\(jobs)/job_\(job.id)/cpu.stat", "usage_usec \(cpuMicroseconds)\n")
    }

    func end(_ job: Job) throws { try FileManager.default.removeItem(atPath: "\(jobs)/job_\(job.id)") }

    private func write(_ path: String, _ text: String, mode: Int = 0o644) throws {
        let part = path + ".part"
        try Data(text.utf8).write(to: URL(fileURLWithPath: part))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: part)
        guard rename(part, path) == 0 else { throw CocoaError(.fileWriteUnknown) }
    }
}
