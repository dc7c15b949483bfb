import Foundation
import Identity
import Testing

extension ClusterTests {
    /// An aggregator that cannot serve says why in one line, and ends.
    @Suite(.timeLimit(.minutes(4))) struct Serve {
        @Test func whatCannotBeServedIsOneLine() async throws {
            let aggregator = try await AggregatorUnderTest()
            let taken = try AggregatorUnderTest.current.addresses
            let cases: [(arguments: [String], status: Int32, word: String)] = [
                (["--http", "nonsense"], 2, "nonsense"),
                (["--ingest", "127.0.0.1:99999"], 2, "127.0.0.1:99999"),
                (["--close", "never"], 2, "never"),
                (["--witness-policy", "/no/such/file"], 2, "/no/such/file"),
                (["--http", taken.server.description], 3, "\(taken.server)"),
                (["--ingest", taken.ingest.description], 3, "\(taken.ingest)"),
            ]
            for (arguments, status, word) in cases {
                var all = ["serve", "--data-dir", aggregator.installation]
                for name in ["--http", "--ingest"] where !arguments.contains(name) { all += [name, "127.0.0.1:0"] }
                let output = try await ChildProcess(
                    .aggregator, all + arguments, directory: aggregator.directory.path
                ).output(seconds: 60)
                #expect(output.status == status, "\(arguments): \(output.errors)")
                #expect(output.errors.hasPrefix("wattest: error["), "\(arguments): \(output.errors)")
                #expect(output.errors.contains(word), "\(arguments): \(output.errors)")
                #expect(output.errors.split(separator: "\n").count == 1, "\(arguments): \(output.errors)")
            }
        }

        /// Hardened machines give root a umask under which the database's user could not enter a new directory.
        @Test func aStrictMaskKeepsNobodyOut() async throws {
            let directory = try TestDirectory()
            let program = try BuiltProgram.aggregator.path
            let made = try await ForeignProgram.shell(
                "umask 077; '\(program)' init --data-dir '\(directory.path)/made' --organization A",
                in: directory.path)
            #expect(made.status == 0, "\(made.text)")
        }

        @Test(arguments: [["serve"], ["migrate"], ["retain", "--older-than", "1"], ["policy", "show"]])
        func whereNothingIsInstalledNothingIsMade(arguments: [String]) async throws {
            let directory = try TestDirectory()
            let output = try await ChildProcess(
                .aggregator, arguments + ["--data-dir", "\(directory.path)/none"], directory: directory.path
            ).output(seconds: 60)
            #expect(output.status == 2, "\(output.errors)")
            #expect(output.errors.contains("wattest-aggregator init"), "\(output.errors)")
            #expect(!FileManager.default.fileExists(atPath: "\(directory.path)/none"))
        }
    }
}
