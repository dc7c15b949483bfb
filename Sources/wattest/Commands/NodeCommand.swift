import ArgumentParser
import JSONText

/// `wattest node`
struct NodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "Nodes, importers and shared sources.",
        subcommands: [List.self, Share.self, Revoke.self, Retire.self])

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
                    FigureText.text(node["enrolled_at_index"]), Self.state(of: node))
            }
            Output.text(table.isEmpty ? "No nodes.\n" : table.text)
        }

        private static func state(of node: JSONValue) -> String {
            if node["retired"]?.bool == true { return "retired" }
            guard let end = node["revoked"]?.object.map(JSONValue.object) else { return "enrolled" }
            let cutoff = end["cutoff"]?.string.map { ", from index \($0) on" } ?? ""
            return "revoked behind seq \(FigureText.text(end["last_seq"])) of chain "
                + FigureText.text(end["incarnation"]) + cutoff
        }
    }
}

extension NodeCommand {
    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ends the trust in a node's key behind a batch, for good. The node comes back by enrolling anew.",
            discussion: """
                --last-seq lies behind the newest batch in the log only together with --cutoff: whoever has the key \
                could sign up to there. Given once more, the key ends earlier.
                """)
        @OptionGroup var options: ServerOptions
        @Argument(help: "The node's name.") var node: String
        @Option(name: .customLong("last-seq"), help: "The last batch that is trusted.") var lastSequence: Int64
        @Option(help: "The chain that it is of; the node's newest if not given.") var incarnation: Int64?
        @Option(help: "Log index from which not even older batches are taken.") var cutoff: Int64?
        @Option(help: "Why; it stands in the log.") var reason: String

        func run() async throws {
            var members = JSONObject()
            members.append("last_seq", .integer(lastSequence))
            if let incarnation { members.append("incarnation", .integer(incarnation)) }
            if let cutoff { members.append("cutoff", .integer(cutoff)) }
            members.append("reason", .string(reason))
            try await NodeCommand.end(node, "revoke", .object(members), options)
        }
    }

    struct Retire: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes a node out: nothing more is taken of it, under whatever key.")
        @OptionGroup var options: ServerOptions
        @Argument(help: "The node's name.") var node: String
        @Option(help: "Why; it stands in the log.") var reason: String

        func run() async throws {
            try await NodeCommand.end(node, "retire", ["reason": .string(reason)], options)
        }
    }

    struct Share: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says for which other organizations a node may write extracts: those whose jobs run on it.")
        @OptionGroup var options: ServerOptions
        @Argument(help: "The node's name.") var node: String
        @Option(name: .customLong("with"), help: "Slug of an organization; once for each. They replace those before.")
        var tenants: [String] = []
        @Flag(help: "With none from now on.") var nobody = false
        @Option(help: "Why; it stands in the log.") var reason: String?

        func validate() throws {
            guard tenants.isEmpty == nobody else { throw ValidationError("give --with SLUG, or --nobody") }
        }

        func run() async throws {
            let client = try options.client()
            var body = JSONObject()
            body.append("field", "node.tenants")
            body.append("subject", .string(node))
            body.append("value", .array(tenants.map { .string($0) }))
            if let reason { body.append("reason", .string(reason)) }
            let path = AggregatorClient.path(try await options.organization(client), "settings")
            let reply = try await client.post(path, .object(body))
            if options.json { return Output.json(reply) }
            let whom = nobody ? "nobody" : tenants.joined(separator: ", ")
            Output.text("\(node) is shared with \(whom) by entry \(FigureText.text(reply["index"])) of the log\n")
        }
    }

    private static func end(
        _ node: String, _ action: String, _ body: JSONValue, _ options: ServerOptions
    ) async throws {
        let client = try options.client()
        let path = AggregatorClient.path(try await options.organization(client), "nodes", node, action)
        let reply = try await client.post(path, body)
        if options.json { return Output.json(reply) }
        Output.text(
            "\(node) is \(FigureText.text(reply["state"])) by entry \(FigureText.text(reply["index"])) of the log\n")
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
