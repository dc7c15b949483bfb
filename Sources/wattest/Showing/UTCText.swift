import Energy

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Times as a person and the server read them.
enum UTCText {
    /// `YYYY-MM-DDTHH:MMZ`
    static func minutes(_ time: UTCTime) -> String { format(time, "%Y-%m-%dT%H:%MZ") }

    /// RFC 3339 to the second.
    static func seconds(_ time: UTCTime) -> String { format(time, "%Y-%m-%dT%H:%M:%SZ") }

    private static func format(_ time: UTCTime, _ format: String) -> String {
        var seconds = time_t(time.milliseconds / 1000)
        var civil = tm()
        guard gmtime_r(&seconds, &civil) != nil else { return "-" }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            guard let base = buffer.baseAddress, strftime(base, buffer.count, format, &civil) > 0 else { return "-" }
            return String(cString: base)
        }
    }
}
