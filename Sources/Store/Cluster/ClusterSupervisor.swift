import CPostgres
import Logging
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What the supervising thread tells everybody else.
final class ClusterStatus: Sendable {
    let isHealthy = Atomic<Bool>(false)
    /// The server's main process; 0 while there is none.
    let pid = Atomic<Int32>(0)
    let restarts = Atomic<Int>(0)
}

/// Makes, starts and restarts the server; everything here happens on one thread of its own.
struct ClusterSupervisor {
    let directory: ClusterDirectory
    let settings: ClusterSettings
    let logger: Logger
    let status: ClusterStatus
    /// Readable when the server is to be stopped.
    let wake: Int32

    /// A server that ran this long was well: the next pause is the shortest again.
    static let soundSeconds: Int64 = 60

    /// What a start has worked out.
    struct Prepared {
        let user: ServerUser
        let programs: ServerPrograms
        let socket: SocketDirectory
        let lock: Int32
    }

    /// Everything before the first start of the server.
    func prepare() throws(StoreError) -> Prepared {
        let user = try ServerUser.choose(for: directory)
        try directory.checkWay(for: user)
        let lock = try directory.lock()
        do throws(StoreError) {
            let content = try directory.content()
            var wanted: Int?
            if case .cluster(let major) = content { wanted = major }
            var places = ServerPrograms.Places.ambient
            places.configured = settings.programs ?? places.configured
            let programs = try ServerPrograms.find(in: places, wanted: wanted, as: user)
            if content == .nothing {
                logger.info("making the private database", metadata: ["directory": "\(directory.path)"])
                try ClusterCreation(directory: directory, programs: programs, user: user, settings: settings).make()
            }
            try ServerProcesses(directory: directory).endOrphans()
            let socket = try SocketDirectory.make(for: directory, as: user)
            return Prepared(user: user, programs: programs, socket: socket, lock: lock)
        } catch {
            close(lock)
            throw error
        }
    }

    func target(_ socket: SocketDirectory, database: String, user: String) -> ConnectionTarget {
        let host = ConnectionTarget.quoted(socket.path)
        let name = ConnectionTarget.quoted(database)
        return ConnectionTarget(
            location: "host=\(host) port=\(SocketDirectory.port) dbname=\(name) sslmode=disable", user: user)
    }

    /// Starts the server for the first time and makes the database.
    func firstStart(_ prepared: Prepared) throws(StoreError) -> Postmaster {
        let server = try spawn(prepared)
        do throws(StoreError) {
            guard awaitReady(server, prepared.socket) else { throw failedStart() }
            let connection = try Connection(
                target(prepared.socket, database: "postgres", user: ClusterCreation.administrator))
            let name = ClusterCreation.database
            let known = try connection.query("SELECT FROM pg_database WHERE datname = $1", [.text(name)])
            if known.count == 0 { try connection.query("CREATE DATABASE \(name)") }
        } catch {
            server.stop()
            throw error
        }
        return server
    }

    private func spawn(_ prepared: Prepared) throws(StoreError) -> Postmaster {
        let server = try Postmaster(
            prepared.programs, directory, prepared.socket, as: prepared.user, wake: wake)
        status.pid.store(server.child.pid, ordering: .relaxed)
        return server
    }

    private func failedStart() -> StoreError {
        StoreError(
            .cluster, "the private database did not start: \(directory.lastComplaint() ?? "no reason given")",
            hint: "see \(directory.startLog) and \(directory.path)/log")
    }

    /// Whether the server takes connections. It may take long: after a crash it first repeats its log.
    private func awaitReady(_ server: borrowing Postmaster, _ socket: SocketDirectory) -> Bool {
        let parameters = target(socket, database: "postgres", user: ClusterCreation.administrator).parameters
        while true {
            let answer = withCStrings(parameters.map(\.keyword)) { keywords in
                withCStrings(parameters.map(\.value)) { values in
                    PQpingParams(keywords.baseAddress, values.baseAddress, 1)
                }
            }
            if answer == PQPING_OK { return true }
            guard server.wait(milliseconds: 20) == .timeout else { return false }
        }
    }

    /// Restarts the server whenever it ends, until the wake-up descriptor says stop.
    func supervise(_ first: consuming Postmaster, _ prepared: Prepared) {
        var backOff = BackOff(shortestNanoseconds: 100_000_000, longestNanoseconds: 10_000_000_000)
        var server: Postmaster? = consume first
        while server != nil {
            let started = monotonicNanoseconds()
            guard let running = server.take() else { break }
            let event = watch(running, prepared)
            status.isHealthy.store(false, ordering: .releasing)
            guard case .ended(let code) = event else {
                running.stop()
                break
            }
            if monotonicNanoseconds() - started > Self.soundSeconds * 1_000_000_000 { backOff.reset() }
            logger.error(
                "the private database ended and is started again",
                metadata: ["status": "\(code)", "reason": "\(directory.lastComplaint() ?? "none given")"])
            server = restart(prepared, &backOff)
        }
        status.pid.store(0, ordering: .relaxed)
        prepared.socket.remove()
        close(prepared.lock)
    }

    /// Healthy from when the server answers until it ends or is to be stopped.
    private func watch(_ server: borrowing Postmaster, _ prepared: Prepared) -> Postmaster.Event {
        guard awaitReady(server, prepared.socket) else { return server.wait(milliseconds: 0) }
        status.isHealthy.store(true, ordering: .releasing)
        return server.wait(milliseconds: -1)
    }

    /// The next server; `nil` when a stop was asked for meanwhile.
    private func restart(_ prepared: Prepared, _ backOff: inout BackOff) -> Postmaster? {
        while pause(backOff.pause()) {
            do throws(StoreError) {
                try ServerProcesses(directory: directory).endOrphans()
                let server = try spawn(prepared)
                status.restarts.add(1, ordering: .relaxed)
                return server
            } catch {
                logger.error("the private database cannot be started", metadata: ["error": "\(error)"])
            }
        }
        return nil
    }

    /// `false` when a stop is asked for.
    private func pause(_ nanoseconds: Int64) -> Bool {
        var source = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
        return poll(&source, 1, Int32(nanoseconds / 1_000_000)) == 0
    }
}
