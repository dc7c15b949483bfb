import ArgumentParser
import Disclosure
import JSONText

/// `wattest report list`
struct ReportList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists what was issued.")
    @OptionGroup var options: ServerOptions

    func run() async throws {
        let client = try options.client()
        let page = try await client.get(
            AggregatorClient.path(try await options.organization(client), "disclosures"))
        if options.json { return Output.json(page) }
        var table = TextTable(
            ("number", .right), ("issued at", .left), ("from", .left), ("to", .left), ("audience", .left),
            ("entry", .right), ("supersedes", .right))
        for report in page["items"]?.array ?? [] {
            table.add(
                FigureText.text(report["number"]), FigureText.text(report["issued_at"]),
                FigureText.text(report["from"]), FigureText.text(report["to"]), FigureText.text(report["audience"]),
                FigureText.text(report["index"]), FigureText.text(report["supersedes"]))
        }
        Output.text(table.isEmpty ? "Nothing was issued.\n" : table.text)
    }
}

/// `wattest report get`
struct ReportGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Hands out an issued disclosure as it was issued, in any format.",
        discussion: "A report that is made again rests on newer entries; what is handed in is the one that was issued.")
    @OptionGroup var options: ServerOptions

    @Argument(help: ArgumentHelp("Its number, as 'wattest report list' has it.", valueName: "number"))
    var number: Int32

    @Option(help: "json, html, csv, pdf, cyclonedx, spdx, boamps or dsse (in-toto).")
    var format: ReportShow.Format = .json

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("Write to this file.", valueName: "file"))
    var output: String?

    func run() async throws {
        let client = try options.client()
        let organization = try await options.organization(client)
        let issued = try await client.get(AggregatorClient.path(organization, "disclosures", "\(number)"))
        try await IssuedDocument(issued, client, organization).write(format, to: output)
    }
}

/// An issued disclosure on its way out: as JSON with what stands around it, or rendered from its body.
struct IssuedDocument {
    private let issued: JSONValue
    private let client: AggregatorClient
    private let organization: String

    init(_ issued: JSONValue, _ client: AggregatorClient, _ organization: String) {
        self.issued = issued
        self.client = client
        self.organization = organization
    }

    /// - Parameter output: nil for standard output.
    func write(_ format: ReportShow.Format, to output: String?) async throws {
        guard let output else {
            guard format == .dsse else { return Output.bytes(try rendered(format)) }
            return try await client.stream(statement, []) { Output.bytes(Array($0)) }
        }
        try await OutputFile.replace(output) { file in try await write(format, to: file) }
    }

    func write(_ format: ReportShow.Format, to file: borrowing OutputFile) async throws {
        guard format == .dsse else { return try file.append(try rendered(format)) }
        try await client.stream(statement, []) { try file.append(Array($0)) }
    }

    private func rendered(_ format: ReportShow.Format) throws(CommandFailure) -> [UInt8] {
        guard format != .json, let form = ReportFormat(rawValue: format.rawValue) else {
            return issued.rendered(.pretty)
        }
        guard let bytes = form.render(issued["disclosure"] ?? .null, issued: issued) else {
            throw .usage("\(format.rawValue) carries energy, which this audience is not shown", "give another --format")
        }
        return bytes
    }

    /// Where it is had as a statement, signed by the aggregator, which has the keys.
    private var statement: String {
        AggregatorClient.path(organization, "disclosures", FigureText.text(issued["number"]), "statement")
    }
}
