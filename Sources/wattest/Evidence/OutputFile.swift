import Identity

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A file that is there as a whole or not at all: written beside its place and renamed when complete.
struct OutputFile: ~Copyable {
    private let descriptor: Int32
    private let path: String

    /// Creates a file that does not exist yet.
    init(creating path: String) throws(CommandFailure) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.failure(path) }
    }

    /// Opens what is there and is no file to be replaced.
    private init(writingInto path: String) throws(CommandFailure) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure(path) }
    }

    deinit { close(descriptor) }

    func append(_ bytes: some Collection<UInt8>) throws(CommandFailure) {
        guard writeAll(bytes, to: descriptor) else { throw Self.failure(path) }
    }

    /// Writes what `body` appends and puts it in place of `path`; leaves `path` alone when that fails.
    ///
    /// A pipe, a device or a link is written into: renamed over, /dev/null would be a plain file for the whole machine.
    @discardableResult
    static func replace<Result: Sendable>(
        _ path: String, _ body: (borrowing OutputFile) async throws -> Result
    ) async throws -> Result {
        guard PrivateFile.isReplaceable(path) else {
            let file = try OutputFile(writingInto: path)
            return try await body(file)
        }
        let partial = "\(path).partial-\(getpid())"
        do {
            let file = try OutputFile(creating: partial)
            let result = try await body(file)
            guard rename(partial, path) == 0 else { throw failure(path) }
            return result
        } catch {
            unlink(partial)
            throw error
        }
    }

    static func failure(_ path: String) -> CommandFailure {
        .file("cannot write (\(String(cString: strerror(errno))))", path, "choose another place or free some space")
    }
}
