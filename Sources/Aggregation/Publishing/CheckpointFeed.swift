import Synchronization
package import TransparencyLog

/// Tells everyone who listens of each new checkpoint of one log, the newest first for a new listener.
package final class CheckpointFeed: Sendable {
    private struct State {
        var latest: SignedCheckpoint?
        var listeners: [Int: @Sendable (SignedCheckpoint) -> Void] = [:]
        var nextListener = 0
    }

    private let state = Mutex(State())

    package init() {}

    package var latest: SignedCheckpoint? { state.withLock { $0.latest } }

    package func announce(_ checkpoint: SignedCheckpoint) {
        let listeners = state.withLock { state -> [@Sendable (SignedCheckpoint) -> Void] in
            if let latest = state.latest, latest.checkpoint.size >= checkpoint.checkpoint.size { return [] }
            state.latest = checkpoint
            return Array(state.listeners.values)
        }
        for tell in listeners { tell(checkpoint) }
    }

    /// - Parameter tell: called with the newest checkpoint at once, then with each new one; must not block.
    package func listen(_ tell: @escaping @Sendable (SignedCheckpoint) -> Void) -> Int {
        let (listener, latest) = state.withLock { state in
            state.nextListener += 1
            state.listeners[state.nextListener] = tell
            return (state.nextListener, state.latest)
        }
        if let latest { tell(latest) }
        return listener
    }

    package func stopListening(_ listener: Int) {
        state.withLock { _ = $0.listeners.removeValue(forKey: listener) }
    }
}
