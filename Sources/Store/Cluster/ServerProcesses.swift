#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Server processes that a former start left behind.
///
/// Every process of a PostgreSQL server works in its data directory, which `/proc` shows; a number in `postmaster.pid`
/// alone may long belong to somebody else.
struct ServerProcesses {
    let directory: ClusterDirectory

    /// The processes of a server on this directory.
    func running() -> [pid_t] {
        guard let home = FileFacts(directory.path) else { return [] }
        return (Files.names(in: "/proc") ?? []).compactMap { pid_t($0) }.filter { pid in
            guard let work = FileFacts("/proc/\(pid)/cwd"), work.isSameFile(as: home) else { return false }
            return Files.text("/proc/\(pid)/comm")?.hasPrefix("postgres") == true
        }
    }

    /// Ends whatever still runs: first as an orderly shutdown, then at once, then by force.
    ///
    /// With the cluster's lock held these are orphans: nobody supervises them. A server started while one of them
    /// lives would refuse ("pre-existing shared memory block is still in use").
    func endOrphans() throws(StoreError) {
        let main = postmaster
        var left = running()
        if let main, left.contains(main) {
            kill(main, SIGINT)
            left = wait(seconds: 20)
        }
        for (signal, seconds) in [(SIGQUIT, 5), (SIGKILL, 5)] where !left.isEmpty {
            for pid in left { kill(pid, signal) }
            left = wait(seconds: seconds)
        }
        guard left.isEmpty else {
            let numbers = left.map(String.init).joined(separator: ", ")
            throw StoreError(
                .cluster, "processes of a former start still use \(directory.path): \(numbers)", hint: "end them")
        }
        dropForeignPidFile()
    }

    private var postmaster: pid_t? {
        Files.text("\(directory.path)/postmaster.pid").flatMap { pid_t($0.prefix { $0.isNumber }) }
    }

    /// The server takes any living process of that number for its predecessor; none of ours is alive here.
    private func dropForeignPidFile() {
        guard let postmaster, kill(postmaster, 0) == 0 || errno == EPERM else { return }
        unlink("\(directory.path)/postmaster.pid")
    }

    private func wait(seconds: Int) -> [pid_t] {
        let deadline = monotonicNanoseconds() + Int64(seconds) * 1_000_000_000
        var left = running()
        while !left.isEmpty && monotonicNanoseconds() < deadline {
            usleep(20_000)
            left = running()
        }
        return left
    }
}
