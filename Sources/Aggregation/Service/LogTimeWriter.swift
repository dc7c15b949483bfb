import Batches
import Disclosure
import Energy
import Synchronization
import TransparencyLog

/// Has the log say what time it is as soon as a node's clock contradicts the aggregator's.
///
/// Without it nothing proves that a clock is ahead until the administration has to sign something else, and in a log of
/// two nodes nothing proves that one is behind. By then the job is over that was shown with missing time.
final class LogTimeWriter: Sendable {
    /// When to do so.
    struct Doubt: Sendable {
        /// When trees of these sizes were published, the newest last: a batch that names one was signed after that.
        private var published: [(size: UInt64, time: UTCTime)] = []
        private var toldMilliseconds: Int64?
        /// Holds since whose first batch the log was told the time: each job needs a proof of its own.
        private var proven: Set<Hold> = []

        private struct Hold: Sendable, Hashable {
            var node: String
            var job: String
        }

        /// An agent names the newest tree that it has seen.
        static let maximumPublished = 256
        private static let maximumProven = 4096
        /// One entry bounds every batch before it.
        static let pauseMilliseconds: Int64 = 60_000
        /// The same where a job begins on a node whose clock is off.
        static let shortestPauseMilliseconds: Int64 = 5000

        mutating func publish(_ size: UInt64, at time: UTCTime) {
            published.append((size, time))
            if published.count > Self.maximumPublished { published.removeFirst() }
        }

        /// Whether the log is to be told the time, because this batch was appended to it now.
        ///
        /// - Parameter milliseconds: of a clock that nobody sets.
        mutating func isDue(after batch: Batch, at now: UTCTime, milliseconds: Int64) -> Bool {
            guard batch.facts.monotonic != nil else { return false }
            let end = batch.facts.interval.end
            // Without a known tree it may have come late.
            let signedAfter = batch.anchor.flatMap { anchor in published.last { $0.size <= anchor.size }?.time } ?? end
            guard
                Self.isLater(end, than: now, by: NodeWitness.toleranceMicroseconds)
                    || Self.isLater(signedAfter, than: end, by: NodeWitness.promptMicroseconds)
            else { return false }
            let holds = batch.facts.allocations.map { Hold(node: batch.node, job: $0.job) }
            let pause = proven.isSuperset(of: holds) ? Self.pauseMilliseconds : Self.shortestPauseMilliseconds
            if let told = toldMilliseconds, milliseconds - told < pause { return false }
            toldMilliseconds = milliseconds
            if proven.count + holds.count > Self.maximumProven { proven = [] }
            proven.formUnion(holds)
            return true
        }

        private static func isLater(_ time: UTCTime, than other: UTCTime, by microseconds: Int64) -> Bool {
            let (distance, overflow) = time.microseconds.subtractingReportingOverflow(other.microseconds)
            return overflow ? time > other : distance > microseconds
        }
    }

    private struct State {
        var doubt = Doubt()
        var sequencer: LogSequencer?
    }

    private let keys: LogKeys
    private let clock: ServiceClock
    private let state = Mutex(State())

    init(keys: LogKeys, clock: ServiceClock) {
        self.keys = keys
        self.clock = clock
    }

    func attach(_ sequencer: LogSequencer) { state.withLock { $0.sequencer = sequencer } }

    func published(_ size: UInt64) {
        let now = clock.now()
        state.withLock { $0.doubt.publish(size, at: now) }
    }

    /// A batch was appended; the entry goes in line behind it, nobody waits.
    func appended(_ batch: Batch) {
        let (now, milliseconds) = (clock.now(), clock.milliseconds())
        let sequencer = state.withLock { state in
            state.doubt.isDue(after: batch, at: now, milliseconds: milliseconds) ? state.sequencer : nil
        }
        guard let sequencer else { return }
        let entry = SetEntry(
            log: keys.origin, time: now, field: SettingField.logTime, subject: nil, value: Array("null".utf8),
            effectiveFrom: nil, effectiveUntil: nil, by: "aggregator", reason: "the clock of \(batch.node) is off",
            salt: clock.random(16))
        guard let signed = try? keys.administration.sign(entry.text).bytes else { return }
        sequencer.appendLater(note: signed)
    }
}
