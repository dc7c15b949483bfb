import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Who speaks over the socket, as the kernel says (SO_PEERCRED).
package struct SocketPeer: Sendable, Hashable {
    package var pid: Int32
    package var uid: UInt32

    package init(pid: Int32, uid: UInt32) {
        self.pid = pid
        self.uid = uid
    }
}

/// What the socket asks the agent. Called on the socket's thread.
package struct AllocationHandlers: Sendable {
    /// - Returns: the job's pseudonym.
    var begin: @Sendable (ClaimRequest, SocketPeer, _ connection: UInt64) -> Result<String, SocketFault>
    var progress: @Sendable ([String: Int64], _ connection: UInt64) -> Void
    /// The connection is closed or said that it ends.
    var end: @Sendable (_ connection: UInt64) -> Void
    /// - Returns: one line.
    var status: @Sendable (SocketPeer) -> Result<String, SocketFault> = { _ in
        .failure(SocketFault("this agent does not tell what it does"))
    }
}

/// The Unix socket over which jobs claim this node: one thread that polls, one connection a claim.
///
/// Any local user may connect: a claim tells of the user's own processes, and the kernel tells whose they are.
final class AllocationSocket: Sendable {
    private let path: String
    private let site: String
    private let handlers: AllocationHandlers
    private let listener: Int32
    private let accept: Accept
    private let isStopped = Mutex(false)
    private let wakeUp = WakeUp()

    typealias Accept = @Sendable (_ listener: Int32) -> (descriptor: Int32, peer: SocketPeer)?

    /// Half of the descriptors that this process may have, 512 by default: whoever opens as many takes none that the
    /// agent needs for its sensors, its spool and its uplink.
    static let maximumConnections: Int = {
        let descriptors = sysconf(Int32(_SC_OPEN_MAX))
        return descriptors < 0 ? 512 : min(512, max(8, descriptors / 2))
    }()
    /// How long nobody is let in after that failed: whoever waits is still there, and would be announced at once again.
    static let restMilliseconds: Int64 = 1000

    /// - Parameter accept: takes the connection that waits; nil when there is none or the system has no descriptor
    ///   left.
    /// - Throws: when the socket cannot be made. A socket that a dead agent left is replaced.
    init(
        path: String, site: String, handlers: AllocationHandlers, accept: @escaping Accept = UnixSocket.accept
    ) throws(SpoolError) {
        self.path = path
        self.site = site
        self.handlers = handlers
        self.accept = accept
        listener = try UnixSocket.listen(at: path)
    }

    func start() { AgentThread.start { [self] in serve() } }

    /// Ends the thread and removes the socket.
    func stop() {
        isStopped.withLock { $0 = true }
        wakeUp.signal()
        unlink(path)
    }

    private struct Connection {
        var descriptor: Int32
        var peer: SocketPeer
        var line: [UInt8] = []
    }

    private func serve() {
        var connections: [UInt64: Connection] = [:]
        var next: UInt64 = 0
        var restsUntil: Int64 = 0
        while !isStopped.withLock({ $0 }) {
            let ids = connections.keys.sorted()
            let rest = restsUntil - AgentEnvironment.bootNanoseconds()
            // A negative descriptor is one that poll(2) does not look at.
            var polls = [wakeUp.reader, rest > 0 ? -1 : listener].map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            }
            polls += ids.map { pollfd(fd: connections[$0]?.descriptor ?? -1, events: Int16(POLLIN), revents: 0) }
            let limit = rest > 0 ? Int32(clamping: rest / 1_000_000 + 1) : -1
            guard poll(&polls, nfds_t(polls.count), limit) > 0 else { continue }
            for (id, poll) in zip(ids, polls.dropFirst(2)) where poll.revents != 0 {
                guard var connection = connections[id] else { continue }
                if read(&connection, id) {
                    connections[id] = connection
                } else {
                    handlers.end(id)
                    close(connection.descriptor)
                    connections[id] = nil
                }
            }
            guard polls[1].revents != 0 else { continue }
            guard let (descriptor, peer) = accept(listener) else {
                // One that went away again before it was taken is nobody's fault.
                guard ![EAGAIN, EINTR, ECONNABORTED].contains(errno) else { continue }
                restsUntil = AgentEnvironment.bootNanoseconds() + Self.restMilliseconds * 1_000_000
                continue
            }
            guard connections.count < Self.maximumConnections else {
                close(descriptor)
                continue
            }
            connections[next] = Connection(descriptor: descriptor, peer: peer)
            next += 1
        }
        for (id, connection) in connections {
            handlers.end(id)
            close(connection.descriptor)
        }
        close(listener)
    }

    /// - Returns: false when the connection is over.
    private func read(_ connection: inout Connection, _ id: UInt64) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 2048)
        let count = recv(connection.descriptor, &buffer, buffer.count, 0)
        if count < 0 { return errno == EAGAIN || errno == EINTR }
        guard count > 0 else { return false }
        connection.line += buffer[..<count]
        while let feed = connection.line.firstIndex(of: UInt8(ascii: "\n")) {
            let line = Array(connection.line[..<feed])
            connection.line.removeFirst(feed + 1)
            guard answer(line, connection, id) else { return false }
        }
        return connection.line.count <= SocketLine.maximumBytes
    }

    private func answer(_ line: [UInt8], _ connection: Connection, _ id: UInt64) -> Bool {
        let reply: String
        var isOpen = true
        do throws(SocketFault) {
            switch try SocketLine(parsing: line, site: site) {
            case .begin(let request): reply = "ok \(try handlers.begin(request, connection.peer, id).get())"
            case .progress(let figures):
                handlers.progress(figures, id)
                reply = "ok"
            case .end:
                // Before the answer: whoever has it may stop the agent, and the hold has ended.
                handlers.end(id)
                reply = "ok"
                isOpen = false
            case .status: reply = "ok \(try handlers.status(connection.peer).get())"
            }
        } catch {
            reply = "error \(error.description.split(whereSeparator: \.isNewline).joined(separator: " "))"
        }
        let bytes = Array((reply + "\n").utf8)
        // A client that does not read its one line of answer is not waited for.
        return UnixSocket.send(bytes, to: connection.descriptor) && isOpen
    }
}
