import Foundation

/// A directory below /tmp that goes with the test, and with the next run if this one is killed.
///
/// The name holds the number of the process that made it. Whoever finds a directory of a process that is no more ends
/// the aggregator that is left in it and removes it.
final class TestDirectory: Sendable {
    let path: String

    private static let prefix = "wattest-cluster-"

    init() throws {
        var template = Array("/tmp/\(Self.prefix)\(getpid())-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw ChildProcess.Failure(description: "no temporary directory: \(String(cString: strerror(errno)))")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // The database server runs as another user and must pass through.
        chmod(path, 0o711)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func subdirectory(_ name: String) throws -> String {
        let full = "\(path)/\(name)"
        try FileManager.default.createDirectory(atPath: full, withIntermediateDirectories: true)
        return full
    }

    static func removeForsaken() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/tmp")) ?? [] where name.hasPrefix(prefix) {
            guard let owner = pid_t(name.dropFirst(prefix.count).prefix { $0.isNumber }), kill(owner, 0) != 0,
                errno == ESRCH
            else { continue }
            endPrograms(mentioning: "/tmp/\(name)")
            try? FileManager.default.removeItem(atPath: "/tmp/\(name)")
        }
    }

    /// Programs whose command line names a directory that only a test can have made.
    private static func endPrograms(mentioning directory: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = pid_t(name), let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline"),
                String(decoding: line, as: UTF8.self).contains(directory)
            else { continue }
            kill(pid, SIGKILL)
        }
    }
}
