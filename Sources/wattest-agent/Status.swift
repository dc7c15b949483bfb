import ArgumentParser
import JSONText
import NodeAgent

/// What the agent of this node does now.
struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show what this node's agent does now: jobs, spool, chain, sensors.",
        discussion: """
            Asks the running agent over its socket, as root or as the agent's own user. Ends with status 3 when none \
            runs.
            """)

    @Option(name: .customLong("data-dir"), help: "Directory of the agent's keys and spool.") var dataDirectory: String?
    @Option(help: "The agent's Unix socket; else agent.sock in the data directory.") var socket: String?
    @Option(help: "YAML file.") var config: String?
    @Flag(help: "Print one JSON object.") var json = false

    func run() throws {
        let settings = try Settings(file: config, flags: ["data-dir": dataDirectory, "socket": socket])
        let path = try settings["socket"] ?? settings.required("data-dir") + "/agent.sock"
        let status = try AgentStatus.ask(path: path)
        print(json ? status.text() : PlainText.lines(Self.text(status)), terminator: json ? "\n" : "")
    }

    // MARK: For people

    private static func text(_ status: JSONValue) -> String {
        var lines = [
            "node \(word(status["node"])), pid \(word(status["pid"])), started \(word(status["started"])), "
                + "boundary \(word(status["boundary"])), \(word(status["faults"])) faults",
            "last batch ended \(word(status["last_batch_end"]))",
        ]
        for log in [status["log"]].compactMap(\.self) + (status["tenants"]?.array ?? []) { lines += text(ofLog: log) }
        lines.append("jobs held: \(word(status["jobs_held"]))")
        for job in status["jobs"]?.array ?? [] {
            let whose = job["organization"]?.string.map { ", of \($0)" } ?? ""
            let before = job["before_start"]?.bool == true ? ", from before this start of the agent" : ""
            lines.append(
                "  \(job["key"]?.string ?? "name not known yet") (\(word(job["job"]))), told by "
                    + "\(word(job["told_by"])), since \(word(job["since"]))\(before)\(whose)")
        }
        lines.append("sensors: \(word(status["sensors_found"]))")
        for sensor in status["sensors"]?.array ?? [] {
            let flags = sensor["flags"]?.string.map { $0.isEmpty ? "" : ", flags \($0)" } ?? ""
            let energy = sensor["energy_uj"]?.string.map { ", \($0) µJ" } ?? ""
            let name = "\(word(sensor["id"])) (\(word(sensor["layer"])))"
            lines.append("  \(name): \(word(sensor["state"]))\(energy)\(flags)")
        }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func text(ofLog log: JSONValue) -> [String] {
        let isConnected = log["connected"]?.bool == true
        let fault = isConnected ? "" : log["last_fault"]?.string.map { ": \($0)" } ?? ""
        let spool = log["spool"]
        // A log that goes back or forks is told to whoever looks at the node: nobody else may get to see both trees.
        let refused = log["last_checkpoint_fault"]?.string.map { fault in
            ["  \(word(log["checkpoints_refused"])) checkpoints refused since the start, the last: \(fault)"]
        }
        return [
            "log \(word(log["origin"])): \(isConnected ? "connected" : "not connected\(fault)"), chain "
                + "\(word(log["incarnation"])) \(log["chain"]?.string ?? "of extracts"), acknowledged up to seq "
                + "\(word(log["acknowledged_seq"])), \(word(log["unsettled_entries"])) entries not settled, checkpoint "
                + word(log["checkpoint_size"]),
            "  spool \(word(spool?["bytes"])) of \(word(spool?["capacity_bytes"])) bytes in \(word(spool?["entries"])) "
                + "entries, pressure \(word(spool?["pressure"])), \(word(spool?["dropped_blocks"])) blocks dropped",
        ] + (refused ?? []) + (log["held"]?.array ?? []).map { "  nothing is sent: \(word($0))" }
    }

    private static func word(_ value: JSONValue?) -> String {
        switch value {
        case .string(let text): text
        case .number(let number): number.text
        default: "-"
        }
    }
}
