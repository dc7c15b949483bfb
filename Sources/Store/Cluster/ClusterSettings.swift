#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How the private cluster is set up.
package struct ClusterSettings: Sendable {
    /// The directory of PostgreSQL's programs; `nil` searches (`WATTEST_POSTGRES_BIN`, `/usr/lib/postgresql`, `PATH`).
    package var programs: String?
    /// Written into a new cluster's configuration, where an operator may change it later.
    package var sharedBuffersMegabytes: Int
    package var maximumConnections: Int

    package init(programs: String? = nil, sharedBuffersMegabytes: Int? = nil, maximumConnections: Int = 64) {
        self.programs = programs
        self.sharedBuffersMegabytes = max(128, sharedBuffersMegabytes ?? Self.eighthOfMemory)
        self.maximumConnections = maximumConnections
    }

    /// An eighth of the memory, at most 1 GiB: the aggregator and the kernel's cache want theirs too.
    private static var eighthOfMemory: Int {
        let pages = sysconf(Int32(_SC_PHYS_PAGES))
        let size = sysconf(Int32(_SC_PAGESIZE))
        guard pages > 0, size > 0 else { return 128 }
        return min(1_024, pages / 1_048_576 * size / 8)
    }

    /// Appended to a new cluster's `postgresql.conf`: to be tuned.
    func configuration(compression: String) -> String {
        """

        # Written when the cluster was made; change it to your machine. What must not change is given to the server
        # on its command line and wins over this file.
        shared_buffers = \(sharedBuffersMegabytes)MB
        max_connections = \(maximumConnections)
        max_wal_size = 2GB
        checkpoint_timeout = 15min
        wal_compression = \(compression)
        default_toast_compression = \(compression == "lz4" ? "lz4" : "pglz")
        # A group of 500 entries with its notes and blocks: less would spill each append into a temporary file.
        work_mem = 32MB
        # Statements here are short: compiling them costs more than it gains.
        jit = off

        """
    }

    /// What durability and secrecy rest on.
    static func arguments(_ directory: ClusterDirectory, _ socket: SocketDirectory) -> [String] {
        let fixed = [
            "listen_addresses=", "port=\(SocketDirectory.port)", "unix_socket_directories=\(socket.path)",
            "unix_socket_permissions=0700", "fsync=on", "full_page_writes=on", "synchronous_commit=on",
            // A week of logs. Statements and details stay out: they hold values.
            "logging_collector=on", "log_directory=log", "log_filename=postgres-%a.log", "log_rotation_age=1d",
            "log_rotation_size=0", "log_truncate_on_rotation=on", "log_timezone=UTC", "log_error_verbosity=terse",
            "log_min_error_statement=panic", "log_checkpoints=off",
        ]
        return ["-D", directory.path] + fixed.flatMap { ["-c", $0] }
    }
}
