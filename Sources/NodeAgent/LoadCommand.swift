#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// A shell command that runs beside a measurement, in a process group of its own so that all of it ends: with
/// ``end()``, or with this program, however that ends.
struct LoadCommand: Sendable {
    private let process: pid_t
    /// Whose number is the group's.
    let watcher: pid_t
    /// Open in this program alone: the watcher reads the end of it when this program is gone.
    let lifeline: Int32
    private let patienceSeconds: Int64

    /// How the command stood when it was no longer needed.
    enum Outcome: Sendable, Hashable {
        /// It still ran, and was ended.
        case ran
        /// It had ended by itself: the status as a shell tells it, 128 and the number where a signal ended it.
        case over(status: Int32)
    }

    /// - Parameter patienceSeconds: how long the group may take to heed SIGTERM before SIGKILL ends it.
    /// - Returns: nil when the system starts no process.
    init?(_ command: String, patienceSeconds: Int64 = 5) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        defer { close(ends[0]) }
        // A load that held the writer would keep its own watcher waiting.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        // SIGKILL, Ctrl-C or a closed terminal end this program before it can end the load, which would go on for ever.
        // The watcher does it then. It is the first of the group: there is no moment at which a load has none.
        let watch = "trap '' TERM HUP INT; read -r _; kill -TERM 0; sleep \(patienceSeconds); kill -KILL 0"
        guard let watcher = Self.start(watch, group: 0, input: ends[0]) else {
            close(ends[1])
            return nil
        }
        self.watcher = watcher
        self.patienceSeconds = patienceSeconds
        lifeline = ends[1]
        guard let process = Self.start(command, group: watcher, input: nil) else {
            kill(-watcher, SIGKILL)
            _ = Self.reap(watcher)
            close(ends[1])
            return nil
        }
        self.process = process
    }

    /// - Parameters:
    ///   - group: of the process; 0 makes a new one with its number.
    ///   - input: descriptor that becomes its standard input; a group in the terminal's background that reads from it
    ///     would be stopped, so nil gives an empty one.
    private static func start(_ command: String, group: pid_t, input: Int32?) -> pid_t? {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A thread that blocks the signals which end a program would leave a load that nothing but SIGKILL ends; and a
        // pipeline ends by the SIGPIPE that this program ignores.
        var none = sigset_t()
        sigemptyset(&none)
        var usual = sigset_t()
        sigemptyset(&usual)
        sigaddset(&usual, SIGPIPE)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &usual)
        posix_spawnattr_setpgroup(&attributes, group)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        var arguments = (["/bin/sh", "-c", command] as [String]).map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        guard posix_spawn(&process, "/bin/sh", &actions, &attributes, &arguments, environ) == 0 else { return nil }
        return process
    }

    /// Whether the command has ended. It is not reaped, so that its status is there for ``end()``.
    var isOver: Bool {
        var info = siginfo_t()
        return waitid(P_PID, id_t(process), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_signo != 0
    }

    /// Ends the command and everything in its group; to be called once.
    func end() -> Outcome {
        let wasOver = isOver
        kill(-watcher, SIGTERM)
        let limit = AgentEnvironment.bootNanoseconds() + patienceSeconds * 1_000_000_000
        // waitid(2) takes no limit of time, and one look in 20 ms, once a phase, costs nothing.
        while !isOver, AgentEnvironment.bootNanoseconds() < limit { AgentThread.sleep(milliseconds: 20) }
        // The watcher, and what heeds no SIGTERM.
        kill(-watcher, SIGKILL)
        _ = Self.reap(watcher)
        let status = Self.reap(process)
        close(lifeline)
        guard wasOver else { return .ran }
        return .over(status: status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F)
    }

    private static func reap(_ process: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status
    }
}
