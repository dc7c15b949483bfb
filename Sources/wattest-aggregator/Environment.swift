import Aggregation
import Energy
import Logging
import Store

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What the program takes from the machine: time, randomness, names, a log on standard error.
enum Environment {
    static let clock = ServiceClock(
        now: {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return UTCTime(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
        },
        random: { count in
            var generator = SystemRandomNumberGenerator()
            return (0..<count).map { _ in UInt8.random(in: .min...(.max), using: &generator) }
        })

    static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func logger() -> Logger {
        LoggingSystem.bootstrap { OneLineLog(StreamLogHandler.standardError(label: $0)) }
        var logger = Logger(label: "wattest")
        logger.logLevel = getenv("WATTEST_LOG_LEVEL").flatMap { Logger.Level(rawValue: String(cString: $0)) } ?? .notice
        return logger
    }
}

extension Settings {
    /// Whether there is a PostgreSQL to use instead of a private cluster.
    var hasDatabaseURL: Bool { self["database-url"].map { !$0.isEmpty } ?? false }

    /// The installation that `init` has finished in the data directory.
    func installation() throws(Failure) -> Installation {
        let installation = Installation(directory: try required("data-dir"))
        guard installation.isComplete else {
            throw Failure(.usage, "\(installation.directory) is no installation; run 'wattest-aggregator init' first")
        }
        // A private cluster made now would be an empty one, and its logs those of nobody.
        guard hasDatabaseURL || installation.hasPrivateDatabase else {
            throw Failure(
                .usage, "\(installation.directory) was made for a database of its own; give the same --database-url")
        }
        return installation
    }
}

/// The database: a private cluster in the data directory, or the one that a URL names.
struct Database {
    let cluster: PrivateCluster?
    let intake: ConnectionTarget

    /// Starts or finds the database and brings its schema up to date where this program owns it.
    static func open(_ settings: Settings, migrating: Bool, logger: Logger) async throws(StoreError) -> Database {
        if settings.hasDatabaseURL, let url = settings["database-url"] {
            let target = ConnectionTarget(location: url)
            if migrating { try await migrate(target) }
            return Database(cluster: nil, intake: target.role(.intake))
        }
        let directory = settings["data-dir"] ?? "."
        let cluster = try await PrivateCluster.start(dataDirectory: directory, logger: logger)
        do throws(StoreError) {
            try await migrate(cluster.administratorTarget())
        } catch {
            await cluster.stop()
            throw error
        }
        return Database(cluster: cluster, intake: cluster.target(.intake))
    }

    static func migrate(_ target: ConnectionTarget) async throws(StoreError) {
        let pool = try ConnectionPool(target, limits: .init(connections: 1))
        do throws(StoreError) {
            _ = try await pool.run { connection throws(StoreError) in try Migrator().migrate(connection) }
        } catch {
            await pool.close()
            throw error
        }
        await pool.close()
    }
}
