import ArgumentParser
import Disclosure
import Identity
import JSONText

/// `wattest org`
struct OrganizationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "org", abstract: "Organizations: each has a log of its own.",
        subcommands: [List.self, Show.self, Create.self, Set.self, LogKey.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the organizations that the token is for.")
        @OptionGroup var options: ServerOptions

        func run() async throws {
            let items = try await options.client().list("/v1/organizations")
            if options.json { return Output.json(["items": .array(items), "next": .null]) }
            var table = TextTable(("slug", .left), ("name", .left), ("log", .left))
            for item in items {
                table.add(FigureText.text(item["slug"]), FigureText.text(item["name"]), FigureText.text(item["origin"]))
            }
            Output.text(table.text)
        }
    }

    struct LogKey: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "change-log-key",
            abstract: "Gives the log another key for its checkpoints, by an entry that the old one signs.",
            discussion: """
                Nodes and audits follow that entry by themselves. Witnesses have to be told the new key, and auditors \
                who ask may get the new policy.
                """)
        @OptionGroup var options: ServerOptions
        @Option(help: "Why; it stands in the log.") var reason: String
        @Option(
            help: ArgumentHelp("A key on a token of the aggregator's host; else one in a file.", valueName: "pkcs11:…"))
        var key: String?

        func run() async throws {
            let client = try options.client()
            let path = AggregatorClient.path(try await options.organization(client), "log-key")
            let changed = try await client.post(
                path, ["reason": .string(reason), "key": key.map { .string($0) } ?? .null])
            if options.json { return Output.json(changed) }
            Output.text(
                "\(FigureText.text(changed["log_vkey"])) signs the log from entry"
                    + " \(FigureText.text(changed["index"])) on; tell its witnesses\n")
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sets anything that reports read, as a signed entry of the log; the newest entry wins.",
            discussion: "Fields: \(SettingField.known.joined(separator: ", ")). What each holds: proto/batch.md.")
        @OptionGroup var options: ServerOptions

        @Argument(help: "The field, such as site.wue.")
        var field: String

        @Argument(help: "Its value: JSON, or else a text.")
        var value: String

        @Option(help: "What it is set of: a site, node, model, boundary … as the field says.")
        var subject: String?

        @OptionGroup var setting: SettingOptions

        func run() async throws {
            guard SettingField.known.contains(field) else {
                throw CommandFailure.usage(
                    "no report reads '\(field)'", "the fields are \(SettingField.known.joined(separator: ", "))")
            }
            let parsed = (try? JSONValue(parsing: value)) ?? .string(value)
            let entry = try setting.setting(field, of: subject, parsed)
            let client = try options.client()
            let reply = try await entry.post(client, try await options.organization(client))
            if options.json { return Output.json(reply) }
            Output.text("\(field) is set, log index \(FigureText.text(reply["index"]))\n")
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows jobs, nodes and coverage of one in short.")
        @OptionGroup var options: ServerOptions

        func run() async throws {
            let client = try options.client()
            let value = try await client.get(AggregatorClient.path(try await options.organization(client)))
            if options.json { return Output.json(value) }
            let (nodes, coverage) = (value["nodes"], value["coverage"])
            Output.text(
                """
                \(FigureText.text(value["name"])) (\(FigureText.text(value["slug"])))
                  log       \(FigureText.text(value["origin"])), \(FigureText.text(value["size"])) entries
                  key       \(FigureText.text(value["log_vkey"]))
                  jobs      \(FigureText.text(value["jobs"])) in \(FigureText.text(value["runs"])) runs
                  nodes     \(FigureText.text(nodes?["reporting"])) reporting of \(FigureText.text(nodes?["known"]))
                  coverage  \(FigureText.share(coverage?["measured_ms"], of: coverage?["allocated_ms"]))
                  energy    \(FigureText.energy(value["it_uj"]))

                """)
        }
    }

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Founds another organization on the aggregator; takes the operator's token.")
        @OptionGroup var options: ServerOptions

        @Argument(help: "Its name.")
        var name: String

        @Option(help: "What it goes by in addresses and files, [a-z0-9-]{1,40}; made of its name if not given.")
        var slug: String?

        @Option(help: "Its first site.")
        var site: String?

        @Option(help: ArgumentHelp("Its log's key on a token of the aggregator's host.", valueName: "pkcs11:…"))
        var logKey: String?

        @Option(help: ArgumentHelp("Its administration key on a token there.", valueName: "pkcs11:…"))
        var administrationKey: String?

        @Option(
            help: ArgumentHelp(
                "Write its token to this file, readable by you alone, and do not print it.", valueName: "file"))
        var saveToken: String?

        func run() async throws {
            var body: JSONObject = .init()
            body.append("name", .string(name))
            if let slug { body.append("slug", .string(slug)) }
            if let site { body.append("site", .string(site)) }
            if let logKey { body.append("log_key", .string(logKey)) }
            if let administrationKey { body.append("administration_key", .string(administrationKey)) }
            var value = try await options.client().post("/v1/organizations", .object(body))
            if let saveToken, let token = value["token"]?.string, var object = value.object {
                do {
                    try PrivateFile.write(Array("\(token)\n".utf8), to: saveToken)
                } catch {
                    throw CommandFailure(.refused, "FILE", "\(error.description); the token is lost, make another one")
                }
                object.set("token", .null)
                value = .object(object)
            }
            if options.json { return Output.json(value) }
            Output.text("organization \(FigureText.text(value["slug"])), log \(FigureText.text(value["origin"]))\n")
            Output.text(value["token"]?.string.map { "token \($0)\n" } ?? "")
        }
    }
}
