/// One value of /sys/cray/pm_counters: `12345 J 1700000000000000 us` (HPE Cray, "User Access to Compute Node Power
/// Data").
struct CrayCounter: Sendable, Hashable {
    var joules: UInt64
    /// UTC of the scan in microseconds; older blades give none.
    var stampMicroseconds: Int64?

    /// - Returns: nil for an empty or torn file and for other units.
    init?(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes.trimmed()
        guard let value = DecimalText.unsigned(Self.field(&rest)), value <= 1 << 53, Self.field(&rest).isText("J")
        else {
            return nil
        }
        joules = value
        guard !rest.isEmpty else { return }
        guard let stamp = DecimalText.unsigned(Self.field(&rest)), stamp < 1 << 62, Self.field(&rest).isText("us"),
            rest.isEmpty
        else { return nil }
        stampMicroseconds = Int64(stamp)
    }

    /// Takes the bytes up to the next blank and the blanks after them.
    private static func field(_ rest: inout Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
        let end = rest.firstIndex(of: 32) ?? rest.endIndex
        let field = rest[..<end]
        rest = rest[end...].trimmed()
        return field
    }
}
