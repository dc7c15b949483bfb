#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Reading of small files and directories of the kernel. What is gone meanwhile is nil: jobs end while they are read.
package enum FileTree {
    package static func read(_ path: String, limit: Int = 65_536) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: min(limit, 16_384))
        while bytes.count < limit {
            let count = readSome(descriptor, &chunk, min(chunk.count, limit - bytes.count))
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return nil }
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        return bytes
    }

    package static func text(_ path: String, limit: Int = 65_536) -> String? {
        read(path, limit: limit).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Names in a directory, without those that begin with a dot; nil when it cannot be listed.
    package static func names(in path: String) -> [String]? { entries(in: path)?.map(\.name) }

    /// A name in a directory with the number of what it names, which tells it from another one that has the name later.
    package struct Entry: Sendable, Hashable {
        package var name: String
        package var identity: UInt64
    }

    /// The same as `names`, at the same cost, with what would else take a call for each name.
    package static func entries(in path: String) -> [Entry]? {
        var entries: [Entry] = []
        let isListed = list(path) { name, identity in
            entries.append(Entry(name: String(decoding: name, as: UTF8.self), identity: identity))
        }
        return isListed ? entries : nil
    }

    /// The names in a directory that are process ids, without making text of any name; nil when it cannot be listed.
    package static func processes(in path: String) -> [Int32]? {
        var numbers: [Int32] = []
        let isListed = list(path) { name, _ in
            guard name.count <= 9, name.allSatisfy({ (48...57).contains($0) }) else { return }
            numbers.append(name.reduce(0) { $0 * 10 + Int32($1 - 48) })
        }
        return isListed ? numbers : nil
    }

    private static func list(_ path: String, _ take: (UnsafeRawBufferPointer, UInt64) -> Void) -> Bool {
        guard let stream = opendir(path) else { return false }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let identity = UInt64(entry.pointee.d_ino)
            withUnsafeBytes(of: &entry.pointee.d_name) { name in
                let length = strnlen(name.bindMemory(to: CChar.self).baseAddress!, name.count)
                guard length > 0, name[0] != UInt8(ascii: ".") else { return }
                take(UnsafeRawBufferPointer(rebasing: name[..<length]), identity)
            }
        }
        return true
    }

    /// Whether a file has anything in it.
    static func isFilled(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var byte: UInt8 = 0
        return pread(descriptor, &byte, 1, 0) == 1
    }

    /// What tells a directory from another one that has its name later.
    package static func identity(of path: String) -> UInt64? {
        var status = stat()
        return stat(path, &status) == 0 ? UInt64(status.st_ino) : nil
    }

    /// Time of the last change in UTC microseconds.
    package static func changedMicroseconds(_ path: String) -> Int64? {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int64(status.st_mtim.tv_sec) * 1_000_000 + Int64(status.st_mtim.tv_nsec) / 1000
    }

    package static func remove(_ path: String) { unlink(path) }
}

/// read(2) under a name that the members above do not shadow.
private func readSome(_ descriptor: Int32, _ buffer: inout [UInt8], _ count: Int) -> Int {
    read(descriptor, &buffer, count)
}
