#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Files of hundreds of megabytes that are read as a whole, and that only their owner may write: more than a
/// `PrivateFile` is read of.
enum LargeFile {
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
}

// `read(2)` under a name that the members of LargeFile do not shadow.

private func readSome(_ descriptor: Int32, _ buffer: UnsafeMutablePointer<UInt8>?, _ count: Int) -> Int {
    read(descriptor, buffer, count)
}
