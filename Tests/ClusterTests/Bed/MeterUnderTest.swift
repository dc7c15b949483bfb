import Foundation
import Synchronization

/// A distribution unit of a rack that answers over plain HTTP, in both forms that such units speak. Counters in joules.
final class MeterUnderTest: Sendable {
    struct Counters: Sendable, Hashable {
        /// Each node's two cords.
        var cords: [[Int]]
        /// What feeds the whole rack, with whatever else hangs on it.
        var shelf: Int
    }

    private struct State {
        var counters: Counters
        var answers: [String: Int] = [:]
    }

    let port: UInt16
    private let descriptor: Int32
    private let state: Mutex<State>

    init(_ counters: Counters) throws {
        let state = Mutex(State(counters: counters))
        self.state = state
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let isBound = withUnsafeMutableBytes(of: &address) { bytes in
            let pointer = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
            return bind(descriptor, pointer, length) == 0 && getsockname(descriptor, pointer, &length) == 0
        }
        guard isBound, listen(descriptor, 16) == 0 else { throw CocoaError(.fileWriteUnknown) }
        port = UInt16(bigEndian: address.sin_port)
    }

    /// Answers on a thread of its own until the meter is turned off.
    func start() {
        Thread.detachNewThread { [self] in
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0 else { return }
                answer(connection)
                close(connection)
            }
        }
    }

    func turnOff() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    deinit { close(descriptor) }

    private func answer(_ connection: Int32) {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(connection, &bytes, bytes.count, 0)
        let words = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: " ")
        guard words.count > 1 else { return }
        let path = String(words[1])
        let counters = state.withLock { $0.counters }
        let body = path == "/outlets.csv" ? Self.csv(counters) : Self.json(counters)
        let reply =
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n"
            + "Connection: close\r\n\r\n" + body
        let text = Array(reply.utf8)
        _ = send(connection, text, text.count, Int32(MSG_NOSIGNAL))
        state.withLock { $0.answers[path, default: 0] += 1 }
    }

    private static func json(_ counters: Counters) -> String {
        let nodes = counters.cords.map { "{\"cords\":[\($0.map(String.init).joined(separator: ","))]}" }
        return "{\"nodes\":[\(nodes.joined(separator: ","))],\"shelf\":{\"joules\":\"\(counters.shelf)\"}}"
    }

    private static func csv(_ counters: Counters) -> String {
        let outlets = counters.cords.joined().enumerated().map { "outlet-\($0.offset),\($0.element)\n" }
        return "Outlet,Joules\n" + outlets.joined() + "shelf,\(counters.shelf)\n"
    }

    /// Sets the counters, and forgets who has asked.
    func set(_ counters: Counters) {
        state.withLock {
            $0.counters = counters
            $0.answers = [:]
        }
    }

    /// How often a form was asked for since the counters were set.
    func answers(_ path: String) -> Int { state.withLock { $0.answers[path] ?? 0 } }
}
