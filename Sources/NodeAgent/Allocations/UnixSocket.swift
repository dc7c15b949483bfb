#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Calls on Unix stream sockets; the C libraries type their constants differently.
enum UnixSocket {
    static let maximumPathBytes = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    /// A descriptor that listens, mode 0666; a socket that a dead process left is replaced.
    static func listen(at path: String) throws(SpoolError) -> Int32 {
        guard path.utf8.count <= maximumPathBytes else {
            throw SpoolError(
                "the socket's path \(path) is longer than \(maximumPathBytes) bytes; give a shorter --socket")
        }
        let descriptor = makeStream()
        guard descriptor >= 0 else { throw SpoolError("make the socket", path, errno) }
        beQuiet(descriptor)
        unlink(path)
        let result = withAddress(path) { bind(descriptor, $0, $1) }
        guard result == 0, chmod(path, 0o666) == 0, beginListening(descriptor) == 0 else {
            let code = errno
            close(descriptor)
            throw SpoolError("listen on", path, code)
        }
        return descriptor
    }

    static func accept(_ listener: Int32) -> (descriptor: Int32, peer: SocketPeer)? {
        let descriptor = acceptConnection(listener)
        guard descriptor >= 0 else { return nil }
        beQuiet(descriptor)
        var credentials = PeerCredentials()
        var length = socklen_t(MemoryLayout<PeerCredentials>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 else {
            close(descriptor)
            return nil
        }
        return (descriptor, SocketPeer(pid: credentials.pid, uid: credentials.uid))
    }

    /// A blocking connection, nil when nobody listens.
    static func connect(to path: String) -> Int32? {
        guard path.utf8.count <= maximumPathBytes else { return nil }
        let descriptor = makeStream()
        guard descriptor >= 0 else { return nil }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        guard withAddress(path, { beginConnecting(descriptor, $0, $1) }) == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }

    static func send(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        sendBytes(descriptor, bytes) == bytes.count
    }

    /// One line without its line feed, nil when the connection ends first.
    static func line(from descriptor: Int32, maximumBytes: Int = SocketLine.maximumBytes) -> String? {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while line.count < maximumBytes {
            let count = recv(descriptor, &byte, 1, 0)
            if count < 0, errno == EINTR { continue }
            guard count == 1 else { return nil }
            if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
        return nil
    }

    private static func withAddress<Result>(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func beQuiet(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    /// `struct ucred` of the kernel (include/linux/socket.h).
    private struct PeerCredentials {
        var pid: Int32 = 0
        var uid: UInt32 = 0
        var gid: UInt32 = 0
    }
}

// Calls under names that the members above do not shadow.

private func makeStream() -> Int32 {
    #if canImport(Glibc)
        socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    #else
        socket(AF_UNIX, SOCK_STREAM, 0)
    #endif
}

private func beginListening(_ descriptor: Int32) -> Int32 { listen(descriptor, 64) }

private func beginConnecting(_ descriptor: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> Int32 {
    connect(descriptor, address, length)
}

private func acceptConnection(_ listener: Int32) -> Int32 { accept(listener, nil, nil) }

private func sendBytes(_ descriptor: Int32, _ bytes: [UInt8]) -> Int {
    send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
}
