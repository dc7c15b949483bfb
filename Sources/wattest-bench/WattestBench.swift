import ArgumentParser
import Energy

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Benchmarks as ratios against a peer or a limit in the same run. Run release builds.
@main
struct WattestBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wattest-bench", abstract: "Measures Wattest against a limit of the same machine in the same run.",
        version: Release.version,
        subcommands: [
            IntakeBench.self, AgentBench.self, MergeBench.self, AuditBench.self, LogBench.self,
            ReportBench.self,
        ])

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
            var line = "wattest: error[USAGE]: \(message(for: error)); see wattest-bench --help\n"
            _ = line.withUTF8 { write(2, $0.baseAddress, $0.count) }
            exit(withError: ExitCode(2))
        }
    }
}
