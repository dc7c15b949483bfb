import Disclosure
import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A bundle as a directory of files.
enum BundleDirectory {
    /// - Throws: for what is neither a plain file nor a directory: a link could lead out of the bundle.
    static func source(at root: String) throws(ReplayFailure) -> BundleSource {
        var paths: Set<String> = []
        try walk(root, prefix: "", into: &paths)
        return BundleSource(
            paths: paths, size: { PlainFile.size("\(root)/\($0)") },
            read: { path throws(ReplayFailure) in try PlainFile.bytes("\(root)/\(path)", place: path) })
    }

    private static func walk(
        _ directory: String, prefix: String, into paths: inout Set<String>
    ) throws(ReplayFailure) {
        guard let stream = opendir(directory) else {
            throw PlainFile.failure(prefix.isEmpty ? directory : prefix, "the directory cannot be read")
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        for name in names {
            let path = prefix.isEmpty ? name : "\(prefix)/\(name)"
            var status = stat()
            guard lstat("\(directory)/\(name)", &status) == 0 else {
                throw PlainFile.failure(path, "the file cannot be read")
            }
            switch status.st_mode & S_IFMT {
            case S_IFDIR: try walk("\(directory)/\(name)", prefix: path, into: &paths)
            case S_IFREG: paths.insert(path)
            default: throw ReplayFailure(.file, at: path, "a bundle has plain files only")
            }
        }
    }
}

enum PlainFile {
    /// Above 256 sample blocks of the largest size; a file with a hole of a terabyte must not take the memory.
    static let maximumByteCount = 2 << 30

    /// Of policies, checkpoints and proofs.
    static let maximumNoteByteCount = SignedNote.maximumByteCount
    /// Of a report: one of a year of a thousand nodes has some hundred megabytes at the most.
    static let maximumReportByteCount = 512 << 20

    static func failure(_ place: String, _ what: String) -> ReplayFailure {
        ReplayFailure(.file, at: place, "\(what): \(String(cString: strerror(errno)))")
    }

    /// Nil for what is not there; reading it says so.
    static func size(_ path: String) -> Int? {
        var status = stat()
        return lstat(path, &status) == 0 ? Int(status.st_size) : nil
    }

    /// - Parameter limit: the most bytes that such a file has.
    static func bytes(
        _ path: String, place: String, limit: Int = PlainFile.maximumByteCount
    ) throws(ReplayFailure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw failure(place, "the file cannot be read") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(place, "the file cannot be read") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ReplayFailure(.file, at: place, "it is not a plain file")
        }
        let size = Int(status.st_size)
        guard size <= limit else {
            throw ReplayFailure(
                .file, at: place, "a file of \(size) bytes is larger than any that belongs there",
                expected: "at most \(limit)")
        }
        var isComplete = true
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, position in
            while position < size {
                let count = read(descriptor, buffer.baseAddress.map { $0 + position }, size - position)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    isComplete = false
                    return
                }
                position += count
            }
        }
        guard isComplete else { throw failure(place, "the file ends before its size") }
        return bytes
    }
}
