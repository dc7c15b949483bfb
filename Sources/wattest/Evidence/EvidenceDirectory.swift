import Disclosure

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Unpacks a streamed bundle, file after file, into a new directory that gets its name only when everything is there:
/// half a bundle cannot be taken for a whole one.
struct EvidenceDirectory: ~Copyable {
    struct Counts: Equatable {
        var files = 0
        var bytes = 0
    }

    private let directory: String
    private let partial: String
    private var reader = TarReader()
    private var counts = Counts()

    /// Streams a bundle into a directory that does not exist or is empty.
    static func write(
        to directory: String, from client: AggregatorClient, _ path: String, _ query: [(String, String?)]
    ) async throws -> Counts {
        var writer = try EvidenceDirectory(directory)
        do {
            try await client.stream(path, query) { try writer.append($0) }
            return try writer.finish()
        } catch let failure as TarReader.Failure {
            writer.abandon()
            throw CommandFailure(
                .unavailable, "BAD_REPLY",
                "what came is no bundle: \(failure), \(client.exchange.address), try again; nothing was kept"
            )
        } catch {
            writer.abandon()
            throw error
        }
    }

    private init(_ directory: String) throws(CommandFailure) {
        var path = directory
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.directory = path
        partial = "\(path).partial-\(getpid())"
        guard Self.isAbsentOrEmpty(path) else {
            throw .file("the directory exists and is not empty", path, "choose a new one")
        }
        guard mkdir(partial, 0o755) == 0 else { throw OutputFile.failure(partial) }
    }

    private mutating func append(_ piece: some Sequence<UInt8>) throws {
        for file in try reader.feed(piece) {
            try makeDirectories(above: file.path)
            try OutputFile(creating: "\(partial)/\(file.path)").append(file.bytes)
            counts.files += 1
            counts.bytes += file.bytes.count
        }
    }

    private func finish() throws -> Counts {
        try reader.finish()
        guard rename(partial, directory) == 0 else { throw OutputFile.failure(directory) }
        return counts
    }

    /// Removes what was written so far.
    private func abandon() { Self.remove(partial) }

    private static func isAbsentOrEmpty(_ path: String) -> Bool {
        guard let stream = opendir(path) else { return errno == ENOENT }
        defer { closedir(stream) }
        var entries = 0
        while readdir(stream) != nil { entries += 1 }
        return entries <= 2
    }

    private func makeDirectories(above path: String) throws(CommandFailure) {
        var current = partial
        for part in path.split(separator: "/").dropLast() {
            current += "/\(part)"
            guard mkdir(current, 0o755) == 0 || errno == EEXIST else { throw OutputFile.failure(current) }
        }
    }

    /// Removes a directory that this program has made, with everything in it. Links are removed, never followed.
    private static func remove(_ directory: String) {
        guard let stream = opendir(directory) else { return }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name != ".", name != ".." else { continue }
            let path = "\(directory)/\(name)"
            if entry.pointee.d_type == UInt8(DT_DIR) { remove(path) } else { unlink(path) }
        }
        closedir(stream)
        rmdir(directory)
    }
}
