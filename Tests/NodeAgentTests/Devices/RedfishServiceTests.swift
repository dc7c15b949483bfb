import Energy
import NIOHTTP1
import PinnedHTTPS
import Sensors
import Synchronization
import Testing

@testable import NodeAgent

/// A Redfish service as DSP0266 describes it: sessions, tokens, and the power of one chassis.
private final class RedfishService: Sendable {
    struct State: Sendable {
        var tokens: Set<String> = []
        var logins = 0
        var hasSessions = true
        var password = "geheim"
        var isSilent = false
        var watts = "512.5"
        /// Paths without a slash at their end are sent on to the same with one, by the service's name for itself.
        var wantsSlash = false
        /// Firmware before 2020: the power of the chassis in one document.
        var isLegacy = false
    }

    let state = Mutex(State())

    func answer(_ asked: DeviceServer.Asked) -> DeviceServer.Answer {
        state.withLock { state in
            if state.isSilent { return .silence }
            switch (asked.method, asked.path) {
            case ("GET", "/redfish/v1/"):
                return .reply(200, #"{"Links":{"Sessions":{"@odata.id":"/redfish/v1/SessionService/Sessions"}}}"#)
            case ("POST", "/redfish/v1/SessionService/Sessions"):
                guard state.hasSessions else { return .reply(405, "{}") }
                guard asked.body.contains(#""Password":"\#(state.password)""#) else { return .reply(401, "{}") }
                state.logins += 1
                let token = "token-\(state.logins)"
                state.tokens.insert(token)
                return .reply(
                    201, "{}",
                    headers: [
                        ("X-Auth-Token", token),
                        ("Location", "https://bmc/redfish/v1/SessionService/Sessions/\(token)"),
                    ])
            case ("DELETE", _):
                state.tokens = []
                return .reply(204, "")
            case ("GET", let path):
                guard isKnown(asked, state) else { return .reply(401, "{}") }
                if state.wantsSlash {
                    guard path.hasSuffix("/") else {
                        return .reply(308, "", headers: [("Location", "https://bmc\(path)/")])
                    }
                    return document(String(path.dropLast()), state).map { .reply(200, $0) } ?? .reply(404, "{}")
                }
                return document(path, state).map { .reply(200, $0) } ?? .reply(404, "{}")
            default: return .reply(405, "{}")
            }
        }
    }

    private func isKnown(_ asked: DeviceServer.Asked, _ state: State) -> Bool {
        if let token = asked.headers.first(name: "x-auth-token") { return state.tokens.contains(token) }
        // reader:geheim
        return asked.headers.first(name: "authorization") == "Basic cmVhZGVyOmdlaGVpbQ==" && !state.hasSessions
    }

    private func document(_ path: String, _ state: State) -> String? {
        if state.isLegacy { return legacyDocument(path, state) }
        return switch path {
        case "/redfish/v1/Chassis": #"{"Members":[{"@odata.id":"/redfish/v1/Chassis/1"}]}"#
        case "/redfish/v1/Chassis/1":
            #"{"ChassisType":"RackMount","#
                + #""EnvironmentMetrics":{"@odata.id":"/redfish/v1/Chassis/1/EnvironmentMetrics"}}"#
        case "/redfish/v1/Chassis/1/EnvironmentMetrics": #"{"PowerWatts":{"Reading":\#(state.watts)}}"#
        default: nil
        }
    }
}

extension RedfishService {
    /// Power 1.5: the machine and one of its parts beside each other.
    fileprivate func legacyDocument(_ path: String, _ state: State) -> String? {
        switch path {
        case "/redfish/v1/Chassis": #"{"Members":[{"@odata.id":"/redfish/v1/Chassis/1"}]}"#
        case "/redfish/v1/Chassis/1":
            #"{"ChassisType":"RackMount","Power":{"@odata.id":"/redfish/v1/Chassis/1/Power"}}"#
        case "/redfish/v1/Chassis/1/Power":
            #"{"PowerControl":[{"Name":"CPU Sub-system Power","PowerConsumedWatts":180},"#
                + #"{"Name":"System Power Control","PowerConsumedWatts":\#(state.watts),"#
                + #""RelatedItem":[{"@odata.id":"/redfish/v1/Chassis/1"}]}]}"#
        default: nil
        }
    }
}

@Suite struct RedfishServiceTests {
    private func source(_ session: RedfishSession, _ server: DeviceServer) -> RedfishSource {
        RedfishSource(place: "https://\(server.address)") { session.get($0) }
    }

    @Test func oneLoginAndOneConnectionServeManyReadings() throws {
        let service = RedfishService()
        let server = try DeviceServer { service.answer($0) }
        var session: RedfishSession? = RedfishSession(server.service())
        var source: RedfishSource? = try source(#require(session), server)
        #expect(source?.discover().sensors.map(\.access) == [.readable])
        for _ in 0..<20 { #expect(source?.read(nowNanoseconds: 1)[0].reading.value == .power(512_500_000)) }
        #expect(service.state.withLock { $0.logins } == 1)
        #expect(server.connections == 1)
        // A session that the BMC forgot is made anew, once.
        service.state.withLock { $0.tokens = [] }
        service.state.withLock { $0.watts = "600" }
        #expect(source?.read(nowNanoseconds: 1)[0].reading.value == .power(600_000_000))
        #expect(service.state.withLock { $0.logins } == 2)
        // It is given back at the end: BMCs hold few.
        source = nil
        session = nil
        while !service.state.withLock({ $0.tokens.isEmpty }) {}
        #expect(server.asked.last?.method == "DELETE")
        #expect(server.asked.last?.path == "/redfish/v1/SessionService/Sessions/token-2")
    }

    @Test func aServiceThatSendsOnIsFollowedWithinItself() throws {
        let service = RedfishService()
        service.state.withLock { $0.wantsSlash = true }
        let server = try DeviceServer { service.answer($0) }
        var source = source(RedfishSession(server.service()), server)
        #expect(source.discover().sensors.map(\.access) == [.readable])
        #expect(source.read(nowNanoseconds: 1)[0].reading.value == .power(512_500_000))
        let circle = try DeviceServer { asked in
            asked.path.hasSuffix("/")
                ? .reply(301, "", headers: [("Location", "/redfish/v1/Chassis")])
                : .reply(301, "", headers: [("Location", "/redfish/v1/Chassis/")])
        }
        var lost = self.source(RedfishSession(circle.service(user: nil)), circle)
        #expect(lost.discover().sensors.map(\.access.isReadable) == [false])
        #expect(circle.asked.count == 3)
    }

    @Test func legacyPowerOverTLSIsTheMachineAlone() throws {
        let service = RedfishService()
        service.state.withLock { $0.isLegacy = true }
        let server = try DeviceServer { service.answer($0) }
        var source = source(RedfishSession(server.service()), server)
        let report = source.discover()
        #expect(report.sensors.map(\.access) == [.readable])
        #expect(report.sensors.map(\.description.layer) == [.nodeDC])
        let first = source.read(nowNanoseconds: 1).map(\.reading.value)
        #expect(first == [.power(512_500_000)])
        service.state.withLock { $0.watts = "null" }
        let without = source.read(nowNanoseconds: 2).map(\.reading.value)
        #expect(without.allSatisfy { if case .unreadable = $0 { true } else { false } })
        #expect(service.state.withLock { $0.logins } == 1 && server.connections == 1)
    }

    @Test func aServiceWithoutSessionsIsAskedWithTheAccount() throws {
        let service = RedfishService()
        service.state.withLock { $0.hasSessions = false }
        let server = try DeviceServer { service.answer($0) }
        var source = source(RedfishSession(server.service()), server)
        _ = source.discover()
        #expect(source.read(nowNanoseconds: 1)[0].reading.value == .power(512_500_000))
    }

    @Test func anotherCertificateGetsNoPassword() throws {
        let service = RedfishService()
        let server = try DeviceServer { service.answer($0) }
        let session = RedfishSession(server.service(pin: [UInt8](repeating: 7, count: 32)))
        var source = source(session, server)
        guard case .unreadable(let reason, let remedy) = source.discover().sensors[0].access else {
            return #expect(Bool(false))
        }
        #expect(reason == .failed && remedy.contains("not the pinned one") && !remedy.contains("geheim"))
        #expect(server.asked.isEmpty)
    }

    /// BMCs lock accounts: a refused one is not tried again at every reading.
    @Test func aRefusedAccountIsLeftAlone() throws {
        let service = RedfishService()
        service.state.withLock { $0.password = "other" }
        let server = try DeviceServer { service.answer($0) }
        let now = Mutex<Int64>(0)
        let session = RedfishSession(server.service(), now: { now.withLock { $0 } })
        let logins = { server.asked.count { $0.method == "POST" } }
        for _ in 0..<50 {
            guard case .failure(let failure) = session.get("/redfish/v1/Chassis") else { return #expect(Bool(false)) }
            #expect(failure.reason == .denied && !failure.text.contains("geheim"))
        }
        #expect(logins() == 1)
        now.withLock { $0 = 60_000_000_000 }
        _ = session.get("/redfish/v1/Chassis")
        #expect(logins() == 2)
        now.withLock { $0 = 120_000_000_000 }
        _ = session.get("/redfish/v1/Chassis")
        #expect(logins() == 2)
    }

    @Test func aConnectionThatTheDeviceClosedIsOpenedAgain() throws {
        let count = Mutex(0)
        let server = try DeviceServer { asked in
            let number = count.withLock { count in
                count += 1
                return count
            }
            // Every second request finds a connection that was closed behind its back.
            return number % 3 == 2 ? .end : .reply(200, "outlet,power\n1,40\n")
        }
        let fetch = server.service().fetch("/outlets.csv")
        for _ in 0..<6 { #expect((try? fetch().get()) == Array("outlet,power\n1,40\n".utf8)) }
        #expect(server.asked.allSatisfy { $0.headers.first(name: "authorization") == "Basic cmVhZGVyOmdlaGVpbQ==" })
    }

    @Test func silenceEndsWithTheTimeOut() throws {
        let server = try DeviceServer { _ in .silence }
        let fetch = server.service(timeoutMilliseconds: 200).fetch("/")
        guard case .failure(let failure) = fetch() else { return #expect(Bool(false)) }
        #expect(failure.reason == .timedOut)
    }

    @Test(arguments: [
        "https://evil.example/x", "//evil.example/x", "/a b", "/a\r\nx: y", "relative", "",
    ])
    func linksToElsewhereAreNotFollowed(link: String) throws {
        let server = try DeviceServer { _ in .reply(200, "{}") }
        guard case .failure(let failure) = RedfishSession(server.service()).get(link) else {
            return #expect(Bool(false))
        }
        #expect(failure.reason == .malformed && server.asked.isEmpty)
    }
}
