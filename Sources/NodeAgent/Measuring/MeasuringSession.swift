package import Batches
package import Energy

/// Turns readings into the intervals of the node's chain: decides where each ends, waits until the values at the cut
/// are known, and gives them out in chain order. No I/O, no clock.
///
/// An interval ends when its time is over, at each full UTC hour, when the set of allocations changes, and where the
/// clock is stepped (RULES section 3). It is given out when every sensor has a reading at or after the cut, or the
/// wait is over.
package struct MeasuringSession: Sendable {
    package struct Settings: Sendable, Hashable {
        package var intervalSeconds: Int64
        /// Longer intervals are folded in stretches of this length.
        package var stretchSeconds: Int64 = 300

        package init(intervalSeconds: Int64) { self.intervalSeconds = intervalSeconds }
    }

    /// An interval that is ready to be signed.
    package struct Interval: Sendable {
        package var facts: IntervalFacts
        package var samples: SampleBlock?
        package var clock: ClockState
        /// What the next start of the agent needs behind this interval.
        package var continuations: [SensorTrack.Continuation]
        package var heldAtEnd = HeldAtEnd()
    }

    struct PendingCut: Sendable {
        var end: Moment
        var clock: ClockState
        var keepsBlock: Bool
        /// nil where the cut only folds a stretch of a longer interval.
        var closing: Closing?

        struct Closing: Sendable {
            var state: IntervalFacts.State
            var allocations: [AllocationFacts]
            var host: HostFacts
            var heldAtEnd: HeldAtEnd
        }
    }

    let settings: Settings
    package private(set) var tracks: [SensorTrack]
    /// Start of the interval that is given out next.
    private var begin: Moment
    /// Start of the stretch that is open for readings.
    private(set) var openedAt: Moment
    /// Start of the interval that is open for readings.
    private(set) var intervalBegin: Moment
    private var pending: [PendingCut] = []
    /// The node's sensors are about to change; nil while they are the ones that are read.
    package var change: Change?
    private var merged = MergedFacts()
    private(set) var holds: HoldTimes
    private(set) var last: Moment
    private(set) var clock: ClockState
    /// The open interval is signed as an outage: it begins where an earlier run ended, or nothing could be signed.
    private(set) var isOutage: Bool
    private(set) var pressure: SpoolState.Pressure = .none
    /// No interval ends until the chain can go on.
    package var isSuspended = false

    /// A clock that moved against the monotonic one by more than this between two ticks was stepped, not slewed:
    /// adjtime(3) slews by 500 ppm at most.
    static let clockStepMicroseconds: Int64 = 50_000
    /// Changes of allocations nearer to the beginning of an interval than this are joined into it.
    static let joinNanoseconds: Int64 = 1_000_000_000
    /// A sensor that has no reading behind a cut is held after so long.
    static let patienceNanoseconds: Int64 = 15_000_000_000

    /// Begins a chain or goes on with it.
    ///
    /// - Parameters:
    ///   - start: end of the last batch; now for a new chain.
    ///   - now: the first moment of this run. When it lies behind `start`, an outage interval comes first.
    ///   - tracks: in the order of the batch's lines, each cut at `start`.
    ///   - usage: CPU time at `start`.
    package init(
        settings: Settings, start: Moment, now: Moment, tracks: [SensorTrack], clock: ClockState,
        usage: NodeUsage
    ) {
        self.settings = settings
        self.tracks = tracks
        begin = start
        openedAt = start
        intervalBegin = start
        last = now
        self.clock = clock
        isOutage = start != now
        holds = HoldTimes(at: start.nanoseconds, allocations: [], usage: usage)
    }

    /// An earlier run left word of who held the node at `start`.
    ///
    /// - Parameters:
    ///   - allocations: those that held it from then to now without a doubt.
    ///   - usage: CPU time at `start`.
    package mutating func prove(_ allocations: [Allocation], _ usage: NodeUsage) {
        guard isOutage else { return }
        holds = HoldTimes(at: intervalBegin.nanoseconds, allocations: allocations, usage: usage)
    }

    // MARK: Readings

    /// One reading of the sensor at that place.
    package mutating func take(_ reading: Reading, of track: Int, breaksEpoch: Bool = false) {
        if breaksEpoch { tracks[track].breakEpoch() }
        tracks[track].take(reading)
    }

    /// A power sensor at that place was seen to refresh so seldom.
    package mutating func observe(refreshMilliseconds: Int64, of track: Int) {
        tracks[track].observe(refreshMilliseconds: refreshMilliseconds)
    }

    // MARK: Cutting

    /// Whether time has come to end something: `advance` then wants to know the CPU time.
    package func isDue(at now: Moment) -> Bool {
        let isStepped =
            (last.utc(at: now.nanoseconds).microseconds - now.utc.microseconds).magnitude
            > UInt64(Self.clockStepMicroseconds)
        return isStepped || nextEnd(by: now) != nil || nextStretch(by: now) != nil
            || (isOutage && now.nanoseconds > openedAt.nanoseconds && !isHeldOpen)
    }

    /// Moves time on; ends what is over.
    package mutating func advance(to now: Moment, clock: ClockState, usage: NodeUsage) {
        let shown = last.utc(at: now.nanoseconds)
        if (shown.microseconds - now.utc.microseconds).magnitude > UInt64(Self.clockStepMicroseconds) {
            // The step lies behind the last tick: what was measured until then keeps the old time.
            end(at: last, usage)
        }
        self.clock = clock
        if isOutage, !isHeldOpen {
            // Until now nothing is known of the allocations: what comes is measured.
            end(at: now, usage)
        }
        var rounds = 0
        while rounds < Self.maximumCutsAtOnce, let next = nextStep(by: now) {
            if next.isEnd { end(at: next.moment, usage) } else { fold(at: next.moment) }
            rounds += 1
        }
        last = now
    }

    /// After a suspended day there are 24 full hours to cut at; beyond a week the rest becomes one interval.
    private static let maximumCutsAtOnce = 200

    /// Only the moment moved: nothing is due.
    package mutating func pass(to now: Moment, clock: ClockState) {
        last = now
        self.clock = clock
    }

    /// The set of allocations changed.
    package mutating func change(to allocations: [Allocation], at now: Moment, usage: NodeUsage) {
        if isDue(at: now) { advance(to: now, clock: clock, usage: usage) }
        guard allocations.sorted(by: { $0.job < $1.job }) != holds.current else { return }
        let isCrowded = holds.count + allocations.count > Batch.maximumAllocations
        if (now.nanoseconds - intervalBegin.nanoseconds < Self.joinNanoseconds && !isCrowded) || isHeldOpen {
            holds.join(allocations, at: now.nanoseconds, usage)
        } else {
            end(at: now, next: allocations, usage)
        }
        // A scheduler's edge may lie before the last tick.
        if now.nanoseconds > last.nanoseconds { last = now }
    }

    /// Sets how full the spool is. What could not be signed becomes an outage as soon as there is room again.
    package mutating func relieve(_ pressure: SpoolState.Pressure) {
        self.pressure = pressure
        if pressure == .keepsOpen { isOutage = true }
    }

    /// Ends the open interval now, for good or because the agent stops.
    package mutating func finish(at now: Moment, usage: NodeUsage) {
        guard !isSuspended, now.nanoseconds > intervalBegin.nanoseconds else { return }
        end(at: now, usage)
    }

    var isHeldOpen: Bool { isSuspended || pressure == .keepsOpen }

    private mutating func end(at moment: Moment, next: [Allocation]? = nil, _ usage: NodeUsage) {
        guard moment.nanoseconds > openedAt.nanoseconds else { return }
        guard !isHeldOpen else { return fold(at: moment) }
        let heldAtEnd = holds.heldAtEnd(usage)
        let (allocations, host) = holds.cut(
            at: moment.nanoseconds, next: next ?? holds.current, usage, isOutage: isOutage)
        let closing = PendingCut.Closing(
            state: isOutage ? .outage : .measured, allocations: allocations, host: host, heldAtEnd: heldAtEnd)
        let keepsBlock = pressure.keepsBlocks && !isOutage && openedAt == intervalBegin
        pending.append(PendingCut(end: moment, clock: clock, keepsBlock: keepsBlock, closing: closing))
        openedAt = moment
        intervalBegin = moment
        isOutage = false
    }

    private mutating func fold(at moment: Moment) {
        pending.append(PendingCut(end: moment, clock: clock, keepsBlock: false, closing: nil))
        openedAt = moment
    }

    private func nextStep(by now: Moment) -> (moment: Moment, isEnd: Bool)? {
        let end = nextEnd(by: now)
        guard let stretch = nextStretch(by: now) else { return end.map { ($0, true) } }
        guard let end, end.nanoseconds <= stretch.nanoseconds else { return (stretch, false) }
        return (end, true)
    }

    /// The end of the open interval when it has come: its time is over, or the hour.
    private func nextEnd(by now: Moment) -> Moment? {
        guard !isHeldOpen, let seconds = pressure.intervalSeconds(configured: settings.intervalSeconds) else {
            return nil
        }
        var end = intervalBegin.nanoseconds + seconds * 1_000_000_000
        // Joined changes are weighed by their time; a short interval keeps that from blurring more than itself.
        if holds.hasChanged { end = min(end, intervalBegin.nanoseconds + Self.joinNanoseconds) }
        let hour = now.nanoseconds(at: UTCTime(hour: now.utc(at: openedAt.nanoseconds).hour + 1))
        var utc: UTCTime?
        if hour > openedAt.nanoseconds, hour <= end {
            end = hour
            utc = UTCTime(hour: now.utc(at: openedAt.nanoseconds).hour + 1)
        }
        guard end <= now.nanoseconds else { return nil }
        // A shorter interval than the one that is open already: it ends now.
        let instant = max(end, openedAt.nanoseconds + 1)
        return Moment(nanoseconds: instant, utc: utc ?? now.utc(at: instant))
    }

    private func nextStretch(by now: Moment) -> Moment? {
        let end = openedAt.nanoseconds + settings.stretchSeconds * 1_000_000_000
        guard end < now.nanoseconds else { return nil }
        return Moment(nanoseconds: end, utc: now.utc(at: end))
    }

    // MARK: Giving out

    /// The intervals whose values at the cut are known by now.
    ///
    /// - Parameters:
    ///   - limit: nothing that ends later is given out; nil for no limit.
    ///   - force: gives out everything that is cut; sensors without a reading behind it are held.
    package mutating func takeReady(at now: Int64, until limit: UTCTime? = nil, force: Bool = false) -> [Interval] {
        var ready: [Interval] = []
        while let cut = pending.first, force || isReady(cut, at: now) {
            if let limit, cut.end.utc > limit { break }
            pending.removeFirst()
            if let interval = complete(cut) { ready.append(interval) }
        }
        return ready
    }

    package var hasPendingCut: Bool { !pending.isEmpty }
    /// End of the interval that waits longest to be given out.
    package var oldestCut: Moment? { pending.first?.end }

    private func isReady(_ cut: PendingCut, at now: Int64) -> Bool {
        if let change, now - change.sinceNanoseconds >= Self.patienceNanoseconds { return true }
        for track in tracks where !track.isReady(forCutAt: cut.end.nanoseconds) {
            if change?.lost.contains(track.description.id) == true { continue }
            let refresh = track.description.refreshMilliseconds * 2_000_000
            guard now - cut.end.nanoseconds >= max(Self.patienceNanoseconds, refresh) else { return false }
        }
        return true
    }

    private mutating func complete(_ cut: PendingCut) -> Interval? {
        var facts: [SensorFacts] = []
        var series: [SampleBlock.Series] = []
        facts.reserveCapacity(tracks.count)
        var keepsBlock = cut.keepsBlock
        for index in tracks.indices {
            let beganHeld = tracks[index].isHeldAtCut
            let (line, points) = tracks[index].cut(at: cut.end.nanoseconds)
            facts.append(line)
            series.append(points)
            // The energy since the last reading before the interval is in it; its block could not show where from.
            if beganHeld, points.points.count > 1 { keepsBlock = false }
        }
        guard let closing = cut.closing else {
            merged.append(facts)
            return nil
        }
        if !merged.isEmpty {
            merged.append(facts)
            facts = merged.takeAll()
        }
        let interval = IntervalFacts(
            // A clock that was set back would let the interval end before it begins: it gets no length then, and the
            // energy stays in its hour.
            interval: UTCInterval(start: begin.utc, end: max(begin.utc, cut.end.utc)),
            monotonic: MonotonicInterval(startNanoseconds: begin.nanoseconds, endNanoseconds: cut.end.nanoseconds),
            state: closing.state, host: closing.host, sensors: facts, allocations: closing.allocations)
        begin = Moment(nanoseconds: cut.end.nanoseconds, utc: interval.interval.end)
        return Interval(
            facts: interval, samples: keepsBlock ? SampleBlock(series: series) : nil, clock: cut.clock,
            continuations: tracks.map(\.continuation), heldAtEnd: closing.heldAtEnd)
    }

    // MARK: Changes of the node

    /// A change of the node's sensors that waits for the cuts before it. With intervals shorter than a cut may wait for
    /// a silent sensor, there would always be one that waits, and the node could never change: so none waits for a
    /// sensor that is gone, and none at all when the change has waited for long enough.
    package struct Change: Sendable, Hashable {
        /// Sensors that discovery no longer shows.
        package var lost: Set<String>
        package var sinceNanoseconds: Int64
    }

    /// Takes on another set of sensors where the open interval began; what was cut before keeps the old one.
    ///
    /// - Returns: false while cuts are pending; to be called again later.
    package mutating func replaceTracks(_ make: (_ cutNanoseconds: Int64, _ known: [SensorTrack]) -> [SensorTrack])
        -> Bool
    {
        guard pending.isEmpty else { return false }
        tracks = make(openedAt.nanoseconds, tracks)
        change = nil
        return true
    }

    /// The chain goes on in a new incarnation. What lies between the moment and now is signed again as one outage.
    ///
    /// - Parameters:
    ///   - moment: end of the last batch that the log has taken; now to begin anew.
    ///   - values: the sensors' values there; a sensor without one goes on from where it is.
    package mutating func reopen(at moment: Moment, values: [String: Int64], usage: NodeUsage) {
        _ = takeReady(at: .max, force: true)
        for index in tracks.indices {
            if moment.nanoseconds > openedAt.nanoseconds { _ = tracks[index].cut(at: moment.nanoseconds) }
            guard let value = values[tracks[index].description.id] else { continue }
            tracks[index].reopen(at: moment.nanoseconds, microjoules: value)
        }
        merged = MergedFacts()
        begin = moment
        intervalBegin = moment
        openedAt = moment
        isOutage = moment.nanoseconds < last.nanoseconds
        let current = holds.current
        let proven = current.filter { $0.since <= moment.utc }
        // What was used since then is known of no job.
        let known = isOutage ? NodeUsage(busyMicroseconds: nil, millicores: usage.millicores) : usage
        holds = HoldTimes(at: moment.nanoseconds, allocations: proven, usage: known)
        if proven != current { holds.join(current, at: max(last.nanoseconds, moment.nanoseconds), usage) }
    }
}
