#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Making a cluster that is either whole or not there.
struct ClusterCreation {
    let directory: ClusterDirectory
    let programs: ServerPrograms
    let user: ServerUser
    let settings: ClusterSettings

    /// The role of `initdb`: it alone may change the schema, through the migrator.
    static let administrator = "wattest_admin"
    static let database = "wattest"

    func make() throws(StoreError) {
        Files.removeTree(directory.nursery)
        try directory.make(directory.nursery, for: user)
        try runInitdb()
        try configure()
        // An empty directory may stand there already; rename(2) replaces it.
        guard rename(directory.nursery, directory.path) == 0 else {
            throw StoreError(
                .cluster, "cannot rename \(directory.nursery) to \(directory.path): \(Files.reason(errno))")
        }
        Files.flushDirectory(directory.parent)
    }

    private func runInitdb() throws(StoreError) {
        let answer = try ChildProcess.run(
            programs.initdb,
            [
                "-D", directory.nursery, "-U", Self.administrator, "--encoding=UTF8", "--locale=C",
                // Whoever can enter the socket's directory is the user that owns the files, or root.
                "--data-checksums", "--auth-local=trust", "--auth-host=reject", "--no-instructions",
            ], as: user, in: directory.nursery)
        guard answer.status == 0 else {
            let lines = answer.output.split(separator: "\n")
            let complaint = lines.last { $0.contains("error:") || $0.contains("FATAL:") }
            let reason = complaint ?? lines.last ?? "no reason given"
            throw StoreError(.cluster, "initdb failed with status \(answer.status): \(reason)")
        }
    }

    private func configure() throws(StoreError) {
        let path = "\(directory.nursery)/postgresql.conf"
        let text = Array(settings.configuration(compression: try supportsLZ4() ? "lz4" : "on").utf8)
        let descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
        guard descriptor >= 0 else { throw StoreError(.cluster, "cannot open \(path): \(Files.reason(errno))") }
        defer { close(descriptor) }
        // initdb has flushed its own files.
        guard write(descriptor, text, text.count) == text.count, fsync(descriptor) == 0 else {
            throw StoreError(.cluster, "cannot write \(path): \(Files.reason(errno))")
        }
    }

    /// Whether the server was built with lz4: it refuses the setting otherwise.
    private func supportsLZ4() throws(StoreError) -> Bool {
        try ChildProcess.run(
            programs.postgres, ["-D", directory.nursery, "-C", "wal_compression", "-c", "wal_compression=lz4"],
            as: user, in: directory.nursery
        ).status == 0
    }
}
