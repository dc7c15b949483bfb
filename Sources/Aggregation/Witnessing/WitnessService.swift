import Energy
import Identity
import Synchronization
package import TransparencyLog

/// A running witness: cosigns what continues what it has cosigned, durably, and nothing else.
package final class WitnessService: Sendable {
    private struct State {
        var witness: WitnessState
        var callers = RateLimit(perSecond: 20, burst: 60)
        var origins = RateLimit(perSecond: 10, burst: 30)
    }

    package struct Counters: Sendable, Hashable {
        package var cosigned: UInt64 = 0
        package var refused: [Int: UInt64] = [:]
    }

    private let directory: WitnessDirectory
    private let clock: ServiceClock
    private let state: Mutex<State>
    private let counted = Mutex(Counters())
    /// One decision at a time, from reading the state to the durable file.
    private let turn = AsyncTurn()

    package init(directory: WitnessDirectory, key: CosigningKey, clock: ServiceClock) throws {
        self.directory = directory
        self.clock = clock
        let known = try directory.known()
        let witness = WitnessState(
            key: key, logs: known.map(\.log), heads: known.map { ($0.log.origin, $0.head) })
        state = Mutex(State(witness: witness))
    }

    package var verifier: VerifierKey { state.withLock { $0.witness.verifier } }
    package var counters: Counters { counted.withLock { $0 } }

    /// Answers `add-checkpoint`.
    ///
    /// - Parameter caller: address of who asks, for the limit.
    package func addCheckpoint(_ body: [UInt8], from caller: String) async -> WitnessState.Answer {
        let answer = await answer(body, from: caller)
        counted.withLock { counted in
            if answer.status == 200 { counted.cosigned += 1 } else { counted.refused[answer.status, default: 0] += 1 }
        }
        return answer
    }

    private func answer(_ body: [UInt8], from caller: String) async -> WitnessState.Answer {
        let now = clock.milliseconds()
        guard state.withLock({ $0.callers.take(caller, nowMilliseconds: now) }) else { return .tooMany }
        // Who is spoken of costs a parse; who signed costs curve arithmetic, so the limit stands between them.
        if let request = try? AddCheckpointRequest(parsing: body) {
            let origin = request.checkpoint.checkpoint.origin
            takeOver(origin)
            let isFree = state.withLock { state in
                !state.witness.serves(origin) || state.origins.take(origin, nowMilliseconds: now)
            }
            guard isFree else { return .tooMany }
        }
        return await turn.take { [self] in
            let time = UInt64(clamping: clock.now().microseconds / 1_000_000)
            switch state.withLock({ $0.witness.decide(body, time: time) }) {
            case .refuse(let answer): return answer
            case .accept(let update):
                do {
                    try directory.store(update)
                } catch {
                    return .unavailable
                }
                return state.withLock { $0.witness.persisted(update) } ? update.answer : .unavailable
            }
        }
    }

    /// A log, or a further key of one, that was added while the witness runs.
    private func takeOver(_ origin: String) {
        guard let known = try? directory.known(origin) else { return }
        state.withLock { $0.witness.serve(known.log, head: known.head) }
    }

    /// The last cosigned checkpoint of a log, by the SHA-256 of its origin.
    package func checkpoint(named name: String) -> [UInt8]? { (try? directory.checkpoint(named: name)) ?? nil }
}

extension WitnessState.Answer {
    static let tooMany = text(429, "too many requests: come back in a second")
    static let unavailable = text(503, "the witness cannot store its state: come back later")

    private static func text(_ status: Int, _ line: String) -> WitnessState.Answer {
        WitnessState.Answer(status: status, contentType: textType, body: Array("\(line)\n".utf8))
    }
}
