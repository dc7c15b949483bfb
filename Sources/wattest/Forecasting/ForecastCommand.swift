import ArgumentParser
import Disclosure
import Energy
import JSONText

/// `wattest forecast`
struct ForecastCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forecast",
        abstract: "What a running job will have used when it ends, from its first part, and where it would cost less.",
        discussion: """
            Energy so far comes from the server (--job) or from logs (--readings). Progress is --done of --of, or a \
            table that the trainer wrote (--progress). Carbontracker's rule, n × the mean so far, stands beside it.
            """)
    @OptionGroup var options: ServerOptions

    @Option(help: ArgumentHelp("A job that the server knows.", valueName: "job"))
    var job: String?
    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Logs of readings, one for each node.", valueName: "file"))
    var readings: [String] = []
    @Option(help: "Form of --readings: csv, mlperf, nvidia-smi-csv or dcgm-csv.")
    var format: RecordedFormat = .csv
    @Option(help: ArgumentHelp("Begin of the job; else the first reading.", valueName: "time"))
    var start: String?
    @Option(help: ArgumentHelp("Forecast as of then; else the last reading.", valueName: "time"))
    var until: String?
    @Option(help: ArgumentHelp("Epochs, steps or any unit done so far.", valueName: "n"))
    var done: Double?
    @Option(help: ArgumentHelp("How many the job will do; else the column 'of'.", valueName: "n"))
    var of: Double?
    @Option(help: ArgumentHelp("Table: time or elapsed_s, done, and optionally of and metrics.", valueName: "file"))
    var progress: String?
    @Option(help: ArgumentHelp("A metric of the table, for energy per point of quality.", valueName: "name"))
    var metric: String?
    @Flag(help: "A lower metric is better, such as a loss.")
    var lowerIsBetter = false
    @Option(help: ArgumentHelp("Power usage effectiveness.", valueName: "p"))
    var pue: Decimal?
    @Option(help: ArgumentHelp("Grid factor.", valueName: "g"))
    var factorGPerKwh: Decimal?
    @Option(help: ArgumentHelp("The job's grid zone or cloud region.", valueName: "zone"))
    var region: String?
    @Option(help: ArgumentHelp("Where else it could run: DE,FR,SE.", valueName: "list"))
    var zones: String?
    @Option(
        help: ArgumentHelp("Hourly factors (zone,period,g_per_kwh or the Electricity Maps form).", valueName: "file"))
    var factors: [String] = []

    func run() async throws {
        let result = try ForecastResult(self, try await source())
        if options.json { return Output.json(result.json) }
        Output.text(result.text)
    }

    private func source() async throws -> ForecastSource {
        guard (job == nil) != readings.isEmpty else {
            throw CommandFailure.usage("the energy so far comes from one place", "give either --job or --readings")
        }
        if let job {
            let client = try options.client()
            let path = AggregatorClient.path(try await options.organization(client), "jobs", job)
            return try ForecastSource(job: try await client.get(path))
        }
        return try ForecastSource(
            RecordedPower(readings, format: format.format),
            start: try start.map { try Instant.parse($0, option: "--start") },
            until: try until.map { try Instant.parse($0, option: "--until") })
    }
}

/// Energy of a job so far, as a forecast takes it.
struct ForecastSource {
    let start: UTCTime
    let elapsedMilliseconds: Int64
    /// Cumulative, in the order of time.
    let energy: [(elapsedMilliseconds: Int64, microjoules: Int64)]
    let origin: String

    /// Steps into which logs are cut: fine enough to tell the start apart, coarse enough that no single reading counts.
    private static let steps = 25
    private static let stepMillisecondsMin: Int64 = 3000

    init(_ power: RecordedPower, start: UTCTime?, until: UTCTime?) throws(CommandFailure) {
        let begin = start?.microseconds ?? power.first
        let end = min(until?.microseconds ?? power.last, max(power.last, begin))
        guard begin < end else { throw .usage("nothing was read between --start and --until", "check the times") }
        self.start = UTCTime(microseconds: begin)
        elapsedMilliseconds = (end - begin) / 1000
        let count = min(Int64(Self.steps), max(1, elapsedMilliseconds / Self.stepMillisecondsMin))
        energy = power.steps(from: begin, to: end, count: Int(count))
        origin = "readings of \(elapsedMilliseconds / 1000) s"
    }

    /// From what `GET /jobs/{key}` answers: its profile by the hour.
    init(job: JSONValue) throws(CommandFailure) {
        guard let start = job["start"]?.string.flatMap({ Instant.zoned(Array($0.utf8)) }),
            let total = FigureText.integer(job["energy_uj"]), total > 0
        else {
            throw CommandFailure(
                .refused, "NO_ENERGY", "the job has no energy yet, \(JobPage.name(of: job)), wait for its first batch")
        }
        self.start = UTCTime(microseconds: start)
        var energy: [(elapsedMilliseconds: Int64, microjoules: Int64)] = []
        var sum: Int128 = 0
        for step in job["by_hour"]?.array ?? [] {
            guard let end = step["end"]?.string.flatMap({ Instant.zoned(Array($0.utf8)) }),
                let part = FigureText.integer(step["energy_uj"])
            else { continue }
            sum += part
            if end > start { energy.append(((end - start) / 1000, Int64(clamping: sum))) }
        }
        guard let last = energy.last else {
            throw CommandFailure(
                .refused, "NO_ENERGY", "nothing is known of the job's time, \(JobPage.name(of: job)), update the server"
            )
        }
        self.energy = energy
        elapsedMilliseconds = last.elapsedMilliseconds
        origin = "\(energy.count) hours of \(JobPage.name(of: job)) on the server"
    }
}
