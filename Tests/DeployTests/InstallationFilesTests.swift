import Foundation
import Testing
import Yams

/// The files that an operator installs speak of programs, commands and options that are there.
@Suite struct InstallationFilesTests {
    private static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private struct Failure: Error { var what: String }

    private func text(_ path: String) throws -> String {
        try String(contentsOf: Self.repository.appending(path: path), encoding: .utf8)
    }

    private func files(_ folder: String, suffix: String) throws -> [String] {
        let found = try FileManager.default.contentsOfDirectory(
            atPath: Self.repository.appending(path: folder).path(percentEncoded: false))
        return found.filter { $0.hasSuffix(suffix) }.sorted().map { "\(folder)/\($0)" }
    }

    /// What a command says about itself; the program lies beside the test bundle.
    private func help(_ program: String, _ command: String) throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let folders = (CommandLine.arguments + [own]).map { URL(filePath: $0).deletingLastPathComponent() }
        let path = folders.map { $0.appending(path: program) }.first {
            FileManager.default.isExecutableFile(atPath: $0.path(percentEncoded: false))
        }
        guard let path else { throw Failure(what: "\(program) is not built") }
        let process = Process()
        process.executableURL = path
        process.arguments = [command, "--help"]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let said = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(what: "\(program) knows no command \(command)") }
        return String(decoding: said, as: UTF8.self)
    }

    private func expectKnown(_ words: [String], of program: String, in file: String) throws {
        let help = try help(program, try #require(words.first, "\(file): a command for \(program)"))
        for word in words where word.hasPrefix("--") {
            let option = word.prefix { $0 != "=" }
            #expect(help.contains("\(option) ") || help.contains("\(option)\n"), "\(file): \(program) has no \(option)")
        }
    }

    @Test func unitsStartWhatIsThere() throws {
        let units = try files("deploy/systemd", suffix: ".service")
        #expect(units.contains("deploy/systemd/wattest-aggregator.service"))
        for unit in units {
            let starts = try text(unit).split(separator: "\n").filter { $0.hasPrefix("ExecStart=") }
            #expect(!starts.isEmpty, "\(unit) starts nothing")
            for start in starts {
                let words = start.dropFirst("ExecStart=".count).split(separator: " ").map(String.init)
                let program = try #require(words.first?.split(separator: "/").last.map(String.init))
                try expectKnown(Array(words.dropFirst()), of: program, in: unit)
            }
        }
    }

    @Test func manifestsStartWhatIsThere() throws {
        var started = 0
        for file in try files("deploy/kubernetes", suffix: ".yaml") {
            for document in try Yams.load_all(yaml: try text(file)) {
                let object = try #require(document as? [String: Any], "\(file)")
                #expect(object["apiVersion"] is String && object["kind"] is String, "\(file)")
                let template = (object["spec"] as? [String: Any])?["template"] as? [String: Any]
                guard let pod = template?["spec"] as? [String: Any] else { continue }
                let volumes = Set((pod["volumes"] as? [[String: Any]] ?? []).compactMap { $0["name"] as? String })
                for part in ["initContainers", "containers"] {
                    for container in pod[part] as? [[String: Any]] ?? [] {
                        try expectKnown(container["args"] as? [String] ?? [], of: "wattest-agent", in: file)
                        let mounts = container["volumeMounts"] as? [[String: Any]] ?? []
                        for mount in mounts.compactMap({ $0["name"] as? String }) {
                            #expect(volumes.contains(mount), "\(file): no volume \(mount)")
                        }
                        started += 1
                    }
                }
            }
        }
        #expect(started == 2)
    }
}
