#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Gives back the pages of the program and its libraries that were needed to start and are not needed to measure.
///
/// They are clean copies of a file: the kernel would take them when memory runs short, and counts them as the agent's
/// until then. What is needed again comes back from the page cache.
enum ProgramPages {
    static func release() {
        guard let file = fopen("/proc/self/smaps", "r") else { return }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 1024)
        var mapping: Mapping?
        while fgets(&line, Int32(line.count), file) != nil {
            let bytes = line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }
            let text = String(decoding: bytes, as: UTF8.self)
            if let next = Mapping(text) {
                mapping?.release()
                mapping = next
            } else if text.hasPrefix("Anonymous:"), !text.hasSuffix(" 0 kB") {
                // Relocated when the program was loaded: such a page is nowhere else.
                mapping = nil
            }
        }
        mapping?.release()
    }

    /// A mapping of a file that nobody can write to.
    private struct Mapping {
        private let start: UInt
        private let length: Int

        /// `55d0c8a00000-55d0c8c21000 r-xp 00001000 fe:00 1311 /usr/bin/wattest-agent`; nil for every other line.
        init?(_ line: String) {
            let fields = line.split(separator: " ")
            guard fields.count == 6, fields[5].hasPrefix("/"), ["r-xp", "r--p"].contains(fields[1]) else { return nil }
            let ends = fields[0].split(separator: "-").map { UInt($0, radix: 16) }
            guard ends.count == 2, let start = ends[0], let end = ends[1], end > start else { return nil }
            self.start = start
            length = Int(end - start)
        }

        func release() {
            guard let address = UnsafeMutableRawPointer(bitPattern: start) else { return }
            madvise(address, length, MADV_DONTNEED)
        }
    }
}
