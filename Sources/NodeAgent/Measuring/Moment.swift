package import Energy

/// One instant by both clocks of a node.
package struct Moment: Sendable, Hashable {
    /// CLOCK_BOOTTIME.
    package var nanoseconds: Int64
    package var utc: UTCTime

    package init(nanoseconds: Int64, utc: UTCTime) {
        self.nanoseconds = nanoseconds
        self.utc = utc
    }

    /// UTC of another instant of the monotonic clock, as this moment's clocks stand to each other.
    func utc(at other: Int64) -> UTCTime {
        UTCTime(microseconds: utc.microseconds + floorDivide(other - nanoseconds, by: 1000))
    }

    /// The instant of the monotonic clock at which UTC shows a time, as this moment's clocks stand to each other.
    func nanoseconds(at time: UTCTime) -> Int64 {
        let (difference, overflow) = (time.microseconds - utc.microseconds).multipliedReportingOverflow(by: 1000)
        return overflow ? nanoseconds : nanoseconds + difference
    }
}
