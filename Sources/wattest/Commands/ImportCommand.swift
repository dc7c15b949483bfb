import ArgumentParser
import Batches
import Energy
import JSONText
import NodeAgent
import Sensors

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `wattest import`
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Brings recorded power logs in, as signed batches that say that they are recorded.",
        discussion: """
            The same files again add nothing and end with status 0; an interrupted import goes on with the same \
            command. Two processes may import at the same time.
            """)
    @OptionGroup var options: ServerOptions

    @Option(help: "mlperf, nvidia-smi-csv, dcgm-csv, csv or sacct.")
    var format: RecordedLog.Format

    @Option(help: "The cluster that the job ran on.")
    var cluster: String

    @Option(help: "The job's id; its key is CLUSTER/import/JOB@-.")
    var job: String

    @Option(help: ArgumentHelp("Begin of the job; readings before it belong to nobody.", valueName: "time"))
    var start: String?

    @Option(help: ArgumentHelp("End of the job. RFC 3339 or Unix milliseconds.", valueName: "time"))
    var stop: String?

    @Option(help: ArgumentHelp("On how many nodes the job ran; without it coverage is unknown.", valueName: "n"))
    var expectNodes: Int64?

    @Option(help: "trapezoid (default) or right; for formats of power.")
    var integration: Integration?

    @Option(help: ArgumentHelp("The node of the files; else each file's name without extension.", valueName: "name"))
    var node: String?

    @Option(
        help: ArgumentHelp("Takes the node's name from each path: the first group, or the match.", valueName: "regex"))
    var nodeFrom: String?

    @Option(help: ArgumentHelp("What local time stamps in the files are ahead of UTC.", valueName: "±hh:mm"))
    var utcOffset: String?

    @Option(
        help: ArgumentHelp("Where the meter of a csv or sacct file sits, such as node-ac or gpu.", valueName: "layer"))
    var layer: Layer?

    @Option(
        help: ArgumentHelp("Keeps the importer's identity; else ~/.local/state/wattest/importer-….", valueName: "dir"))
    var stateDir: String?

    @Argument(help: ArgumentHelp("The logs, one for each node.", valueName: "file"))
    var files: [String]

    enum Integration: String, ExpressibleByArgument, CaseIterable {
        case trapezoid
        case right
    }

    func run() async throws {
        let settings = try self.settings
        let recorded = try recordedFiles
        let importer = Importer(client: try options.client(), stateDirectory: stateDir)
        let organization = try await options.organization(importer.client)
        let isTerminal = isatty(STDERR_FILENO) == 1
        do {
            let enrolment = try await importer.enrolment(organization)
            let result = try await RecordedImport.run(enrolment, settings: settings, files: recorded) { progress in
                guard isTerminal, progress.batchesKnown > 0 else { return }
                Output.progress("imported \(progress.batchesSettled) of \(progress.batchesKnown) batches")
            }
            if isTerminal { Output.progress(nil) }
            show(result)
        } catch let error as AgentError {
            if isTerminal { Output.progress(nil) }
            throw CommandFailure(error)
        }
    }

    private var settings: ImportSettings {
        get throws {
            ImportSettings(
                format: format, job: JobKey(cluster: cluster, scheduler: "import", id: job, submitSeconds: nil),
                start: try start.map { try Instant.parse($0, option: "--start") },
                stop: try stop.map { try Instant.parse($0, option: "--stop") }, expectedNodes: expectNodes,
                integration: integration.map { $0 == .right ? .right : .trapezoid },
                localOffsetSeconds: try utcOffset.map { try Instant.offsetSeconds($0) } ?? 0, layer: layer)
        }
    }

    private var recordedFiles: [RecordedFile] {
        get throws {
            guard node == nil || nodeFrom == nil else {
                throw CommandFailure.usage("--node and --node-from contradict each other", "give one of them")
            }
            let names = try nodeFrom.map { try NodeNames($0) }
            return try files.map { RecordedFile(path: $0, node: try node ?? names?.node(of: $0)) }
        }
    }

    private func show(_ result: RecordedImport.Result) {
        if options.json { return Output.json(ImportPage(result: result).json) }
        Output.text(ImportPage(result: result).text)
    }
}

extension RecordedLog.Format: ExpressibleByArgument {}

extension Layer: ExpressibleByArgument {
    public init?(argument: String) { self.init(rawValue: argument) }
}

/// Names of nodes out of paths.
struct NodeNames {
    private let regex: Regex<AnyRegexOutput>
    private let pattern: String

    init(_ pattern: String) throws(CommandFailure) {
        self.pattern = pattern
        do {
            regex = try Regex(pattern)
        } catch {
            throw .usage("--node-from '\(pattern)' is no regular expression", "correct it, for example 'host-([0-9]+)'")
        }
    }

    func node(of path: String) throws(CommandFailure) -> String {
        guard let match = path.firstMatch(of: regex) else {
            throw .usage(
                "--node-from '\(pattern)' does not match the path '\(path)'", "correct it or leave the file out")
        }
        let group = match.output.count > 1 ? match.output[1].substring : nil
        return String(group ?? path[match.range])
    }
}
