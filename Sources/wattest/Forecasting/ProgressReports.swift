import Emissions
import Energy
import Identity

/// What a trainer said of its progress, in a table: `time` (RFC 3339 or Unix milliseconds) or `elapsed_s`, `done`, and
/// optionally `of` and figures of quality.
struct ProgressReports {
    struct Report {
        var elapsedMilliseconds: Int64
        var done: Double
        var figures: [String: DecimalFigure]
    }

    private(set) var reports: [Report] = []
    private(set) var total: Double?

    /// - Parameter start: when the job began, in µs since 1970, for tables with absolute times.
    init(path: String, start: Int64) throws {
        let bytes: [UInt8]
        do {
            bytes = try PrivateFile.read(path)
        } catch {
            throw CommandFailure(.usage, "FILE", error.description)
        }
        do {
            try read(try CSVTable(parsing: bytes, headerContains: "done"), start: start)
        } catch let error as EmissionsError {
            throw CommandFailure.file(
                error.message, path, "columns: time or elapsed_s, done, optionally of and metrics")
        }
        guard !reports.isEmpty else { throw CommandFailure.file("there is no progress in it", path, "add a line") }
    }

    private mutating func read(_ table: CSVTable, start: Int64) throws {
        let done = try table.column("done")
        let elapsed = table.optionalColumn("elapsed_s")
        let time = try elapsed ?? table.column("time")
        let total = table.optionalColumn("of")
        let known = Set([done, time, total].compactMap(\.self))
        for row in table.rows {
            let milliseconds: Int64
            if elapsed != nil {
                guard let seconds = try row.figure(time, "elapsed_s"), seconds >= .zero, seconds.double < 1e12 else {
                    throw row.error("elapsed_s is no time since the start")
                }
                milliseconds = Int64((seconds.double * 1000).rounded())
            } else {
                let instant = try Instant.parse(row.fields[time], option: "time")
                milliseconds = (instant.microseconds - start) / 1000
            }
            guard let units = try row.figure(done, "done") else { throw row.error("done is empty") }
            if let total { self.total = try row.figure(total, "of")?.double ?? self.total }
            var figures: [String: DecimalFigure] = [:]
            for (index, name) in table.header.enumerated() where !known.contains(index) {
                figures[name] = try row.figure(index, name)
            }
            reports.append(Report(elapsedMilliseconds: milliseconds, done: units.double, figures: figures))
        }
        reports.sort { $0.elapsedMilliseconds < $1.elapsedMilliseconds }
    }

    /// Progress that is known at one moment only: it ran evenly until then.
    init(done: Double, elapsedMilliseconds: Int64, total: Double?) {
        reports = [Report(elapsedMilliseconds: elapsedMilliseconds, done: done, figures: [:])]
        self.total = total
    }
}
