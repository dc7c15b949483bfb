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
            try Self.makeDirectories(above: file.path, in: partial)
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

    static func isAbsentOrEmpty(_ path: String) -> Bool {
        guard let stream = opendir(path) else { return errno == ENOENT }
        defer { closedir(stream) }
        var entries = 0
        while readdir(stream) != nil { entries += 1 }
        return entries <= 2
    }

    static func makeDirectories(above path: String, in directory: String) throws(CommandFailure) {
        var current = directory
        for part in path.split(separator: "/").dropLast() {
            current += "/\(part)"
            guard mkdir(current, 0o755) == 0 || errno == EEXIST else { throw OutputFile.failure(current) }
        }
    }

    /// Removes every file below a directory but those that are named by their paths in it.
    static func empty(_ directory: String, keeping kept: Set<String> = []) {
        walk(directory, prefix: "") { path, _ in
            if !kept.contains(path) { unlink("\(directory)/\(path)") }
        }
    }

    static func count(_ directory: String, _ counts: inout Counts) {
        walk(directory, prefix: "") { _, bytes in
            counts.files += 1
            counts.bytes += bytes
        }
    }

    private static func walk(_ root: String, prefix: String, _ body: (String, Int) -> Void) {
        guard let stream = opendir(prefix.isEmpty ? root : "\(root)/\(prefix)") else { return }
        var found: [(name: String, isDirectory: Bool)] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { found.append((name, entry.pointee.d_type == UInt8(DT_DIR))) }
        }
        closedir(stream)
        for (name, isDirectory) in found {
            let path = prefix.isEmpty ? name : "\(prefix)/\(name)"
            if isDirectory { walk(root, prefix: path, body) } else { body(path, byteCount("\(root)/\(path)")) }
        }
    }

    private static func byteCount(_ path: String) -> Int {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        return max(0, Int(lseek(descriptor, 0, SEEK_END)))
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
