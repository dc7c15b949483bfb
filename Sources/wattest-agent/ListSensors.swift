import ArgumentParser
import JSONText
import NodeAgent
import Sensors

/// Shows every source that was looked for, and why there is nothing where there is nothing.
struct ListSensors: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sensors", abstract: "Show every energy source of this node, found or not, and why.")

    @Option(name: .customLong("sysfs-root"), help: "Tree to read instead of /sys.") var sysfsRoot: String?
    @Option(name: .customLong("procfs-root"), help: "Tree to read instead of /proc.") var procfsRoot: String?
    @Option(help: "YAML file.") var config: String?
    @Flag(help: "Print one JSON object.") var json = false

    func run() throws {
        let settings = try Settings(file: config, flags: ["sysfs-root": sysfsRoot, "procfs-root": procfsRoot])
        let report = try settings.sources().survey()
        print(json ? report.json : PlainText.lines(report.text), terminator: json ? "\n" : "")
    }
}
