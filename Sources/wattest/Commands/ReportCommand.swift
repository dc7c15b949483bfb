import ArgumentParser
import Disclosure
import JSONText

/// `wattest report`
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Disclosures of a period, and where their figures come from.",
        subcommands: [
            ReportShow.self, ReportList.self, ReportGet.self, ReportLineage.self, ReportSample.self, ReportMethods.self,
        ],
        defaultSubcommand: ReportShow.self)
}

/// `wattest report`, without a word behind it.
struct ReportShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows the disclosure of a period, or issues it: immutable, numbered, logged.")
    @OptionGroup var options: ServerOptions
    @OptionGroup var periodOptions: PeriodOptions

    @Option(help: "For whom: what they may see decides what stands in it.")
    var audience: Audience = .assurer

    @Option(
        help: "json, html, csv, pdf, cyclonedx, spdx or boamps, with --issue also dsse (in-toto); else a summary.")
    var format: Format?

    @Option(
        help: ArgumentHelp(
            "An older method of 'wattest report methods', or a rule of attribution, to hold beside the newest.",
            valueName: "1"))
    var method: String?

    @Flag(help: "Issue it. The issued document is JSON; other formats are rendered from it.")
    var issue = false

    @Option(
        help: ArgumentHelp("With --issue: the number of the disclosure that this one corrects.", valueName: "number"))
    var supersedes: Int?

    @Option(help: "With --supersedes: why. That the method is another one is said by itself.")
    var reason: String?

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("Write to this file.", valueName: "file"))
    var output: String?

    enum Audience: String, ExpressibleByArgument, CaseIterable {
        case `public`
        case aiOffice = "ai-office"
        case authority
        case downstream
        case assurer
    }

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case json
        case html
        case csv
        case pdf
        case cyclonedx
        case spdx
        case boamps
        /// An in-toto statement in a DSSE envelope.
        case dsse

        /// Whether it has nothing to say to readers who see no energy.
        var carriesEnergyAlone: Bool { [.cyclonedx, .spdx, .boamps].contains(self) }
    }

    func run() async throws {
        let period = try periodOptions.period
        guard issue || (supersedes == nil && reason == nil) else {
            throw CommandFailure.usage("--supersedes and --reason belong to --issue", "add --issue or leave them out")
        }
        guard issue || format != .dsse else {
            throw CommandFailure.usage("only an issued disclosure is signed as a statement", "add --issue")
        }
        // Refused before a number and an entry are spent on it.
        guard !issue || audience != .downstream || format?.carriesEnergyAlone != true else {
            throw CommandFailure.usage(
                "\(format?.rawValue ?? "") carries energy, which this audience is not shown", "give another --format")
        }
        let client = try options.client()
        let organization = try await options.organization(client)
        if issue {
            try await issue(period, client, organization)
        } else {
            try await preview(period, client, organization)
        }
    }

    private func preview(_ period: Period, _ client: AggregatorClient, _ organization: String) async throws {
        let path = AggregatorClient.path(organization, "disclosure")
        let query =
            period.query + [
                ("audience", audience.rawValue), ("format", (format ?? .json).rawValue), ("method", method),
            ]
        guard format != nil || options.json || output != nil else {
            return Output.text(ReportPage(disclosure: try await client.get(path, query)).text)
        }
        guard let output else {
            return try await client.stream(path, query) { Output.bytes(Array($0)) }
        }
        try await OutputFile.replace(output) { file in
            try await client.stream(path, query) { try file.append(Array($0)) }
        }
    }

    private func issue(_ period: Period, _ client: AggregatorClient, _ organization: String) async throws {
        var body = JSONObject()
        for (name, value) in period.query { body.append(name, value.map { .string($0) } ?? .null) }
        body.append("audience", .string(audience.rawValue))
        if let method { body.append("method", .string(method)) }
        if let supersedes { body.append("supersedes", .integer(supersedes)) }
        if let reason { body.append("reason", .string(reason)) }
        let isSummary = format == nil && output == nil && !options.json
        let issued = try await posted(.object(body), client, organization)
        if isSummary {
            Output.text(ReportPage(disclosure: issued["disclosure"] ?? .null).text)
        } else if output == nil {
            try await IssuedDocument(issued, client, organization).write(format ?? .json, to: nil)
        }
        // Beside a document on standard output no other line stands.
        if isSummary || output != nil, !options.json, format != .json {
            Output.text(
                "Issued as number \(FigureText.text(issued["number"])) at \(FigureText.text(issued["issued_at"]))\n")
        }
    }
}

extension ReportShow {
    /// Issues it and writes it to the file of `--output`, which is opened first: where it cannot be written, no number
    /// is spent.
    private func posted(
        _ body: JSONValue, _ client: AggregatorClient, _ organization: String
    ) async throws -> JSONValue {
        let path = AggregatorClient.path(organization, "disclosures")
        guard let output else { return try await client.post(path, body) }
        return try await OutputFile.replace(output) { file in
            let issued = try await client.post(path, body)
            try await IssuedDocument(issued, client, organization).write(format ?? .json, to: file)
            return issued
        }
    }
}

extension Period {
    /// As the aggregator reads it.
    var query: [(String, String?)] { [("from", TimeText.rfc3339(start)), ("to", TimeText.rfc3339(end))] }
}
