import ArgumentParser
import Emissions
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

    /// What the names of values in the help stand for a figure.
    private static let figures: Set<Substring> = [
        "w", "kwh", "h", "d", "p", "g", "lb", "u", "n", "m3", "kg", "price", "flop", "flop/s", "ratio", "MWh", "l/kWh",
    ]

    /// The parser names the option and not what it takes.
    static func remedy(for message: String) -> String {
        if message.hasPrefix("Missing value for") {
            return "give one; a value that begins with a minus is joined on, as in --option=-1"
        }
        let parts = message.split(separator: "<")
        if message.contains("is invalid for"), let last = parts.last, parts.count > 1,
            figures.contains(last.prefix { $0 != ">" })
        {
            return "write a number like 449.06 or 3.14e23, with a point, without a unit"
        }
        return "see 'wattest --help'"
    }

    /// Says what went wrong, one line for an error, and gives the exit status.
    private static func report(_ error: any Error) -> Int32 {
        switch error {
        case let failure as CommandFailure:
            Output.error(failure)
            return failure.status.rawValue
        case let refusal as EmissionsError:
            Output.error(.usage(refusal.message, "correct the inputs"))
            return CommandFailure.Status.usage.rawValue
        case let code as ExitCode:
            return code.rawValue
        default:
            guard exitCode(for: error).isSuccess else {
                var message = message(for: error)
                while message.last == "." { message.removeLast() }
                Output.error(.usage(message, remedy(for: message)))
                return CommandFailure.Status.usage.rawValue
            }
            Output.text(fullMessage(for: error) + "\n")
            return 0
        }
    }
}
