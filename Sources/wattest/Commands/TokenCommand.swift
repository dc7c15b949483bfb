import ArgumentParser
import JSONText

/// `wattest token`
struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Tokens: what a node enrols with.", subcommands: [Create.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Makes a token and prints it; it is shown only once.")
        @OptionGroup var options: ServerOptions

        @Option(help: ArgumentHelp("How many nodes may enrol with it.", valueName: "n"))
        var uses = 1

        @Option(help: ArgumentHelp("Seconds until it runs out.", valueName: "seconds"))
        var ttl = 86_400

        @Option(help: "join: for nodes; bearer: for people and programs that read.")
        var kind: Kind = .join

        enum Kind: String, ExpressibleByArgument, CaseIterable {
            case join
            case bearer
        }

        func validate() throws {
            guard uses >= 1 else { throw ValidationError("--uses \(uses) is too few, give 1 or more") }
            guard ttl >= 1 else { throw ValidationError("--ttl \(ttl) is too short, give 1 or more seconds") }
        }

        func run() async throws {
            let client = try options.client()
            let path = AggregatorClient.path(try await options.organization(client), "tokens")
            let token = try await client.post(
                path, ["uses": .integer(uses), "ttl_seconds": .integer(ttl), "kind": .string(kind.rawValue)])
            if options.json { return Output.json(token) }
            for name in ["token", "ca_sha256", "server", "ingest"] {
                Output.text("\(name.padded(to: 11))\(FigureText.text(token[name]))\n")
            }
        }
    }
}
