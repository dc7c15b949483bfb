import ArgumentParser
import Disclosure
import Energy
import JSONText

/// `wattest site`
struct SiteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "site", abstract: "Sites: where nodes draw their power.", subcommands: [Set.self])

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sets the grid zone and the PUE of a site, as signed entries of the log.")
        @OptionGroup var options: ServerOptions

        @Argument(help: "Name of the site.")
        var name: String

        @Option(help: ArgumentHelp("Grid zone, such as DE or DK-DK1.", valueName: "zone"))
        var zone: String?

        @Option(help: ArgumentHelp("Facility energy by IT energy, 1 or more.", valueName: "ratio"))
        var pue: String?

        @Option(
            help: ArgumentHelp(
                "The whole UTC hour from which on it holds; else always.", valueName: "yyyy-mm-ddThh:00Z"))
        var from: String?

        @Option(help: "Why it is set; stands in the log.")
        var reason: String?

        func run() async throws {
            let settings = try [zone.map { ("site.zone", JSONValue.string($0)) }, pueSetting].compactMap(\.self)
            guard !settings.isEmpty else {
                throw CommandFailure.usage("nothing is to be set for site '\(name)'", "give --zone, --pue or both")
            }
            let effective = try from.map { try Period.hour($0, option: "--from") }
            let client = try options.client()
            let organization = try await options.organization(client)
            var results: [JSONValue] = []
            for (field, value) in settings {
                let setting = Setting(
                    field: field, subject: name, value: value, effectiveFrom: effective, reason: reason)
                let reply = try await setting.post(client, organization)
                results.append(["field": .string(field), "index": reply["index"] ?? .null])
                if !options.json {
                    Output.text("\(field) of \(name) set, log index \(FigureText.text(reply["index"]))\n")
                }
            }
            if options.json { Output.json(["items": .array(results), "next": .null]) }
        }

        private var pueSetting: (String, JSONValue)? {
            get throws(CommandFailure) {
                guard let pue else { return nil }
                guard let number = JSONNumber(text: pue), number.double >= 1, number.double <= 10 else {
                    throw .usage("--pue '\(pue)' is no PUE", "give a decimal number from 1 to 10")
                }
                return ("site.pue", .number(number))
            }
        }
    }
}

/// One configured input of reports, to be signed into the log.
struct Setting {
    var field: String
    var subject: String?
    var value: JSONValue
    var effectiveFrom: UTCTime?
    var effectiveUntil: UTCTime?
    var by: String?
    var reason: String?

    var body: JSONValue {
        var body = JSONObject()
        body.append("field", .string(field))
        if let subject { body.append("subject", .string(subject)) }
        body.append("value", value)
        if let effectiveFrom { body.append("effective_from", .string(TimeText.rfc3339(effectiveFrom))) }
        if let effectiveUntil { body.append("effective_until", .string(TimeText.rfc3339(effectiveUntil))) }
        if let by { body.append("by", .string(by)) }
        if let reason { body.append("reason", .string(reason)) }
        return .object(body)
    }

    func post(_ client: AggregatorClient, _ organization: String) async throws -> JSONValue {
        try await client.post(AggregatorClient.path(organization, "settings"), body)
    }
}
