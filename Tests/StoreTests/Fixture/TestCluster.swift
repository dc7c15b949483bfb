import CPostgres
import Logging
import Synchronization

@testable import Store

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// One private cluster for the whole run. Tests share a database, where each founds logs of its own; those that change
/// the schema or count organizations have one to themselves.
enum TestCluster {
    static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private static let shared = Task { () throws -> PrivateCluster in
        removeForsaken()
        let directory = "/tmp/wattest-tests-\(getpid())"
        // Runs after the last test: the server ends by itself when this process does.
        atexit { TestCluster.removeOwn() }
        var settings = ClusterSettings(sharedBuffersMegabytes: 128)
        settings.maximumConnections = 100
        return try await PrivateCluster.start(dataDirectory: directory, settings: settings, logger: logger)
    }

    static func cluster() async throws -> PrivateCluster { try await shared.value }

    private static let lastNumber = Atomic<Int>(0)

    /// The migrated database that tests share.
    static func database() async throws -> TestDatabase { try await common.value }

    private static let common = Task { () throws -> TestDatabase in try await ownDatabase() }

    /// A migrated database that nobody else uses.
    static func ownDatabase() async throws -> TestDatabase {
        let cluster = try await cluster()
        let template = try await template.value
        let name = "test_\(lastNumber.add(1, ordering: .relaxed).newValue)"
        try await copies.run { connection throws(StoreError) in
            _ = try connection.query("CREATE DATABASE \(name) TEMPLATE \(template)")
        }
        return TestDatabase(cluster: cluster, name: name)
    }

    /// Connected to `postgres`, one statement at a time: a template must not be copied twice at once.
    private static var copies: ConnectionPool {
        get async throws { try await copyPool.value }
    }

    private static let copyPool = Task { () throws -> ConnectionPool in
        try ConnectionPool(
            try await cluster().administratorTarget(database: "postgres"), limits: .init(connections: 1))
    }

    private static let template = Task { () throws -> String in
        try await copies.run { connection throws(StoreError) in
            _ = try connection.query("CREATE DATABASE template_migrated")
        }
        let pool = try ConnectionPool(
            try await cluster().administratorTarget(database: "template_migrated"), limits: .init(connections: 1))
        _ = try await pool.run { connection throws(StoreError) in try Migrator().migrate(connection) }
        await pool.close()
        return "template_migrated"
    }

    private static func removeOwn() {
        let directory = ClusterDirectory(parent: "/tmp/wattest-tests-\(getpid())")
        for pid in ServerProcesses(directory: directory).running() { kill(pid, SIGKILL) }
        Files.removeTree(directory.parent)
    }

    /// Directories of runs that were killed.
    private static func removeForsaken() {
        for name in Files.names(in: "/tmp") ?? [] where name.hasPrefix("wattest-tests-") {
            guard let pid = pid_t(name.dropFirst("wattest-tests-".count)), kill(pid, 0) != 0, errno == ESRCH
            else { continue }
            Files.removeTree("/tmp/\(name)")
        }
    }
}

/// A database of one test.
struct TestDatabase: Sendable {
    let cluster: PrivateCluster
    let name: String

    var administrator: ConnectionTarget { cluster.administratorTarget(database: name) }

    func target(_ role: DatabaseRole) -> ConnectionTarget { cluster.target(role, database: name) }

    func pool(_ role: DatabaseRole = .intake, connections: Int = 2) throws -> ConnectionPool {
        try ConnectionPool(target(role), limits: .init(connections: connections))
    }
}

private let lastOrganization = Atomic<Int>(0)

extension Connection {
    /// A new organization, under a slug that begins as wanted; its log's number.
    func found(_ slug: String) throws(StoreError) -> Int32 {
        let number = lastOrganization.add(1, ordering: .relaxed).newValue
        return try foundOrganization(
            slug: "\(slug)-\(number)", name: "The \(slug) company", origin: "log.example/\(slug)-\(number)")
    }
}

/// A directory that goes when the test ends.
final class TemporaryDirectory: Sendable {
    let path: String

    init(_ prefix: String = "/tmp/wattest-dir-") {
        var template = Array((prefix + "XXXXXX").utf8CString)
        mkdtemp(&template)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        chmod(path, 0o711)
    }

    deinit { Files.removeTree(path) }
}
