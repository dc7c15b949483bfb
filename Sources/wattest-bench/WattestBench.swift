import ArgumentParser

/// Benchmarks as ratios against a peer or a limit in the same run. Run release builds.
@main
struct WattestBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wattest-bench", abstract: "Measures Wattest against a limit of the same machine in the same run.",
        subcommands: [
            IntakeBench.self, AgentBench.self, MergeBench.self, AuditBench.self, LogBench.self,
            ReportBench.self,
        ])
}
