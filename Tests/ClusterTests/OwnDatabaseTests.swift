import Foundation
import JSONText
import Logging
import Store
import Testing

extension ClusterTests {
    /// A PostgreSQL that somebody else runs, named by a URL.
    @Suite(.timeLimit(.minutes(4))) struct OwnDatabase {
        /// A server with empty databases, and their URLs.
        private func databases(_ names: [String], in directory: TestDirectory) async throws
            -> (cluster: PrivateCluster, urls: [String])
        {
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let cluster = try await PrivateCluster.start(
                dataDirectory: "\(directory.path)/server", logger: logger)
            let pool = try ConnectionPool(
                cluster.administratorTarget(database: "postgres"), limits: .init(connections: 1))
            let place = try await pool.run { connection throws(StoreError) in
                for name in names { try connection.query("CREATE DATABASE \(name)") }
                let rows = try connection.query(
                    "SELECT current_user::text, current_setting('unix_socket_directories'), current_setting('port')")
                return [try rows.get(0, 0), try rows.get(0, 1), try rows.get(0, 2)] as [String]
            }
            await pool.close()
            let host = try #require(place[1].addingPercentEncoding(withAllowedCharacters: .alphanumerics))
            return (cluster, names.map { "postgresql://\(place[0])@\(host):\(place[2])/\($0)" })
        }

        @Test func anInstallationKeepsToTheDatabaseItWasMadeFor() async throws {
            let directory = try TestDirectory()
            let (cluster, urls) = try await databases(["one", "two"], in: directory)
            let aggregator = try await AggregatorUnderTest(environment: ["WATTEST_DATABASE_URL": urls[0]])
            try await aggregator.start()
            let about = try await aggregator.get("/v1/organizations/first", token: aggregator.operatorToken)
            #expect(about["name"]?.string == "First")
            #expect(aggregator.database == nil, "a private cluster was made beside")
            try await aggregator.stop()
            _ = try await AggregatorUnderTest(["--slug", "other"], environment: ["WATTEST_DATABASE_URL": urls[1]])
            for environment in [[:], ["WATTEST_DATABASE_URL": urls[1]]] {
                let output = try await ChildProcess(
                    .aggregator,
                    [
                        "serve", "--data-dir", aggregator.installation, "--http", "127.0.0.1:0", "--ingest",
                        "127.0.0.1:0",
                    ],
                    environment: environment, directory: directory.path
                ).output(seconds: 60)
                #expect(output.status == 2, "\(output.errors)")
                #expect(output.errors.contains("--database-url"))
                #expect(output.errors.split(separator: "\n").count == 1)
            }
            #expect(aggregator.database == nil, "an empty private cluster was made")
            await cluster.stop()
        }
    }
}
