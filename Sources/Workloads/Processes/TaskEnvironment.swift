#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The environment of a process, as /proc/PID/environ shows it (proc_pid_environ(5)): `NAME=VALUE`, NUL between.
///
/// Only what tells of a job is kept, so that no secret of a user is held here.
package struct TaskEnvironment: Sendable, Hashable {
    private var values: [String: String] = [:]

    package static let maximumBytes = 1 << 20
    package static let maximumValueBytes = 16_384

    private static let prefixes = ["SLURM", "TORCHELASTIC_", "OMPI_", "PMI", "WATTEST_", "GROUP_", "LOCAL_"]
    private static let names: Set<String> = [
        "RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "CUDA_VISIBLE_DEVICES", "SLURM_CONF", "MPI_LOCALNRANKS",
        "I_MPI_HYDRA_UUID",
    ]

    /// Takes the bytes of the file; of a name given twice the first counts, as for getenv(3).
    ///
    /// Every process of a node passes through here once: the bytes are searched by memchr(3), and only what is kept
    /// becomes text.
    package init(bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        bytes.withUnsafeBytes { buffer in
            guard var next = buffer.baseAddress else { return }
            let end = next + buffer.count
            while next < end {
                let stop = memchr(next, 0, end - next).map { UnsafeRawPointer($0) } ?? end
                take(UnsafeRawBufferPointer(start: next, count: stop - next))
                next = stop + 1
            }
        }
    }

    private mutating func take(_ entry: UnsafeRawBufferPointer) {
        guard !entry.isEmpty, let start = entry.baseAddress, Self.isInitial(entry[0]),
            let equals = memchr(start, Int32(UInt8(ascii: "=")), entry.count)
        else { return }
        let length = UnsafeRawPointer(equals) - start
        guard length <= Self.maximumNameBytes, entry.count - length - 1 <= Self.maximumValueBytes else { return }
        let name = String(decoding: UnsafeRawBufferPointer(rebasing: entry[..<length]), as: UTF8.self)
        guard Self.isKept(name), values[name] == nil else { return }
        values[name] = String(decoding: UnsafeRawBufferPointer(rebasing: entry[(length + 1)...]), as: UTF8.self)
    }

    private static let maximumNameBytes = 64

    /// Whether a kept name begins so.
    private static func isInitial(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "S"), UInt8(ascii: "T"), UInt8(ascii: "O"), UInt8(ascii: "P"), UInt8(ascii: "W"),
            UInt8(ascii: "G"), UInt8(ascii: "L"), UInt8(ascii: "R"), UInt8(ascii: "M"), UInt8(ascii: "C"),
            UInt8(ascii: "I"):
            true
        default: false
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
