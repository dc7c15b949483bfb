import ArgumentParser
import Disclosure
import Emissions
import Energy
import JSONText

/// `wattest contract`
struct ContractCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "contract",
        abstract: "Instruments of the market-based figure: certificates, power purchase agreements, rates.",
        subcommands: [Add.self, List.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Declares an instrument in the log; a report counts it if it stands the test.")
        @OptionGroup var options: ServerOptions

        @Argument(help: "Its name; the same name again replaces it.")
        var id: String

        @Option(help: "go, rec, ppa, supplier-rate, on-site or other.")
        var kind: Kind

        @Option(help: "The market in which it is valid, such as DE.")
        var market: String

        @OptionGroup var vintage: SpanOptions

        @Option(help: ArgumentHelp("How much it covers; else the sum of --hourly-mwh.", valueName: "MWh"))
        var mwh: String?

        @Option(
            name: .customLong("hourly-mwh"),
            help: ArgumentHelp(
                "How much was generated in each hour of the vintage, one figure a line: it counts in the hourly rule"
                    + " too.", valueName: "file"))
        var hourlyFile: String?

        @Option(name: .customLong("g-per-kwh"), help: ArgumentHelp("What it emits.", valueName: "g"))
        var gramsPerKilowattHour = "0"

        @Option(name: .customLong("retired-for"), help: "For whom it was cancelled: the organization's name.")
        var retiredFor: String

        @Option(name: .customLong("certificate"), help: "Identifier of a certificate; may be repeated, is used once.")
        var certificates: [String] = []

        @Option(name: .customLong("document-sha256"), help: "SHA-256 of the cancellation statement, hexadecimal.")
        var documentSHA256: String?

        @Option(help: "Why it is declared; stands in the log.")
        var reason: String?

        enum Kind: String, ExpressibleByArgument, CaseIterable {
            case go
            case rec
            case ppa
            case supplierRate = "supplier-rate"
            case onSite = "on-site"
            case other
        }

        func run() async throws {
            let period = try vintage.period
            let hours = try hourlyFile.map { try Self.hours($0, Int(period.end.hour - period.start.hour)) }
            let text = try mwh ?? hours.map { try Self.sum($0) } ?? ""
            guard let volume = JSONNumber(text: text), volume.double > 0 else {
                throw CommandFailure.usage(
                    "--mwh '\(text)' is no amount", "give a decimal number above 0, or --hourly-mwh FILE")
            }
            guard let factor = JSONNumber(text: gramsPerKilowattHour), factor.double >= 0 else {
                throw CommandFailure.usage("--g-per-kwh '\(gramsPerKilowattHour)' is no factor", "give 0 or more")
            }
            var value: JSONValue = [
                "kind": .string(kind.rawValue), "market": .string(market),
                "certificate_ids": .array(certificates.map { .string($0) }),
                "start": .string(TimeText.rfc3339(period.start)), "end": .string(TimeText.rfc3339(period.end)),
                "mwh": .number(volume), "g_per_kwh": .number(factor), "retired_for": .string(retiredFor),
                "document_sha256": .string(documentSHA256 ?? ""),
            ]
            if let hours, case .object(var object) = value {
                object.append("hourly_mwh", .array(hours.map { .string($0.text) }))
                value = .object(object)
            }
            let client = try options.client()
            let setting = Setting(
                field: "contract.instrument", subject: id, value: value, effectiveFrom: nil, reason: reason)
            let reply = try await setting.post(client, try await options.organization(client))
            if options.json { return Output.json(reply) }
            Output.text("\(id) is declared at log index \(FigureText.text(reply["index"]))\n")
        }

        /// The figures of a file, a line each, as many as the vintage has hours.
        private static func hours(_ file: String, _ count: Int) throws -> [DecimalFigure] {
            let lines = try FactorCommand.Import.content(of: file).split(whereSeparator: \.isNewline)
            guard lines.count == count else {
                throw CommandFailure.usage(
                    "--hourly-mwh \(file) has \(lines.count) lines, and the vintage \(count) hours",
                    "give one figure for each hour from --start to --end")
            }
            return try lines.enumerated().map { number, line in
                guard let figure = try? DecimalFigure(parsing: line), figure.coefficient >= 0 else {
                    throw CommandFailure.usage(
                        "--hourly-mwh \(file), line \(number + 1): '\(line)' is no amount",
                        "write MWh as a decimal number, 0 or more")
                }
                return figure
            }
        }

        private static func sum(_ hours: [DecimalFigure]) throws -> String {
            try hours.reduce(ExactRatio(0)) { try $0 + $1.ratio }.rounded(decimals: 12).text
        }
    }
}
