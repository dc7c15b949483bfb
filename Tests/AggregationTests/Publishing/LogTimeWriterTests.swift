import Batches
import ClusterSimulation
import Energy
import Testing
import TransparencyLog

@testable import Aggregation

/// When the log is told the time because a node's clock is off.
@Suite struct LogTimeWriterTests {
    private let end = UTCTime(seconds: 1_800_000_000)

    private func batch(anchored size: UInt64? = nil, job: String? = nil) throws -> Batch {
        var log = try SyntheticLog(seed: 1, start: UTCTime(microseconds: end.microseconds - 30_000_000))
        try log.enrol("n1")
        try log.batch("n1", holds: job.map { [SyntheticLog.Hold($0)] } ?? [])
        var batch = try Batch(text: Array(SignedNote(parsing: #require(log.entries.last)).text))
        batch.anchor = size.map { TreeHead(size: $0, root: .emptyTree) }
        #expect(batch.facts.interval.end == end)
        return batch
    }

    private func time(_ seconds: Int64) -> UTCTime {
        UTCTime(microseconds: end.microseconds + seconds * 1_000_000)
    }

    @Test func aBatchOfTheFutureIsToldAtOnceAndOnceAMinute() throws {
        var doubt = LogTimeWriter.Doubt()
        let batch = try batch()
        let due = [(-5, 0), (-6, 1), (-840, 2), (-840, 60_000), (-840, 60_001)].map { seconds, milliseconds in
            doubt.isDue(after: batch, at: time(Int64(seconds)), milliseconds: Int64(milliseconds))
        }
        #expect(due == [false, true, false, false, true])
    }

    /// Each job needs a proof of its own, and gets it with its first batch.
    @Test func aJobThatBeginsIsNotWaitedWith() throws {
        var doubt = LogTimeWriter.Doubt()
        let jobs = ["aaaaaaaaaaaaaaaaaaaaaaaaaa", "baaaaaaaaaaaaaaaaaaaaaaaaa"]
        var due: [Bool] = []
        for (job, milliseconds) in [(nil, 0), (jobs[0], 4999), (jobs[0], 5000), (jobs[0], 11_000), (jobs[1], 11_000)]
            as [(String?, Int64)]
        {
            due.append(doubt.isDue(after: try batch(job: job), at: time(-840), milliseconds: milliseconds))
        }
        #expect(due == [true, false, true, false, true])
    }

    /// What comes late says nothing of a clock; what names a tree that was published later does.
    @Test func aBatchThatKnowsTheFutureIsBehind() throws {
        var doubt = LogTimeWriter.Doubt()
        doubt.publish(10, at: time(60))
        doubt.publish(20, at: time(61))
        var due: [Bool] = []
        for size in [nil, 9, 10, 19, 20] as [UInt64?] {
            due.append(doubt.isDue(after: try batch(anchored: size), at: time(900), milliseconds: 0))
        }
        #expect(due == [false, false, false, false, true])
    }

    @Test func aRecordedBatchSaysNothingOfAClock() throws {
        var doubt = LogTimeWriter.Doubt()
        var batch = try batch()
        batch.facts.monotonic = nil
        let isDue = doubt.isDue(after: batch, at: time(-840), milliseconds: 0)
        #expect(!isDue)
    }
}
