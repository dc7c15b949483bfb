package import Batches
package import Energy

/// One sensor over the life of an agent: takes readings, and gives its facts at each cut.
///
/// A cut lies between two readings: a counter is interpolated linearly and rounded down, an integrated sensor by its
/// own rule. The one value at the cut ends one batch and begins the next (RULES section 2).
package struct SensorTrack: Sendable {
    package private(set) var description: SensorDescription
    private var meter: Meter
    /// Readings after the last cut, in time order, with what each did to the counter.
    private var pending: [Pending] = []
    /// The last reading at or before the last cut.
    private var reached: Pending?
    private var cutValue: Int64
    private var cutNanoseconds: Int64
    private var epochAtCut: Int64
    private var missed: [SampleBlock.Unreadable] = []
    private var flags: SensorFlags = []
    private var isOpenEnded = false
    /// No interval of the sensor has ended, in this run or an earlier one.
    private var isNew = true
    /// No reading stood behind the last cut: what its value says cannot be seen from the readings around it.
    package private(set) var isHeldAtCut = false

    private enum Meter: Sendable {
        case counter(ExtendedCounter)
        case power(PowerIntegral, epoch: Int64)
    }

    private struct Pending: Sendable {
        var nanoseconds: Int64
        /// Extended counter, or power.
        var value: Int64
        var epoch: Int64
        /// An epoch began with this reading: nothing is known between it and the one before.
        var opensEpoch: Bool
    }

    /// - Parameters:
    ///   - startingAt: value with which the last batch of the sensor ended, 0 for a new one.
    ///   - epoch: epoch in which it goes on.
    ///   - nanoseconds: start of the first interval.
    package init(
        _ description: SensorDescription, startingAt microjoules: Int64 = 0, epoch: Int64 = 0, at nanoseconds: Int64
    ) {
        self.description = description
        cutValue = microjoules
        cutNanoseconds = nanoseconds
        epochAtCut = epoch
        switch description.quantity {
        case .energyCounter(let numerator, let denominator, let modulus):
            meter = .counter(
                ExtendedCounter(
                    microjoulesNumerator: numerator, microjoulesDenominator: denominator, modulus: modulus,
                    maximumPowerMicrowatts: description.maximumPowerMicrowatts, startingAt: microjoules, epoch: epoch))
        case .power(let rule):
            meter = .power(PowerIntegral(rule: rule, startingAt: microjoules), epoch: epoch)
        }
    }

    /// What a restart needs to go on with the very counter: its place in the chain, and the last value of the hardware.
    package struct Continuation: Sendable, Hashable {
        package var id: String
        package var epoch: Int64
        /// Value at the last cut.
        package var microjoules: Int64
        /// The hardware's last value with its time and the extended counter there; nil for a power sensor or before the
        /// first reading.
        package var raw: UInt64?
        package var nanoseconds: Int64
        package var extendedMicrojoules: Int64
    }

    package var continuation: Continuation {
        var state = Continuation(
            id: description.id, epoch: epochAtCut, microjoules: cutValue, raw: nil, nanoseconds: 0,
            extendedMicrojoules: cutValue)
        switch meter {
        case .counter(let counter):
            state.epoch = counter.epoch
            state.raw = counter.lastRaw
            state.nanoseconds = counter.lastNanoseconds ?? 0
            state.extendedMicrojoules = counter.extendedMicrojoules
        case .power(_, let epoch): state.epoch = epoch
        }
        return state
    }

    /// A sensor that an earlier run of the agent read.
    ///
    /// - Parameter isSameBoot: whether the hardware has counted on since. A power sensor has not been read in
    ///   between, so it begins a new epoch either way.
    package init(
        _ description: SensorDescription, continuing state: Continuation, isSameBoot: Bool, at nanoseconds: Int64
    ) {
        guard case .energyCounter = description.quantity, isSameBoot, let raw = state.raw else {
            self.init(description, startingAt: state.microjoules, epoch: state.epoch + 1, at: nanoseconds)
            isOpenEnded = true
            isNew = false
            return
        }
        self.init(description, startingAt: state.extendedMicrojoules, epoch: state.epoch, at: nanoseconds)
        isNew = false
        cutValue = state.microjoules
        guard case .counter(var counter) = meter else { return }
        _ = counter.take(Reading(monotonicNanoseconds: state.nanoseconds, value: .counter(raw)))
        meter = .counter(counter)
        let last = Pending(
            nanoseconds: state.nanoseconds, value: state.extendedMicrojoules, epoch: state.epoch, opensEpoch: false)
        // The reading that made the last cut exact lies behind it: the next cut counts from there.
        if last.nanoseconds <= nanoseconds { reached = last } else { pending = [last] }
    }

    /// Takes on what discovery newly says of the same sensor, for example what it lies within.
    package mutating func rename(_ description: SensorDescription) {
        guard description.id == self.description.id, description.quantity == self.description.quantity else { return }
        self.description = description
    }

    /// Takes on how often a power sensor was seen to refresh: no more can be read of it.
    package mutating func observe(refreshMilliseconds: Int64) {
        guard refreshMilliseconds > description.refreshMilliseconds else { return }
        description.refreshMilliseconds = refreshMilliseconds
        description.periodMilliseconds = max(description.periodMilliseconds, refreshMilliseconds)
    }

    /// Begins the current interval elsewhere: the chain goes on from an earlier batch than the last one that was cut.
    package mutating func reopen(at nanoseconds: Int64, microjoules: Int64) {
        cutNanoseconds = nanoseconds
        cutValue = microjoules
        isNew = false
    }

    /// A hole is what lies between readings further apart than this.
    package var holeNanoseconds: Int64 { max(5_000_000_000, 3 * description.periodMilliseconds * 1_000_000) }

    /// Whether a reading at or after the instant is there, so that a cut at it is exact.
    package func isReady(forCutAt nanoseconds: Int64) -> Bool {
        (pending.last?.nanoseconds ?? reached?.nanoseconds ?? .min) >= nanoseconds
    }

    /// Takes a reading. Readings come in time order; an earlier one is refused as malformed.
    package mutating func take(_ reading: Reading) {
        if let last = pending.last?.nanoseconds ?? reached?.nanoseconds, reading.monotonicNanoseconds < last {
            return note(.malformed, at: reading.monotonicNanoseconds)
        }
        switch (meter, reading.value) {
        case (_, .unreadable(let reason)):
            note(reason, at: reading.monotonicNanoseconds)
        case (.counter(var counter), .counter):
            let (step, suspect) = counter.take(reading)
            meter = .counter(counter)
            take(step, suspect, counter, at: reading.monotonicNanoseconds)
        case (.power(_, let epoch), .power(let power)):
            guard power.magnitude <= PowerIntegral.powerBoundMicrowatts.magnitude else {
                return note(.malformed, at: reading.monotonicNanoseconds)
            }
            append(reading.monotonicNanoseconds, power, epoch: epoch, opensEpoch: isOpenEnded)
        case (.counter, .power), (.power, .counter):
            note(.malformed, at: reading.monotonicNanoseconds)
        }
    }

    private mutating func take(_ step: CounterStep, _ suspect: Bool, _ counter: ExtendedCounter, at nanoseconds: Int64)
    {
        if suspect { flags.insert(.suspect) }
        switch step {
        case .wrapped: flags.insert(.wrapped)
        case .reset: flags.insert(.reset)
        case .first, .advanced, .stale, .unreadable: break
        }
        let opens = step == .first || step == .reset
        append(nanoseconds, counter.extendedMicrojoules, epoch: counter.epoch, opensEpoch: opens)
    }

    private mutating func append(_ nanoseconds: Int64, _ value: Int64, epoch: Int64, opensEpoch: Bool) {
        pending.append(Pending(nanoseconds: nanoseconds, value: value, epoch: epoch, opensEpoch: opensEpoch))
        isOpenEnded = false
    }

    private mutating func note(_ reason: UnreadableReason, at nanoseconds: Int64) {
        flags.insert(SensorFlags(reason))
        if missed.count < 4096 { missed.append(.init(offsetNanoseconds: nanoseconds, reason: reason)) }
    }

    /// The sensor was unplugged, its driver reloaded or its host rebooted: what follows is a new epoch.
    package mutating func breakEpoch() {
        isOpenEnded = true
        // Before its first reading a counter has no epoch that could end.
        if case .counter(let counter) = meter, counter.lastRaw == nil { return }
        flags.insert(.reset)
        switch meter {
        case .counter(var counter):
            counter.breakEpoch()
            meter = .counter(counter)
        case .power(let integral, let epoch):
            meter = .power(integral, epoch: epoch + 1)
        }
    }

    // MARK: Cutting

    /// Ends the interval at an instant and begins the next one there.
    ///
    /// - Parameter keepsBlock: whether the readings are wanted as a series of the sample block.
    package mutating func cut(at nanoseconds: Int64) -> (facts: SensorFacts, series: SampleBlock.Series) {
        if isNew { leaveOutEarlier() }
        let split = pending.partitioningIndex { $0.nanoseconds > nanoseconds }
        let inside = Array(pending[..<split])
        let next = split < pending.count ? pending[split] : nil
        let before = reached
        let last = value(at: nanoseconds, inside: inside, next: next)
        var facts = facts(inside: inside, before: before, next: next, until: nanoseconds)
        facts.lastMicrojoules = last
        let series = series(inside: inside, before: before, next: next)
        pending.removeFirst(split)
        reached = inside.last ?? before
        cutValue = last
        cutNanoseconds = nanoseconds
        epochAtCut = facts.epoch
        isHeldAtCut = facts.flags.contains(.held)
        missed.removeAll(keepingCapacity: true)
        flags = []
        return (facts, series)
    }

    /// A source with a thread of its own may be read before the chain begins. What the counter advanced until then is
    /// no part of the chain: its first value is that of the instant at which it begins.
    private mutating func leaveOutEarlier() {
        isNew = false
        guard let first = pending.first, first.nanoseconds < cutNanoseconds else { return }
        let split = pending.partitioningIndex { $0.nanoseconds > cutNanoseconds }
        let earlier = Array(pending[..<split])
        let next = split < pending.count ? pending[split] : nil
        cutValue = value(at: cutNanoseconds, inside: earlier, next: next)
        pending.removeFirst(split)
        reached = earlier.last
    }

    private mutating func value(at nanoseconds: Int64, inside: [Pending], next: Pending?) -> Int64 {
        guard case .power(var integral, let epoch) = meter else {
            return counterValue(at: nanoseconds, reached: inside.last ?? reached, next: next)
        }
        for reading in inside {
            if reading.opensEpoch { integral.breakEpoch() }
            if !integral.add(nanoseconds: reading.nanoseconds, microwatts: reading.value) { flags.insert(.malformed) }
        }
        meter = .power(integral, epoch: epoch)
        guard let next, !next.opensEpoch else { return integral.microjoules }
        return integral.microjoules(at: nanoseconds, next: (next.nanoseconds, next.value)) ?? integral.microjoules
    }

    private func counterValue(at nanoseconds: Int64, reached: Pending?, next: Pending?) -> Int64 {
        guard let reached else { return cutValue }
        guard let next, !next.opensEpoch, reached.nanoseconds < nanoseconds else { return reached.value }
        return CounterCut.value(
            at: nanoseconds, between: (reached.nanoseconds, reached.value), and: (next.nanoseconds, next.value))
    }

    private func facts(inside: [Pending], before: Pending?, next: Pending?, until end: Int64) -> SensorFacts {
        var holes = Holes(from: cutNanoseconds, to: end, threshold: holeNanoseconds)
        var previous = before
        for reading in inside {
            holes.add(from: previous?.nanoseconds, to: reading.nanoseconds, isKnown: !reading.opensEpoch)
            previous = reading
        }
        if previous?.nanoseconds ?? .min < end {
            holes.add(from: previous?.nanoseconds, to: next?.nanoseconds, isKnown: next.map { !$0.opensEpoch } ?? false)
        }
        var flags = flags
        if next == nil, previous?.nanoseconds ?? .min < end { flags.insert(.held) }
        let moved = inside.contains { $0.value != before?.value ?? inside.first?.value }
        if !inside.isEmpty, !moved, case .energyCounter = description.quantity { flags.insert(.stale) }
        return SensorFacts(
            id: description.id, kind: description.kind, layer: description.layer, within: description.within,
            provenance: description.provenance, epoch: inside.last?.epoch ?? epochAtCut, firstMicrojoules: cutValue,
            lastMicrojoules: cutValue,
            readings: Int64(inside.lazy.filter { $0.nanoseconds > cutNanoseconds }.count),
            longestGapMilliseconds: holes.longest / 1_000_000, bridgedMilliseconds: holes.bridged / 1_000_000,
            missingMilliseconds: holes.missing / 1_000_000, periodMilliseconds: description.periodMilliseconds,
            idlePowerMilliwatts: description.idlePowerMilliwatts, flags: flags)
    }

    /// The readings of the interval with the nearest one on either side, times relative to the interval's start.
    private func series(inside: [Pending], before: Pending?, next: Pending?) -> SampleBlock.Series {
        let quantity: SampleBlock.Quantity =
            switch description.quantity {
            case .energyCounter: .counter
            case .power(.trapezoid): .trapezoid
            case .power(.right): .right
            }
        var points: [SampleBlock.Point] = []
        points.reserveCapacity(inside.count + 2)
        if let before {
            points.append(.init(offsetNanoseconds: before.nanoseconds - cutNanoseconds, value: before.value))
        }
        for reading in inside {
            points.append(.init(offsetNanoseconds: reading.nanoseconds - cutNanoseconds, value: reading.value))
        }
        if let next, !next.opensEpoch {
            points.append(.init(offsetNanoseconds: next.nanoseconds - cutNanoseconds, value: next.value))
        }
        let unreadable = missed.map {
            SampleBlock.Unreadable(offsetNanoseconds: $0.offsetNanoseconds - cutNanoseconds, reason: $0.reason)
        }
        return SampleBlock.Series(quantity: quantity, points: points, unreadable: unreadable)
    }
}

/// Sums up the time between readings of one interval.
private struct Holes {
    let from: Int64
    let to: Int64
    let threshold: Int64
    var longest: Int64 = 0
    var bridged: Int64 = 0
    var missing: Int64 = 0

    init(from: Int64, to: Int64, threshold: Int64) {
        self.from = from
        self.to = to
        self.threshold = threshold
    }

    /// A stretch between two readings; nil stands for a reading that does not exist.
    mutating func add(from earlier: Int64?, to later: Int64?, isKnown: Bool) {
        let start = max(from, earlier ?? from)
        let end = min(to, later ?? to)
        guard end > start else { return }
        longest = max(longest, (later ?? to) - (earlier ?? from))
        let isBounded = earlier != nil && later != nil
        if isBounded, !isKnown {
            missing += end - start
        } else if isBounded, (later ?? 0) - (earlier ?? 0) > threshold {
            bridged += end - start
        } else if !isBounded, end - start > threshold || earlier == nil {
            missing += end - start
        }
    }
}

extension Array {
    /// Index of the first element that satisfies a predicate which is false before it and true from it on.
    fileprivate func partitioningIndex(where belongs: (Element) -> Bool) -> Int {
        var low = startIndex
        var high = endIndex
        while low < high {
            let middle = low + (high - low) / 2
            if belongs(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
