import ArgumentParser
import JSONText
import NodeAgent

/// Tries everything that the agent will need on this node, and says what fails and what to do.
struct SelfTest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "self-test", abstract: "Try enrolment, disk, clock, sensors and the way to the aggregator.")

    @Option(name: .customLong("data-dir"), help: "Directory of the agent's keys and spool.") var dataDirectory: String?
    @Option(name: .customLong("sysfs-root"), help: "Tree to read instead of /sys.") var sysfsRoot: String?
    @Option(name: .customLong("procfs-root"), help: "Tree to read instead of /proc.") var procfsRoot: String?
    @Option(help: "YAML file.") var config: String?
    @Option(name: .customLong("gpu-idle-seconds"), help: "Seconds to compare idle GPUs' counters with their power.")
    var idleSeconds: Int64 = 60
    @Option(name: .customLong("gpu-load-seconds"), help: "The same under load.") var loadSeconds: Int64 = 60
    @Option(name: .customLong("gpu-load"), help: "Shell command that loads the GPUs in the second phase.")
    var loadCommand: String?
    @Flag(help: "Print one JSON object.") var json = false

    func run() async throws {
        let settings = try Settings(
            file: config,
            flags: ["data-dir": dataDirectory, "sysfs-root": sysfsRoot, "procfs-root": procfsRoot])
        guard (0...3600).contains(idleSeconds), (0...3600).contains(loadSeconds) else {
            throw AgentError(.usage, "--gpu-idle-seconds and --gpu-load-seconds are 0 to 3600")
        }
        let checks = await AgentSelfTest(
            directory: try settings.required("data-dir"), sources: try settings.sources(),
            trial: .init(idleSeconds: idleSeconds, loadSeconds: loadSeconds, loadCommand: loadCommand)
        ).run()
        let isPassed = checks.allSatisfy(\.isPassed)
        if json {
            let object: JSONValue = [
                "passed": .bool(isPassed),
                "checks": .array(
                    checks.map { check -> JSONValue in
                        ["name": .string(check.name), "passed": .bool(check.isPassed), "detail": .string(check.detail)]
                    }),
            ]
            print(object.text())
        } else {
            for check in checks {
                print("\(check.isPassed ? "ok  " : "FAIL")  \(check.name): \(PlainText.line(check.detail))")
            }
        }
        if !isPassed { throw ExitCode(1) }
    }
}
