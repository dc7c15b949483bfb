import ArgumentParser
import JSONText

/// `wattest report lineage`
struct ReportLineage: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lineage",
        abstract: "Leads a figure of a disclosure to its node-hours, batches and factors.",
        discussion: """
            Without --figure it lists the figures of the period, each with the sum of its node-hours beside what the \
            disclosure shows. With --json every batch stands there with its entry in the log; 'wattest evidence \
            proof --index N' gives that entry with its proof.
            """)
    @OptionGroup var options: ServerOptions
    @OptionGroup var periodOptions: PeriodOptions
    @OptionGroup var paging: PagingOptions

    @Option(help: ArgumentHelp("A figure, such as 'jobs[KEY].energy_uj' or energy.idle_uj.", valueName: "path"))
    var figure: String?

    @Option(help: ArgumentHelp("By which method or rule of attribution; else the newest.", valueName: "1"))
    var method: String?

    func run() async throws {
        let query =
            try periodOptions.period.query + [
                ("figure", figure), ("method", method), ("limit", paging.limit.map { "\($0)" }),
                ("after", paging.after),
            ]
        let client = try options.client()
        let path = AggregatorClient.path(try await options.organization(client), "lineage")
        let answer = try await client.get(path, query)
        if options.json { return Output.json(answer) }
        Output.text(LineagePage(answer: answer).text)
    }
}

/// `wattest report sample`
struct ReportSample: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample",
        abstract: "Draws batches behind a figure by a seed, each by the energy in it.",
        discussion: """
            The assurer names the seed. The same seed draws the same sample from the same entries of the log, so \
            anybody can draw it again.
            """)
    @OptionGroup var options: ServerOptions
    @OptionGroup var periodOptions: PeriodOptions

    @Option(help: ArgumentHelp("Any text; whoever checks chooses it.", valueName: "text"))
    var seed: String

    @Option(name: .customLong("n"), help: ArgumentHelp("How many draws, 1 to 1,000.", valueName: "number"))
    var count = 25

    @Option(help: ArgumentHelp("The figure to draw from.", valueName: "path"))
    var figure = "energy.it_uj"

    @Option(help: ArgumentHelp("By which method or rule of attribution; else the newest.", valueName: "1"))
    var method: String?

    func validate() throws {
        guard (1...1000).contains(count) else { throw ValidationError("--n is between 1 and 1000") }
        guard !seed.isEmpty else { throw ValidationError("--seed is empty") }
    }

    func run() async throws {
        let query =
            try periodOptions.period.query + [
                ("figure", figure), ("seed", seed), ("n", "\(count)"), ("method", method),
            ]
        let client = try options.client()
        let path = AggregatorClient.path(try await options.organization(client), "sample")
        let answer = try await client.get(path, query)
        if options.json { return Output.json(answer) }
        Output.text(SamplePage(answer: answer).text)
    }
}
