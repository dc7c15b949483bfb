#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The directory of the private cluster's socket: of mode 0700, which is all the authentication there is.
struct SocketDirectory: Sendable, Equatable {
    /// Any number does: nothing else puts a socket into this directory.
    static let port = 5_439
    /// `sun_path` holds 108 bytes with the terminating zero (unix(7)).
    static let longestSocketPath = 107

    let path: String

    /// A path that fits and that `unix_socket_directories`, a comma-separated list, takes unquoted.
    static func fits(_ path: String) -> Bool {
        let socket = "\(path)/.s.PGSQL.\(port)"
        let isPlain = path.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
                || [0x2D, 0x2E, 0x2F, 0x5F].contains(byte)
        }
        // The server adds ".lock" to a file beside the socket; only the socket's own name is bounded.
        return isPlain && socket.utf8.count <= longestSocketPath
    }

    /// Beside the cluster where that is short enough; else under /run or /tmp, by a name that the next start finds
    /// again, so that a crash leaves no trail of directories.
    static func candidates(for directory: ClusterDirectory, as user: ServerUser) -> [String] {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a
        for byte in directory.path.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        let name = "wattest-" + String(hash, radix: 16)
        let all = [directory.parent + "/postgres-socket", "/run/\(name)", "/tmp/\(name)"]
        return all.filter(fits)
    }

    /// Makes the directory anew. Only with the cluster's lock held and no server running.
    static func make(for directory: ClusterDirectory, as user: ServerUser) throws(StoreError) -> SocketDirectory {
        for path in candidates(for: directory, as: user) {
            // Somebody else's directory in /tmp is not removed and hence not used.
            if let facts = FileFacts(path, followLinks: false), facts.owner == user.user { Files.removeTree(path) }
            if mkdir(path, 0o700) == 0 { return try own(path, user) }
        }
        var template = Array("/tmp/wattest-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw StoreError(.cluster, "cannot make a directory for the database's socket: \(Files.reason(errno))")
        }
        return try own(String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self), user)
    }

    private static func own(_ path: String, _ user: ServerUser) throws(StoreError) -> SocketDirectory {
        if user.isOther && chown(path, user.user, user.group) != 0 {
            throw StoreError(.cluster, "cannot give \(path) to \(user.name): \(Files.reason(errno))")
        }
        return SocketDirectory(path: path)
    }

    func remove() { Files.removeTree(path) }
}
