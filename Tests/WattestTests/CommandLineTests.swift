import ArgumentParser
import Identity
import Testing

@testable import wattest

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

struct CommandLineTests {
    @Test(arguments: [
        ["job"], ["org", "list"], ["job", "show", "k"],
    ])
    func parses(arguments: [String]) throws {
        _ = try Wattest.parseAsRoot(arguments)
    }

    @Test func serverOptionsStandBeforeOrAfterTheCommand() throws {
        for arguments in [["--org", "o", "job", "list"], ["job", "list", "--org", "o"]] {
            let list = try #require(try Wattest.parseAsRoot(arguments) as? JobCommand.List)
            #expect(list.options.org == "o")
        }
    }

    @Test(arguments: [
        ["bogus"], ["job", "show"], ["report", "--from", "2024-05-17T04:00Z"], ["token", "create", "--uses", "0"],
        ["import", "--format", "foo", "--cluster", "c", "--job", "j", "f"],
        ["job", "classify", "k", "--class", "great", "--reason", "r"],
        ["job", "classify", "k", "--class", "final"], ["job", "classify", "k", "--reason", "r"],
        ["job", "list", "--server", "http://x", "--ca-file", "f", "--token-file", "t"],
        ["report", "--from", "2024-05-17T04:01Z", "--to", "2024-05-17T05:00Z"],
        ["site", "set", "s", "--pue", "0.9"], ["site", "set", "s"],
    ])
    func usageErrorsAreStatusTwo(arguments: [String]) async {
        #expect(await Wattest.run(arguments) == 2)
    }

    /// Whoever reads an operator's token is the operator.
    @Test(arguments: [(UInt32(0o600), false), (0o640, true), (0o604, true), (0o400, false)])
    func tokensThatOthersReadAreWarnedOf(_ mode: UInt32, _ isOpen: Bool) throws {
        let path = "\(TemporaryDirectory.make())/token"
        try PrivateFile.write(Array("secret\n".utf8), to: path, mode: mode)
        #expect(ServerOptions.isOpenToOthers(path) == isOpen)
        #expect(try ServerOptions.token(in: path) == "secret")
    }

    @Test(arguments: [["--help"], ["job", "--help"], ["--version"]])
    func helpIsStatusZero(arguments: [String]) async {
        #expect(await Wattest.run(arguments) == 0)
    }

    @Test(arguments: [
        ("https://host:8443", true), ("https://127.0.0.1:1/", true), ("https://[::1]:443", true),
        ("http://host:1", false),
        ("https://host", false), ("host:1", false), ("https://host:0", false), ("https://host:1/v1", false),
        ("", false),
    ])
    func addresses(text: String, isOne: Bool) {
        #expect((ServerAddress(text) != nil) == isOne)
    }

    @Test func settingsFallBackToTheEnvironment() throws {
        let environment: (String) -> String? = { $0 == "A" ? "from environment" : $0 == "EMPTY" ? "" : nil }
        #expect(try ServerOptions.setting("flag", "--a", "A", environment: environment) == "flag")
        #expect(try ServerOptions.setting(nil, "--a", "A", environment: environment) == "from environment")
        for name in ["EMPTY", "NONE"] {
            let error = #expect(throws: CommandFailure.self) {
                try ServerOptions.setting(nil, "--a", name, environment: environment)
            }
            #expect(error?.message.contains(name) == true)
        }
    }

    @Test(arguments: [
        (["estimate", "--power-w", "3,5", "--hours", "1"], "write a number like"),
        (["estimate", "--flop", "1e23x", "--flop-per-s", "1"], "write a number like"),
        (["estimate", "--utilisation", "40%"], "write a number like"),
        (["forecast", "--readings", "f", "--done", "one", "--of", "2"], "write a number like"),
        (["estimate", "--power-w", "-5", "--hours", "1"], "give one; a value that begins with a minus"),
        (["estimate", "--method", "guess"], "see 'wattest --help'"),
    ])
    func aRefusedValueComesWithWhatToWrite(arguments: [String], remedy: String) {
        let error = #expect(throws: (any Error).self) { try Wattest.parseAsRoot(arguments) }
        guard let error else { return }
        #expect(Wattest.remedy(for: Wattest.message(for: error)).hasPrefix(remedy), "\(Wattest.message(for: error))")
    }

    @Test func errorsAreOneLineOfPrintableText() {
        let failure = CommandFailure(.refused, "NOT_FOUND", "there is\nno job \u{1B}[31m'x'\u{202E}  here\r\n")
        #expect(failure.description == "error[NOT_FOUND]: there is no job [31m'x' here")
    }

    @Test func importerHasAPlaceForEachLog() throws {
        let home: (String) -> String? = { $0 == "HOME" ? "/somewhere" : nil }
        let state: (String) -> String? = { $0 == "XDG_STATE_HOME" ? "/state" : "/somewhere" }
        let one = try Importer.defaultDirectory("log+1", environment: home)
        #expect(one.hasPrefix("/somewhere/.local/state/wattest/importer-"))
        #expect(try Importer.defaultDirectory("log+2", environment: home) != one)
        #expect(try Importer.defaultDirectory("log+1", environment: state).hasPrefix("/state/wattest/importer-"))
        #expect(throws: CommandFailure.self) { try Importer.defaultDirectory("log+1", environment: { _ in nil }) }
    }

    @Test(arguments: ["/dev/null", "/"]) func aTableWithoutTextIsNamed(path: String) {
        let error = #expect(throws: CommandFailure.self) { try FactorCommand.Import.content(of: path) }
        #expect(error?.status == .usage && error?.message.contains("no text in \(path)") == true)
    }

    /// As root, a rename over /dev/null would take it from the whole machine.
    @Test func whatIsNoPlainFileIsWrittenInto() async throws {
        let directory = TemporaryDirectory.make()
        let (file, link, pipe) = ("\(directory)/file", "\(directory)/link", "\(directory)/pipe")
        try await OutputFile.replace(file) { out in try out.append(Array("longer than the next".utf8)) }
        #expect(symlink(file, link) == 0 && mkfifo(pipe, 0o600) == 0)
        try await OutputFile.replace(link) { out in try out.append(Array("through".utf8)) }
        #expect(try PrivateFile.read(file) == Array("through".utf8))
        // Both ends, so that opening it waits for nobody.
        let end = open(pipe, O_RDWR)
        try #require(end >= 0)
        defer { close(end) }
        try await OutputFile.replace(pipe) { out in try out.append(Array("in".utf8)) }
        var bytes: [UInt8] = [0, 0, 0]
        #expect(read(end, &bytes, 3) == 2 && bytes == Array("in\0".utf8))
        for (path, isPlain) in [(link, false), (pipe, false), (file, true), ("\(directory)/none", true)] {
            #expect(PrivateFile.isReplaceable(path) == isPlain, "\(path)")
        }
        await #expect(throws: CommandFailure.self) {
            try await OutputFile.replace(directory) { out in try out.append([1]) }
        }
    }

    @Test func nodeNamesComeOutOfPaths() throws {
        #expect(try NodeNames("host-([0-9]+)").node(of: "logs/host-17/power.txt") == "17")
        #expect(try NodeNames("host-[0-9]+").node(of: "logs/host-17/power.txt") == "host-17")
        #expect(throws: CommandFailure.self) { try NodeNames("host").node(of: "logs/a.txt") }
        #expect(throws: CommandFailure.self) { try NodeNames("(") }
    }
}
