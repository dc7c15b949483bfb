import Energy
import Testing

@testable import Sensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// OpenIPMI's simulator (Debian: openipmi, libopenipmi-dev) with a DCMI module: a foreign implementation of RMCP+.
private final class SimulatedBMC: Sendable {
    let tree: FixtureTree
    let port: UInt16
    private let process: pid_t

    static var isInstalled: Bool {
        access("/usr/bin/ipmi_sim", X_OK) == 0 && access("/usr/include/OpenIPMI/serv.h", R_OK) == 0
    }

    init() throws {
        tree = FixtureTree()
        port = try #require(Self.freePort())
        let module = tree.root + "/dcmi.so"
        try #require(LibraryDouble.run("cc", "-shared", "-fPIC", "-w", "-o", module, Fixture.directory + "/bmc/dcmi.c"))
        try #require(LibraryDouble.run("cp", Fixture.directory + "/bmc/commands", tree.root + "/commands"))
        tree.write("watts", "1180\n")
        tree.write(
            "lan.conf",
            """
            name "wattest"
            loadlib "\(module)" "\(tree.root)/watts"
            set_working_mc 0x20
              startlan 1
                addr 127.0.0.1 \(port)
                priv_limit admin
                allowed_auths_callback none md2 md5 straight
                allowed_auths_user none md2 md5 straight
                allowed_auths_operator none md2 md5 straight
                allowed_auths_admin none md2 md5 straight
                guid a123456789abcdefa123456789abcdef
              endlan
              user 1 true "" "test" user 10 none md2 md5 straight
              user 2 true "reader" "secret" admin 10 none md2 md5 straight

            """)
        process = try #require(
            LibraryDouble.start(
                "ipmi_sim", "-c", tree.root + "/lan.conf", "-f", tree.root + "/commands", "-s", tree.root, "-n"))
    }

    deinit {
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
    }

    private static func freePort() -> UInt16? {
        let number = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(number) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutableBytes(of: &address) { bytes in
            let pointer = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
            guard bind(number, pointer, length) == 0, getsockname(number, pointer, &length) == 0 else { return nil }
            return UInt16(bigEndian: bytes.load(as: sockaddr_in.self).sin_port)
        }
    }
}

@Suite struct SimulatedBMCTests {
    private func power(_ exchange: LANExchange) -> Result<Reading.Value, TransportFailure> {
        exchange(DCMIPower.networkFunction, DCMIPower.command, DCMIPower.request).map { answer in
            (try? DCMIPower.parse(answer).get())?.value ?? .unreadable(.malformed)
        }
    }

    @Test(.enabled(if: SimulatedBMC.isInstalled)) func readsPowerOverTheNetworkAndRefusesAWrongPassword() throws {
        let bmc = try SimulatedBMC()
        let account = try #require(LANSession.Account(user: "reader", password: Array("secret".utf8), privilege: 4))
        let exchange = LANExchange(host: "127.0.0.1", port: bmc.port, account: account, timeoutMilliseconds: 500)
        // The simulator opens its port some time after it starts.
        var first = power(exchange)
        for _ in 0..<200 where first != .success(.power(1_180_000_000)) {
            NodeClock.pause(nanoseconds: 20_000_000)
            first = power(exchange)
        }
        #expect(first == .success(.power(1_180_000_000)))
        // The simulator keeps DCMI from plain users.
        let low = try #require(LANSession.Account(user: "reader", password: Array("secret".utf8)))
        let answer = LANExchange(host: "127.0.0.1", port: bmc.port, account: low, timeoutMilliseconds: 500)(
            DCMIPower.networkFunction, DCMIPower.command, DCMIPower.request)
        #expect(answer == .success([0xD4]))
        bmc.tree.write("watts", "733\n")
        for _ in 0..<20 { #expect(power(exchange) == .success(.power(733_000_000))) }

        let wrong = try #require(LANSession.Account(user: "reader", password: Array("guess".utf8)))
        let refused = power(LANExchange(host: "127.0.0.1", port: bmc.port, account: wrong, timeoutMilliseconds: 500))
        guard case .failure(let failure) = refused else { return #expect(Bool(false)) }
        #expect(failure.reason == .denied)
        let nobody = try #require(LANSession.Account(user: "nobody", password: []))
        let unknown = power(LANExchange(host: "127.0.0.1", port: bmc.port, account: nobody, timeoutMilliseconds: 500))
        guard case .failure(let failure) = unknown else { return #expect(Bool(false)) }
        #expect(failure.reason == .denied)
    }
}
