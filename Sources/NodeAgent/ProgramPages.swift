#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Gives back the pages of the program that were needed a moment ago and are not needed to measure.
///
/// They are clean copies of a file: the kernel would take them when memory runs short, and counts them as the agent's
/// until then. What is needed again comes back from the page cache, sixteen pages at a fault, so that a batch, which
/// goes through the codec, the signature, TLS and HTTP/2 once in half a minute, leaves ten megabytes behind. They go
/// before it (what the readings needed), again and again while it is sent and acknowledged, so that these never lie
/// there together, and behind it; what readings gather goes every ten seconds.
struct ProgramPages: Sendable {
    /// Of the program itself: libraries may be unloaded, and what is then at their place must not be touched.
    private var mappings: [Mapping] = []
    private var start: Int64
    private var lastBatch: Int64 = .min
    private var lastRelease: Int64 = 0
    private var isAroundBatch = false
    /// When what a batch needed is given back: after it was signed, and after it was sent and acknowledged.
    private var due: [Int64] = []

    /// The start is over.
    private static let startNanoseconds: Int64 = 10_000_000_000
    /// What a look around, a change of jobs or a scrape needed is not needed by the next reading.
    private static let periodNanoseconds: Int64 = 10_000_000_000
    /// A batch is sent and acknowledged within some of these; a slow way to the log takes the later ones.
    private static let dueMilliseconds: [Int64] = [3, 6, 9, 12, 16, 20, 30, 50, 100, 200, 1500, 3500]
    /// Where batches follow each other quickly, the pages would only come and go.
    private static let restNanoseconds: Int64 = 20_000_000_000

    init(startedAt nanoseconds: Int64) { start = nanoseconds }

    /// To be called every second, and when `milliseconds` says so.
    mutating func tick(at now: Int64) {
        if mappings.isEmpty, now >= start + Self.startNanoseconds {
            start = .max - Self.startNanoseconds
            mappings = Self.survey()
            release(at: now)
        }
        if let next = due.first, now >= next {
            // Those that were slept through are one.
            due.removeAll { $0 <= now }
            release(at: now)
        } else if now - lastRelease >= Self.periodNanoseconds {
            release(at: now)
        }
    }

    private mutating func release(at now: Int64) {
        lastRelease = now
        for mapping in mappings { mapping.release() }
    }

    /// To be called when an interval has ended; its batch is signed with the next reading.
    mutating func afterCut(at now: Int64) {
        guard lastBatch == .min || now - lastBatch > Self.restNanoseconds else { return }
        release(at: now)
    }

    /// To be called before batches are signed.
    mutating func beforeBatch(at now: Int64) {
        isAroundBatch = lastBatch == .min || now - lastBatch > Self.restNanoseconds
        guard isAroundBatch else { return }
        lastBatch = now
        release(at: now)
    }

    /// To be called when they are on their way.
    mutating func afterBatch(at now: Int64) {
        guard isAroundBatch else { return }
        isAroundBatch = false
        release(at: now)
        due = Self.dueMilliseconds.map { now + $0 * 1_000_000 }
    }

    /// How long until something is to be given back, at most so long.
    func milliseconds(until end: Int64, from now: Int64) -> Int64 {
        max(0, min(end, due.first ?? end) - now) / 1_000_000 + 1
    }

    /// The mappings of the program that nobody can write to.
    private static func survey() -> [Mapping] {
        var link = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &link, link.count)
        guard length > 0 else { return [] }
        let program = String(decoding: link[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let file = fopen("/proc/self/smaps", "r") else { return [] }
        defer { fclose(file) }
        var found: [Mapping] = []
        var line = [CChar](repeating: 0, count: 1024)
        var mapping: Mapping?
        while fgets(&line, Int32(line.count), file) != nil {
            let bytes = line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }
            let text = String(decoding: bytes, as: UTF8.self)
            if text.prefix(while: { $0 != " " }).contains("-") {
                if let mapping { found.append(mapping) }
                mapping = Mapping(text, of: program)
            } else if text.hasPrefix("Anonymous:"), !text.hasSuffix(" 0 kB") {
                // Relocated when the program was loaded: such a page is nowhere else.
                mapping = nil
            }
        }
        return found + [mapping].compactMap { $0 }
    }

    private struct Mapping: Sendable {
        private let start: UInt
        private let length: Int

        /// `55d0c8a00000-55d0c8c21000 r-xp 00001000 fe:00 1311 /usr/bin/wattest-agent`; nil for every other line.
        init?(_ line: String, of program: String) {
            let fields = line.split(separator: " ")
            guard fields.count == 6, fields[5] == program, ["r-xp", "r--p"].contains(fields[1]) else { return nil }
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
