#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Writes a streamed bundle into a new directory, which gets its name only when everything is there: half a bundle cannot
/// be taken for a whole one.
struct BundleWriter: ~Copyable {
    private let directory: String
    private let partial: String
    private var reader = TarReader()
    private var file: OutputFile?
    private(set) var files = 0
    private(set) var bytes = 0

    init(directory: String) throws(CommandFailure) {
        var path = directory
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.directory = path
        partial = "\(path).partial-\(getpid())"
        guard Self.isAbsentOrEmpty(path) else {
            throw .file("the directory exists and is not empty", path, "choose a new one")
        }
        guard mkdir(partial, 0o755) == 0 else { throw OutputFile.failure(partial) }
    }

    mutating func append(_ piece: some Collection<UInt8>) throws {
        do {
            try reader.read(Array(piece)) { event in
                switch event {
                case .begin(let path):
                    try Self.makeDirectories(above: path, in: partial)
                    file = try OutputFile(creating: "\(partial)/\(path)")
                    files += 1
                case .contents(let contents):
                    try file?.append(contents)
                    bytes += contents.count
                case .end: file = nil
                }
            }
        } catch let failure as TarFailure {
            throw Self.badBundle(failure.what)
        }
    }

    /// Puts the directory in its place.
    mutating func finish() throws(CommandFailure) {
        guard reader.isAtEnd else { throw Self.badBundle("it ends early") }
        guard rename(partial, directory) == 0 else { throw OutputFile.failure(directory) }
    }

    /// Removes what was written so far.
    func abandon() { Self.remove(partial) }

    private static func badBundle(_ what: String) -> CommandFailure {
        CommandFailure(
            .unavailable, "BAD_REPLY", "the bundle that came is no archive: \(what), nothing was kept, try again")
    }

    private static func isAbsentOrEmpty(_ path: String) -> Bool {
        guard let stream = opendir(path) else { return errno == ENOENT }
        defer { closedir(stream) }
        var entries = 0
        while readdir(stream) != nil { entries += 1 }
        return entries <= 2
    }

    private static func makeDirectories(above path: String, in root: String) throws(CommandFailure) {
        var current = root
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
