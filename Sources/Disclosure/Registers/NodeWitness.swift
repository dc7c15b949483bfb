package import Batches
package import Energy

/// How one node's batches speak of one job, beside the energy: its clock, what came late, and how well the edges of the
/// hold are known.
package struct NodeWitness: Sendable, Hashable, Codable {
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
    package struct Edge: Sendable, Hashable, Codable {
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

    /// The letters in their order.
    var states: String {
        // Nearly every node's clock has one state as long as a job runs.
        if letters.count == 1, let letter = letters.first { return letter.rawValue }
        return letters.map(\.rawValue).sorted().joined()
    }

    /// A batch is complete at most this long after its end (RULES section 3), and then on its way.
    package static let promptMicroseconds: Int64 = 60_000_000
    /// Clocks of the node and of the administration may differ by this without being called wrong.
    package static let toleranceMicroseconds: Int64 = 5_000_000
    /// So far a time that was brought into its bracket may lie from the right one.
    private static let bracketMicroseconds: Int64 = 2 * promptMicroseconds

    /// What one batch says of every job in it alike.
    struct Statement {
        let letter: ClockState.Letter
        let place: Place
        let isRecorded: Bool
        let interval: UTCInterval
        let durationMilliseconds: Int64
        /// The longest time without a reading of any root.
        let gapMilliseconds: Int64

        init(_ batch: Batch, place: Place, isRecorded: Bool) {
            letter = batch.clock.letter
            self.place = place
            self.isRecorded = isRecorded
            interval = batch.facts.interval
            durationMilliseconds = interval.durationMilliseconds
            var longest: Int64?
            let sensors = batch.facts.sensors.span
            for index in sensors.indices where sensors[index].identity.within == nil {
                longest = max(longest ?? .min, sensors[index].longestGapMilliseconds)
            }
            gapMilliseconds = min(durationMilliseconds, max(0, longest ?? durationMilliseconds))
        }
    }

    mutating func take(_ statement: Statement, jobMicrojoules: Int128) {
        batches &+= 1
        if letters.count != 1 || letters.first != statement.letter { letters.insert(statement.letter) }
        isRecorded = isRecorded || statement.isRecorded
        takeEdges(of: statement, jobMicrojoules)
        guard !statement.isRecorded else { return }
        let end = statement.interval.end
        let place = statement.place
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
    func aligned(_ time: UTCTime) -> UTCTime { UTCTime(microseconds: time.microseconds &+ alignmentMicroseconds) }

    var alignmentMicroseconds: Int64 { behindMicroseconds &- aheadMicroseconds }

    /// When a hold that the node has not ended ends by its clock, if it ends at `time` by clocks that are right: with
    /// its last batch, unless that lies further away than a batch may be on its way.
    func end(of time: UTCTime) -> UTCTime {
        // What was allowed for the way is given back: nearer to the right time than the least that is proved.
        let behind = behindMicroseconds > 0 ? behindMicroseconds &+ Self.promptMicroseconds : 0
        let likely = UTCTime(microseconds: time.microseconds &- behind &+ aheadMicroseconds)
        guard let last = last?.time, Self.distance(last, likely).magnitude <= UInt64(Self.promptMicroseconds) else {
            return likely
        }
        return last
    }

    /// The earliest time; one of a clock that is off counts where it lies further away than brackets are wide.
    static func earliest(right: [UTCTime], aligned: [UTCTime]) -> UTCTime? {
        guard let right = right.min() else { return aligned.min() }
        guard let aligned = aligned.min(), aligned.microseconds < right.microseconds &- bracketMicroseconds else {
            return right
        }
        return aligned
    }

    /// The latest time, likewise.
    static func latest(right: [UTCTime], aligned: [UTCTime]) -> UTCTime? {
        guard let right = right.max() else { return aligned.max() }
        guard let aligned = aligned.max(), aligned.microseconds > right.microseconds &+ bracketMicroseconds else {
            return right
        }
        return aligned
    }

    private static func distance(_ from: UTCTime, _ to: UTCTime) -> Int64 {
        let (distance, overflow) = to.microseconds.subtractingReportingOverflow(from.microseconds)
        return overflow ? 0 : distance
    }

    private mutating func takeEdges(of statement: Statement, _ jobMicrojoules: Int128) {
        let (interval, duration) = (statement.interval, statement.durationMilliseconds)
        guard duration > 0 else { return }
        let isFirst = first.map { interval.start < $0.time } ?? true
        let isLast = last.map { $0.time < interval.end } ?? true
        guard isFirst || isLast else { return }
        let gap = statement.gapMilliseconds
        let magnitude = jobMicrojoules < 0 ? -jobMicrojoules : jobMicrojoules
        let energy = Int64(clamping: (floorMultiplyDivide(magnitude, Int128(gap), by: Int128(duration)) ?? 0) + 1)
        if isFirst { first = Edge(time: interval.start, gapMilliseconds: gap, microjoules: energy) }
        if isLast { last = Edge(time: interval.end, gapMilliseconds: gap, microjoules: energy) }
    }
}
