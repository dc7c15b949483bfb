import Energy
import Sensors

/// Instants of recorded time: exact, not whole hours.
enum Instant {
    /// RFC 3339 with a zone, or Unix milliseconds.
    static func parse(_ text: String, option: String) throws(CommandFailure) -> UTCTime {
        if let milliseconds = Int64(text), (0...253_402_300_799_999).contains(milliseconds) {
            return UTCTime(microseconds: milliseconds * 1000)
        }
        guard let microseconds = zoned(Array(text.utf8)) else {
            throw .usage(
                "\(option) '\(text)' is no time",
                "write RFC 3339 such as 2024-05-17T04:57:58.403Z, or Unix milliseconds")
        }
        return UTCTime(microseconds: microseconds)
    }

    /// RFC 3339 (section 5.6); the seconds may be left out. A time without a zone is nobody's.
    static func zoned(_ text: [UInt8]) -> Int64? {
        var bytes = text
        guard bytes.count >= 17, bytes[4] == UInt8(ascii: "-"), bytes[10] | 0x20 == UInt8(ascii: "t") else {
            return nil
        }
        bytes[10] = UInt8(ascii: "T")
        if bytes[16] != UInt8(ascii: ":") { bytes.insert(contentsOf: ":00".utf8, at: 16) }
        guard bytes.count > 19 else { return nil }
        let zone = bytes[19...].drop { $0 == UInt8(ascii: ".") || (0x30...0x39).contains($0) }
        guard let mark = zone.first else { return nil }
        if mark | 0x20 == UInt8(ascii: "z"), zone.count == 1 { bytes[bytes.count - 1] = UInt8(ascii: "Z") }
        return Timestamp.microseconds(bytes)
    }

    /// `±HH:MM` in seconds.
    static func offsetSeconds(_ text: String) throws(CommandFailure) -> Int64 {
        guard let first = text.first, first == "+" || first == "-",
            let utc = Timestamp.microseconds(Array("2000-01-01T00:00:00Z".utf8)),
            let local = Timestamp.microseconds(Array("2000-01-01T00:00:00\(text)".utf8))
        else { throw .usage("--utc-offset '\(text)' is no offset", "write +HH:MM or -HH:MM") }
        return (utc - local) / 1_000_000
    }
}
