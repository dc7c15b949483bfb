import ArgumentParser
import JSONText

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `wattest factor`
struct FactorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "factor", abstract: "Grid factors: what a kilowatt-hour emitted, by zone and time.",
        subcommands: [Import.self, Fetch.self, List.self])

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keeps a table of factors and declares it in the log; reports ask the newest table first.")
        @OptionGroup var options: ServerOptions

        @Argument(
            help: "The table, CSV; an own one with columns zone, period (2026, 2026-10, 2026-10-01T05Z), g_per_kwh.")
        var file: String

        @Option(help: "wattest (own), electricity-maps (portal), egrid or ember.")
        var format: Format = .own

        @Option(help: "Who publishes it.")
        var provider: String

        @Option(help: "Its title.")
        var dataset: String?

        @Option(name: .customLong("dataset-version"), help: "Its version or year.")
        var datasetVersion: String

        @Option(help: "The licence that it is used under, such as CC-BY-4.0.")
        var licence: String

        @Option(help: "How it is to be cited.")
        var citation: String?

        @Option(help: "What an own table counts: direct, lifecycle or unknown.")
        var scope: Scope?

        @Option(help: "Which gases it counts: CO2, CO2e or unknown.")
        var gases: Gases?

        @Option(help: "By whose warming potentials gases are weighed: AR4, AR5 or AR6.")
        var warmingPotentials: WarmingPotentials?

        @Option(
            help: ArgumentHelp(
                "What all of an own or eGRID table is for, where no column says it.", valueName: "yyyy|yyyy-mm"))
        var period: String?

        @Option(help: "What each time of an electricity-maps table is for, where its rows do not show it.")
        var granularity: Granularity?

        @Option(help: ArgumentHelp("When it was downloaded.", valueName: "yyyy-mm-ddThh:mmZ"))
        var retrievedAt: String?

        @Flag(help: "The table is a residual mix, for energy that no instrument covers.")
        var residual = false

        @Option(help: "Why it is imported; stands in the log.")
        var reason: String?

        enum Format: String, ExpressibleByArgument, CaseIterable {
            case own = "wattest"
            case electricityMaps = "electricity-maps"
            case egrid
            case ember
        }

        enum Scope: String, ExpressibleByArgument, CaseIterable {
            case direct
            case lifecycle
            case unknown
        }

        enum Gases: String, ExpressibleByArgument, CaseIterable {
            case carbonDioxide = "CO2"
            case carbonDioxideEquivalent = "CO2e"
            case unknown
        }

        enum WarmingPotentials: String, ExpressibleByArgument, CaseIterable {
            case fourth = "AR4"
            case fifth = "AR5"
            case sixth = "AR6"
        }

        enum Granularity: String, ExpressibleByArgument, CaseIterable {
            case hour
            case month
            case year
        }

        func run() async throws {
            let content = try Self.content(of: file)
            var declaration = JSONObject()
            let members: [(String, String?)] = [
                ("format", format.rawValue), ("provider", provider), ("dataset", dataset),
                ("version", datasetVersion), ("licence", licence), ("citation", citation),
                ("scope", scope?.rawValue), ("gases", gases?.rawValue),
                ("warming_potentials", warmingPotentials?.rawValue), ("period", period),
                ("granularity", granularity?.rawValue), ("retrieved_at", retrievedAt),
            ]
            for case (let name, let value?) in members { declaration.append(name, .string(value)) }
            var body = JSONObject()
            body.append("use", .string(residual ? "residual" : "grid"))
            body.append("declaration", .object(declaration))
            body.append("content", .string(content))
            if let reason { body.append("reason", .string(reason)) }
            let client = try options.client()
            let path = AggregatorClient.path(try await options.organization(client), "factors")
            let reply = try await client.post(path, .object(body))
            if options.json { return Output.json(reply) }
            Output.text(
                "\(file) is declared at log index \(FigureText.text(reply["index"])), "
                    + "SHA-256 \(FigureText.text(reply["sha256"])): \(FigureText.text(reply["factors"])) factors of "
                    + "\(FigureText.text(reply["zones"])) zones, \(FigureText.text(reply["skipped"])) rows without\n")
        }

        static func content(of path: String) throws(CommandFailure) -> String {
            guard let stream = fopen(path, "rb") else {
                throw .usage("\(path) cannot be read: \(String(cString: strerror(errno)))", "give a readable table")
            }
            defer { fclose(stream) }
            var bytes: [UInt8] = []
            var portion = [UInt8](repeating: 0, count: 1 << 16)
            while bytes.count <= maximumBytes {
                let count = fread(&portion, 1, portion.count, stream)
                guard count > 0 else { break }
                bytes += portion[..<count]
            }
            guard !bytes.isEmpty else { throw .usage("there is no text in \(path)", "give the table that is meant") }
            guard bytes.count <= maximumBytes else {
                throw .usage("\(path) has more than \(maximumBytes) bytes", "leave out zones or hours")
            }
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw .usage("\(path) is not UTF-8", "convert it, for example with iconv")
            }
            return text
        }

        private static let maximumBytes = 32 << 20
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the tables that are declared, in the order in which reports ask them.")
        @OptionGroup var options: ServerOptions

        func run() async throws {
            let client = try options.client()
            let reply = try await client.get(
                AggregatorClient.path(try await options.organization(client), "factors"))
            if options.json { return Output.json(reply) }
            var table = TextTable(
                ("use", .left), ("provider", .left), ("dataset", .left), ("version", .left), ("scope", .left),
                ("licence", .left), ("SHA-256", .left))
            for item in reply["items"]?.array ?? [] {
                table.add(
                    FigureText.text(item["use"]), FigureText.text(item["provider"]),
                    FigureText.text(item["dataset"]), FigureText.text(item["version"]),
                    FigureText.text(item["scope"]), FigureText.text(item["licence"]),
                    String(FigureText.text(item["sha256"]).prefix(16)))
            }
            Output.text(
                table.isEmpty ? "No tables; reports use the yearly national means of the program.\n" : table.text)
        }
    }
}
