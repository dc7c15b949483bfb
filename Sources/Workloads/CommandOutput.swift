#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The standard output of a short command, bounded in bytes and time. Blocks: for threads of the agent's own.
package struct CommandOutput: Sendable {
    package var path: String
    /// Set in the command's environment beside what the agent has.
    package var environment: [String: String]
    package var timeoutMilliseconds: Int32
    package var maximumBytes: Int

    package init(
        path: String, environment: [String: String] = [:], timeoutMilliseconds: Int32 = 10_000,
        maximumBytes: Int = 4 << 20
    ) {
        self.path = path
        self.environment = environment
        self.timeoutMilliseconds = timeoutMilliseconds
        self.maximumBytes = maximumBytes
    }

    /// - Returns: what the command wrote when it ended with status 0 in time; else nil.
    package func read(_ arguments: [String]) -> String? {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        guard let child = spawn(arguments, output: ends[1]) else {
            close(ends[0])
            close(ends[1])
            return nil
        }
        close(ends[1])
        defer { close(ends[0]) }
        let bytes = collect(ends[0])
        if bytes == nil { kill(child, SIGKILL) }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        guard let bytes, status == 0 else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func spawn(_ arguments: [String], output: Int32) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        // The agent's threads block the signals that end it; a command must not inherit that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        var settings: [UnsafeMutablePointer<CChar>?] = inherited().map { strdup($0) } + [nil]
        defer { for word in words + settings { free(word) } }
        var child = pid_t()
        return posix_spawn(&child, path, &actions, &attributes, &words, &settings) == 0 ? child : nil
    }

    private func inherited() -> [String] {
        var all: [String: String] = [:]
        for name in ["PATH", "SLURM_CONF", "HOME"] {
            if let value = getenv(name) { all[name] = String(cString: value) }
        }
        all["LC_ALL"] = "C"
        all.merge(environment) { $1 }
        return all.map { "\($0.key)=\($0.value)" }
    }

    private func collect(_ descriptor: Int32) -> [UInt8]? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let end = Self.milliseconds() + Int64(timeoutMilliseconds)
        while true {
            let left = end - Self.milliseconds()
            guard left > 0 else { return nil }
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&wait, 1, Int32(clamping: left))
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { return nil }
            let count = readChunk(descriptor, &chunk)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
            guard bytes.count <= maximumBytes else { return nil }
        }
    }

    private static func milliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// read(2) under a name that the members above do not shadow.
private func readChunk(_ descriptor: Int32, _ chunk: inout [UInt8]) -> Int {
    let size = chunk.count
    return read(descriptor, &chunk, size)
}
