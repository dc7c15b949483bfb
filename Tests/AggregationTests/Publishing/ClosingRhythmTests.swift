import Energy
import Testing

@testable import Aggregation

@Suite struct ClosingRhythmTests {
    private func time(_ day: Int64, _ hour: Int64) -> UTCTime { UTCTime(hour: day * 24 + hour) }

    @Test func nothingIsDueBeforeADayAndAnHourAreOver() {
        let begun = time(20_454, 13)
        #expect(ClosingRhythm.day.due(begun: begun, closedUntil: nil, now: time(20_454, 23)).isEmpty)
        let almost = UTCTime(microseconds: time(20_455, 1).microseconds - 1)
        #expect(ClosingRhythm.day.due(begun: begun, closedUntil: nil, now: almost).isEmpty)
        let due = ClosingRhythm.day.due(begun: begun, closedUntil: nil, now: time(20_455, 1))
        #expect(due == [UTCInterval(start: time(20_454, 0), end: time(20_455, 0))])
    }

    @Test func whatWasMissedFollowsInOrderAndOnce() {
        let due = ClosingRhythm.day.due(
            begun: time(20_000, 0), closedUntil: time(20_010, 0), now: time(20_014, 2))
        #expect(due.map(\.start) == (10..<14).map { time(20_000 + $0, 0) })
        #expect(
            ClosingRhythm.day.due(begun: time(20_000, 0), closedUntil: time(20_014, 0), now: time(20_014, 2)).isEmpty)
        #expect(ClosingRhythm.off.due(begun: time(1, 0), closedUntil: nil, now: time(20_014, 2)).isEmpty)
    }

    /// 2024-02-01 is day 19,754: a leap year, and the months around it.
    @Test(arguments: [(19_723, 19_754), (19_754, 19_783), (19_783, 19_814), (20_423, 20_454)])
    func monthsAreWhole(_ first: Int64, _ next: Int64) {
        for day in [first, first + 1, next - 1] {
            let month = ClosingRhythm.month.period(containing: time(day, 5))
            #expect(month == UTCInterval(start: time(first, 0), end: time(next, 0)), "\(day)")
        }
    }
}
