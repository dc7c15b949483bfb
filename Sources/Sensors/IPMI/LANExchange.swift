package import Energy
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// A BMC over the network: one UDP socket and one session, opened anew when the BMC forgot it.
package final class LANExchange: Sendable {
    private let host: String
    private let port: UInt16
    private let account: LANSession.Account
    private let timeoutMilliseconds: Int32
    private let random: @Sendable (Int) -> [UInt8]
    private let state = Mutex(State())

    private struct State {
        var socket: Descriptor?
        var session: LANSession?
    }

    /// - Parameter random: unpredictable bytes for session ids, challenges and initial vectors.
    package init(
        host: String, port: UInt16 = 623, account: LANSession.Account, timeoutMilliseconds: Int32 = 1000,
        random: @escaping @Sendable (Int) -> [UInt8] = LANExchange.systemRandom
    ) {
        self.host = host
        self.port = port
        self.account = account
        self.timeoutMilliseconds = timeoutMilliseconds
        self.random = random
    }

    package static func systemRandom(_ count: Int) -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    deinit {
        state.withLock { state in
            guard let socket = state.socket, var session = state.session else { return }
            let packet = session.close(vector: random(16))
            _ = packet.withUnsafeBytes { send(socket.number, $0.baseAddress, $0.count, 0) }
        }
    }

    /// Sends one command; a session that timed out is opened again once.
    package func callAsFunction(_ function: UInt8, _ command: UInt8, _ data: [UInt8]) -> Result<
        [UInt8], TransportFailure
    > {
        state.withLock { state in
            var last = TransportFailure(reason: .timedOut, text: "no answer")
            for _ in 0..<2 {
                do throws(TransportFailure) {
                    try open(&state)
                    return .success(try ask(function, command, data, &state))
                } catch {
                    last = error
                    state.session = nil
                    if error.reason != .timedOut { break }
                }
            }
            return .failure(last)
        }
    }

    private func ask(
        _ function: UInt8, _ command: UInt8, _ data: [UInt8], _ state: inout State
    ) throws(TransportFailure) -> [UInt8] {
        guard let socket = state.socket, var session = state.session else { throw Self.closed }
        defer { state.session = session }
        // A lost packet is sent again under a number of its own.
        for attempt in 1...2 {
            let packet = session.request(function: function, command: command, data: data, vector: random(16))
            do throws(TransportFailure) {
                return try exchange(packet, socket) { answer throws(LANSession.Refusal) in
                    try session.takeResponse(answer, function: function, command: command)
                }
            } catch  where error.reason == .timedOut && attempt == 1 {
                continue
            }
        }
        throw Self.closed
    }

    private static let closed = TransportFailure(reason: .timedOut, text: "the BMC does not answer")

    private func open(_ state: inout State) throws(TransportFailure) {
        if state.session != nil { return }
        let socket = try connected()
        var session = LANSession(account: account, random: random(20))
        try exchange(session.openRequest(), socket) { answer throws(LANSession.Refusal) in
            try session.takeOpenResponse(answer)
        }
        try exchange(session.challenge(), socket) { answer throws(LANSession.Refusal) in
            try session.takeChallengeResponse(answer)
        }
        try exchange(session.proof(), socket) { answer throws(LANSession.Refusal) in
            try session.takeProofResponse(answer)
        }
        state.socket = socket
        state.session = session
        // A session begins as "user" whatever it may become; no answer code matters here, the command's own will say.
        if account.privilege > 2 { _ = try ask(0x06, 0x3B, [account.privilege], &state) }
    }

    private func connected() throws(TransportFailure) -> Descriptor {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICSERV
        #if canImport(Glibc)
            hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        #else
            hints.ai_socktype = SOCK_DGRAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0, let first = list else {
            throw TransportFailure(reason: .failed, text: "the name \(host) has no address")
        }
        defer { freeaddrinfo(list) }
        let number = socket(first.pointee.ai_family, first.pointee.ai_socktype, 0)
        guard number >= 0 else { throw TransportFailure(reason: ReadFailure(code: errno).reason, text: "no socket") }
        let descriptor = Descriptor(number: number)
        guard connect(number, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0 else {
            throw TransportFailure(reason: .failed, text: "\(host) cannot be reached")
        }
        return descriptor
    }

    /// Sends a packet and waits for the first answer that `take` accepts.
    private func exchange<Answer>(
        _ packet: [UInt8], _ socket: Descriptor, _ take: ([UInt8]) throws(LANSession.Refusal) -> Answer
    ) throws(TransportFailure) -> Answer {
        let sent = packet.withUnsafeBytes { send(socket.number, $0.baseAddress, $0.count, 0) }
        guard sent == packet.count else { throw TransportFailure(reason: .failed, text: "\(host) cannot be reached") }
        let deadline = NodeClock.bootNanoseconds() + Int64(timeoutMilliseconds) * 1_000_000
        var buffer = [UInt8](repeating: 0, count: 1024)
        while true {
            let left = (deadline - NodeClock.bootNanoseconds()) / 1_000_000
            var wait = pollfd(fd: socket.number, events: Int16(POLLIN), revents: 0)
            guard left > 0, poll(&wait, 1, Int32(left)) > 0 else { throw Self.closed }
            let count = recv(socket.number, &buffer, buffer.count, 0)
            guard count > 0 else { throw TransportFailure(reason: .failed, text: "nothing listens at \(host):\(port)") }
            do throws(LANSession.Refusal) {
                return try take(Array(buffer[..<count]))
            } catch {
                if error == .foreign { continue }
                throw failure(error)
            }
        }
    }

    private func failure(_ refusal: LANSession.Refusal) -> TransportFailure {
        switch refusal {
        case .foreign, .malformed: TransportFailure(reason: .malformed, text: "\(host) does not speak IPMI 2.0")
        case .unauthentic: TransportFailure(reason: .denied, text: "wrong password, or a changed packet")
        case .status(0x0D): TransportFailure(reason: .denied, text: "the BMC does not know the user")
        case .status(0x09), .status(0x0A):
            TransportFailure(reason: .denied, text: "the user may not have that privilege")
        case .status(0x11), .status(0x04), .status(0x05):
            TransportFailure(reason: .unsupported, text: "the BMC refuses cipher suite 3")
        case .status(0x01): TransportFailure(reason: .timedOut, text: "the BMC has no free session")
        case .status(let code): TransportFailure(reason: .failed, text: "the BMC refused with status \(code)")
        }
    }
}

extension IPMISource {
    /// A BMC over the network by IPMI 2.0, cipher suite 3.
    package init(host: String, port: UInt16 = 623, account: LANSession.Account, layer: Layer = .nodeDC) {
        let exchange = LANExchange(host: host, port: port, account: account)
        self.init(place: "\(host):\(port)", layer: layer) { .success { exchange($0, $1, $2) } }
    }
}
