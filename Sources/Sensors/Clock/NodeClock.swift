import CNVML

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// How well the node knows the time, in the letters that a batch carries (OCMF: synchronised, relative, informative,
/// unknown).
package struct ClockQuality: Sendable, Hashable {
    package enum Letter: String, Sendable, Hashable, CaseIterable {
        case synchronised = "S"
        /// Durations are right, the date may not be.
        case relative = "R"
        /// The kernel believes its source, but with an error that can move energy into another interval.
        case informative = "I"
        case unknown = "U"
    }

    package var letter: Letter
    /// Bound of the error in microseconds, nil when nobody knows.
    package var errorMicroseconds: Int64?

    package init(letter: Letter, errorMicroseconds: Int64?) {
        self.letter = letter
        self.errorMicroseconds = errorMicroseconds
    }

    /// An error of at most a second: one reading at the default period.
    package static let synchronisedBoundMicroseconds: Int64 = 1_000_000

    /// Judges what adjtimex(2) said: `result` its return value, `status` the STA_ bits, `maximumError` in µs.
    package static func judge(result: Int32, status: UInt32, maximumErrorMicroseconds: Int64) -> ClockQuality {
        let unsynchronised: UInt32 = 0x0040  // STA_UNSYNC
        let error: Int32 = 5  // TIME_ERROR
        if result < 0 { return ClockQuality(letter: .unknown, errorMicroseconds: nil) }
        if result == error || status & unsynchronised != 0 || maximumErrorMicroseconds < 0 {
            return ClockQuality(letter: .relative, errorMicroseconds: nil)
        }
        let isTight = maximumErrorMicroseconds <= synchronisedBoundMicroseconds
        return ClockQuality(letter: isTight ? .synchronised : .informative, errorMicroseconds: maximumErrorMicroseconds)
    }
}

/// The node's clocks. Nothing here sets one.
package enum NodeClock {
    /// CLOCK_BOOTTIME: steady, and counts the time that the machine is suspended.
    package static func bootNanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    package static func utcMicroseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }

    /// Lets time pass, over interruptions by signals.
    package static func pause(nanoseconds: Int64) {
        var rest = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        var left = timespec()
        while nanosleep(&rest, &left) != 0, errno == EINTR { rest = left }
    }

    /// State of the kernel's clock discipline.
    package static func quality() -> ClockQuality {
        var clock = wattest_clock()
        let result = wattest_clock_read(&clock)
        return ClockQuality.judge(
            result: result, status: clock.status, maximumErrorMicroseconds: clock.maximum_error_us)
    }

    /// The kernel's id of this boot (Documentation/admin-guide/sysctl/kernel.rst, random), lower case with dashes.
    package static func bootID(procfsRoot: String = "/proc") -> String? {
        guard let text = FileTree.text(procfsRoot + "/sys/kernel/random/boot_id")?.lowercased() else { return nil }
        let isForm = text.utf8.enumerated().allSatisfy { index, byte in
            [8, 13, 18, 23].contains(index)
                ? byte == UInt8(ascii: "-")
                : (48...57).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
        }
        return isForm && text.utf8.count == 36 ? text : nil
    }
}
