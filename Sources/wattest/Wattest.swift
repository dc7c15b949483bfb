import ArgumentParser
import Energy

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@main
enum Program {
    static func main() async { exit(await Wattest.run(Array(CommandLine.arguments.dropFirst()))) }
}

/// The operator's program: asks an aggregator over HTTPS, brings in recorded logs, and runs commands that the local
/// agent accounts for.
struct Wattest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wattest",
        abstract: "Accounts for the energy of distributed training, and proves it.",
        discussion: """
            Options may stand in the environment: WATTEST_SERVER, WATTEST_INGEST, WATTEST_TOKEN_FILE, WATTEST_CA_FILE, \
            WATTEST_ORG. Exit status: 0 done, 1 refused or not verified, 2 usage, 3 unavailable.
            """,
        version: Release.version,
        subcommands: [
            OrganizationCommand.self, SiteCommand.self, TokenCommand.self, NodeCommand.self, JobCommand.self,
            RunCommand.self, FactorCommand.self, ContractCommand.self, MeterCommand.self, ReportCommand.self,
            EvidenceCommand.self, CloseCommand.self, CorrectCommand.self, ImportCommand.self,
            ExecCommand.self, ProgressCommand.self,
            EstimateCommand.self, ForecastCommand.self,
        ])

    @OptionGroup var options: ServerOptions

    /// Runs one command line. On the first thread, since `exec` may block signals only where there is no other yet.
    ///
    /// - Returns: the exit status.
    @MainActor static func run(_ arguments: [String]) async -> Int32 {
        // A reader that goes away ends a write, not the program.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return 0
        } catch {
            return report(error)
        }
    }

    /// Says what went wrong, one line for an error, and gives the exit status.
    private static func report(_ error: any Error) -> Int32 {
        switch error {
        case let failure as CommandFailure:
            Output.error(failure)
            return failure.status.rawValue
        case let code as ExitCode:
            return code.rawValue
        default:
            guard exitCode(for: error).isSuccess else {
                var message = message(for: error)
                while message.last == "." { message.removeLast() }
                Output.error(.usage(message, "see 'wattest --help'"))
                return CommandFailure.Status.usage.rawValue
            }
            Output.text(fullMessage(for: error) + "\n")
            return 0
        }
    }
}
