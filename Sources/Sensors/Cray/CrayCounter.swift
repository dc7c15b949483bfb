/// One value of /sys/cray/pm_counters: `12345 J 1700000000000000 us` (HPE Cray, "User Access to Compute Node Power Data").
struct CrayCounter: Sendable, Hashable {
    var joules: UInt64
    /// UTC of the scan in microseconds; older blades give none.
    var stampMicroseconds: Int64?

    /// - Returns: nil for an empty or torn file and for other units.
    init?(_ bytes: UnsafeRawBufferPointer) {
        var fields = bytes.trimmed().split(separator: 32, maxSplits: 3, omittingEmptySubsequences: true).makeIterator()
        guard let value = fields.next().flatMap({ DecimalText.unsigned($0) }), value <= 1 << 53,
            let unit = fields.next(), unit.isText("J")
        else { return nil }
        joules = value
        guard let stamp = fields.next() else { return }
        guard let microseconds = DecimalText.unsigned(stamp), let mark = fields.next(), mark.isText("us"),
            microseconds < 1 << 62
        else { return nil }
        stampMicroseconds = Int64(microseconds)
    }
}
