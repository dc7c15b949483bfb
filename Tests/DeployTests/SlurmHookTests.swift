import Foundation
import Testing

/// A prolog that fails drains the node, and one that waits holds up every job: the hook ends with status 0 and at once,
/// whatever is there.
@Suite(.serialized) struct SlurmHookTests {
    private static let hook = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "deploy/slurm/wattest-hook").path(percentEncoded: false)

    private struct Place {
        let path: String

        init() throws {
            path = NSTemporaryDirectory() + "wattest-hook-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }

        func remove() { try? FileManager.default.removeItem(atPath: path) }
        var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] }
    }

    /// Runs the hook once.
    ///
    /// - Returns: its status, and how long it took by the clock.
    private func run(_ directory: String, job: String? = "77", more: [String: String] = [:]) throws
        -> (status: Int32, took: Duration)
    {
        let process = Process()
        process.executableURL = URL(filePath: Self.hook)
        var environment = ["PATH": "/usr/bin:/bin", "WATTEST_HOOK_DIR": directory]
        environment["SLURM_JOB_ID"] = job
        environment["SLURM_SCRIPT_CONTEXT"] = "prolog_slurmd"
        process.environment = environment.merging(more) { $1 }
        process.standardInput = FileHandle.nullDevice
        let start = ContinuousClock.now
        try process.run()
        process.waitUntilExit()
        return (process.terminationStatus, ContinuousClock.now - start)
    }

    /// No agent reads here: nothing in the hook knows or waits for one. The median, because the machine has other work.
    @Test func itEndsWithinATenthOfASecondWithoutAnAgent() throws {
        let place = try Place()
        defer { place.remove() }
        let runs = try (1...15).map { try run(place.path, job: "\($0)", more: ["SLURM_JOB_COMMENT": "model=a b\n"]) }
        #expect(runs.allSatisfy { $0.status == 0 })
        let median = runs.map(\.took).sorted()[7]
        #expect(median < .milliseconds(100), "\(runs.map(\.took))")
        #expect(place.names.count == 15 && place.names.allSatisfy { $0.hasSuffix(".hook") }, "\(place.names)")
    }

    @Test func whateverIsWrongItEndsWithStatusZero() throws {
        let place = try Place()
        defer { place.remove() }
        let file = place.path + "/file"
        try Data().write(to: URL(filePath: file))
        for directory in [place.path + "/absent", file, "/proc/self", "", "/dev/full"] {
            #expect(try run(directory).status == 0, "\(directory)")
        }
        #expect(try run(place.path, job: nil).status == 0)
        #expect(place.names == ["file"])
        // A value that looks like a command is a value.
        let evil = ["SLURM_JOB_COMMENT": "$(touch \(place.path)/run) `id`; exit 1", "SLURM_JOB_NAME": "%s%n\\0"]
        #expect(try run(place.path, more: evil).status == 0)
        #expect(place.names.count == 2 && !place.names.contains("run"))
    }

    /// Nobody reads them: after so many the hook leaves no more, and still in time.
    @Test func aDirectoryThatNobodyReadsDoesNotGrow() throws {
        let place = try Place()
        defer { place.remove() }
        for number in 0...8192 { try Data().write(to: URL(filePath: "\(place.path)/\(number).1.hook")) }
        let runs = try (1...5).map { try run(place.path, job: "x\($0)") }
        #expect(runs.allSatisfy { $0.status == 0 } && place.names.count == 8193)
        #expect(runs.map(\.took).sorted()[2] < .milliseconds(100), "\(runs.map(\.took))")
    }
}
