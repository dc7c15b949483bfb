import ArgumentParser
import Batches
import Energy
import Identity
import JSONText
import MetricsEndpoint
import NodeAgent
import Sensors
import Workloads

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Measures the node, or replays a recorded log as if it were measured now.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure this node until SIGTERM, or replay a recorded log.")

    @Option(name: .customLong("data-dir"), help: "Directory of the agent's keys and spool.") var dataDirectory: String?
    @Option(help: "Address and port of /metrics, else 127.0.0.1:9443; port 0 takes a free one.") var metrics: String?
    @Option(help: "Unix socket for jobs on this node, else agent.sock in the data directory.") var socket: String?
    @Option(name: .customLong("ready-file"), help: "Written as JSON when the agent works.") var readyFile: String?
    @Option(name: .customLong("interval-seconds"), help: "Seconds of a batch, 5 to 300; else as the server says.")
    var intervalSeconds: String?
    @Option(name: .customLong("spool-bytes"), help: "Size of the spool, else 64 MiB.") var spoolBytes: String?
    @Option(name: .customLong("sysfs-root"), help: "Tree to read instead of /sys.") var sysfsRoot: String?
    @Option(name: .customLong("procfs-root"), help: "Tree to read instead of /proc.") var procfsRoot: String?
    @Option(name: .customLong("hook-dir"), help: "Where Slurm's prolog and epilog leave their edges.")
    var hookDirectory: String?
    @Option(name: .customLong("slurm-node"), help: "This node's name in Slurm, when it is not the host's.")
    var slurmNode: String?
    @Option(name: .customLong("slurm-bin"), help: "Directory of scontrol and sacct.") var slurmDirectory: String?
    @Option(name: .customLong("account-map"), help: "File of accounts and namespaces with their organizations.")
    var accountMap: String?
    @Option(help: "YAML file.") var config: String?
    @OptionGroup(title: "Replay") var replay: ReplayOptions

    func run() async throws {
        let settings = try Settings(
            file: config,
            flags: [
                "data-dir": dataDirectory, "metrics": metrics, "socket": socket, "ready-file": readyFile,
                "interval-seconds": intervalSeconds, "spool-bytes": spoolBytes, "sysfs-root": sysfsRoot,
                "procfs-root": procfsRoot, "hook-dir": hookDirectory, "slurm-node": slurmNode,
                "slurm-bin": slurmDirectory, "account-map": accountMap,
            ])
        let enrolment = try Enrolment(directory: try settings.required("data-dir"))
        try replay.check()
        let host = try AgentHost(settings, enrolment)
        if let file = replay.file {
            return try await Replay(options: replay, file: file, enrolment: enrolment, host: host).run()
        }
        var configuration = LiveAgent.Configuration(
            intervalSeconds: host.intervalSeconds, socketPath: host.socketPath, sources: try settings.sources())
        if let bytes = try settings.integer("spool-bytes", in: 1 << 20...1 << 40) {
            configuration.spoolBytes = Int(bytes)
        }
        configuration.hookDirectory = settings["hook-dir"] ?? configuration.hookDirectory
        configuration.slurmNode = settings["slurm-node"]
        configuration.slurmDirectory = settings["slurm-bin"]
        configuration.accounts = try settings.accounts()
        configuration.kubernetes = try KubernetesSettings.configuration(settings, enrolment, configuration.accounts)
        let agent = try LiveAgent(enrolment, configuration: configuration) { Terminal.line("wattest-agent: \($0)") }
        try await host.run(
            metrics: { agent.metrics }, readiness: { agent.readiness },
            work: { untilStopped in
                try await agent.run(until: untilStopped)
            })
    }
}
