import ArgumentParser
import JSONText

/// `wattest run`
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Runs: the jobs that train one model, or that were given one name.",
        subcommands: [List.self, Show.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the runs of the organization.")
        @OptionGroup var options: ServerOptions
        @OptionGroup var paging: PagingOptions

        func run() async throws {
            let client = try options.client()
            let page = try await paging.page(
                client, AggregatorClient.path(try await options.organization(client), "runs"))
            if options.json { return Output.json(page) }
            var table = TextTable(
                ("run", .left), ("jobs", .right), ("kWh", .right), ("coverage", .right), ("classes", .left))
            for run in page["items"]?.array ?? [] {
                table.add(
                    FigureText.text(run["name"]), FigureText.text(run["job_count"]),
                    RunPage.energy(of: run), FigureText.percent(run["coverage"]), RunPage.list(run["classes"]))
            }
            Output.text(table.text)
            if let next = page["next"]?.string { Output.text("More: --after \(next)\n") }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows a run with each of its jobs.")
        @OptionGroup var options: ServerOptions

        @Argument(help: "Name of the run.")
        var name: String

        func run() async throws {
            let client = try options.client()
            let run = try await client.get(
                AggregatorClient.path(try await options.organization(client), "runs", name))
            if options.json { return Output.json(run) }
            Output.text(RunPage(run: run).text)
        }
    }
}
