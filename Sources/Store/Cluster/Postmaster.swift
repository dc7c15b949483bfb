import CPostgres

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// One run of the server's main process, on the thread that supervises it.
struct Postmaster: ~Copyable {
    enum Event: Equatable {
        case ended(status: Int32)
        /// The wake-up descriptor became readable: the owner wants it stopped.
        case stopRequested
        case timeout
    }

    let child: ChildProcess
    /// Readable when the process has ended; -1 where the kernel has none, and we look ten times a second.
    private let descriptor: Int32
    private let wake: Int32

    /// - Parameter wake: the descriptor that interrupts waits.
    ///
    /// When we are killed, the kernel asks the server to shut down in order (SIGINT). The kernel means the *thread*
    /// that started it: that thread must live for as long as the server is to.
    init(
        _ programs: ServerPrograms, _ directory: ClusterDirectory, _ socket: SocketDirectory, as user: ServerUser,
        wake: Int32
    ) throws(StoreError) {
        let log = open(directory.startLog, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard log >= 0 else {
            throw StoreError(.cluster, "cannot open \(directory.startLog): \(Files.reason(errno))")
        }
        defer { close(log) }
        child = try ChildProcess.start(
            programs.postgres, ClusterSettings.arguments(directory, socket), as: user, in: directory.path,
            output: log, deathSignal: SIGINT)
        descriptor = wattest_pid_descriptor(child.pid)
        self.wake = wake
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Waits for the end or for the owner's wish. A negative time waits for as long as it takes.
    func wait(milliseconds: Int32, heedStop: Bool = true) -> Event {
        let deadline = milliseconds < 0 ? Int64.max : monotonicNanoseconds() + Int64(milliseconds) * 1_000_000
        while true {
            if let status = child.ended() { return .ended(status: status) }
            let left = (deadline - monotonicNanoseconds()) / 1_000_000
            if left <= 0 { return .timeout }
            var sources = [
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: heedStop ? wake : -1, events: Int16(POLLIN), revents: 0),
            ]
            let longest: Int64 = descriptor >= 0 ? 3_600_000 : 100
            _ = poll(&sources, 2, Int32(min(left + 1, longest)))
            if heedStop && sources[1].revents != 0 { return .stopRequested }
        }
    }

    /// Ends it: in order, then at once, then by force. Data that was committed is safe in each case.
    func stop() {
        for (signal, seconds) in [(SIGINT, Int32(60)), (SIGQUIT, 5), (SIGKILL, 60)] {
            kill(child.pid, signal)
            if case .ended = wait(milliseconds: seconds * 1_000, heedStop: false) { return }
        }
    }
}
