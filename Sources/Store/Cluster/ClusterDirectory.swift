import CPostgres

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The directory of the private cluster: `postgres` within the aggregator's data directory.
struct ClusterDirectory: Sendable, Equatable {
    /// The aggregator's data directory.
    let parent: String

    var path: String { "\(parent)/postgres" }
    /// Where a new cluster grows until it is whole: a crash within initdb leaves nothing that looks like a cluster.
    var nursery: String { "\(parent)/postgres.new" }
    var lockFile: String { "\(parent)/postgres.lock" }
    /// What the server says before it opens its own log.
    var startLog: String { "\(parent)/postgres-start.log" }

    enum Content: Equatable {
        case nothing
        case cluster(major: Int)
    }

    /// - Throws: `.cluster` when something else is in the directory.
    func content() throws(StoreError) -> Content {
        guard FileFacts(path) != nil else { return .nothing }
        guard let names = Files.names(in: path) else {
            throw StoreError(
                .cluster, "\(path) cannot be read: \(Files.reason(errno))", hint: "check who owns it and what it is")
        }
        if names.isEmpty { return .nothing }
        guard let text = Files.text("\(path)/PG_VERSION"), let major = Int(text.prefix { $0.isNumber }) else {
            throw StoreError(
                .cluster, "\(path) is not empty and not a PostgreSQL cluster", hint: "move away what lies there")
        }
        return .cluster(major: major)
    }

    /// Every directory on the way, from the root down to the data directory.
    var ancestors: [String] {
        var paths = ["/"]
        for name in parent.split(separator: "/") {
            paths.append((paths.last == "/" ? "/" : (paths.last ?? "") + "/") + name)
        }
        return paths
    }

    /// - Throws: `.cluster` naming the first directory that the user cannot enter.
    func checkWay(for user: ServerUser) throws(StoreError) {
        guard user.isOther else { return }
        let ancestors = ancestors
        let barred = withCStrings(ancestors) { paths in
            user.groups.withUnsafeBufferPointer { groups in
                wattest_first_barred(
                    paths.baseAddress, Int32(ancestors.count), user.user, user.group, groups.baseAddress, groups.count)
            }
        }
        if barred == -1 { return }
        guard barred >= 0, Int(barred) < ancestors.count else {
            throw StoreError(.cluster, "cannot become the user \(user.name), who is to run PostgreSQL")
        }
        let path = ancestors[Int(barred)]
        throw StoreError(
            .cluster, "the user \(user.name), who is to run PostgreSQL, cannot enter \(path)",
            hint: "choose another --data-dir, or allow it with: chmod o+x \(path)")
    }

    /// Makes a directory of mode 0700 that belongs to the user.
    func make(_ directory: String, for user: ServerUser) throws(StoreError) {
        guard mkdir(directory, 0o700) == 0 || errno == EEXIST else {
            throw StoreError(.cluster, "cannot make \(directory): \(Files.reason(errno))")
        }
        if user.isOther && chown(directory, user.user, user.group) != 0 {
            throw StoreError(.cluster, "cannot give \(directory) to \(user.name): \(Files.reason(errno))")
        }
    }

    /// Takes the directory for this process, until the process ends.
    ///
    /// A file lock and not a pid file: the kernel lets go of it however the process dies.
    /// - Returns: the descriptor that holds the lock.
    func lock() throws(StoreError) -> Int32 {
        let descriptor = open(lockFile, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError(.cluster, "cannot open \(lockFile): \(Files.reason(errno))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let holder = Files.text(lockFile).map { $0.prefix { $0.isNumber } } ?? ""
            close(descriptor)
            throw StoreError(
                .cluster, "the database in \(path) is in use by the process \(holder.isEmpty ? "?" : holder)",
                hint: "stop the other aggregator, or give this one another --data-dir")
        }
        ftruncate(descriptor, 0)
        let text = Array("\(getpid())\n".utf8)
        _ = write(descriptor, text, text.count)
        return descriptor
    }

    /// The last line with which the server complained.
    func lastComplaint() -> String? {
        let logs = (Files.names(in: "\(path)/log") ?? []).map { "\(path)/log/\($0)" }
        let newest = logs.max { modified($0) < modified($1) }
        for file in [newest, startLog].compactMap({ $0 }) {
            for line in (Files.text(file) ?? "").split(separator: "\n").reversed() {
                guard let start = line.firstRange(of: "FATAL:") ?? line.firstRange(of: "PANIC:") else { continue }
                return line[start.upperBound...].drop(while: \.isWhitespace).description
            }
        }
        return nil
    }

    private func modified(_ path: String) -> Int { FileFacts(path)?.modifiedSeconds ?? 0 }
}
