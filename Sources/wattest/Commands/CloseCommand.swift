import ArgumentParser
import Disclosure
import JSONText

/// `wattest close`
struct CloseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "close",
        abstract: "Closes the books of a period in the log, or lists what is closed.",
        discussion: """
            A close states what every account holds and where every node's chain stood. What arrives afterwards is \
            late, and every later report says so. The aggregator closes each UTC day by itself, an hour after its end.
            """)
    @OptionGroup var options: ServerOptions

    @Option(
        help: ArgumentHelp("Begin, a whole UTC hour; without it the closes are listed.", valueName: "yyyy-mm-ddThh:00Z")
    )
    var from: String?

    @Option(help: ArgumentHelp("End, a whole UTC hour, not included.", valueName: "yyyy-mm-ddThh:00Z"))
    var to: String?

    func run() async throws {
        let client = try options.client()
        let path = AggregatorClient.path(try await options.organization(client), "closes")
        guard let from, let to else {
            guard from == nil, to == nil else {
                throw CommandFailure.usage("a period has --from and --to", "give both, or none to list the closes")
            }
            return list(try await client.get(path, []))
        }
        let period = try Period(from: from, to: to)
        let closed = try await client.post(
            path, ["from": .string(TimeText.rfc3339(period.start)), "to": .string(TimeText.rfc3339(period.end))])
        if options.json { return Output.json(closed) }
        Output.text(
            "\(FigureText.text(closed["from"])) to \(FigureText.text(closed["to"])) is closed by entry"
                + " \(FigureText.text(closed["index"])) over \(FigureText.text(closed["size"])) entries:"
                + " \(FigureText.text(closed["it_uj"])) µJ\n")
    }

    private func list(_ page: JSONValue) {
        if options.json { return Output.json(page) }
        var table = TextTable(
            ("from", .left), ("to", .left), ("closed at", .left), ("entry", .right), ("over", .right), ("late", .right),
            ("late corrections", .right))
        for close in page["items"]?.array ?? [] {
            table.add(
                FigureText.text(close["from"]), FigureText.text(close["to"]), FigureText.text(close["closed_at"]),
                FigureText.text(close["index"]), FigureText.text(close["size"]),
                FigureText.text(close["late_batches"]), FigureText.text(close["late_corrections"]))
        }
        Output.text(table.isEmpty ? "Nothing is closed.\n" : table.text)
    }
}
