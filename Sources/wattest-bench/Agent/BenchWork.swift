import Glibc

/// A node at work: real processes that use CPU time, in real control groups of the form that Slurm gives its jobs,
/// beside the sensors of a fixture. Reading the kernel's own files costs what it costs on a node.
final class BenchWork: Sendable {
    /// The fixture's sensors with the control groups beside them.
    let sysfs: String
    private let groups: [String]
    private let processes: [BenchProcess]

    /// - Parameter count: of the jobs, each with one step.
    init(_ directory: String, _ tree: BenchTree, processes: Int, groups count: Int) throws {
        sysfs = directory + "/sys-busy"
        let roots = try Self.hierarchies(under: sysfs)
        try Self.link(tree.sysfs + "/class", sysfs + "/class")
        let program = directory + "/task"
        try Self.compile(program)
        var made = roots.map(\.path)
        var started: [BenchProcess] = []
        var jobs = 0
        defer { if jobs < min(count, processes) { Self.clear(made, started) } }
        for job in 1...count {
            var tasks: [String] = []
            for root in roots {
                var path = root.path
                for part in root.jobs(job) {
                    path += "/" + part
                    if mkdir(path, 0o755) == 0 { made.append(path) }
                }
                tasks.append(path)
            }
            let tasksOfJob = processes * job / count - processes * (job - 1) / count
            guard tasksOfJob > 0 else { continue }
            let command = ["/usr/bin/env", "SLURM_JOB_ID=\(job)", "SLURM_PROCID=0", program, "\(tasksOfJob)"]
            started.append(try BenchProcess(command, groups: tasks))
            jobs += 1
        }
        groups = made
        self.processes = started
    }

    func end() { Self.clear(groups, processes) }

    private static func clear(_ groups: [String], _ processes: [BenchProcess]) {
        for process in processes { process.interrupt() }
        for process in processes { process.end() }
        for path in groups.reversed() { rmdir(path) }
    }

    /// One cgroup tree that the jobs' groups are made in.
    private struct Hierarchy {
        var path: String
        var isUnified: Bool

        /// Directories from the root to where a job's tasks are (src/plugins/cgroup of Slurm).
        func jobs(_ job: Int) -> [String] {
            isUnified
                ? ["slurmstepd.scope", "job_\(job)", "step_0", "user", "task_0"]
                : ["slurm", "uid_0", "job_\(job)", "step_0", "task_0"]
        }
    }

    /// Makes a group of this run's own in each tree and shows it where the agent looks.
    private static func hierarchies(under sysfs: String) throws -> [Hierarchy] {
        let top = sysfs + "/fs/cgroup"
        var path = ""
        for part in top.split(separator: "/") {
            path += "/" + part
            mkdir(path, 0o755)
        }
        let name = "wattest-bench-\(getpid())-work"
        var found: [Hierarchy] = []
        for controller in ["cpuacct", "memory", "freezer"] {
            let group = "/sys/fs/cgroup/\(controller)/\(name)"
            guard mkdir(group, 0o755) == 0 else { continue }
            found.append(Hierarchy(path: group, isUnified: false))
            try link(group, top + "/" + controller)
        }
        if found.isEmpty {
            let group = "/sys/fs/cgroup/\(name)"
            guard mkdir(group, 0o755) == 0 else {
                throw BenchError("no cgroup can be made for the jobs; run as root or in a delegated cgroup")
            }
            found.append(Hierarchy(path: group, isUnified: true))
            try link(group, top + "/system.slice")
        }
        return found
    }

    private static func link(_ target: String, _ path: String) throws {
        guard symlink(target, path) == 0 else {
            throw BenchError("\(path) cannot be made: \(String(cString: strerror(errno)))")
        }
    }

    /// Tasks of one job that each work for a fifth of a millisecond twice a second, and end with the first of them.
    private static func compile(_ program: String) throws {
        let source = program + ".c"
        let descriptor = open(source, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        defer { close(descriptor) }
        let bytes = Array(task.utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count else { throw BenchError("\(source): no space") }
        for compiler in ["cc", "clang", "gcc"] {
            let child = try? BenchProcess([compiler, "-O1", "-o", program, source])
            if child?.wait() == 0 { return }
        }
        throw BenchError("no C compiler for the tasks; install gcc")
    }

    private static let task = """
        #include <signal.h>
        #include <stdlib.h>
        #include <sys/prctl.h>
        #include <time.h>
        #include <unistd.h>
        static long ns(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t);
            return t.tv_sec * 1000000000L + t.tv_nsec; }
        int main(int count, char **words) {
            for (int rank = 1; rank < atoi(words[1]); rank++)
                if (fork() == 0) { prctl(PR_SET_PDEATHSIG, SIGTERM); break; }
            for (;;) {
                struct timespec rest = {0, 500000000};
                for (long end = ns() + 200000; ns() < end;) {}
                nanosleep(&rest, 0);
            }
        }
        """
}
