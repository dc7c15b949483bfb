import ArgumentParser
import Disclosure
import JSONText

/// What was set about some fields, as the log has it.
struct SettingList {
    let items: [JSONValue]

    init(_ fields: [String], _ options: ServerOptions) async throws {
        let client = try options.client()
        let path = AggregatorClient.path(try await options.organization(client), "settings")
        var items: [JSONValue] = []
        for field in fields {
            items += try await client.get(path, [("field", field)])["items"]?.array ?? []
        }
        self.items = items
    }

    /// - Parameter columns: heads, and what stands below them in each row.
    func show(_ options: ServerOptions, none: String, _ columns: [(String, (JSONValue) -> String)]) {
        if options.json { return Output.json(["items": .array(items), "next": .null]) }
        var table = TextTable(heads: columns.map { ($0.0, .left) } + [("holds", .left), ("index", .right)])
        for item in items {
            table.add(columns.map { $0.1(item) } + [Self.validity(item), FigureText.text(item["index"])])
        }
        Output.text(table.isEmpty ? "\(none)\n" : table.text)
    }

    /// From when until when, and whether something newer stands in its place.
    private static func validity(_ item: JSONValue) -> String {
        let from = item["effective_from"]?.string.map { "from \($0)" }
        let until = item["effective_until"]?.string.map { "until \($0)" }
        let span = [from, until].compactMap(\.self).joined(separator: " ")
        let stands = item["stands"]?.bool == true
        return span.isEmpty ? (stands ? "always" : "replaced") : (stands ? span : "\(span), not now")
    }
}

extension ContractCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the instruments that were ever declared.")
        @OptionGroup var options: ServerOptions

        func run() async throws {
            try await SettingList([SettingField.instrument], options).show(
                options, none: "No instruments; energy is market-based by the residual mix alone.",
                [
                    ("id", { FigureText.text($0["subject"]) }), ("kind", { FigureText.text($0["value"]?["kind"]) }),
                    ("market", { FigureText.text($0["value"]?["market"]) }),
                    ("from", { FigureText.text($0["value"]?["start"]) }),
                    ("to", { FigureText.text($0["value"]?["end"]) }),
                    ("MWh", { FigureText.text($0["value"]?["mwh"]) }),
                    ("g/kWh", { FigureText.text($0["value"]?["g_per_kwh"]) }),
                    ("retired for", { FigureText.text($0["value"]?["retired_for"]) }),
                ])
        }
    }
}

extension MeterCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists what was ever entered of meters and bills.")
        @OptionGroup var options: ServerOptions

        func run() async throws {
            try await SettingList([SettingField.siteMeter], options).show(
                options, none: "No meter or bill; reports show nothing to compare their energy with.",
                [
                    ("meter", { FigureText.text($0["subject"]) }), ("site", { FigureText.text($0["value"]?["site"]) }),
                    ("kind", { FigureText.text($0["value"]?["kind"]) }),
                    ("start", { FigureText.text($0["value"]?["start"]) }),
                    ("end", { FigureText.text($0["value"]?["end"]) }),
                    ("MWh", { FigureText.text($0["value"]?["mwh"]) }),
                ])
        }
    }
}

extension SiteCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists what was ever set about sites.")
        @OptionGroup var options: ServerOptions

        func run() async throws {
            try await SettingList(SiteCommand.fields, options).show(
                options, none: "Nothing is set about any site.",
                [
                    ("site", { FigureText.text($0["subject"]) }), ("field", { FigureText.text($0["field"]) }),
                    ("value", { $0["value"].map { String(decoding: $0.rendered(.compact), as: UTF8.self) } ?? "" }),
                    ("by", { FigureText.text($0["by"]) }),
                ])
        }
    }
}
