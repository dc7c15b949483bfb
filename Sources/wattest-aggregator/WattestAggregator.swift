import ArgumentParser
import Energy

/// The central program of Wattest: takes signed evidence from nodes, keeps each organization's log, serves its
/// accounts.
@main
struct WattestAggregator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wattest-aggregator",
        abstract: "Collects signed energy evidence and keeps the log of each organization.",
        version: Release.version,
        subcommands: [
            Init.self, Serve.self, Migrate.self, Retain.self, Policy.self, Witness.self, Signer.self,
        ])

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let failure as Failure {
            failure.report()
            exit(withError: ExitCode(failure.status))
        } catch let code as ExitCode {
            exit(withError: code)
        } catch  where exitCode(for: error) == .validationFailure || exitCode(for: error) == .success {
            let isHelp = exitCode(for: error) == .success
            if isHelp { exit(withError: error) }
            Failure(.usage, "\(message(for: error)); see 'wattest-aggregator --help'").report()
            exit(withError: ExitCode(2))
        } catch {
            let failure = Failure(.unavailable, "\(error)")
            failure.report()
            exit(withError: ExitCode(failure.status))
        }
    }
}
