#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Reads and writes the files that hold keys and certificates.
package enum PrivateFile {
    /// Keys and certificates are a few kilobytes; a larger file is a wrong path.
    package static let bytesMax = 1 << 20

    /// Replaces a file in one step, readable by its owner alone.
    ///
    /// The bytes are durable under a temporary name before the rename, and the rename before the return: a crash leaves
    /// the old file or the new one, never a part, and no moment at which another user can read it.
    ///
    /// - Parameter mode: 0600 for a key; 0644 for a certificate that others must read.
    package static func write(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o600) throws(IdentityError) {
        let temporary = path + ".new"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else { throw failure("create", temporary, errno) }
        do throws(IdentityError) {
            defer { close(descriptor) }
            // The umask may have taken bits away.
            guard fchmod(descriptor, mode) == 0 else { throw failure("set the mode of", temporary, errno) }
            try writeAll(bytes, descriptor, temporary)
            guard fsync(descriptor) == 0 else { throw failure("sync", temporary, errno) }
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let code = errno
            unlink(temporary)
            throw failure("rename to", path, code)
        }
        try syncDirectory(of: path)
    }

    /// Whether a rename may put a file there: nothing is there yet, or a plain file. No link, pipe or device.
    package static func isReplaceable(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) != 0 || status.st_mode & S_IFMT == S_IFREG
    }

    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The whole file, at most ``bytesMax``.
    package static func read(_ path: String) throws(IdentityError) -> [UInt8] {
        try self.read(path, forbidding: 0)
    }

    /// A private key's file, refused if anybody but the owner can read it.
    package static func readSecret(_ path: String) throws(IdentityError) -> [UInt8] {
        try self.read(path, forbidding: 0o077)
    }

    private static func read(_ path: String, forbidding modes: UInt32) throws(IdentityError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("read", path, errno) }
        defer { close(descriptor) }
        // Of the open file, not of the path: that may be another file a moment later.
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("read", path, errno) }
        guard status.st_mode & modes == 0 else {
            throw IdentityError(.file, "\(path): readable by others than its owner: chmod 600 \(path)")
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = readSome(descriptor, &buffer)
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("read", path, errno)
            }
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer[0..<count])
            guard bytes.count <= bytesMax else {
                throw IdentityError(.file, "\(path): larger than \(bytesMax) bytes: not a key or certificate")
            }
        }
    }

    private static func writeAll(_ bytes: [UInt8], _ descriptor: Int32, _ path: String) throws(IdentityError) {
        var written = 0
        while written < bytes.count {
            let count = writeSome(descriptor, bytes[written...])
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("write", path, errno)
            }
            written += count
        }
    }

    private static func syncDirectory(of path: String) throws(IdentityError) {
        var directory = "."
        if let slash = path.lastIndex(of: "/") {
            directory = slash == path.startIndex ? "/" : String(path[..<slash])
        }
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open", directory, errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("sync", directory, errno) }
    }

    private static func failure(_ action: String, _ path: String, _ code: Int32) -> IdentityError {
        IdentityError(.file, "cannot \(action) \(path): \(String(cString: strerror(code)))")
    }
}

// `read(2)` and `write(2)` under names that the members of PrivateFile do not shadow.

private func readSome(_ descriptor: Int32, _ buffer: inout [UInt8]) -> Int {
    buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
}

private func writeSome(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) -> Int {
    bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
}
