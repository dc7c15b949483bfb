import Identity

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Files of hundreds of megabytes that are written and read as a whole, and that only their owner may touch.
enum LargeFile {
    /// Replaces a file in one step: a crash leaves the old one or the new one.
    static func write(_ parts: [[UInt8]], to path: String) throws(IdentityError) {
        let temporary = path + ".new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw failure("create", temporary) }
        var isWhole = parts.allSatisfy { writeAll($0, descriptor) }
        isWhole = fsync(descriptor) == 0 && isWhole
        isWhole = close(descriptor) == 0 && isWhole
        guard isWhole, rename(temporary, path) == 0 else {
            let error = failure("write", path)
            unlink(temporary)
            throw error
        }
    }

    private static func writeAll(_ bytes: [UInt8], _ descriptor: Int32) -> Bool {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { writeSome(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno != EINTR { return false }
            written += max(0, count)
        }
        return true
    }

    /// The first bytes of a file, and the others; nil when it cannot be read, is another user's, or too large.
    static func read(_ path: String, head: Int, maximumBytes: Int) -> (head: [UInt8], rest: [UInt8])? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_uid == geteuid(), status.st_mode & 0o022 == 0,
            (head...(maximumBytes + head)).contains(Int(status.st_size)),
            let opening = readExactly(head, descriptor), let rest = readExactly(Int(status.st_size) - head, descriptor)
        else { return nil }
        return (opening, rest)
    }

    private static func readExactly(_ count: Int, _ descriptor: Int32) -> [UInt8]? {
        var isWhole = true
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            while initialized < count {
                let size = readSome(descriptor, buffer.baseAddress.map { $0 + initialized }, count - initialized)
                if size < 0, errno == EINTR { continue }
                guard size > 0 else {
                    isWhole = false
                    return
                }
                initialized += size
            }
        }
        return isWhole ? bytes : nil
    }

    private static func failure(_ action: String, _ path: String) -> IdentityError {
        IdentityError(.file, "cannot \(action) \(path): \(String(cString: strerror(errno)))")
    }
}

// `read(2)` and `write(2)` under names that the members of LargeFile do not shadow.

private func readSome(_ descriptor: Int32, _ buffer: UnsafeMutablePointer<UInt8>?, _ count: Int) -> Int {
    read(descriptor, buffer, count)
}

private func writeSome(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
