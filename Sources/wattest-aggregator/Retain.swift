import Aggregation
import ArgumentParser
import Energy
import JSONText
import Store

/// Deletes old readings and keeps every proof.
struct Retain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Delete the readings of past days; entries, proofs and sums stay.",
        discussion: """
            A batch binds its readings by hash and says how many they were, so that an audit without them names what \
            it does not cover and still verifies everything else. Also while the aggregator serves.
            """)

    @Option(name: .customLong("data-dir"), help: "Directory of the installation.") var dataDirectory: String?
    @Option(name: .customLong("database-url"), help: "PostgreSQL to use instead of the private cluster.")
    var databaseURL: String?
    @Option(
        name: .customLong("older-than"),
        help: ArgumentHelp("Keep the days of this span, delete those before it.", valueName: "days"))
    var olderThan: String
    @Option(help: "YAML file.") var config: String?
    @Flag(help: "Print one JSON object.") var json = false

    func run() async throws {
        let digits = olderThan.hasSuffix("d") ? olderThan.dropLast() : olderThan[...]
        guard let days = Int64(digits), (1...100_000).contains(days) else {
            throw Failure(.usage, "--older-than '\(olderThan)' is no number of days; write for example 90d")
        }
        let settings = try Settings(
            file: config, flags: ["data-dir": dataDirectory, "database-url": databaseURL])
        let limit = Environment.clock.now().microseconds - days * 86_400_000_000
        let dropped = try await drop(before: Timestamp(microseconds: limit), settings)
        if json {
            let object: JSONValue = ["days": .array(dropped.map { .string($0) })]
            return print(object.text(.compact))
        }
        print(
            dropped.isEmpty
                ? "No readings are older than \(days) days."
                : "Deleted the readings of \(dropped.count) days: \(dropped.joined(separator: ", ")).")
    }

    private func drop(before limit: Timestamp, _ settings: Settings) async throws -> [String] {
        if settings.hasDatabaseURL, let url = settings["database-url"] {
            return try await Self.drop(before: limit, ConnectionTarget(location: url).role(.retention))
        }
        let directory = try settings.installation().directory
        if let target = PrivateCluster.runningTarget(dataDirectory: directory, role: .retention),
            let dropped = try? await Self.drop(before: limit, target)
        {
            return dropped
        }
        let cluster = try await PrivateCluster.start(dataDirectory: directory, logger: Environment.logger())
        do {
            let dropped = try await Self.drop(before: limit, cluster.target(.retention))
            await cluster.stop()
            return dropped
        } catch {
            await cluster.stop()
            throw error
        }
    }

    private static func drop(before limit: Timestamp, _ target: ConnectionTarget) async throws -> [String] {
        let pool = try ConnectionPool(target, limits: .init(connections: 1))
        do {
            let days = try await pool.run { connection throws(StoreError) in
                try Retention(connection).dropSamples(before: limit)
            }
            await pool.close()
            return days
        } catch {
            await pool.close()
            throw error
        }
    }
}
