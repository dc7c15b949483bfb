import ArgumentParser
import JSONText

extension EvidenceCommand {
    struct Lineage: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Leads from a job's or a node's figures to node-hours, entries and grid factors.",
            discussion: """
                The lines add up to the report's figures; each entry can be proved with: wattest evidence proof
                """)
        @OptionGroup var options: ServerOptions
        @OptionGroup var periodOptions: PeriodOptions

        @Option(help: ArgumentHelp("The job to trace.", valueName: "key")) var job: String?
        @Option(help: ArgumentHelp("The node to trace, or the job's part on it.", valueName: "name")) var node: String?

        func validate() throws {
            guard job != nil || node != nil else {
                throw ValidationError("--job or --node is missing: say what is to be traced")
            }
        }

        func run() async throws {
            let client = try options.client()
            let path = AggregatorClient.path(try await options.organization(client), "lineage")
            let lineage = try await client.get(
                path, try periodOptions.period.query + [("job", job), ("node", node)])
            if options.json { return Output.json(lineage) }
            var table = TextTable(
                ("hour", .left), ("node", .left), ("account", .left), ("known as", .left), ("µJ", .right),
                ("g/kWh", .right), ("entries", .left))
            for line in lineage["node_hours"]?.array ?? [] {
                table.add(
                    FigureText.text(line["hour"]), FigureText.text(line["node"]), FigureText.text(line["account"]),
                    FigureText.text(line["provenance"]), FigureText.text(line["energy_uj"]),
                    FigureText.text(line["factor"]?["g_per_kwh"]), Self.indexes(line["entries"]?.array ?? []))
            }
            Output.text(table.isEmpty ? "Nothing of it is in this period.\n" : table.text)
            Output.text("total \(FigureText.text(lineage["energy_uj"])) µJ\n")
            if lineage["is_cut"]?.bool == true { Output.text("This is not all: ask for one node or fewer hours.\n") }
        }

        /// First and last of many: `--json` has all.
        private static func indexes(_ entries: [JSONValue]) -> String {
            let all = entries.map { FigureText.text($0["index"]) }
            guard all.count > 4, let first = all.first, let last = all.last else { return all.joined(separator: " ") }
            return "\(first) … \(last) (\(all.count))"
        }
    }

    struct Sample: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Draws a sample of a period's batches by a seed, to be tested by hand.",
            discussion: """
                Every batch is as likely as any other, and whoever knows the seed and the entries draws the same ones. \
                Name the seed after the period is closed.
                """)
        @OptionGroup var options: ServerOptions
        @OptionGroup var periodOptions: PeriodOptions

        @Option(help: "Text that decides, from the assurer.") var seed: String
        @Option(help: "How many, 1 to 10000.") var count = 25

        func run() async throws {
            let client = try options.client()
            let path = AggregatorClient.path(try await options.organization(client), "sample")
            let sample = try await client.get(
                path, try periodOptions.period.query + [("seed", seed), ("count", "\(count)")])
            if options.json { return Output.json(sample) }
            var table = TextTable(
                ("entry", .right), ("node", .left), ("seq", .right), ("start", .left), ("end", .left),
                ("readings SHA-256", .left))
            for entry in sample["entries"]?.array ?? [] {
                table.add(
                    FigureText.text(entry["index"]), FigureText.text(entry["node"]), FigureText.text(entry["seq"]),
                    FigureText.text(entry["start"]), FigureText.text(entry["end"]),
                    String(FigureText.text(entry["samples_sha256"]).prefix(16)))
            }
            Output.text("\(FigureText.text(sample["population"])) batches, drawn by the seed '\(seed)':\n")
            Output.text(table.isEmpty ? "none\n" : table.text)
        }
    }
}
