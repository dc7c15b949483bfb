import Foundation
import Testing

/// A real training run: the power logs of its eight nodes, its window, and what others computed from them.
struct RecordedRun: Sendable, CustomTestStringConvertible {
    let name: String
    /// Short, for names of organizations.
    let word: String
    private let folder: String

    /// Its window crosses a full UTC hour.
    static let acrossAnHour = RecordedRun(
        name: "result_5788-240517123914680514896_2", word: "hour", folder: "NodeAgentTests/Fixtures/mlperf")
    /// Gaps of up to 19 s, and readings that share a time.
    static let withGaps = RecordedRun(
        name: "result_5742-240517053836692164828_5", word: "gaps", folder: "ClusterTests/Fixtures/mlperf")
    static let all = [acrossAnHour, withGaps]

    var testDescription: String { word }

    private static let tests = URL(filePath: #filePath).appending(path: "../../..").standardized.path()

    static let nodeNames = (1...8).map { "node_\($0)" }
    static let switchWatts: Int64 = 16_100

    func file(_ node: String) -> String { "\(Self.tests)\(folder)/\(name)/\(node).txt" }
    var files: [String] { Self.nodeNames.map(file) }
    var switchFile: String { file("sw_0") }

    static func lines(of path: String) throws -> [String] {
        let bytes = try #require(FileManager.default.contents(atPath: path), "\(path) cannot be read")
        return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
    }

    static func write(_ lines: [String], to path: String) throws {
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: path))
    }

    // MARK: What is known of it

    struct ExpectedNode: Sendable {
        var rightMicrojoules: Int64
        var trapezoidMicrojoules: Int64
        /// Trapezoid inside the run's window, in µJ, rounded.
        var windowMicrojoules: Int64
        /// Of the window, before the first and after the last reading.
        var uncoveredMilliseconds: Int64
    }

    struct Expected: Sendable {
        var startMilliseconds: Int64
        var stopMilliseconds: Int64
        var rightMicrojoules: Int64
        var trapezoidMicrojoules: Int64
        var nodes: [String: ExpectedNode]

        var windowMilliseconds: Int64 { stopMilliseconds - startMilliseconds }
    }

    func expected() throws -> Expected {
        let run = try #require(try Self.table("expected_runs").first { $0["run"] == name })
        var nodes: [String: ExpectedNode] = [:]
        for row in try Self.table("expected_nodes") where row["run"] == name {
            let before = try Self.integer(row, "first_minus_run_start_ms")
            let after = try Self.integer(row, "last_minus_run_stop_ms")
            nodes["node_\(try #require(row["node"]))"] = ExpectedNode(
                rightMicrojoules: try Self.integer(row, "full_right_mJ") * 1000,
                trapezoidMicrojoules: try Self.integer(row, "full_trap_2mJ") * 500,
                windowMicrojoules: try Self.microjoules(row, "trap_J"),
                uncoveredMilliseconds: max(0, before) + max(0, -after))
        }
        try #require(nodes.count == 8)
        return Expected(
            startMilliseconds: try Self.integer(run, "run_start_ms"),
            stopMilliseconds: try Self.integer(run, "run_stop_ms"),
            rightMicrojoules: try Self.integer(run, "full_right_mJ") * 1000,
            trapezoidMicrojoules: try Self.integer(run, "full_trap_2mJ") * 500, nodes: nodes)
    }

    private static func table(_ name: String) throws -> [[String: String]] {
        let path = "\(tests)ClusterTests/Fixtures/mlperf/\(name).csv"
        let bytes = try #require(FileManager.default.contents(atPath: path), "\(path) cannot be read")
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let titles = try #require(lines.first)
        return lines.dropFirst().map { Dictionary(zip(titles, $0)) { first, _ in first } }
    }

    private static func integer(_ row: [String: String], _ column: String) throws -> Int64 {
        try #require(row[column].flatMap { Int64($0) }, "\(column) is no integer")
    }

    /// Joules with six decimals.
    private static func microjoules(_ row: [String: String], _ column: String) throws -> Int64 {
        let parts = try #require(row[column]).split(separator: ".")
        try #require(parts.count == 2 && parts[1].count == 6, "\(column) has no six decimals")
        return try #require(Int64(parts[0] + parts[1]))
    }
}
