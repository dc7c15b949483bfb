package import TransparencyLog

/// What one log knows of one witness: how far it has cosigned, and when it is asked again. No I/O.
///
/// A witness that does not answer costs a growing pause and nothing else: acknowledgements and checkpoints never wait
/// for it.
package struct WitnessCourse: Sendable {
    package let witness: TrustPolicy.Witness
    /// The size that the witness is thought to know; a wrong one costs a round trip.
    package private(set) var knownSize: UInt64 = 0
    /// The newest tree that it cosigned for this process, with its time in POSIX seconds.
    package private(set) var cosigned: (size: UInt64, time: UInt64)?
    package private(set) var failures: UInt64 = 0
    package private(set) var lastFailure: WitnessExchange.Failure?
    private var consecutive = 0
    private var retryAtMilliseconds: Int64 = 0
    private var isBusy = false

    package static let firstPauseMilliseconds: Int64 = 1_000
    package static let maximumPauseMilliseconds: Int64 = 300_000

    package init(_ witness: TrustPolicy.Witness) { self.witness = witness }

    /// Whether it answered when it was last asked.
    package var isHealthy: Bool { consecutive == 0 }

    /// Takes the turn to ask for a tree, if there is something to ask and the pause is over.
    ///
    /// - Parameter nowMilliseconds: of any clock that does not go back.
    package mutating func begin(size: UInt64, nowMilliseconds: Int64) -> Bool {
        guard !isBusy, size > 0, size > cosigned?.size ?? 0, nowMilliseconds >= retryAtMilliseconds else {
            return false
        }
        isBusy = true
        return true
    }

    package mutating func cosigned(size: UInt64, time: UInt64) {
        isBusy = false
        consecutive = 0
        retryAtMilliseconds = 0
        lastFailure = nil
        knownSize = max(knownSize, size)
        if size >= cosigned?.size ?? 0 { cosigned = (size, time) }
    }

    /// - Parameter jitter: 0 to 999, so that many logs do not come back at one moment.
    package mutating func failed(
        _ failure: WitnessExchange.Failure, knownSize: UInt64, nowMilliseconds: Int64, jitter: Int64
    ) {
        isBusy = false
        failures &+= 1
        lastFailure = failure
        self.knownSize = knownSize
        let whole = min(Self.maximumPauseMilliseconds, Self.firstPauseMilliseconds << Int64(min(consecutive, 12)))
        consecutive += 1
        retryAtMilliseconds = nowMilliseconds + whole / 2 + whole / 2 * min(max(jitter, 0), 999) / 999
    }
}
