import Accounts
import Aggregation
import ArgumentParser
import Disclosure
import Energy
import JSONText
import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How long a report of a year takes, from a database, and that the number of batches behind it does not matter.
struct ReportBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Time of a year's report, with so many batches behind it and with more.",
        discussion: """
            The year is put into a private PostgreSQL through the intake: signed entries of nodes and jobs, and \
            batches that span hours, so that a few of them make every node-hour of the year. Then an aggregator is \
            started on it and reads the log, once; it is stopped and started again, as after an update, and asked for \
            the disclosure as over HTTPS: the first one waits until the accounts that were kept are in memory, the \
            next ones are made of those. The limit is one second. With --in-memory there is no database, and the sums \
            are posted in the given numbers of parts.
            """)

    @Option(help: "Jobs of the year.") var jobs = 10_000
    @Option(help: "Nodes of the organization.") var nodes = 1000
    @Option(help: "Nodes of each job.") var width = 8
    @Option(help: "Hours of the period.") var hours = 8760
    @Option(help: "Batches of each job on each of its nodes, several counts one after the other.") var batches = [1, 4]
    @Option(help: "Slices of each kind.") var slices = 5
    @Option(help: "For whom the report is.") var audience = "assurer"
    @Option(help: "Where the database is made.") var directory = "/tmp/wattest-bench-\(getpid())"
    @Option(help: "Seed of keys and salts, in memory.") var seed: UInt64 = 1
    @Flag(help: "Write the database's own sums too; reports do not read them, and it takes minutes.") var folds = false
    @Flag(help: "Without a database.") var inMemory = false
    @Flag(help: "Print one JSON object.") var json = false

    struct Row: Sendable {
        /// Of each job on each of its nodes, and of all.
        var perJob: Int
        var batches: Int
        var filling: Double = 0
        var reading: Double = 0
        var accountsBytes = 0
        var first: Double = 0
        var made: [Double] = []
        var kept: [Double] = []
        var bytes = 0
        var residentBytes = 0
        var itMicrojoules = ""
    }

    func validate() throws {
        guard [jobs, nodes, width, hours, slices].allSatisfy({ $0 > 0 }), batches.allSatisfy({ $0 > 0 }) else {
            throw ValidationError("every count is at least 1")
        }
        guard Audience(rawValue: audience) != nil else { throw ValidationError("there is no audience '\(audience)'") }
    }

    func run() async throws {
        let plan = YearPlan(jobs: jobs, nodes: nodes, hours: hours, width: width)
        guard !inMemory else {
            return try MemoryReportBench(plan: plan, parts: batches, slices: slices, seed: seed).run(json: json)
        }
        var rows: [Row] = []
        for perJob in batches { rows.append(try await row(plan, perJob)) }
        guard Set(rows.map(\.itMicrojoules)).count == 1 else {
            throw BenchError("the number of batches behind a report changes its energy")
        }
        json ? print(object(rows).text(.compact)) : print(table(rows))
    }

    private func row(_ plan: YearPlan, _ perJob: Int) async throws -> Row {
        mkdir(directory, 0o755)
        defer { Cleaning.remove(directory) }
        let bed = try await YearBed.start(directory: directory, plan: plan)
        do {
            let row = try await measure(bed, perJob)
            await bed.stop()
            return row
        } catch {
            await bed.stop()
            throw error
        }
    }

    private func measure(_ bed: YearBed, _ perJob: Int) async throws -> Row {
        var row = Row(perJob: perJob, batches: 0)
        var begin = ContinuousClock.now
        row.batches = try await bed.fill(batches: perJob, withFolds: folds)
        row.filling = (ContinuousClock.now - begin) / .seconds(1)
        let (period, slices, wanted) = (bed.plan.period, slices, Audience(rawValue: audience) ?? .assurer)
        begin = ContinuousClock.now
        row.reading = try await bed.serve { [begin] routes, runtime in
            _ = try await routes.disclosure(of: runtime, period, for: .public)
            return (ContinuousClock.now - begin) / .seconds(1)
        }
        row.accountsBytes = bed.accountsBytes
        let started = ContinuousClock.now
        return try await bed.serve { [row] routes, runtime in
            var row = row
            let report = try await routes.disclosure(of: runtime, period, for: wanted)
            row.first = (ContinuousClock.now - started) / .seconds(1)
            row.bytes = report.count
            row.residentBytes = Self.residentBytes
            row.itMicrojoules = try JSONValue(parsing: report)["energy"]?["it_uj"]?.string ?? ""
            for _ in 0..<slices {
                var begin = ContinuousClock.now
                let made = try await routes.disclosure(of: runtime, period, for: wanted, isMadeAnew: true)
                row.made.append((ContinuousClock.now - begin) / .seconds(1))
                begin = ContinuousClock.now
                let kept = try await routes.disclosure(of: runtime, period, for: wanted)
                row.kept.append((ContinuousClock.now - begin) / .seconds(1))
                guard made == report, kept == report else { throw BenchError("a report made twice differs") }
            }
            return row
        }
    }

    /// Memory of this process, in which the aggregator runs.
    private static var residentBytes: Int {
        var usage = rusage()
        // RUSAGE_SELF, which Glibc and Musl give different types.
        getrusage(0, &usage)
        return usage.ru_maxrss * 1024
    }

    private func table(_ rows: [Row]) -> String {
        var text = "\(jobs) jobs on \(nodes) nodes, \(hours) hours, for \(audience); medians of \(slices), seconds\n"
        text += "batches   filled in   log read   first after start   made   kept       bytes   file MiB   peak MiB\n"
        for row in rows {
            let times = [row.filling, row.reading, row.first, Figures.median(row.made), Figures.median(row.kept)]
            let sizes = ["\(row.bytes)", "\(row.accountsBytes >> 20)", "\(row.residentBytes >> 20)"]
            let cells = zip(
                ["\(row.batches)"] + times.map(Figures.three) + sizes, [7, 12, 11, 20, 7, 7, 12, 11, 11])
            text += cells.map { String(repeating: " ", count: max(1, $1 - $0.count)) + $0 }.joined() + "\n"
        }
        if let first = rows.first, let last = rows.last, rows.count > 1 {
            let ratio = Figures.median(last.made) / Figures.median(first.made)
            text += "made with \(last.batches) batches against \(first.batches): \(Figures.two(ratio))\n"
        }
        return text + "reports made twice are the same to the byte, the energy is the same in all"
    }

    private func object(_ rows: [Row]) -> JSONValue {
        [
            "jobs": .integer(jobs), "nodes": .integer(nodes), "hours": .integer(hours), "slices": .integer(slices),
            "audience": .string(audience), "limit_seconds": .integer(1), "same_energy": .bool(true),
            "rows": .array(
                rows.map { row in
                    [
                        "batches": .integer(row.batches), "fill_seconds": Figures.number(row.filling),
                        "log_read_seconds": Figures.number(row.reading), "first_seconds": Figures.number(row.first),
                        "report_seconds": Figures.number(Figures.median(row.made)),
                        "kept_seconds": Figures.number(Figures.median(row.kept)),
                        "report_bytes": .integer(row.bytes), "accounts_bytes": .integer(row.accountsBytes),
                        "peak_bytes": .integer(row.residentBytes),
                    ]
                }),
        ]
    }
}
