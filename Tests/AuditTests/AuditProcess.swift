import ClusterSimulation
import Disclosure
import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The program itself, run as an auditor runs it.
enum AuditProcess {
    struct Output {
        var status: Int32
        var text: String
        var errors: String
    }

    struct Failure: Error { var what: String }

    /// The program lies beside the test bundle that runs.
    private static func program() throws -> String {
        let own = String(cString: realpath("/proc/self/exe", nil))
        for candidate in CommandLine.arguments + [own] {
            guard let slash = candidate.utf8.lastIndex(of: UInt8(ascii: "/")) else { continue }
            let path = String(candidate[..<slash]) + "/wattest-audit"
            if access(path, X_OK) == 0 { return path }
        }
        throw Failure(what: "wattest-audit is not built")
    }

    static func run(_ arguments: [String], in directory: String) throws -> Output {
        let program = try program()
        let (out, errors) = ("\(directory)/stdout", "\(directory)/stderr")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        var child: pid_t = 0
        var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for pointer in argv { free(pointer) } }
        guard posix_spawn(&child, program, &actions, nil, &argv, environ) == 0 else {
            throw Failure(what: "spawning \(program) failed")
        }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        return Output(status: status >> 8 & 0xFF, text: try read(out), errors: try read(errors))
    }

    // MARK: Files

    static func withDirectory<Value>(_ body: (String) throws -> Value) throws -> Value {
        var template = Array("/tmp/wattest-audit.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(what: "no temporary directory") }
        let directory = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        defer { try? FileManager.default.removeItem(atPath: directory) }
        return try body(directory)
    }

    static func write(_ files: [String: [UInt8]], to directory: String) throws {
        mkdir(directory, 0o700)
        for (path, bytes) in files {
            var made = directory
            for part in path.utf8.split(separator: UInt8(ascii: "/")).dropLast() {
                made += "/\(String(part) ?? "")"
                mkdir(made, 0o700)
            }
            try write(bytes, to: "\(directory)/\(path)")
        }
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        guard let file = fopen(path, "wb") else { throw Failure(what: "cannot write \(path)") }
        defer { fclose(file) }
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw Failure(what: "cannot write \(path)") }
    }

    static func link(_ target: String, at path: String) throws {
        guard symlink(target, path) == 0 else { throw Failure(what: "cannot link \(path)") }
    }

    static func read(_ path: String) throws -> String {
        guard let file = fopen(path, "rb") else { throw Failure(what: "cannot read \(path)") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { bytes += buffer[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }
}
