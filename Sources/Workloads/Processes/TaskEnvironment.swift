/// The environment of a process, as /proc/PID/environ shows it (proc_pid_environ(5)): `NAME=VALUE`, NUL between.
///
/// Only what tells of a job is kept, so that no secret of a user is held here.
package struct TaskEnvironment: Sendable, Hashable {
    private var values: [String: String] = [:]

    package static let maximumBytes = 1 << 20
    package static let maximumValueBytes = 16_384

    private static let prefixes = ["SLURM", "TORCHELASTIC_", "OMPI_", "PMI", "WATTEST_", "GROUP_", "LOCAL_"]
    private static let names: Set<String> = [
        "RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "CUDA_VISIBLE_DEVICES", "SLURM_CONF",
    ]

    /// Takes the bytes of the file; of a name given twice the first counts, as for getenv(3).
    package init(bytes: some Collection<UInt8>) {
        for entry in bytes.split(separator: 0) {
            guard let equals = entry.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let value = entry[entry.index(after: equals)...]
            let name = String(decoding: entry[..<equals], as: UTF8.self)
            guard value.count <= Self.maximumValueBytes, Self.isKept(name), values[name] == nil else { continue }
            values[name] = String(decoding: value, as: UTF8.self)
        }
    }

    package init(_ values: [String: String] = [:]) { self.values = values.filter { Self.isKept($0.key) } }

    private static func isKept(_ name: String) -> Bool {
        names.contains(name) || prefixes.contains { name.hasPrefix($0) }
    }

    package var isEmpty: Bool { values.isEmpty }

    package subscript(name: String) -> String? {
        guard let value = values[name], value != "(null)" else { return nil }
        return value
    }

    package func integer(_ name: String) -> Int64? { self[name].flatMap { Int64($0) } }

    /// The first of the names that has a number.
    package func integer(_ names: [String]) -> Int64? { names.lazy.compactMap { integer($0) }.first }
}
