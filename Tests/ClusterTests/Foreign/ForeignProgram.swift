import Foundation
import Patience
import Testing

/// A program that is not ours, as it lies on this machine.
enum ForeignProgram {
    struct Result: Sendable {
        var status: Int32
        var text: String
    }

    static func isInstalled(_ name: String) -> Bool {
        ["/usr/bin", "/bin", "/usr/local/bin"].contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(name)")
        }
    }

    /// Where this package lies.
    static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    /// Runs commands of a shell in a directory, both outputs in one.
    static func shell(
        _ commands: String, in directory: String, environment: [String: String] = [:]
    ) async throws -> Result {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["-c", "set -euo pipefail\n\(commands)"]
        process.currentDirectoryURL = URL(filePath: directory)
        process.environment = ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": directory, "LC_ALL": "C.UTF-8"]
            .merging(environment) { $1 }
        let output = "\(directory)/.shell-\(UUID().uuidString)"
        try Data().write(to: URL(filePath: output))
        defer { try? FileManager.default.removeItem(atPath: output) }
        let file = try FileHandle(forWritingTo: URL(filePath: output))
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = file
        process.standardError = file
        try process.run()
        let status = try await Patience.until("the end of \(commands.prefix(60))", seconds: 120) {
            process.isRunning ? nil : process.terminationStatus
        }
        try file.close()
        let text = FileManager.default.contents(atPath: output).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return Result(status: status, text: text)
    }

    /// The indented commands below a heading of the auditor's page, as they stand there.
    static func manual(_ heading: String) throws -> String {
        let path = "\(package)/Sources/Aggregation/Documentation.docc/Auditing.md"
        let page = try String(contentsOfFile: path, encoding: .utf8)
        let start = try #require(page.range(of: "## \(heading)\n"))
        let section = page[start.upperBound...].components(separatedBy: "\n## ")[0]
        let commands = section.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { $0.hasPrefix("    ") }.map { $0.dropFirst(4) }
        try #require(!commands.isEmpty, "no commands below \(heading)")
        return commands.joined(separator: "\n")
    }
}
