#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// A shell command that runs beside a measurement, in a process group of its own so that all of it ends.
struct LoadCommand: Sendable {
    private let process: pid_t

    /// How the command stood when it was no longer needed.
    enum Outcome: Sendable, Hashable {
        /// It still ran, and was ended.
        case ran
        /// It had ended by itself: the status as a shell tells it, 128 and the number where a signal ended it.
        case over(status: Int32)
    }

    /// - Returns: nil when the system starts no process.
    init?(_ command: String) {
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
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var arguments = (["/bin/sh", "-c", command] as [String]).map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        guard posix_spawn(&process, "/bin/sh", nil, &attributes, &arguments, environ) == 0 else { return nil }
        self.process = process
    }

    /// Whether the command has ended. It is not reaped: its number stays that of its group.
    var isOver: Bool {
        var info = siginfo_t()
        return waitid(P_PID, id_t(process), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_signo != 0
    }

    /// Ends the command and everything in its group; to be called once.
    ///
    /// - Parameter patienceMilliseconds: how long the group may take to heed SIGTERM before SIGKILL ends it.
    func end(patienceMilliseconds: Int64 = 5000) -> Outcome {
        let wasOver = isOver
        kill(-process, SIGTERM)
        let limit = AgentEnvironment.bootNanoseconds() + patienceMilliseconds * 1_000_000
        while !isOver, AgentEnvironment.bootNanoseconds() < limit { AgentThread.sleep(milliseconds: 20) }
        // What is left in the group heeds no SIGTERM.
        kill(-process, SIGKILL)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        guard wasOver else { return .ran }
        return .over(status: status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F)
    }
}
