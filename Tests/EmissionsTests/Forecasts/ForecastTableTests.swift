import Testing

@testable import Emissions

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The table of the documentation is what the code computes from the real runs.
@Suite struct ForecastTableTests {
    private func percent(_ value: Double) -> String {
        let tenths = Int((value * 1000).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    private func cells(_ trials: [ForecastTrial]) -> String {
        trials.map { trial in
            " \(percent(trial.error)) | \(percent(trial.proportionalError)) |"
                + " \(trial.isCovered == true ? "yes" : "no") |"
        }.joined()
    }

    /// A row for each run, and the mean of all.
    private func table() throws -> [String] {
        var lines = [
            "| Run | 10 %: ours | Carbontracker | held | 25 %: ours | Carbontracker | held "
                + "| 50 %: ours | Carbontracker | held |",
            "|---|---:|---:|---|---:|---:|---|---:|---:|---|",
        ]
        var all: [[ForecastTrial]] = [[], [], []]
        for row in try Fixture.rows("forecast/mlperf-v4.0-llama2-70b-lora.csv") {
            let duration = try #require(row["duration_ms"].flatMap { Int64($0) })
            let energy = try (1...100).map { try #require(row["mJ_\($0)"].flatMap { Int64($0) }) * 1000 }
            let trials = try [10, 25, 50].map {
                try ForecastTrial(percent: $0, milliseconds: duration, microjoules: energy)
            }
            for (index, trial) in trials.enumerated() { all[index].append(trial) }
            lines.append("| \(try #require(row["run"])) |\(cells(trials))")
        }
        let means = all.map { trials in
            let count = Double(trials.count)
            let ours = trials.reduce(0) { $0 + $1.error } / count
            let theirs = trials.reduce(0) { $0 + $1.proportionalError } / count
            return
                " \(percent(ours)) | \(percent(theirs)) | \(trials.count { $0.isCovered == true }) of \(trials.count) |"
        }
        return lines + ["| mean |\(means.joined())"]
    }

    @Test func theDocumentedTableIsTheComputedOne() throws {
        let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
        let path = "/\(root)/Sources/Aggregation/Documentation.docc/Forecasts.md"
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, file)
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        let table = try table().joined(separator: "\n")
        #expect(text.contains(table), "the table is now:\n\(table)")
    }
}
