/// One attempt to read one sensor.
package struct Reading: Sendable, Hashable {
    /// CLOCK_BOOTTIME in nanoseconds when the value was taken (for recorded data: UTC microseconds × 1,000).
    package var monotonicNanoseconds: Int64
    package var value: Value

    package init(monotonicNanoseconds: Int64, value: Value) {
        self.monotonicNanoseconds = monotonicNanoseconds
        self.value = value
    }

    package enum Value: Sendable, Hashable {
        /// The counter as the hardware gave it, in the counter's own unit.
        case counter(UInt64)
        /// Power in microwatts; below zero is legal and is never clamped.
        case power(Int64)
        case unreadable(UnreadableReason)
    }
}

/// Why a sensor gave no value. Missing is a named state, never zero.
package enum UnreadableReason: String, Sendable, Hashable, CaseIterable {
    /// The kernel or driver refused the read for lack of permission.
    case denied
    /// The file, device or zone is gone.
    case gone
    /// The source answered with something that is not a reading.
    case malformed
    /// The source answered with an error.
    case failed
    /// The source did not answer in time.
    case timedOut = "timed-out"
    /// The source says that it does not offer this quantity.
    case unsupported
    /// The source answers, but says that it is switched off.
    case inactive
}
