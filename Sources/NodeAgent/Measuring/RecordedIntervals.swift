package import Batches
package import Energy

/// One recorded log as the intervals of a chain: from its first reading to its last, cut at the job's window, at each
/// full UTC hour and at the batch interval.
///
/// It is a pure function of the readings and the settings, so an interrupted import is resumed, and repeated by a
/// second process, with the same bytes. Intervals are made one at a time: a year of readings becomes a million of them.
package struct RecordedIntervals: Sendable, Sequence {
    package var sensor: SensorDescription
    /// In stable time order; the monotonic time of a recorded reading is its UTC in nanoseconds.
    package var readings: [Reading]
    /// Pseudonym of the job that holds the source within the window.
    package var job: String?
    package var window: (start: UTCTime?, stop: UTCTime?)
    package var expectedNodes: Int64?
    package var intervalSeconds: Int64
    package var wasReordered: Bool

    package init(
        sensor: SensorDescription, readings: [Reading], job: String?, window: (start: UTCTime?, stop: UTCTime?),
        expectedNodes: Int64?, intervalSeconds: Int64, wasReordered: Bool = false
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

    package init(
        sensor: SensorDescription, readings: [(time: UTCTime, microwatts: Int64)], job: String?,
        window: (start: UTCTime?, stop: UTCTime?), expectedNodes: Int64?, intervalSeconds: Int64,
        wasReordered: Bool = false
    ) {
        self.init(
            sensor: sensor,
            readings: readings.map { Reading(monotonicNanoseconds: $0.time.nanoseconds, value: .power($0.microwatts)) },
            job: job, window: window, expectedNodes: expectedNodes, intervalSeconds: intervalSeconds,
            wasReordered: wasReordered)
    }

    package struct Interval: Sendable {
        package var facts: IntervalFacts
        package var samples: SampleBlock
    }

    /// The most batches that one file may become: a year of 30-second batches.
    package static let maximumIntervals = 1_100_000

    /// Time of the first and of the last reading, nil for a log of fewer than two instants.
    package var extent: UTCInterval? {
        guard let first = readings.first?.utc, let last = readings.last?.utc, first < last else { return nil }
        return UTCInterval(start: first, end: last)
    }

    /// The chain's intervals in order, none for a log of fewer than two instants.
    package func intervals() -> [Interval] { Array(self) }

    package func makeIterator() -> Iterator { Iterator(self) }

    package struct Iterator: IteratorProtocol {
        private let recorded: RecordedIntervals
        private let cuts: [UTCTime]
        private var track: SensorTrack
        private var nextReading = 0
        private var nextCut = 0
        private var start: UTCTime

        fileprivate init(_ recorded: RecordedIntervals) {
            self.recorded = recorded
            start = recorded.extent?.start ?? UTCTime(microseconds: 0)
            cuts = recorded.extent.map(recorded.cuts) ?? []
            track = SensorTrack(recorded.sensor, at: start.nanoseconds)
        }

        package mutating func next() -> Interval? {
            guard nextCut < cuts.count else { return nil }
            let end = cuts[nextCut]
            nextCut += 1
            // The reading behind the cut belongs to the track before the cut can be evaluated.
            while nextReading < recorded.readings.count, !track.isReady(forCutAt: end.nanoseconds &+ 1) {
                track.take(recorded.readings[nextReading])
                nextReading += 1
            }
            let (facts, series) = track.cut(at: end.nanoseconds)
            defer { start = end }
            return recorded.interval(UTCInterval(start: start, end: end), facts, series)
        }
    }

    private func interval(_ span: UTCInterval, _ facts: SensorFacts, _ series: SampleBlock.Series) -> Interval {
        var facts = facts
        if wasReordered { facts.flags.insert(.reordered) }
        var allocations: [AllocationFacts] = []
        if let job, holds(span) {
            allocations = [
                AllocationFacts(
                    job: job, mode: .exclusive, expectedNodes: expectedNodes,
                    since: window.start ?? extent?.start ?? span.start)
            ]
        }
        let whole = IntervalFacts(
            interval: span, monotonic: nil, state: .measured, host: nil, sensors: [facts], allocations: allocations)
        return Interval(facts: whole, samples: SampleBlock(series: [series]))
    }

    private func holds(_ span: UTCInterval) -> Bool {
        span.start >= window.start ?? span.start && span.end <= window.stop ?? span.end
    }

    /// Ends of the intervals, the last reading's time last.
    private func cuts(in extent: UTCInterval) -> [UTCTime] {
        let (first, last) = (extent.start, extent.end)
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
    /// The instant as the integrals count it. Recorded times beyond the years 1678 to 2262 do not fit and are refused
    /// by the readers of recorded logs.
    package var nanoseconds: Int64 { microseconds &* 1000 }
}

extension Reading {
    /// UTC of a recorded reading.
    package var utc: UTCTime { UTCTime(microseconds: floorDivide(monotonicNanoseconds, by: 1000)) }
}
