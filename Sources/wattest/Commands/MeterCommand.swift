import ArgumentParser
import Disclosure
import Energy
import JSONText

/// `wattest meter`
struct MeterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meter", abstract: "Meters and bills of a site, against which a report shows what it holds.",
        subcommands: [Read.self, List.self])

    struct Read: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Enters what a meter or a bill says of a span of whole hours; the same span again replaces it.",
            aliases: ["add"])
        @OptionGroup var options: ServerOptions

        @Argument(help: "Name of the meter.")
        var meter: String

        @Option(help: "The site that it measures.")
        var site: String

        @Option(
            name: .customLong("node"),
            help: ArgumentHelp(
                "A node that it supplies, once for each; without any it is the whole site.", valueName: "name"))
        var nodes: [String] = []

        @OptionGroup var span: SpanOptions

        @Option(help: ArgumentHelp("Energy of the span.", valueName: "MWh"))
        var mwh: String

        @Option(help: "meter or bill.")
        var kind: Kind = .meter

        @Option(help: "Where the figure stands, for example the number of the bill.")
        var source: String?

        @Option(help: "Why it is entered; stands in the log.")
        var reason: String?

        enum Kind: String, ExpressibleByArgument, CaseIterable {
            case meter
            case bill
        }

        func run() async throws {
            let period = try span.period
            guard let energy = JSONNumber(text: mwh), energy.double >= 0 else {
                throw CommandFailure.usage("--mwh '\(mwh)' is no energy", "give a decimal number, 0 or more")
            }
            var value = JSONObject()
            value.append("site", .string(site))
            if !nodes.isEmpty { value.append("nodes", .array(nodes.map(JSONValue.string))) }
            value.append("start", .string(TimeText.rfc3339(period.start)))
            value.append("end", .string(TimeText.rfc3339(period.end)))
            value.append("mwh", .number(energy))
            value.append("kind", .string(kind.rawValue))
            if let source { value.append("source", .string(source)) }
            let client = try options.client()
            let setting = Setting(
                field: "site.meter", subject: meter, value: .object(value), effectiveFrom: nil, reason: reason)
            let reply = try await setting.post(client, try await options.organization(client))
            if options.json { return Output.json(reply) }
            Output.text("\(meter) is entered at log index \(FigureText.text(reply["index"]))\n")
        }
    }
}
