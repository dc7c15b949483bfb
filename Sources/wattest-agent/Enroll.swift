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
    @Option(help: "Slug of another organization whose jobs run here: a token of it opens its log to this node too.")
    var tenant: String?
    @Option(help: "YAML file.") var config: String?
    @Flag(help: "Print one JSON object.") var json = false

    func run() async throws {
        let settings = try Settings(
            file: config,
            flags: [
                "server": server, "ca-sha256": authoritySHA256, "token": token, "token-file": tokenFile, "node": node,
                "data-dir": dataDirectory,
            ])
        let directory = try settings.required("data-dir")
        let guest = try tenant.map { try Self.guest(of: $0, in: directory) }
        var request = EnrolmentRequest(
            server: try settings["server"] ?? guest?.home.server ?? settings.required("server"),
            authoritySHA256: try settings.required("ca-sha256"), token: try Self.token(settings),
            node: try settings["node"] ?? guest?.home.node ?? settings.required("node"), role: .node,
            directory: guest.map { TenantLog.directory(of: $0.tenant, in: directory) } ?? directory)
        request.guest = guest
        let outcome = try await request.run(
            now: AgentEnvironment.unixSeconds, seed: AgentEnvironment.randomBytes(32))
        report(outcome)
    }

    /// The node's enrolment at home, under which that with the tenant is kept.
    private static func guest(of tenant: String, in directory: String) throws(AgentError) -> EnrolmentRequest.Guest {
        let home = try Enrolment(directory: directory)
        guard TenantLog.isSlug(tenant) else {
            throw AgentError(.usage, "--tenant `\(tenant)` is not a slug of 1 to 40 of a-z, 0-9 and -")
        }
        return EnrolmentRequest.Guest(home: home, tenant: tenant)
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
        if let tenant {
            return print(
                "\(enrolment.node) writes extracts for \(tenant) to \(enrolment.log); restart the agent, with the "
                    + "accounts of \(tenant) in its account map")
        }
        let what = outcome.wasEnrolled ? "is enrolled already" : "is enrolled"
        print(
            "\(enrolment.node) \(what) in \(enrolment.log); start it with: "
                + "wattest-agent run --data-dir \(enrolment.directory)"
        )
    }
}
