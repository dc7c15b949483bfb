import Identity
import Yams

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The configuration: file, then environment, then flags; the later wins.
struct Settings {
    /// Every key with its environment variable's meaning. A key of the file is the same word.
    static let known = [
        "data-dir", "database-url", "ingest", "http", "ready-file", "checkpoint-seconds", "interval-seconds", "close",
        "log-key", "administration-key",
        "server-names", "origin-host", "witness-policy", "witness-ca", "name", "tls-certificate", "tls-key",
    ]

    private var values: [String: String] = [:]

    /// - Parameters:
    ///   - file: path of a YAML mapping of known keys, nil for none.
    ///   - flags: what was given on the command line.
    init(file: String?, flags: [String: String?]) throws(Failure) {
        if let file { try read(file) }
        for key in Self.known {
            let name = "WATTEST_" + key.uppercased().replacing("-", with: "_")
            if let value = getenv(name) { values[key] = String(cString: value) }
        }
        for (key, value) in flags {
            if let value { values[key] = value }
        }
    }

    subscript(key: String) -> String? { values[key] }

    func integer(_ key: String, in range: ClosedRange<Int64>, otherwise: Int64) throws(Failure) -> Int64 {
        guard let text = values[key] else { return otherwise }
        guard let value = Int64(text), range.contains(value) else {
            throw Failure(.usage, "\(key): '\(text)' is not a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func address(_ key: String, otherwise: String) throws(Failure) -> NetworkAddress {
        let text = values[key] ?? otherwise
        guard let address = NetworkAddress(text) else {
            throw Failure(.usage, "\(key): '\(text)' is not ADDRESS:PORT, for example 0.0.0.0:8443")
        }
        return address
    }

    func required(_ key: String) throws(Failure) -> String {
        guard let value = values[key], !value.isEmpty else {
            throw Failure(.usage, "\(key) is missing; give --\(key)")
        }
        return value
    }

    private mutating func read(_ file: String) throws(Failure) {
        let text: String
        do {
            text = String(decoding: try PrivateFile.read(file), as: UTF8.self)
        } catch {
            throw Failure(.usage, "config: \(error)")
        }
        let node: Node?
        do {
            node = try compose(yaml: text)
        } catch {
            throw Failure(.usage, "config: \(file): not YAML: \(error)")
        }
        guard let node else { return }
        guard case .mapping(let mapping) = node else {
            throw Failure(.usage, "config: \(file): expected a mapping of keys to values")
        }
        for (key, value) in mapping {
            let name = key.string ?? ""
            let line = key.mark?.line ?? 0
            guard Self.known.contains(name) else {
                throw Failure(
                    .usage, "config: \(file):\(line): unknown key '\(name)'; did you mean '\(Self.nearest(to: name))'?")
            }
            guard let text = value.string else {
                throw Failure(.usage, "config: \(file):\(line): \(name): expected one value")
            }
            values[name] = text
        }
    }

    /// The known key with the fewest edits.
    static func nearest(to name: String) -> String {
        known.min { distance($0, name) < distance($1, name) } ?? ""
    }

    private static func distance(_ left: String, _ right: String) -> Int {
        let (a, b) = (Array(left.utf8), Array(right.utf8.prefix(64)))
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let cost = min(row[j] + 1, row[j + 1] + 1, diagonal + (x == y ? 0 : 1))
                diagonal = row[j + 1]
                row[j + 1] = cost
            }
        }
        return row[b.count]
    }
}
