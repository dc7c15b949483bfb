/// What happened between two readings of a cumulative counter. Nothing else makes joules out of counters.
package enum CounterStep: Sendable, Hashable {
    /// The first reading of an epoch: never consumption.
    case first
    /// The counter moved forwards by so many microjoules.
    case advanced(microjoules: Int64)
    /// The counter wrapped, proven by elapsed time and maximum power, and moved by so many microjoules.
    case wrapped(microjoules: Int64)
    /// The counter fell and a wrap is not proven: a new epoch begins, its value is not added.
    case reset
    /// The counter has not moved.
    case stale
    case unreadable(UnreadableReason)

    package var microjoules: Int64 {
        switch self {
        case .advanced(let energy), .wrapped(let energy): energy
        case .first, .reset, .stale, .unreadable: 0
        }
    }
}

/// A hardware counter continued over wraps and resets as one signed 64-bit count of microjoules.
///
/// The extended value only grows by proven advances, so consecutive batches can tile it: a reset opens a new epoch and
/// adds nothing. Rule of wrap and reset: RULES section 2.
package struct ExtendedCounter: Sendable, Hashable {
    private let numerator: Int128
    private let denominator: Int128
    private let modulus: UInt64?
    private let maximumPowerMicrowatts: Int64
    /// Counter units below one microjoule, times the denominator: carried within the epoch.
    private var remainder: Int128 = 0
    private var previous: Point?

    private struct Point: Sendable, Hashable {
        var raw: UInt64
        var nanoseconds: Int64
    }

    /// Bounds that keep every product below inside 128 bits: units of at most a kilojoule, parts of at most a gigawatt.
    package static let unitBound: Int64 = 1_000_000_000
    package static let powerBoundMicrowatts: Int64 = 1_000_000_000_000_000

    /// Number of the current epoch, from 0.
    package private(set) var epoch: Int64
    /// Energy since the counter was first read, in microjoules.
    package private(set) var extendedMicrojoules: Int64

    /// - Parameters:
    ///   - startingAt: extended value at which a restarted agent continues.
    ///   - epoch: epoch at which it continues; the first reading opens it.
    package init(
        microjoulesNumerator: Int64 = 1, microjoulesDenominator: Int64 = 1, modulus: UInt64?,
        maximumPowerMicrowatts: Int64, startingAt extendedMicrojoules: Int64 = 0, epoch: Int64 = 0
    ) {
        precondition((1...Self.unitBound).contains(microjoulesNumerator))
        precondition((1...Self.unitBound).contains(microjoulesDenominator))
        precondition((0...Self.powerBoundMicrowatts).contains(maximumPowerMicrowatts))
        numerator = Int128(microjoulesNumerator)
        denominator = Int128(microjoulesDenominator)
        self.modulus = modulus
        self.maximumPowerMicrowatts = maximumPowerMicrowatts
        self.extendedMicrojoules = extendedMicrojoules
        self.epoch = epoch
    }

    /// The last raw value, nil before the first reading of the epoch.
    package var lastRaw: UInt64? { previous?.raw }
    package var lastNanoseconds: Int64? { previous?.nanoseconds }

    /// Takes one reading.
    ///
    /// - Returns: the step, and whether its advance is above what the part can draw in the time (`suspect`).
    package mutating func take(_ reading: Reading) -> (step: CounterStep, suspect: Bool) {
        let raw: UInt64
        switch reading.value {
        case .counter(let value): raw = value
        case .power: return (.unreadable(.malformed), false)
        case .unreadable(let reason): return (.unreadable(reason), false)
        }
        let now = reading.monotonicNanoseconds
        guard let last = previous else {
            previous = Point(raw: raw, nanoseconds: now)
            return (.first, false)
        }
        // A reading that is not younger than the last one proves nothing: it neither wraps nor advances time.
        guard now >= last.nanoseconds else { return (.stale, false) }
        if raw == last.raw {
            previous = Point(raw: raw, nanoseconds: now)
            return (.stale, false)
        }
        let possible = possibleMicrojoules(elapsedNanoseconds: Int128(now) - Int128(last.nanoseconds))
        if raw > last.raw {
            return advance(
                by: raw - last.raw, to: Point(raw: raw, nanoseconds: now), possible: possible, wrapped: false)
        }
        if let modulus, last.raw <= modulus {
            let distance = modulus - last.raw + raw
            let advance = Int128(distance) * numerator
            if advance <= possible * denominator, possible * denominator < Int128(modulus) * numerator {
                return self.advance(
                    by: distance, to: Point(raw: raw, nanoseconds: now), possible: possible, wrapped: true)
            }
        }
        openEpoch(at: Point(raw: raw, nanoseconds: now))
        return (.reset, false)
    }

    /// Ends the epoch for a reason that the value itself does not show: driver reload, another boot, another device.
    package mutating func breakEpoch() {
        guard previous != nil else { return }
        previous = nil
        remainder = 0
        epoch += 1
    }

    private func possibleMicrojoules(elapsedNanoseconds: Int128) -> Int128 {
        floorDivide(elapsedNanoseconds * Int128(maximumPowerMicrowatts), by: 1_000_000_000)
    }

    private mutating func openEpoch(at reading: Point) {
        previous = reading
        remainder = 0
        epoch += 1
    }

    private mutating func advance(
        by units: UInt64, to reading: Point, possible: Int128, wrapped: Bool
    ) -> (CounterStep, Bool) {
        let exact = remainder + Int128(units) * numerator
        let whole = exact / denominator
        guard let microjoules = Int64(exactly: whole),
            case (let sum, let overflow) = extendedMicrojoules.addingReportingOverflow(microjoules), !overflow
        else {
            // Above 2.5 TWh no counter is believed: garbage with a success code opens a new epoch.
            openEpoch(at: reading)
            return (.reset, false)
        }
        previous = reading
        remainder = exact % denominator
        extendedMicrojoules = sum
        let suspect = whole > possible
        return (wrapped ? .wrapped(microjoules: microjoules) : .advanced(microjoules: microjoules), suspect)
    }
}
