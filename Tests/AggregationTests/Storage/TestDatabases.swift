import Logging
import Synchronization

@testable import Store

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// One private cluster for these tests, with an empty migrated database for each that asks.
enum TestDatabases {
    private static let directory = "/tmp/wattest-aggregation-\(getpid())"
    private static let numbers = Atomic<Int>(0)

    private static let cluster = Task { () throws -> PrivateCluster in
        atexit { TestDatabases.remove() }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return try await PrivateCluster.start(dataDirectory: directory, logger: logger)
    }

    private static let template = Task { () throws -> ConnectionPool in
        let cluster = try await Self.cluster.value
        let administrator = try ConnectionPool(
            cluster.administratorTarget(database: "postgres"), limits: .init(connections: 1))
        _ = try await administrator.run { connection throws(StoreError) in
            _ = try connection.query("CREATE DATABASE migrated")
        }
        let pool = try ConnectionPool(
            cluster.administratorTarget(database: "migrated"), limits: .init(connections: 1))
        _ = try await pool.run { connection throws(StoreError) in try Migrator().migrate(connection) }
        await pool.close()
        return administrator
    }

    /// Makes a pool of connections of the intake role to a new database.
    static func make() async throws -> @Sendable () throws -> ConnectionPool {
        let cluster = try await Self.cluster.value
        let name = "plan_\(numbers.add(1, ordering: .relaxed).newValue)"
        _ = try await template.value.run { connection throws(StoreError) in
            _ = try connection.query("CREATE DATABASE \(name) TEMPLATE migrated")
        }
        return { try ConnectionPool(cluster.target(.intake, database: name), limits: .init(connections: 2)) }
    }

    private static func remove() {
        let directory = ClusterDirectory(parent: directory)
        for pid in ServerProcesses(directory: directory).running() { kill(pid, SIGKILL) }
        Files.removeTree(directory.parent)
    }
}
