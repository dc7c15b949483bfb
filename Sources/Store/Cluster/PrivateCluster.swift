import CPostgres
package import Logging
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A PostgreSQL server of our own, in the aggregator's data directory, reachable through a socket that only its user
/// and root can open.
///
/// It is restarted when it ends (after 0.1 s, doubling to 10 s) and ends with this process, however that ends; what a
/// killed process left running is ended by the next start.
package final class PrivateCluster: Sendable {
    private let supervisor: ClusterSupervisor
    private let socket: SocketDirectory
    private let stopper: Stopper

    /// Makes the cluster if there is none, starts it, and returns when it takes connections.
    ///
    /// - Parameter dataDirectory: the aggregator's data directory; the cluster is its subdirectory `postgres`.
    /// - Throws: `.cluster` with the remedy.
    package static func start(
        dataDirectory: String, settings: ClusterSettings = ClusterSettings(), logger: Logger
    ) async throws(StoreError) -> PrivateCluster {
        let outcome = await withCheckedContinuation { continuation in
            let answer: @Sendable (Result<PrivateCluster, StoreError>) -> Void = { continuation.resume(returning: $0) }
            do throws(StoreError) {
                try DedicatedThread.start("postgres-watch") { run(dataDirectory, settings, logger, answer) }
            } catch {
                answer(.failure(error))
            }
        }
        return try outcome.get()
    }

    private init(_ supervisor: ClusterSupervisor, _ socket: SocketDirectory, _ stopper: Stopper) {
        self.supervisor = supervisor
        self.socket = socket
        self.stopper = stopper
    }

    deinit { stopper.request {} }

    /// The whole life of the supervising thread.
    private static func run(
        _ dataDirectory: String, _ settings: ClusterSettings, _ logger: Logger,
        _ answer: (Result<PrivateCluster, StoreError>) -> Void
    ) {
        do throws(StoreError) {
            let stopper = try Stopper()
            let supervisor = ClusterSupervisor(
                directory: ClusterDirectory(parent: try existing(dataDirectory)), settings: settings, logger: logger,
                status: ClusterStatus(), wake: stopper.descriptor)
            let prepared = try supervisor.prepare()
            let server: Postmaster
            do throws(StoreError) {
                server = try supervisor.firstStart(prepared)
            } catch {
                prepared.socket.remove()
                close(prepared.lock)
                throw error
            }
            supervisor.status.isHealthy.store(true, ordering: .releasing)
            answer(.success(PrivateCluster(supervisor, prepared.socket, stopper)))
            supervisor.supervise(server, prepared)
            stopper.finished()
        } catch {
            answer(.failure(error))
        }
    }

    /// The data directory by its full name; made when it is not there, so that the server's user can pass through.
    private static func existing(_ path: String) throws(StoreError) -> String {
        if mkdir(path, 0o711) == 0 {
            // The umask may have taken bits away.
            chmod(path, 0o711)
        } else if errno != EEXIST {
            throw StoreError(.cluster, "cannot make \(path): \(Files.reason(errno))", hint: "choose another --data-dir")
        }
        guard let full = Files.canonical(path) else {
            throw StoreError(.cluster, "cannot find \(path): \(Files.reason(errno))")
        }
        return full
    }

    /// Where to connect as one of the roles that the migrations make.
    package func target(_ role: DatabaseRole, database: String? = nil) -> ConnectionTarget {
        supervisor.target(socket, database: database ?? ClusterCreation.database, user: role.rawValue)
    }

    /// Where to connect for migrations.
    package func administratorTarget(database: String? = nil) -> ConnectionTarget {
        supervisor.target(socket, database: database ?? ClusterCreation.database, user: ClusterCreation.administrator)
    }

    /// Whether the server takes connections; `false` while it is being restarted.
    package var isHealthy: Bool { supervisor.status.isHealthy.load(ordering: .acquiring) }

    /// How often the server had to be started again.
    package var restarts: Int { supervisor.status.restarts.load(ordering: .relaxed) }

    /// The server's main process, 0 while there is none.
    package var processIdentifier: Int32 { supervisor.status.pid.load(ordering: .relaxed) }

    /// Shuts the server down in order and returns when it has ended.
    package func stop() async {
        await withCheckedContinuation { continuation in
            stopper.request { continuation.resume() }
        }
    }
}

/// Tells the supervising thread to stop, and those who wait when it has.
private final class Stopper: Sendable {
    private struct State {
        var isFinished = false
        var waiting: [@Sendable () -> Void] = []
    }

    let descriptor: Int32
    private let state = Mutex(State())

    init() throws(StoreError) {
        descriptor = wattest_event_descriptor()
        guard descriptor >= 0 else { throw StoreError(.cluster, "cannot make an event: \(Files.reason(errno))") }
    }

    deinit { close(descriptor) }

    func request(_ done: @escaping @Sendable () -> Void) {
        let isFinished = state.withLock { state in
            if !state.isFinished { state.waiting.append(done) }
            return state.isFinished
        }
        guard !isFinished else { return done() }
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    func finished() {
        let waiting = state.withLock { state in
            state.isFinished = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for done in waiting { done() }
    }
}
