import Energy
import Identity
import NodeAgent
import PinnedHTTPS
import Sensors

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

extension Settings {
    /// The sources of the node as configured.
    func sources() throws(AgentError) -> NodeSources {
        var sources = NodeSources(sysfsRoot: self["sysfs-root"] ?? "/sys", procfsRoot: self["procfs-root"] ?? "/proc")
        sources.node = self["node"] ?? ""
        sources.nvmlLibrary = self["nvml-library"]
        sources.amdsmiLibrary = self["amdsmi-library"]
        if let node = structure("redfish") { sources.redfish = try Self.redfish(node) }
        if let node = structure("ipmi") { sources.ipmi = try Self.ipmi(node) }
        if let node = structure("meters") {
            for element in try node.elements() { sources.meters.append(try Self.meter(element)) }
            if let fault = sources.feedFault { throw node.error(fault) }
        }
        if let node = structure("cpu-model") { sources.processorPower = try Self.processorPower(node) }
        if let node = structure("maximum-power-watts") {
            for (sensor, value) in try node.anyMembers() {
                sources.maximumPowerMicrowatts[sensor] = try value.milliwatts() * 1000
            }
        }
        return sources
    }

    private static let accountKeys = ["user", "password-file", "password-env"]
    private static let serviceKeys = ["server", "certificate-sha256", "ca-file", "timeout-seconds"] + accountKeys

    private static func redfish(_ node: SettingNode) throws(AgentError) -> NodeSources.Redfish {
        let members = try node.members(serviceKeys + ["layer", "measure"])
        let (service, path) = try service(node, members)
        guard path == "/" else { throw node.error("names a path; give scheme, host and port alone") }
        return NodeSources.Redfish(
            service: service, layer: try members["layer"]?.choice(of: [Layer.nodeAC, .nodeDC]),
            measured: try members["measure"]?.choice(of: RedfishSource.Measured.allCases) ?? .power)
    }

    private enum Privilege: String, CaseIterable {
        case user, `operator`, administrator

        var level: UInt8 {
            switch self {
            case .user: 2
            case .operator: 3
            case .administrator: 4
            }
        }
    }

    private static func ipmi(_ node: SettingNode) throws(AgentError) -> NodeSources.IPMI {
        let members = try node.members(["server", "layer", "privilege"] + accountKeys)
        guard let server = members["server"] else { throw node.error("lacks `server`, HOST or HOST:PORT") }
        let text = try server.text()
        guard let address = NetworkAddress(text) ?? NetworkAddress(text + ":623"),
            let port = UInt16(exactly: address.port)
        else { throw server.error("is not HOST or HOST:PORT") }
        guard let account = try account(node, members) else { throw node.error("lacks `user` and `password-file`") }
        let privilege = try members["privilege"]?.choice(of: Privilege.allCases) ?? .user
        guard
            let session = LANSession.Account(
                user: account.user, password: account.password, privilege: privilege.level)
        else { throw node.error("has a user of more than 16 or a password of more than 20 bytes, which IPMI cannot") }
        return NodeSources.IPMI(
            host: address.host, port: port, account: session,
            layer: try members["layer"]?.choice(of: [Layer.nodeAC, .nodeDC]) ?? .nodeDC)
    }

    private static func processorPower(_ node: SettingNode) throws(AgentError) -> CPUModelSource.Stated {
        let members = try node.members(["idle-watts", "full-watts", "origin"])
        guard let idle = try members["idle-watts"]?.milliwatts(), let full = try members["full-watts"]?.milliwatts()
        else { throw node.error("needs `idle-watts` and `full-watts` of all processors together") }
        guard idle <= full else { throw node.error("has an idle power above its full power") }
        return CPUModelSource.Stated(
            idleMilliwatts: idle, fullMilliwatts: full, origin: try members["origin"]?.text() ?? "configuration")
    }

    // MARK: Meters

    private static func meter(_ node: SettingNode) throws(AgentError) -> NodeSources.Meter {
        let members = try node.members(serviceKeys + ["name", "feeds"])
        guard let name = members["name"], let feeds = members["feeds"] else {
            throw node.error("lacks `name` or `feeds`")
        }
        guard SensorDescription.isWellFormed(try name.text(), maximumBytes: 24) else {
            throw name.error("is not 1 to 24 of the characters A-Z a-z 0-9 . _ : / -")
        }
        let (service, path) = try service(node, members)
        var parsed: [MeterSource.Feed] = []
        for feed in try feeds.elements() { parsed.append(try Self.feed(feed)) }
        guard Set(parsed.map(\.id)).count == parsed.count else { throw feeds.error("has two feeds of one id") }
        return NodeSources.Meter(name: try name.text(), service: service, path: path, feeds: parsed)
    }

    private static func feed(_ node: SettingNode) throws(AgentError) -> MeterSource.Feed {
        let members = try node.members(["id", "nodes", "unit", "json", "csv"])
        guard let id = members["id"], let nodes = members["nodes"], let unit = members["unit"] else {
            throw node.error("lacks `id`, `nodes` or `unit`")
        }
        var names: [String] = []
        for name in try nodes.elements() { names.append(try name.text()) }
        guard !names.isEmpty else { throw nodes.error("names no node") }
        var values: [MeterSource.Feed.Value] = []
        for path in try members["json"]?.elements() ?? [] { values.append(.json(path: try path.text())) }
        for cell in try members["csv"]?.elements() ?? [] {
            let places = try cell.members(["key", "row", "column"])
            guard let key = try places["key"]?.text(), let row = try places["row"]?.text(),
                let column = try places["column"]?.text()
            else { throw cell.error("needs `key`, `row` and `column`") }
            values.append(.csv(key: key, row: row, column: column))
        }
        guard !values.isEmpty else { throw node.error("needs `json`, a list of paths, or `csv`, a list of cells") }
        return MeterSource.Feed(
            id: try id.text(), nodes: names, values: values,
            unit: try unit.choice(of: MeterSource.Feed.Unit.allCases))
    }

    // MARK: Services

    private static func service(
        _ node: SettingNode, _ members: [String: SettingNode]
    ) throws(AgentError) -> (DeviceService, path: String) {
        guard let server = members["server"] else { throw node.error("lacks `server`, https://HOST:PORT") }
        let text = try server.text()
        let isPlain = text.hasPrefix("http://")
        guard isPlain || text.hasPrefix("https://") else { throw server.error("does not begin with https://") }
        let rest = text.dropFirst(isPlain ? 7 : 8)
        let authority = String(rest.prefix { $0 != "/" })
        let path = rest.dropFirst(authority.count)
        guard !authority.contains("@") else {
            throw server.error("holds an account; give `user` and `password-file`")
        }
        guard let address = NetworkAddress(authority) ?? NetworkAddress(authority + (isPlain ? ":80" : ":443")) else {
            throw server.error("names no HOST or HOST:PORT")
        }
        var service = DeviceService(
            server: address, trust: try trust(node, members, isPlain: isPlain), account: try account(node, members))
        if let limit = members["timeout-seconds"] {
            guard let seconds = Int64(try limit.text()), (1...60).contains(seconds) else {
                throw limit.error("is not a number from 1 to 60")
            }
            service.timeoutMilliseconds = seconds * 1000
        }
        return (service, path.isEmpty ? "/" : String(path))
    }

    private static func trust(
        _ node: SettingNode, _ members: [String: SettingNode], isPlain: Bool
    ) throws(AgentError) -> DeviceTrust {
        if isPlain {
            guard members["certificate-sha256"] == nil, members["ca-file"] == nil else {
                throw node.error("pins a certificate of plain HTTP; use https://")
            }
            guard members["user"] == nil else { throw node.error("sends an account over plain HTTP; use https://") }
            return .nobody
        }
        if let pin = members["certificate-sha256"] {
            guard let bytes = hexadecimal(try pin.text()), bytes.count == 32 else {
                throw pin.error("is not a SHA-256: 64 hexadecimal digits, with or without colons")
            }
            return .pinned(sha256: bytes)
        }
        guard let file = members["ca-file"] else {
            throw node.error(
                "lacks `certificate-sha256` or `ca-file`; openssl s_client -connect HOST:PORT </dev/null | "
                    + "openssl x509 -noout -fingerprint -sha256 shows the first; compare it with the device's own page")
        }
        guard let certificate = try? IdentityCertificate(pem: try bytes(file)) else {
            throw file.error("holds no certificate in PEM")
        }
        return .authority(certificate)
    }

    private static func account(
        _ node: SettingNode, _ members: [String: SettingNode]
    ) throws(AgentError) -> DeviceService.Account? {
        guard let user = members["user"] else { return nil }
        if let file = members["password-file"] {
            let password = try bytes(file).prefix { $0 != 10 && $0 != 13 }
            return DeviceService.Account(user: try user.text(), password: Array(password))
        }
        guard let variable = members["password-env"] else {
            throw node.error("has a `user` but neither `password-file` nor `password-env`")
        }
        guard let value = getenv(try variable.text()) else { throw variable.error("names a variable that is not set") }
        return DeviceService.Account(user: try user.text(), password: Array(String(cString: value).utf8))
    }

    private static func bytes(_ node: SettingNode) throws(AgentError) -> [UInt8] {
        let path = try node.text()
        let found: [UInt8]?
        do {
            found = try DurableFile.read(path, maximumBytes: 65536)
        } catch {
            throw node.error("cannot be read: \(error)")
        }
        guard let found else { throw node.error("names \(path), which does not exist") }
        return found
    }

    private static func hexadecimal(_ text: String) -> [UInt8]? {
        let digits = text.filter { $0 != ":" }
        guard digits.utf8.count.isMultiple(of: 2), digits.utf8.count <= 128 else { return nil }
        var bytes: [UInt8] = []
        var rest = digits[...]
        while !rest.isEmpty {
            guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return bytes
    }
}
