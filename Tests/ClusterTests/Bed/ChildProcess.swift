import Foundation
import Patience
import Synchronization

/// A program that runs beside the test; what it says goes into files.
final class ChildProcess: Sendable {
    struct Output: Sendable {
        /// Exit status, or 128 and the number of the signal that ended it.
        var status: Int32
        var text: String
        var errors: String
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let pid: pid_t
    let name: String
    private let outputPath: String
    private let status = Mutex<Int32?>(nil)

    /// - Parameters:
    ///   - through: words before the program, the first a path: something that becomes it.
    ///   - directory: where its output lies; also its HOME, so that it leaves nothing elsewhere.
    init(
        _ program: BuiltProgram, _ arguments: [String], through words: [String] = [],
        environment: [String: String] = [:], directory: String
    ) throws {
        name = ([program.rawValue] + arguments.prefix(2)).joined(separator: " ")
        outputPath = "\(directory)/output-\(Self.lastNumber.add(1, ordering: .relaxed).newValue)"
        let path = try program.path
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for (descriptor, suffix) in [(Int32(1), "out"), (2, "err")] {
            posix_spawn_file_actions_addopen(
                &actions, descriptor, "\(outputPath).\(suffix)", O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        }
        let variables = ["PATH": "/usr/bin:/bin", "HOME": directory].merging(environment) { $1 }
        var argv = (words + [path] + arguments).map { strdup($0) } + [nil]
        var envp = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var child: pid_t = 0
        let code = posix_spawn(&child, words.first ?? path, &actions, nil, &argv, &envp)
        guard code == 0 else { throw Failure(description: "\(name): \(String(cString: strerror(code)))") }
        pid = child
    }

    private static let lastNumber = Atomic<Int>(0)

    deinit {
        // A test that failed half way leaves nothing running.
        if poll() == nil {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
        }
    }

    /// The status when it has ended, nil while it runs.
    func poll() -> Int32? {
        status.withLock { status in
            if let status { return status }
            var raw: Int32 = 0
            guard waitpid(pid, &raw, WNOHANG) == pid else { return nil }
            status = raw & 0x7F == 0 ? raw >> 8 & 0xFF : 128 + raw & 0x7F
            return status
        }
    }

    func send(_ signal: Int32) {
        // Under the lock: the number of a process that was waited for may be another's.
        status.withLock { if $0 == nil { kill(pid, signal) } }
    }

    /// Waits until it has ended.
    func output(seconds: Int = 60) async throws -> Output {
        do {
            let status = try await Patience.until("the end of \(name)", seconds: seconds) { poll() }
            return Output(status: status, text: text, errors: errors)
        } catch {
            send(SIGKILL)
            throw Failure(description: "\(error); it said: \(text) \(errors)")
        }
    }

    func kill9() async throws {
        send(SIGKILL)
        _ = try await Patience.until("the death of \(name)") { poll() }
    }

    private var text: String { Self.read("\(outputPath).out") }
    var errors: String { Self.read("\(outputPath).err") }

    private static func read(_ path: String) -> String {
        (FileManager.default.contents(atPath: path)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
