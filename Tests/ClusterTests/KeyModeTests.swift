import Foundation
import Testing

extension ClusterTests {
    /// What others than the owner can read is no secret any more.
    @Suite(.timeLimit(.minutes(4))) struct KeyModes {
        /// One line that names the file and the remedy, and an end: also where the program has opened much by then.
        @Test func anAggregatorEndsWithALine() async throws {
            let aggregator = try await AggregatorUnderTest()
            let installation = aggregator.installation
            for file in ["ca.key", "logs/first/log.key", "logs/first/administration.key", "logs/first/signer"] {
                try FileManager.default.setAttributes(
                    [.posixPermissions: 0o644], ofItemAtPath: "\(installation)/\(file)")
                let output = try await ChildProcess(
                    .aggregator,
                    ["serve", "--data-dir", installation, "--http", "127.0.0.1:0", "--ingest", "127.0.0.1:0"],
                    directory: aggregator.directory.path
                ).output(seconds: 120)
                #expect(output.status != 0, "\(file)")
                let lines = output.errors.split(separator: "\n").filter { $0.hasPrefix("wattest: error[") }
                #expect(lines.count == 1 && lines[0].contains("chmod 600 \(installation)/\(file)"), "\(output.errors)")
                try FileManager.default.setAttributes(
                    [.posixPermissions: 0o600], ofItemAtPath: "\(installation)/\(file)")
            }
        }
    }
}
