import Aggregation
import ArgumentParser
import Identity
import TransparencyLog

/// Who witnesses a log, and what auditors are told to ask for.
struct Policy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show or set the witnesses of a log.", subcommands: [PolicyShow.self, PolicySet.self],
        defaultSubcommand: PolicyShow.self)
}

struct PolicyOptions: ParsableArguments {
    @Option(name: .customLong("data-dir"), help: "Directory of the installation.") var dataDirectory: String?
    @Option(help: "Slug of the organization; the first one if not given.") var organization: String?
    @Option(help: "YAML file.") var config: String?

    /// The installation, the directory of the log's keys, and the keys.
    func open() throws -> (installation: Installation, directory: String, keys: LogKeys) {
        let settings = try Settings(file: config, flags: ["data-dir": dataDirectory])
        let installation = Installation(directory: try settings.required("data-dir"))
        let directory = try directory(in: installation)
        return (installation, directory, try LogKeys(directory: directory))
    }

    private func directory(in installation: Installation) throws -> String {
        if let organization {
            let directory = installation.logDirectory(organization)
            guard PrivateFile.exists(directory) else {
                throw Failure(.usage, "--organization \(organization): no such slug in \(installation.directory)/logs")
            }
            return directory
        }
        guard let slug = installation.firstSlug else {
            throw Failure(.usage, "\(installation.directory) is no installation; run 'wattest-aggregator init' first")
        }
        return installation.logDirectory(slug)
    }
}

/// Prints the policy as auditors get it.
struct PolicyShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Print the log's policy: its keys, witnesses and quorum.")

    @OptionGroup var options: PolicyOptions

    func run() async throws {
        let (_, directory, keys) = try options.open()
        let policy = try WitnessPolicy.read(LogRuntime.witnessPolicyFile(directory), ownKeys: keys.verifiers) ?? .none
        print(policy.published(logKeys: [keys.log.verifier]), terminator: "")
    }
}

/// Replaces the witnesses and the quorum. A running aggregator takes them over with its next checkpoint.
struct PolicySet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Take witnesses, groups and quorum from a file of tlog-policy lines.")

    @OptionGroup var options: PolicyOptions
    @Argument(help: "File with the lines witness, group and quorum.") var file: String

    func run() async throws {
        let (installation, directory, keys) = try options.open()
        let policy: WitnessPolicy
        do {
            policy = try WitnessPolicy(parsing: try PrivateFile.read(file), ownKeys: keys.verifiers)
        } catch {
            throw Failure(.usage, "\(file): \(error)")
        }
        try PrivateFile.write(Array(policy.text.utf8), to: LogRuntime.witnessPolicyFile(directory), mode: 0o644)
        let published = policy.published(logKeys: [keys.log.verifier])
        if directory == installation.firstSlug.map(installation.logDirectory) {
            try PrivateFile.write(Array(published.utf8), to: installation.policy, mode: 0o644)
        }
        print(published, terminator: "")
    }
}
