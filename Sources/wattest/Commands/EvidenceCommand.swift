import ArgumentParser
import JSONText

/// `wattest evidence`
struct EvidenceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evidence", abstract: "Evidence: what an auditor recomputes every figure from.",
        subcommands: [Export.self, Proof.self, Receipt.self])

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes the evidence bundle of a period into a new directory.",
            discussion: """
                Check it with: wattest-audit verify DIR --policy FILE. Interrupted, the same command goes on with what \
                DIR.partial has.
                """)
        @OptionGroup var options: ServerOptions
        @OptionGroup var periodOptions: PeriodOptions

        @Option(
            name: [.customShort("o"), .long],
            help: ArgumentHelp("The directory; it must not exist, or be empty.", valueName: "dir"))
        var output: String

        @Flag(help: "Bring the readings behind each batch as well.")
        var samples = false

        @Option(help: "For whom: assurer, who is shown every entry, authority, ai-office or public.")
        var audience: String?

        @Option(
            help: ArgumentHelp(
                "By which method of 'wattest report methods' the figures in it are made; else the newest.",
                valueName: "1"))
        var method: String?

        @Flag(help: "Show no batches of other times: their leaf hashes prove that they are there. Not for an assurer.")
        var onlyPeriod = false

        @Option(
            help: ArgumentHelp(
                "Show no batches of other jobs, nor what they are called. Not for an assurer.", valueName: "key"))
        var job: String?

        func run() async throws {
            let period = try periodOptions.period
            let client = try options.client()
            let organization = try await options.organization(client)
            let counts = try await EvidenceExport.write(
                to: output, from: client, AggregatorClient.path(organization, "evidence"),
                period.query + [
                    ("samples", samples ? "1" : "0"), ("audience", audience), ("only_period", onlyPeriod ? "1" : nil),
                    ("job", job), ("method", method),
                ])
            if let missing = EvidenceExport.missingQuorum(in: output) { Output.warning(missing) }
            if options.json {
                return Output.json([
                    "directory": .string(output), "files": .integer(counts.files), "bytes": .integer(counts.bytes),
                ])
            }
            Output.text("\(counts.files) files, \(counts.bytes) bytes in \(output)\n")
        }
    }
}
