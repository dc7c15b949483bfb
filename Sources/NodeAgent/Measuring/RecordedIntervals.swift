package import Batches
package import Energy

/// One recorded log as the intervals of a chain: from its first reading to its last, cut at the job's window, at each
/// full UTC hour and at the batch interval.
///
/// It is a pure function of the readings and the settings, so an interrupted import is resumed, and repeated by a second
/// process, with the same bytes.
package struct RecordedIntervals: Sendable {
    package var sensor: SensorDescription
    /// In stable time order: UTC microseconds and microwatts.
    package var readings: [(time: UTCTime, microwatts: Int64)]
    /// Pseudonym of the job that holds the source within the window.
    package var job: String?
    package var window: (start: UTCTime?, stop: UTCTime?)
    package var expectedNodes: Int64?
    package var intervalSeconds: Int64
    package var wasReordered: Bool

    package init(
        sensor: SensorDescription, readings: [(time: UTCTime, microwatts: Int64)], job: String?,
        window: (start: UTCTime?, stop: UTCTime?), expectedNodes: Int64?, intervalSeconds: Int64, wasReordered: Bool = false
    ) {
        precondition(intervalSeconds > 0)
        self.sensor = sensor
        self.readings = readings
        self.job = job
        self.window = window
        self.expectedNodes = expectedNodes
        self.intervalSeconds = intervalSeconds
        self.wasReordered = wasReordered
    }

    package struct Interval: Sendable {
        package var facts: IntervalFacts
        package var samples: SampleBlock
    }

    /// The most batches that one file may become: a year of 30-second batches.
    package static let maximumIntervals = 1_100_000

    /// The chain's intervals in order, none for a log of fewer than two instants.
    package func intervals() -> [Interval] {
        guard let first = readings.first?.time, let last = readings.last?.time, first < last else { return [] }
        var track = SensorTrack(sensor, at: first.nanoseconds)
        var remaining = readings[...]
        var intervals: [Interval] = []
        var start = first
        for end in cuts(from: first, to: last) {
            // The reading behind the cut belongs to the track before the cut can be evaluated.
            while let reading = remaining.first, !track.isReady(forCutAt: end.nanoseconds + 1) {
                track.take(Reading(monotonicNanoseconds: reading.time.nanoseconds, value: .power(reading.microwatts)))
                remaining.removeFirst()
            }
            let (facts, series) = track.cut(at: end.nanoseconds)
            intervals.append(interval(UTCInterval(start: start, end: end), facts, series))
            start = end
        }
        return intervals
    }

    private func interval(_ span: UTCInterval, _ facts: SensorFacts, _ series: SampleBlock.Series) -> Interval {
        var facts = facts
        if wasReordered { facts.flags.insert(.reordered) }
        var allocations: [AllocationFacts] = []
        if let job, span.start >= window.start ?? span.start, span.end <= window.stop ?? span.end {
            allocations = [
                AllocationFacts(
                    job: job, mode: .exclusive, expectedNodes: expectedNodes,
                    since: window.start ?? readings.first?.time ?? span.start)
            ]
        }
        let whole = IntervalFacts(
            interval: span, monotonic: nil, state: .measured, host: nil, sensors: [facts], allocations: allocations)
        return Interval(facts: whole, samples: SampleBlock(series: [series]))
    }

    /// Ends of the intervals, the last reading's time last.
    private func cuts(from first: UTCTime, to last: UTCTime) -> [UTCTime] {
        var cuts: Set<UTCTime> = [last]
        for edge in [window.start, window.stop] {
            if let edge, edge > first, edge < last { cuts.insert(edge) }
        }
        var hour = UTCTime(hour: first.hour + 1)
        while hour < last, cuts.count < Self.maximumIntervals {
            cuts.insert(hour)
            hour = UTCTime(hour: hour.hour + 1)
        }
        let step = intervalSeconds * 1_000_000
        var edge = UTCTime(microseconds: first.microseconds + step)
        while edge < last, cuts.count < Self.maximumIntervals {
            cuts.insert(edge)
            edge = UTCTime(microseconds: edge.microseconds + step)
        }
        return cuts.sorted()
    }
}

extension UTCTime {
    /// The instant as the integrals count it. Recorded times beyond the years 1678 to 2262 do not fit and are refused by
    /// the readers of recorded logs.
    package var nanoseconds: Int64 { microseconds &* 1000 }
}
