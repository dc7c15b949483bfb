#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// What is read of a job's control group every second: its CPU time, and whether a task runs in it.
///
/// A node may have fifty such groups with hundreds of processes. Nothing is walked through while nothing changes: the
/// file with the CPU time stays open, and of all process lists only the one in which a task was last seen is looked at.
package struct GroupFiles: Sendable {
    private var counter: GroupCounter?
    private var taskList: String?

    package init() {}

    /// CPU time of everything that ever ran in the group, nil where no controller keeps it.
    package mutating func cpuMicroseconds(of job: SlurmGroups.Job) -> Int64? {
        if let microseconds = counter?.microseconds { return microseconds }
        counter = job.directories.lazy.compactMap { GroupCounter(directory: $0) }.first
        return counter?.microseconds
    }

    /// Whether a task of the user runs in the group.
    package mutating func runsTasks(_ job: SlurmGroups.Job) -> Bool {
        if job.hasTaskDaemon { return true }
        // Opened anew each time: a v1 list that stays open shows for a while what it held before
        // (kernel/cgroup/cgroup-v1.c, cgroup_pidlist_start).
        if let taskList, FileTree.isFilled(taskList) { return true }
        taskList = SlurmGroups.taskList(of: job)
        return taskList != nil
    }
}

/// The file of one group that holds its CPU time, open until its last holder goes.
private final class GroupCounter: Sendable {
    private let descriptor: Int32
    private let isNanoseconds: Bool

    /// Nil where the directory has no such file.
    init?(directory: String) {
        for (name, isNanoseconds) in [("cpu.stat", false), ("cpuacct.usage", true)] {
            let descriptor = open(directory + "/" + name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            guard descriptor >= 0 else { continue }
            if Self.microseconds(descriptor, isNanoseconds) != nil {
                self.descriptor = descriptor
                self.isNanoseconds = isNanoseconds
                return
            }
            close(descriptor)
        }
        return nil
    }

    deinit { close(descriptor) }

    /// Nil once the group is gone.
    var microseconds: Int64? { Self.microseconds(descriptor, isNanoseconds) }

    private static func microseconds(_ descriptor: Int32, _ isNanoseconds: Bool) -> Int64? {
        withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { buffer in
            let count = pread(descriptor, buffer.baseAddress, buffer.count, 0)
            guard count > 0 else { return nil }
            let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            return isNanoseconds ? number(bytes).map { $0 / 1000 } : usage(bytes)
        }
    }

    /// `usage_usec N`, the first line of cgroup v2's cpu.stat (Documentation/admin-guide/cgroup-v2.rst).
    private static func usage(_ bytes: UnsafeRawBufferPointer) -> Int64? {
        for line in bytes.split(separator: 10) where line.starts(with: "usage_usec ".utf8) {
            return number(line.dropFirst(11))
        }
        return nil
    }

    private static func number(_ bytes: some Collection<UInt8>) -> Int64? {
        var value: Int64 = 0
        var digits = 0
        for byte in bytes.prefix(while: { (48...57).contains($0) }) {
            digits += 1
            guard digits <= 18 else { return nil }
            value = value * 10 + Int64(byte - 48)
        }
        return digits > 0 ? value : nil
    }
}
