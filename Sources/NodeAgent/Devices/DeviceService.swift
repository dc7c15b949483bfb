import Energy
package import Identity
package import PinnedHTTPS
import Sensors
import TransparencyLog

/// A BMC or meter on the network: where it is, why it is believed, and as whom it is asked.
package struct DeviceService: Sendable {
    package var server: NetworkAddress
    package var trust: DeviceTrust
    /// Nil where the device asks for none.
    package var account: Account?
    package var timeoutMilliseconds: Int64 = 10_000

    package struct Account: Sendable {
        package var user: String
        /// Read from a file or the environment; never printed.
        package var password: [UInt8]

        package init(user: String, password: [UInt8]) {
            self.user = user
            self.password = password
        }
    }

    package init(server: NetworkAddress, trust: DeviceTrust, account: Account?) {
        self.server = server
        self.trust = trust
        self.account = account
    }

    /// For people.
    var place: String { (trust == .nobody ? "http://" : "https://") + server.description }

    func connection() -> DeviceHTTP {
        DeviceHTTP(
            server: server, trust: trust, timeoutMilliseconds: timeoutMilliseconds, now: AgentEnvironment.unixSeconds)
    }

    var basicAuthorization: (name: String, value: String)? {
        account.map { ("authorization", "Basic " + Base64.encode(Array($0.user.utf8) + [58] + $0.password)) }
    }

    static func failure(_ error: PinnedHTTPSError) -> TransportFailure {
        switch error.code {
        case .timeout: TransportFailure(reason: .timedOut, text: "\(error)")
        case .badReply: TransportFailure(reason: .malformed, text: "\(error)")
        case .unreachable, .wrongAuthority, .untrustedServer: TransportFailure(reason: .failed, text: "\(error)")
        }
    }

    /// The body of a good answer, or what its status means.
    static func body(_ reply: DeviceHTTP.Reply, _ path: String) -> Result<[UInt8], TransportFailure> {
        switch reply.status {
        case 200...299: .success(reply.body)
        case 401, 403:
            .failure(TransportFailure(reason: .denied, text: "\(path): status \(reply.status): the account may not"))
        case 404, 410: .failure(TransportFailure(reason: .gone, text: "\(path): status \(reply.status)"))
        case 405, 501: .failure(TransportFailure(reason: .unsupported, text: "\(path): status \(reply.status)"))
        default: .failure(TransportFailure(reason: .failed, text: "\(path): status \(reply.status)"))
        }
    }

    /// One GET of a meter's answer on a kept connection.
    func fetch(_ path: String) -> MeterSource.Fetch {
        let connection = connection()
        let headers = basicAuthorization.map { [$0] } ?? []
        return {
            do throws(PinnedHTTPSError) {
                return Self.body(try connection.send(.init("GET", path, headers: headers)), path)
            } catch {
                return .failure(Self.failure(error))
            }
        }
    }
}
