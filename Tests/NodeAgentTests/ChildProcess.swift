import Glibc

@testable import NodeAgent

/// A program that lies beside the test bundle, run as a child.
enum ChildProcess {
    struct Failure: Error { var what: String }

    /// - Parameter output: descriptor that becomes the child's standard output.
    static func start(_ name: String, _ arguments: [String], output: Int32) throws -> pid_t {
        let program = try program(name)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        var child: pid_t = 0
        var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for pointer in argv { free(pointer) } }
        guard posix_spawn(&child, program, &actions, nil, &argv, environ) == 0 else {
            throw Failure(what: "spawning \(program) failed")
        }
        return child
    }

    private static func program(_ name: String) throws -> String {
        let own = realpath("/proc/self/exe", nil).map { String(cString: $0) } ?? ""
        for candidate in CommandLine.arguments + [own] {
            guard let slash = candidate.utf8.lastIndex(of: UInt8(ascii: "/")) else { continue }
            let path = String(candidate[..<slash]) + "/" + name
            if access(path, X_OK) == 0 { return path }
        }
        throw Failure(what: "\(name) is not built")
    }

    /// Makes a directory with those above it.
    static func makeTree(_ path: String) {
        var made = ""
        for part in path.split(separator: "/") {
            made += "/" + part
            mkdir(made, 0o700)
        }
    }

    /// Removes a directory with all that is in it; of a link the link, and nothing where it leads.
    static func removeTree(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR, let names = try? DurableFile.names(in: path) {
            for name in names { removeTree(path + "/" + name) }
        }
        remove(path)
    }

    /// A directory that is gone afterwards.
    static func withDirectory<Value>(_ body: (String) throws -> Value) throws -> Value {
        var template = Array("/tmp/wattest-agent-XXXXXX".utf8CString)
        guard let path = mkdtemp(&template).map({ String(cString: $0) }) else { throw Failure(what: "no directory") }
        defer { removeTree(path) }
        return try body(path)
    }

    static func withDirectoryAsync<Value>(_ body: (String) async throws -> Value) async throws -> Value {
        var template = Array("/tmp/wattest-agent-XXXXXX".utf8CString)
        guard let path = mkdtemp(&template).map({ String(cString: $0) }) else { throw Failure(what: "no directory") }
        defer { removeTree(path) }
        return try await body(path)
    }
}
