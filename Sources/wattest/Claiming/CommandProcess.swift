#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A command that runs as a child, in the place of this process: it gets the signals that this process is sent, and its
/// end is this process's end.
struct CommandProcess: ~Copyable {
    /// Passed on when another process sends them. Those of the terminal reach the whole foreground group anyhow, and a
    /// second Ctrl-C would cut short what the first one began.
    private static let forwarded = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2]

    private let process: pid_t
    private let waited: sigset_t

    /// Starts the command. Call it on the only thread: the signals are blocked for this thread and those it makes.
    init(_ command: [String], environment: [String: String]) throws(CommandFailure) {
        var waited = sigset_t()
        sigemptyset(&waited)
        for signal in Self.forwarded + [SIGCHLD] { sigaddset(&waited, signal) }
        var before = sigset_t()
        // Blocked before the start: a child that ends at once is not missed.
        pthread_sigmask(SIG_BLOCK, &waited, &before)
        self.waited = waited
        process = try Self.spawn(command, environment, mask: before)
    }

    private static func spawn(
        _ command: [String], _ environment: [String: String], mask: sigset_t
    ) throws(CommandFailure) -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var mask = mask
        var asEver = sigset_t()
        sigemptyset(&asEver)
        // This program ignores it; a command expects to end when its reader goes away.
        sigaddset(&asEver, SIGPIPE)
        posix_spawnattr_setsigmask(&attributes, &mask)
        posix_spawnattr_setsigdefault(&attributes, &asEver)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))
        for (name, value) in environment { setenv(name, value, 1) }
        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        let code = posix_spawnp(&process, command[0], nil, &attributes, arguments, environ)
        guard code == 0 else {
            throw CommandFailure(
                code == ENOENT ? .commandNotFound : .commandNotRunnable, "COMMAND",
                "cannot run '\(command[0])' (\(String(cString: strerror(code)))), check its name and path")
        }
        return process
    }

    /// Waits for the end of the command.
    ///
    /// - Parameter everySecond: called about once a second while it runs.
    /// - Returns: its exit status; 128 and the signal's number where a signal ended it, as shells have it.
    func wait(everySecond: () -> Void) -> Int32 {
        while true {
            var status: Int32 = 0
            let ended = waitpid(process, &status, WNOHANG)
            if ended == process {
                let signal = status & 0x7F
                return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
            }
            if ended < 0, errno != EINTR { return 127 }
            var waited = waited
            var received = siginfo_t()
            var patience = timespec(tv_sec: 1, tv_nsec: 0)
            let signal = sigtimedwait(&waited, &received, &patience)
            if signal < 0 {
                everySecond()
            } else if signal != SIGCHLD, received.si_code <= 0 {
                kill(process, signal)
            }
        }
    }
}
