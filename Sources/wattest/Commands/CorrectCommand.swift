import ArgumentParser
import Disclosure
import JSONText

/// `wattest correct`
struct CorrectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "correct",
        abstract: "Moves energy to the account that it belongs to, by a signed entry with the reason; or lists that.",
        discussion: """
            Accounts are idle, unattributed, gap, idle-reserved/JOB or a job. What was posted stays in the log; every \
            report of the period shows the correction with its effect, and reports that were issued before call for a \
            restatement.
            """)
    @OptionGroup var options: ServerOptions

    @Option(name: .customLong("from-account"), help: "The account that has it. Without it corrections are listed.")
    var fromAccount: String?
    @Option(name: .customLong("to-account"), help: "The account that it belongs to.") var toAccount: String?
    @Option(help: ArgumentHelp("Begin, a whole UTC hour.", valueName: "yyyy-mm-ddThh:00Z")) var from: String?
    @Option(help: ArgumentHelp("End, a whole UTC hour, not included.", valueName: "yyyy-mm-ddThh:00Z")) var to: String?
    @Option(help: "Of this node alone.") var node: String?
    @Option(help: ArgumentHelp("So much; all that stands there if not given.", valueName: "µJ")) var microjoules: Int64?
    @Option(name: .customLong("refers-to"), help: ArgumentHelp("The entry that misled.", valueName: "index"))
    var refersTo: Int64?
    @Option(help: "Who says so, beside the name of the token.") var by: String?
    @Option(help: "Why; it stands in the log and in every report.") var reason: String?

    func run() async throws {
        let client = try options.client()
        let path = AggregatorClient.path(try await options.organization(client), "corrections")
        guard let fromAccount, let toAccount, let from, let to, let reason else {
            let given = [fromAccount, toAccount, from, to, reason].compactMap(\.self)
            guard given.isEmpty else {
                throw CommandFailure.usage(
                    "a correction has --from-account, --to-account, --from, --to and --reason",
                    "give all of them, or none to list the corrections")
            }
            return list(try await client.get(path, []))
        }
        let period = try Period(from: from, to: to)
        var body = JSONObject()
        body.append("from", .string(TimeText.rfc3339(period.start)))
        body.append("to", .string(TimeText.rfc3339(period.end)))
        body.append("from_account", .string(fromAccount))
        body.append("to_account", .string(toAccount))
        body.append("reason", .string(reason))
        if let node { body.append("node", .string(node)) }
        if let microjoules { body.append("microjoules", .integer(microjoules)) }
        if let refersTo { body.append("refers_to", .integer(refersTo)) }
        if let by { body.append("by", .string(by)) }
        let made = try await client.post(path, .object(body))
        if options.json { return Output.json(made) }
        let indexes = (made["indexes"]?.array ?? []).map { FigureText.text($0) }.joined(separator: ", ")
        Output.text(
            "\(FigureText.text(made["moved_uj"])) µJ moved from \(FigureText.text(made["from_account"])) to"
                + " \(FigureText.text(made["to_account"])) by entry \(indexes)\n")
    }

    private func list(_ page: JSONValue) {
        if options.json { return Output.json(page) }
        var table = TextTable(
            ("entry", .right), ("time", .left), ("moved µJ", .right), ("by", .left), ("reason", .left))
        for item in page["items"]?.array ?? [] {
            table.add(
                FigureText.text(item["index"]), FigureText.text(item["time"]), FigureText.text(item["moved_uj"]),
                FigureText.text(item["by"]), FigureText.text(item["reason"]))
        }
        Output.text(table.isEmpty ? "Nothing was corrected.\n" : table.text)
    }
}
