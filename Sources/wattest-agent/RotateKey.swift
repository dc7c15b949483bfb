import ArgumentParser
import Batches
import Energy
import JSONText
import NodeAgent
import TransparencyLog

/// Gives the node a new signing key, named by the old one.
struct RotateKey: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate-key",
        abstract: "Give the node a new signing key; the old one names it. The agent must be stopped.")

    @Option(name: .customLong("data-dir"), help: "Directory of the agent's keys and spool.") var dataDirectory: String?
    @Option(help: "YAML file.") var config: String?
    @Flag(help: "Print one JSON object.") var json = false

    func run() async throws {
        let settings = try Settings(file: config, flags: ["data-dir": dataDirectory])
        let outcome = try KeyRotation.run(
            directory: try settings.required("data-dir"),
            now: UTCTime(microseconds: AgentEnvironment.utcMicroseconds()),
            seed: AgentEnvironment.randomBytes(32), salt: AgentEnvironment.randomBytes(16))
        if json {
            let object: JSONValue = [
                "old": .string(outcome.old.text), "new": .string(outcome.new.text),
                "incarnation": .decimalString(outcome.from.incarnation), "seq": .decimalString(outcome.from.sequence),
            ]
            return print(object.text())
        }
        print("\(outcome.new.text) signs from seq \(outcome.from.sequence) on; start the agent to tell the log")
    }
}
