#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What the file system says about a path; symbolic links are followed unless asked not to.
struct FileFacts: Equatable {
    let owner: uid_t
    let group: gid_t
    let device: dev_t
    let inode: ino_t
    let isDirectory: Bool
    /// The nine permission bits.
    let permissions: mode_t
    /// Seconds since 1970.
    let modifiedSeconds: Int

    init?(_ path: String, followLinks: Bool = true) {
        var status = stat()
        guard (followLinks ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
        owner = status.st_uid
        group = status.st_gid
        device = status.st_dev
        inode = status.st_ino
        isDirectory = status.st_mode & S_IFMT == S_IFDIR
        permissions = status.st_mode & 0o777
        modifiedSeconds = status.st_mtim.tv_sec
    }

    func isSameFile(as other: FileFacts) -> Bool { device == other.device && inode == other.inode }
}

enum Files {
    /// The names in a directory, `.` and `..` left out; `nil` when it cannot be read.
    static func names(in path: String) -> [String]? {
        guard let directory = opendir(path) else { return nil }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }

    /// A small file's text, at most its last `limit` bytes; `nil` when it cannot be read.
    static func text(_ path: String, last limit: Int = 65_536) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let end = lseek(descriptor, 0, SEEK_END)
        if end > limit { lseek(descriptor, end - off_t(limit), SEEK_SET) } else { lseek(descriptor, 0, SEEK_SET) }
        return String(decoding: drain(descriptor, limit: limit), as: UTF8.self)
    }

    /// Reads to the end, keeping at most `limit` bytes.
    static func drain(_ descriptor: Int32, limit: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 8_192)
        while true {
            let got = read(descriptor, &buffer, buffer.count)
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { return bytes }
            bytes.append(contentsOf: buffer.prefix(min(got, limit - bytes.count)))
        }
    }

    /// Deletes a directory and all in it, without following links. Best effort: what cannot go is found later.
    static func removeTree(_ path: String) {
        guard let facts = FileFacts(path, followLinks: false) else { return }
        guard facts.isDirectory else {
            unlink(path)
            return
        }
        for name in names(in: path) ?? [] { removeTree("\(path)/\(name)") }
        rmdir(path)
    }

    /// Makes a rename within the directory durable.
    static func flushDirectory(_ path: String) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    /// The path without `.`, `..`, links or doubled slashes; `nil` when it does not exist.
    static func canonical(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    static func reason(_ number: Int32) -> String { String(cString: strerror(number)) }
}
