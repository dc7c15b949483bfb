import CPostgres

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A program started by us, perhaps as another user.
struct ChildProcess {
    let pid: pid_t

    /// - Parameters:
    ///   - output: the descriptor that becomes standard output and error; standard input is `/dev/null`.
    ///   - deathSignal: what the kernel sends the child when *the calling thread* ends, or 0.
    /// - Throws: `.cluster` naming the program and why it did not start.
    static func start(
        _ program: String, _ arguments: [String], as user: ServerUser, in directory: String, output: Int32,
        deathSignal: Int32 = 0
    ) throws(StoreError) -> ChildProcess {
        let input = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(input) }
        let environment = ["PATH=/usr/local/bin:/usr/bin:/bin", "HOME=\(user.home)", "LC_ALL=C", "TZ=UTC"]
        var failure = wattest_child_failure()
        func attempt() -> pid_t {
            withMutableCStrings([program] + arguments) { arguments in
                withMutableCStrings(environment) { environment in
                    user.groups.withUnsafeBufferPointer { groups in
                        directory.withCString { directory in
                            var child = wattest_child()
                            child.program = UnsafePointer(arguments[0])
                            child.arguments = arguments
                            child.environment = environment
                            child.directory = directory
                            child.change_user = user.isOther
                            child.user = user.user
                            child.group = user.group
                            child.groups = groups.baseAddress
                            child.group_count = groups.count
                            child.input = input
                            child.output = output
                            child.errors = output
                            child.death_signal = deathSignal
                            return wattest_child_start(&child, &failure)
                        }
                    }
                }
            }
        }
        var pid = attempt()
        // A program that was just written may still be open for writing in a child that another thread is forking.
        for _ in 0..<50 where pid <= 0 && failure.error == ETXTBSY {
            usleep(10_000)
            pid = attempt()
        }
        guard pid > 0 else { throw refusal(failure, program, user, directory) }
        return ChildProcess(pid: pid)
    }

    private static func refusal(
        _ failure: wattest_child_failure, _ program: String, _ user: ServerUser, _ directory: String
    ) -> StoreError {
        let reason = Files.reason(failure.error)
        switch UInt32(bitPattern: failure.stage) {
        case WATTEST_CHILD_USER.rawValue:
            return StoreError(.cluster, "cannot become the user \(user.name) to run \(program): \(reason)")
        case WATTEST_CHILD_DIRECTORY.rawValue:
            return StoreError(.cluster, "the user \(user.name) cannot enter \(directory): \(reason)")
        default:
            return StoreError(.cluster, "cannot start \(program): \(reason)")
        }
    }

    /// Waits for the end; the exit status, or 128 + the signal's number.
    func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 { if errno != EINTR { return 0 } }
        return Self.exitStatus(status)
    }

    /// The exit status if it has ended. A child that somebody else waited for counts as ended.
    func ended() -> Int32? {
        var status: Int32 = 0
        let seen = waitpid(pid, &status, WNOHANG)
        if seen == 0 || (seen < 0 && errno == EINTR) { return nil }
        return seen == pid ? Self.exitStatus(status) : 0
    }

    private static func exitStatus(_ status: Int32) -> Int32 {
        status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    }

    /// Runs a program to its end and gives its status and what it wrote.
    static func run(
        _ program: String, _ arguments: [String], as user: ServerUser, in directory: String
    ) throws(StoreError) -> (status: Int32, output: String) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw StoreError(.cluster, "cannot make a pipe: \(Files.reason(errno))") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        let child: ChildProcess
        do throws(StoreError) {
            child = try start(program, arguments, as: user, in: directory, output: ends[1], deathSignal: SIGKILL)
        } catch {
            close(ends[1])
            throw error
        }
        close(ends[1])
        let output = Files.drain(ends[0], limit: 65_536)
        return (child.wait(), String(decoding: output, as: UTF8.self))
    }
}

private func withMutableCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    withCStrings(strings) { pointers in
        pointers.withMemoryRebound(to: UnsafeMutablePointer<CChar>?.self) { rebound in
            // The array ends with a null pointer, hence is never empty.
            body(rebound.baseAddress.unsafelyUnwrapped)
        }
    }
}
