import Glibc

/// A child process, ended with its last holder.
final class BenchProcess: Sendable {
    let id: pid_t

    /// - Parameters:
    ///   - log: file that takes its output; nil discards it.
    ///   - groups: directories of cgroups that it starts in, one a hierarchy, so that its children are counted too.
    init(_ arguments: [String], log: String? = nil, groups: [String] = []) throws {
        var words = arguments
        if !groups.isEmpty {
            // The shell enters the groups and becomes the program: no moment of it is outside.
            let enter = groups.indices.map { "echo $$ > \"${\($0 + 1)}\"/cgroup.procs && " }.joined()
            words = ["/bin/sh", "-c", enter + "shift \(groups.count) && exec \"$@\"", "sh"] + groups + words
        }
        var pointers = words.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let path = log ?? "/dev/null"
        for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
            posix_spawn_file_actions_addopen(&actions, descriptor, path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        }
        // Threads of the runtime block signals; a program that inherits that cannot be ended.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var process: pid_t = 0
        let result = posix_spawnp(&process, words[0], &actions, &attributes, &pointers, environ)
        guard result == 0 else { throw BenchError("\(arguments[0]): \(String(cString: strerror(result)))") }
        id = process
    }

    /// The exit status, nil after a signal.
    func wait() -> Int32? {
        var status: Int32 = 0
        while waitpid(id, &status, 0) < 0, errno == EINTR {}
        return status & 0x7F == 0 ? status >> 8 & 0xFF : nil
    }

    var isRunning: Bool { waitpid(id, nil, WNOHANG) == 0 }

    func interrupt() { kill(id, SIGTERM) }

    func end() {
        interrupt()
        for _ in 0..<100 {
            if waitpid(id, nil, WNOHANG) != 0 { return }
            usleep(50_000)
        }
        kill(id, SIGKILL)
        waitpid(id, nil, 0)
    }
}

/// CPU time of everything in one cgroup, in nanoseconds: exact where /proc counts in ticks of 10 ms.
struct CPUAccount {
    let path: String
    private let file: String
    private let isMicroseconds: Bool

    /// Nil where no cgroup can be made.
    init?(name: String) {
        for (root, file, scale) in [
            ("/sys/fs/cgroup/cpuacct", "cpuacct.usage", false), ("/sys/fs/cgroup", "cpu.stat", true),
            ("/sys/fs/cgroup/unified", "cpu.stat", true),
        ] {
            let path = "\(root)/wattest-bench-\(getpid())-\(name)"
            guard mkdir(path, 0o755) == 0 else { continue }
            if access(path + "/" + file, R_OK) == 0 {
                self.path = path
                self.file = path + "/" + file
                isMicroseconds = scale
                return
            }
            rmdir(path)
        }
        return nil
    }

    var nanoseconds: UInt64 {
        let text = ProcessFile.text(file)
        guard isMicroseconds else { return UInt64(text.prefix { $0.isNumber }) ?? 0 }
        let line = text.split(separator: "\n").first { $0.hasPrefix("usage_usec ") }
        return (line?.split(separator: " ").last.flatMap { UInt64($0) } ?? 0) * 1000
    }

    func remove() { rmdir(path) }
}

/// What /proc says of a process.
enum ProcessFile {
    static func text(_ path: String) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += buffer[..<count]
        }
    }

    private static func value(_ key: String, _ text: String) -> Int {
        let line = text.split(separator: "\n").first { $0.hasPrefix(key + ":") }
        return line?.split { $0 == " " || $0 == "\t" }.dropFirst().first.flatMap { Int($0) } ?? 0
    }

    /// Resident, anonymous resident and proportional memory in KiB.
    static func memory(of process: pid_t) -> (resident: Int, anonymous: Int, proportional: Int) {
        let status = text("/proc/\(process)/status")
        let rollup = text("/proc/\(process)/smaps_rollup")
        return (value("VmRSS", status), value("RssAnon", status), value("Pss", rollup))
    }

    /// Times that a thread of the process gave up its core by itself: each is a wake-up later.
    static func wakeUps(of process: pid_t) -> Int {
        guard let directory = opendir("/proc/\(process)/task") else { return 0 }
        defer { closedir(directory) }
        var sum = 0
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if Int(name) != nil {
                sum += value("voluntary_ctxt_switches", text("/proc/\(process)/task/\(name)/status"))
            }
        }
        return sum
    }
}
