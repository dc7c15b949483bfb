import ArgumentParser
import Batches
import JSONText
import NodeAgent

/// Makes the node's keys and has them entered into its organization's log.
struct Enroll: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make the node's keys and enroll it with a one-time token.")

    @Option(help: "The aggregator: https://HOST:PORT.") var server: String?
    @Option(name: .customLong("ca-sha256"), help: "SHA-256 of the aggregator's CA certificate, hexadecimal.")
    var authoritySHA256: String?
    @Option(help: "One-time token; better in WATTEST_TOKEN or a --token-file.") var token: String?
    @Option(name: .customLong("token-file"), help: "File that holds the token.") var tokenFile: String?
    @Option(help: "The node's name.") var node: String?
    @Option(name: .customLong("data-dir"), help: "Directory of the agent's keys and spool.") var dataDirectory: String?
    @Option(help: "YAML file.") var config: String?
    @Flag(help: "Print one JSON object.") var json = false

    func run() async throws {
        let settings = try Settings(
            file: config,
            flags: [
                "server": server, "ca-sha256": authoritySHA256, "token": token, "token-file": tokenFile, "node": node,
                "data-dir": dataDirectory,
            ])
        let request = EnrolmentRequest(
            server: try settings.required("server"), authoritySHA256: try settings.required("ca-sha256"),
            token: try Self.token(settings), node: try settings.required("node"), role: .node,
            directory: try settings.required("data-dir"))
        let outcome = try await request.run(
            now: AgentEnvironment.unixSeconds, seed: AgentEnvironment.randomBytes(32))
        report(outcome)
    }

    private static func token(_ settings: Settings) throws(AgentError) -> String {
        guard settings["token"] == nil, let file = settings["token-file"] else { return try settings.required("token") }
        let bytes: [UInt8]?
        do {
            bytes = try DurableFile.read(file, maximumBytes: 4096)
        } catch {
            throw AgentError(error)
        }
        guard let bytes else { throw AgentError(.file, "\(file) does not exist; give another --token-file") }
        return String(decoding: bytes.prefix { $0 > 0x20 }, as: UTF8.self)
    }

    private func report(_ outcome: EnrolmentRequest.Outcome) {
        let enrolment = outcome.enrolment
        if json {
            let object: JSONValue = [
                "node": .string(enrolment.node), "log": .string(enrolment.log), "site": .string(enrolment.site),
                "ingest": .string("\(enrolment.ingest)"), "incarnation": .decimalString(enrolment.incarnation),
                "data_dir": .string(enrolment.directory), "was_enrolled": .bool(outcome.wasEnrolled),
            ]
            return print(object.text())
        }
        let what = outcome.wasEnrolled ? "is enrolled already" : "is enrolled"
        print(
            "\(enrolment.node) \(what) in \(enrolment.log); start it with: "
                + "wattest-agent run --data-dir \(enrolment.directory)"
        )
    }
}
