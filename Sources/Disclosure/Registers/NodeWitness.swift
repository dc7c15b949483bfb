package import Batches
package import Energy

/// How one node's batches speak of one job, beside the energy: its clock, what came late, and how well the edges of the
/// hold are known.
package struct NodeWitness: Sendable, Hashable {
    /// Where a batch stands in the log's time.
    package struct Place: Sendable, Hashable {
        /// Time that had certainly passed when the batch was signed: the log's when it had the size that the batch's
        /// anchor names. It cannot have known a future root.
        package var signedAfter: UTCTime?
        /// Time that had certainly passed when the batch was appended.
        package var appendedAfter: UTCTime?

        package init(signedAfter: UTCTime? = nil, appendedAfter: UTCTime? = nil) {
            self.signedAfter = signedAfter
            self.appendedAfter = appendedAfter
        }
    }

    /// One end of the hold.
    package struct Edge: Sendable, Hashable {
        package var time: UTCTime
        /// The reading nearest to the edge is at most so far from it.
        package var gapMilliseconds: Int64
        /// What the job drew in so long a time in the batch at the edge, on average.
        package var microjoules: Int64
    }

    package private(set) var batches: Int64 = 0
    package private(set) var letters: Set<ClockState.Letter> = []
    package private(set) var isRecorded = false
    package private(set) var lateBatches: Int64 = 0
    /// The longest time that certainly passed between the end of an interval and its place in the log.
    package private(set) var lateMicroseconds: Int64 = 0
    /// The node's clock is behind, or ahead, by at least so much.
    package private(set) var behindMicroseconds: Int64 = 0
    package private(set) var aheadMicroseconds: Int64 = 0
    package private(set) var first: Edge?
    package private(set) var last: Edge?

    package init() {}

    /// A batch is complete at most this long after its end (RULES section 3), and then on its way.
    static let promptMicroseconds: Int64 = 60_000_000
    /// Clocks of the node and of the administration may differ by this without being called wrong.
    static let toleranceMicroseconds: Int64 = 5_000_000

    mutating func take(_ batch: Batch, place: Place, isRecorded: Bool, jobMicrojoules: Int128) {
        batches &+= 1
        letters.insert(batch.clock.letter)
        self.isRecorded = self.isRecorded || isRecorded
        takeEdges(of: batch, jobMicrojoules)
        guard !isRecorded else { return }
        let end = batch.facts.interval.end
        if let signed = place.signedAfter, case let behind = Self.distance(end, signed),
            behind > Self.promptMicroseconds
        {
            behindMicroseconds = max(behindMicroseconds, behind &- Self.promptMicroseconds)
        } else if let appended = place.appendedAfter, case let late = Self.distance(end, appended),
            late > Self.promptMicroseconds
        {
            lateBatches &+= 1
            lateMicroseconds = max(lateMicroseconds, late)
        }
    }

    /// An entry that the administration appended at `time` stands behind a batch that ends at `end`.
    mutating func bound(end: UTCTime, by time: UTCTime) {
        let ahead = Self.distance(time, end)
        if ahead > Self.toleranceMicroseconds { aheadMicroseconds = max(aheadMicroseconds, ahead) }
    }

    var isClockOff: Bool { behindMicroseconds > 0 || aheadMicroseconds > 0 }

    /// A time by the node's clock, moved by the least amount that brings it into the bracket.
    func aligned(_ time: UTCTime) -> UTCTime {
        UTCTime(microseconds: time.microseconds &+ behindMicroseconds &- aheadMicroseconds)
    }

    private static func distance(_ from: UTCTime, _ to: UTCTime) -> Int64 {
        let (distance, overflow) = to.microseconds.subtractingReportingOverflow(from.microseconds)
        return overflow ? 0 : distance
    }

    private mutating func takeEdges(of batch: Batch, _ jobMicrojoules: Int128) {
        let interval = batch.facts.interval
        let duration = interval.durationMilliseconds
        guard duration > 0 else { return }
        let longest = batch.facts.sensors.filter { $0.within == nil }.map(\.longestGapMilliseconds).max() ?? duration
        let gap = min(duration, max(0, longest))
        let magnitude = jobMicrojoules < 0 ? -jobMicrojoules : jobMicrojoules
        let energy = Int64(clamping: (floorMultiplyDivide(magnitude, Int128(gap), by: Int128(duration)) ?? 0) + 1)
        if first.map({ interval.start < $0.time }) ?? true {
            first = Edge(time: interval.start, gapMilliseconds: gap, microjoules: energy)
        }
        if last.map({ $0.time < interval.end }) ?? true {
            last = Edge(time: interval.end, gapMilliseconds: gap, microjoules: energy)
        }
    }
}
