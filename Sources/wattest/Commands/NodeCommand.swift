import ArgumentParser
import JSONText

/// `wattest node`
struct NodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "Nodes, importers and shared sources.", subcommands: [List.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists what is enrolled.")
        @OptionGroup var options: ServerOptions
        @OptionGroup var paging: PagingOptions

        func run() async throws {
            let client = try options.client()
            let path = AggregatorClient.path(try await options.organization(client), "nodes")
            let page = try await paging.page(client, path)
            if options.json { return Output.json(page) }
            var table = TextTable(
                ("node", .left), ("kind", .left), ("site", .left), ("enrolled at", .right), ("state", .left))
            for node in page["items"]?.array ?? [] {
                table.add(
                    FigureText.text(node["name"]), FigureText.text(node["kind"]), FigureText.text(node["site"]),
                    FigureText.text(node["enrolled_at_index"]), node["retired"]?.bool == true ? "retired" : "enrolled")
            }
            Output.text(table.isEmpty ? "No nodes.\n" : table.text)
        }
    }
}

/// One page of a list, or all of it.
struct PagingOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Give at most so many, and a cursor for more; else all.", valueName: "n"))
    var limit: Int?

    @Option(help: ArgumentHelp("Go on behind this cursor.", valueName: "cursor"))
    var after: String?

    func validate() throws {
        guard limit ?? 1 >= 1 else { throw ValidationError("--limit \(limit ?? 0) is too few, give 1 or more") }
    }

    func page(_ client: AggregatorClient, _ path: String) async throws -> JSONValue {
        guard limit != nil || after != nil else {
            return ["items": .array(try await client.list(path)), "next": .null]
        }
        return try await client.page(path, limit: limit ?? AggregatorClient.pageLimit, after: after)
    }
}
