import Energy
import JSONText
import PinnedHTTPS
import Sensors
import Synchronization

/// A session at a Redfish service (DSP0266, section 13.3.4): one login, its token in every request, one login more when
/// the service has forgotten it. A service without sessions is asked with the account in each request.
final class RedfishSession: Sendable {
    private enum Way {
        case unknown
        case token(String, location: String?)
        case basic
    }

    private struct State {
        var way: Way = .unknown
        /// BMCs lock accounts that guess: after a refusal no login is tried for a while.
        var refusals = 0
        var refusedUntil: Int64 = 0
    }

    private let service: DeviceService
    private let connection: DeviceHTTP
    private let now: @Sendable () -> Int64
    private let state = Mutex(State())

    /// - Parameter now: CLOCK_BOOTTIME in nanoseconds.
    init(_ service: DeviceService, now: @escaping @Sendable () -> Int64 = AgentEnvironment.bootNanoseconds) {
        self.service = service
        connection = service.connection()
        self.now = now
    }

    /// A service holds few sessions: ours is given back.
    deinit {
        state.withLock { state in
            guard case .token(let token, let location?) = state.way else { return }
            connection.post(.init("DELETE", location, headers: [("x-auth-token", token)]))
        }
    }

    /// GET of an absolute path. Called by one thread at a time.
    ///
    /// Some services answer a path by sending to the same one with a slash at its end; such a way within the service is
    /// followed.
    func get(_ link: String) -> Result<[UInt8], TransportFailure> {
        guard var path = Self.path(link) else {
            return .failure(TransportFailure(reason: .malformed, text: "`\(link)` is not a path of the service"))
        }
        do throws(TransportFailure) {
            for _ in 0..<Self.maximumRedirections {
                let reply = try ask(path)
                guard [301, 302, 307, 308].contains(reply.status),
                    let next = reply.header("location").flatMap(Self.pathOfService), next != path
                else { return DeviceService.body(reply, path) }
                path = next
            }
            return DeviceService.body(try ask(path), path)
        } catch {
            return .failure(error)
        }
    }

    private static let maximumRedirections = 2

    private func ask(_ path: String) throws(TransportFailure) -> DeviceHTTP.Reply {
        let reply = try send("GET", path, try credentials())
        guard reply.status == 401, service.account != nil else { return reply }
        // The session has run out.
        state.withLock { if case .token = $0.way { $0.way = .unknown } }
        let second = try send("GET", path, try credentials())
        if second.status == 401 { refused() }
        return second
    }

    /// Some services name themselves in full. Whatever host that is, this service is asked.
    private static func pathOfService(_ location: String) -> String? {
        path(location) ?? location.from("/redfish/").flatMap(path)
    }

    /// A link's path without its fragment; links to elsewhere are not followed, for they would carry the token away.
    private static func path(_ link: String) -> String? {
        let path = link.prefix { $0 != "#" }
        guard path.hasPrefix("/"), !path.hasPrefix("//"), path.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else {
            return nil
        }
        return String(path)
    }

    private func send(
        _ method: String, _ path: String, _ headers: [(name: String, value: String)], body: [UInt8] = []
    ) throws(TransportFailure) -> DeviceHTTP.Reply {
        do throws(PinnedHTTPSError) {
            return try connection.send(.init(method, path, headers: headers, body: body))
        } catch {
            throw DeviceService.failure(error)
        }
    }

    private func credentials() throws(TransportFailure) -> [(name: String, value: String)] {
        guard let account = service.account else { return [] }
        let state = state.withLock { ($0.way, $0.refusedUntil) }
        switch state.0 {
        case .token(let token, _): return [("x-auth-token", token)]
        case .basic: return service.basicAuthorization.map { [$0] } ?? []
        case .unknown: break
        }
        guard now() >= state.1 else {
            throw TransportFailure(
                reason: .denied, text: "the service refused the account; it is not tried again for a while")
        }
        let path = try sessions()
        let body: JSONValue = [
            "UserName": .string(account.user), "Password": .string(String(decoding: account.password, as: UTF8.self)),
        ]
        let reply = try send("POST", path, [("content-type", "application/json")], body: body.rendered())
        switch reply.status {
        case 200...299: return try accept(reply)
        case 400, 401, 403:
            refused()
            throw TransportFailure(reason: .denied, text: "the service refuses user and password")
        case 404, 405, 501:
            self.state.withLock { $0.way = .basic }
            return service.basicAuthorization.map { [$0] } ?? []
        default:
            throw TransportFailure(reason: .failed, text: "login: status \(reply.status)")
        }
    }

    private func accept(_ reply: DeviceHTTP.Reply) throws(TransportFailure) -> [(name: String, value: String)] {
        guard let token = reply.header("x-auth-token"), !token.isEmpty else {
            throw TransportFailure(reason: .malformed, text: "the service gives no X-Auth-Token")
        }
        let location = reply.header("location").flatMap(Self.pathOfService)
        state.withLock { state in
            state.way = .token(token, location: location)
            state.refusals = 0
        }
        return [("x-auth-token", token)]
    }

    /// Where sessions are made, as the service root says; it is readable without an account.
    private func sessions() throws(TransportFailure) -> String {
        let reply = try send("GET", "/redfish/v1/", [])
        let root = try? JSONValue(parsing: reply.body, limits: .init(bytes: 1 << 20))
        let link = root?["Links"]?["Sessions"]?["@odata.id"]?.string
        return link.flatMap(Self.path) ?? "/redfish/v1/SessionService/Sessions"
    }

    private func refused() {
        state.withLock { state in
            state.way = .unknown
            state.refusals += 1
            // A minute, then two, up to an hour.
            let seconds = min(Int64(3600), 60 << Int64(min(6, state.refusals - 1)))
            state.refusedUntil = now() + seconds * 1_000_000_000
        }
    }
}

extension String {
    /// What begins with the first place of a text.
    fileprivate func from(_ text: String) -> String? { firstRange(of: text).map { String(self[$0.lowerBound...]) } }
}
