#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A connection to the agent of this node (proto/agent-socket.md): a line goes up, a line comes down.
///
/// A claim lasts as long as its connection, so that it cannot outlive the process that made it, however that ends.
final class AgentSocket {
    /// Why the agent did not take a claim; for one warning line.
    struct Fault: Error, CustomStringConvertible {
        let description: String
    }

    static let answerSeconds = 2
    private static let answerBytesMax = 4096

    private let descriptor: Int32

    init(path: String) throws(Fault) {
        descriptor = makeSocket()
        guard descriptor >= 0 else { throw Fault(description: "no socket can be made: \(reason())") }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        // An agent that hangs must not hold up a job.
        var patience = timeval(tv_sec: Self.answerSeconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
        do {
            try Self.connect(descriptor, path)
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }

    private static func connect(_ descriptor: Int32, _ path: String) throws(Fault) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw Fault(description: "the path \(path) is too long for a socket")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connectSocket(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw Fault(description: "no agent answers at \(path): \(reason())") }
    }

    /// Says a line and gives what the answer holds after `ok`.
    @discardableResult
    func say(_ line: String) throws(Fault) -> String {
        let bytes = Array("\(line)\n".utf8)
        guard send(descriptor, bytes, bytes.count, quietly) == bytes.count else {
            throw Fault(description: "the agent does not listen: \(reason())")
        }
        let answer = try self.answer()
        if answer == "ok" { return "" }
        if answer.hasPrefix("ok ") { return String(answer.dropFirst(3)) }
        throw Fault(
            description: "the agent refused: \(answer.hasPrefix("error ") ? String(answer.dropFirst(6)) : answer)")
    }

    private func answer() throws(Fault) -> String {
        var answer: [UInt8] = []
        while answer.count < Self.answerBytesMax {
            var byte: UInt8 = 0
            let count = recv(descriptor, &byte, 1, 0)
            if count < 0, errno == EINTR { continue }
            guard count == 1 else {
                throw Fault(
                    description: "the agent gave no answer: \(count == 0 ? "it closed the connection" : reason())")
            }
            if byte == UInt8(ascii: "\n") { return String(decoding: answer, as: UTF8.self) }
            answer.append(byte)
        }
        throw Fault(description: "the agent's answer has no end")
    }

    /// Whether the agent still holds its end.
    var isOpen: Bool {
        var byte: UInt8 = 0
        let count = recv(descriptor, &byte, 1, withoutWaiting)
        return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))
    }
}

// Calls under names that the members above do not shadow; the C libraries type their constants differently.

private func makeSocket() -> Int32 {
    #if canImport(Glibc)
        socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    #else
        socket(AF_UNIX, SOCK_STREAM, 0)
    #endif
}

private func connectSocket(_ descriptor: Int32, _ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> Int32 {
    connect(descriptor, address, length)
}

func reason() -> String { String(cString: strerror(errno)) }

private let quietly = Int32(MSG_NOSIGNAL)
private let withoutWaiting = Int32(MSG_DONTWAIT) | Int32(MSG_PEEK)
