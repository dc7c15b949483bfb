import Identity

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The table to which `wattest progress --log` adds a line and from which `wattest forecast --progress` reads.
struct ProgressTable {
    let path: String

    /// Adds a line with the time of now; the first line of a new table names its columns.
    ///
    /// - Throws: `FILE` when the table cannot be written or has other columns.
    func add(_ figures: [(name: String, value: String)]) throws(CommandFailure) {
        let columns = ["time"] + figures.map { $0.name == "epoch" || $0.name == "step" ? "done" : $0.name }
        guard columns.contains("done") else {
            throw .usage("a table of progress needs what is done", "give --epoch or --step")
        }
        let header = columns.joined(separator: ",")
        let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .file("cannot be opened: \(reason())", path, "check the directory") }
        defer { close(descriptor) }
        var first = [UInt8](repeating: 0, count: 4096)
        let count = pread(descriptor, &first, first.count, 0)
        let known = first.prefix(max(0, count)).prefix { $0 != UInt8(ascii: "\n") }
        guard count <= 0 || String(decoding: known, as: UTF8.self) == header else {
            throw .file("its columns are not \(header)", path, "give the same figures each time, or another file")
        }
        let line = ([Self.now()] + figures.map(\.value)).joined(separator: ",") + "\n"
        guard writeAll(Array(((count <= 0 ? header + "\n" : "") + line).utf8), to: descriptor) else {
            throw .file("cannot be written: \(reason())", path, "check the space on the disk")
        }
    }

    /// Unix milliseconds.
    private static func now() -> String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return "\(Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)"
    }
}
