#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Why a file of the agent cannot be read or written: one line with the place and the cause.
package struct SpoolError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    init(_ action: String, _ path: String, _ code: Int32) {
        let remedy =
            switch code {
            case ENOSPC, EDQUOT: "free space on its file system"
            case EACCES, EPERM, EROFS: "let the agent's user write there"
            case ENOENT, ENOTDIR: "check the directory that it lies in"
            default: "check the data directory"
            }
        description = "cannot \(action) \(path): \(String(cString: strerror(code))); \(remedy)"
    }

    init(_ description: String) { self.description = description }
}

/// Files whose bytes are on the disk when a call returns.
package enum DurableFile {
    /// Suffix of a file that is not whole yet. A crash leaves it behind; the next start deletes it.
    static let temporarySuffix = ".tmp"

    /// Writes a file under a temporary name, makes its bytes durable, and gives it its name.
    ///
    /// The name itself is durable after `syncDirectory`: a crash before that leaves the old file, the new one, or none,
    /// and never a part of one.
    static func replace(_ path: String, with bytes: [UInt8], mode: UInt32 = 0o600) throws(SpoolError) {
        let temporary = path + temporarySuffix
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else { throw SpoolError("create", temporary, errno) }
        do throws(SpoolError) {
            defer { close(descriptor) }
            try writeAll(bytes, to: descriptor, temporary)
            guard fsync(descriptor) == 0 else { throw SpoolError("sync", temporary, errno) }
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let code = errno
            unlink(temporary)
            throw SpoolError("rename to", path, code)
        }
    }

    static func syncDirectory(_ path: String) throws(SpoolError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SpoolError("open", path, errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw SpoolError("sync", path, errno) }
    }

    /// The whole file, nil when there is none.
    package static func read(_ path: String, maximumBytes: Int = 1 << 30) throws(SpoolError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw SpoolError("read", path, errno)
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var isAtEnd = false
        while !isAtEnd {
            let wanted = 65_536
            var code: Int32 = 0
            let start = bytes.count
            bytes.append(contentsOf: repeatElement(0, count: wanted))
            let count = bytes.withUnsafeMutableBytes { readSome(descriptor, $0[start...], &code) }
            bytes.removeLast(wanted - max(0, count))
            if count < 0, code != EINTR { throw SpoolError("read", path, code) }
            isAtEnd = count == 0
            guard bytes.count <= maximumBytes else {
                throw SpoolError("\(path) is larger than \(maximumBytes) bytes; is it the right file?")
            }
        }
        return bytes
    }

    /// Makes a directory with its parents.
    package static func makeDirectory(_ path: String, mode: UInt32 = 0o700) throws(SpoolError) {
        if mkdir(path, mode) == 0 || errno == EEXIST { return }
        let code = errno
        guard code == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
            throw SpoolError("make the directory", path, code)
        }
        try makeDirectory(String(path[..<slash]), mode: mode)
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw SpoolError("make the directory", path, errno) }
    }

    /// Names in a directory, without `.` and `..`.
    static func names(in path: String) throws(SpoolError) -> [String] {
        guard let stream = opendir(path) else { throw SpoolError("list", path, errno) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Length of a file, 0 when there is none.
    static func size(of path: String) -> Int {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        return max(0, Int(lseek(descriptor, 0, SEEK_END)))
    }

    /// Deletes a file; that it is gone already is what was wanted.
    static func delete(_ path: String) throws(SpoolError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw SpoolError("delete", path, errno) }
    }

    static func move(_ path: String, to target: String) throws(SpoolError) {
        guard rename(path, target) == 0 || errno == ENOENT else { throw SpoolError("move", path, errno) }
    }

    private static func writeAll(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws(SpoolError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { writeSome(descriptor, $0[written...]) }
            if count < 0 {
                if errno == EINTR { continue }
                throw SpoolError("write", path, errno)
            }
            written += count
        }
    }
}

// `read(2)` and `write(2)` under names that the members above do not shadow.

private func readSome(_ descriptor: Int32, _ buffer: Slice<UnsafeMutableRawBufferPointer>, _ code: inout Int32) -> Int {
    let target = UnsafeMutableRawBufferPointer(rebasing: buffer)
    let count = read(descriptor, target.baseAddress, target.count)
    code = errno
    return count
}

private func writeSome(_ descriptor: Int32, _ buffer: Slice<UnsafeRawBufferPointer>) -> Int {
    let source = UnsafeRawBufferPointer(rebasing: buffer)
    return write(descriptor, source.baseAddress, source.count)
}
