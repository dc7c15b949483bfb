import ArgumentParser
import Disclosure
import Energy
import JSONText

/// `wattest site`
struct SiteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "site", abstract: "Sites: where nodes draw their power.", subcommands: [Set.self, List.self])

    /// What is set about sites.
    static let fields = [
        SettingField.siteZone, SettingField.siteMarket, SettingField.sitePUE, SettingField.siteWater,
        SettingField.siteEmbodied,
    ]

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sets grid zone, market, PUE and water use of a site, as signed entries of the log.")
        @OptionGroup var options: ServerOptions

        @Argument(help: "Name of the site.")
        var name: String

        @Option(help: ArgumentHelp("Grid zone, such as DE or DK-DK1.", valueName: "zone"))
        var zone: String?

        @Option(help: ArgumentHelp("Facility energy by IT energy, 1 or more.", valueName: "ratio"))
        var pue: String?

        @Option(help: "Where its energy is measured for the PUE: 1, 2 or 3 (EN 50600-4-2).")
        var pueCategory: String?

        @Option(help: "metered by the operator, stated by it, or a published mean.")
        var pueSource: PUESource?

        @Option(help: ArgumentHelp("The market in which certificates reach it; else its zone.", valueName: "market"))
        var market: String?

        @Option(help: ArgumentHelp("Water used at the site for each kWh of IT energy.", valueName: "l/kWh"))
        var wue: String?

        @Option(help: ArgumentHelp("Water that each kWh of its electricity took elsewhere.", valueName: "l/kWh"))
        var wueOffSite: String?

        @Option(help: "Where the water figures stand.")
        var wueSource: String?

        @OptionGroup var setting: SettingOptions

        func run() async throws {
            let settings = try settings()
            guard !settings.isEmpty else {
                throw CommandFailure.usage(
                    "nothing is to be set for site '\(name)'", "give --zone, --market, --pue or --wue")
            }
            let entries = try settings.map { field, value in try setting.setting(field, of: name, value) }
            let client = try options.client()
            let organization = try await options.organization(client)
            var results: [JSONValue] = []
            for entry in entries {
                let reply = try await entry.post(client, organization)
                results.append(["field": .string(entry.field), "index": reply["index"] ?? .null])
                if !options.json {
                    Output.text("\(entry.field) of \(name) set, log index \(FigureText.text(reply["index"]))\n")
                }
            }
            if options.json { Output.json(["items": .array(results), "next": .null]) }
        }

        enum PUESource: String, ExpressibleByArgument, CaseIterable {
            case metered
            case stated
            case published
        }

        private func settings() throws(CommandFailure) -> [(String, JSONValue)] {
            var settings: [(String, JSONValue)] = []
            if let zone { settings.append((SettingField.siteZone, .string(zone))) }
            if let market { settings.append((SettingField.siteMarket, .string(market))) }
            if let value = try effectiveness() { settings.append((SettingField.sitePUE, value)) }
            if let value = try water() { settings.append((SettingField.siteWater, value)) }
            return settings
        }

        private func effectiveness() throws(CommandFailure) -> JSONValue? {
            guard let pue else {
                if pueCategory == nil, pueSource == nil { return nil }
                throw .usage("--pue-category and --pue-source say something of a PUE", "give --pue too")
            }
            guard let number = JSONNumber(text: pue), number.double >= 1, number.double <= 10 else {
                throw .usage("--pue '\(pue)' is no PUE", "give a decimal number from 1 to 10")
            }
            if pueCategory == nil, pueSource == nil { return .number(number) }
            var value = JSONObject()
            value.append("value", .number(number))
            if let pueCategory {
                guard ["1", "2", "3"].contains(pueCategory) else {
                    throw .usage("--pue-category '\(pueCategory)' is no category", "give 1, 2 or 3")
                }
                value.append("category", .string(pueCategory))
            }
            if let pueSource { value.append("source", .string(pueSource.rawValue)) }
            return .object(value)
        }

        private func water() throws(CommandFailure) -> JSONValue? {
            guard let wue else {
                if wueOffSite == nil, wueSource == nil { return nil }
                throw .usage("--wue-off-site and --wue-source stand beside the water of the site", "give --wue too")
            }
            var value = JSONObject()
            value.append("on_site", try Self.litres(wue, "--wue"))
            if let wueOffSite { value.append("off_site", try Self.litres(wueOffSite, "--wue-off-site")) }
            if let wueSource { value.append("source", .string(wueSource)) }
            return .object(value)
        }

        private static func litres(_ text: String, _ option: String) throws(CommandFailure) -> JSONValue {
            guard let number = JSONNumber(text: text), number.double >= 0, number.double <= 1000 else {
                throw .usage("\(option) '\(text)' is no amount of water", "give litres for each kWh, 0 or more")
            }
            return .number(number)
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
