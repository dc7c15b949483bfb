import Identity
import NodeAgent
import Yams

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The agent's configuration: file, then environment, then flags; the later wins.
struct Settings {
    /// Every key of the file; its environment variable is `WATTEST_` with the key in capitals.
    static let known = [
        "data-dir", "server", "ca-sha256", "token", "token-file", "node", "metrics", "socket", "ready-file",
        "interval-seconds", "spool-bytes", "sysfs-root", "procfs-root", "nvml-library", "amdsmi-library", "hook-dir",
        "slurm-node", "slurm-bin", "account-map", "kubernetes-node", "kubernetes-cluster",
    ]
    /// Keys of the file whose values are mappings or lists: sources that the node does not show by itself.
    static let structured = ["redfish", "ipmi", "meters", "cpu-model", "maximum-power-watts", "accounts"]

    private var values: [String: String] = [:]
    private var structures: [String: SettingNode] = [:]

    /// - Parameters:
    ///   - file: path of a YAML mapping of known keys, nil for none.
    ///   - flags: what was given on the command line.
    init(file: String?, flags: [String: String?]) throws(AgentError) {
        if let file { try read(file) }
        for key in Self.known {
            let name = "WATTEST_" + key.uppercased().replacing("-", with: "_")
            if let value = getenv(name) { values[key] = String(cString: value) }
        }
        for case (let key, let value?) in flags { values[key] = value }
    }

    subscript(key: String) -> String? { values[key] }

    func structure(_ key: String) -> SettingNode? { structures[key] }

    func required(_ key: String) throws(AgentError) -> String {
        guard let value = values[key], !value.isEmpty else {
            throw AgentError(.usage, "\(key) is missing; give --\(key), or set it in the configuration file")
        }
        return value
    }

    func integer(_ key: String, in range: ClosedRange<Int64>) throws(AgentError) -> Int64? {
        guard let text = values[key] else { return nil }
        guard let value = Int64(text), range.contains(value) else {
            throw AgentError(
                .usage, "\(key): `\(text)` is not a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func address(_ key: String, otherwise: String) throws(AgentError) -> NetworkAddress {
        let text = values[key] ?? otherwise
        guard let address = NetworkAddress(text) else {
            throw AgentError(.usage, "\(key): `\(text)` is not ADDRESS:PORT, for example 127.0.0.1:9443")
        }
        return address
    }

    private mutating func read(_ file: String) throws(AgentError) {
        let bytes: [UInt8]?
        do {
            bytes = try DurableFile.read(file, maximumBytes: 1 << 20)
        } catch {
            throw AgentError(.configuration, "\(error)")
        }
        guard let bytes else { throw AgentError(.configuration, "\(file) does not exist; give another --config") }
        let node: Node?
        do {
            node = try compose(yaml: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw AgentError(.configuration, "\(file): not YAML: \(error)")
        }
        guard let node else { return }
        guard case .mapping(let mapping) = node else {
            throw AgentError(
                .configuration, "\(file): expected a mapping of keys to values, as `data-dir: /var/lib/wattest`")
        }
        for (key, value) in mapping {
            let name = key.string ?? ""
            let place = "\(file): line \(key.mark?.line ?? 0)"
            if Self.structured.contains(name) {
                structures[name] = SettingNode(value, file: file, name: name)
                continue
            }
            guard Self.known.contains(name) else {
                let nearest = NearestName.of(name, among: Self.known + Self.structured) ?? Self.known[0]
                throw AgentError(
                    .configuration, "\(place): unknown key `\(name)`; the nearest known one is `\(nearest)`")
            }
            guard case .scalar(let scalar) = value else {
                throw AgentError(.configuration, "\(place): the value of `\(name)` is not a single value")
            }
            values[name] = scalar.string
        }
    }
}
