import Synchronization
package import TransparencyLog

/// Tells everyone who listens of each new checkpoint of one log, the newest first for a new listener.
package final class CheckpointFeed: Sendable {
    private struct State {
        var latest: SignedCheckpoint?
        /// The newest that a quorum of the log's witnesses has cosigned.
        var witnessed: SignedCheckpoint?
        var waiting: [Int: (size: UInt64, stream: AsyncStream<SignedCheckpoint>.Continuation)] = [:]
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

    // MARK: Cosignatures

    package var witnessed: SignedCheckpoint? { state.withLock { $0.witnessed } }

    /// A checkpoint that was announced has gained cosignatures. Nobody is told again; whoever asks gets it.
    package func improve(_ checkpoint: SignedCheckpoint, reachesQuorum: Bool) {
        let ready = state.withLock { state -> [AsyncStream<SignedCheckpoint>.Continuation] in
            let size = checkpoint.checkpoint.size
            if state.latest?.checkpoint == checkpoint.checkpoint { state.latest = checkpoint }
            guard reachesQuorum, size >= state.witnessed?.checkpoint.size ?? 0 else { return [] }
            state.witnessed = checkpoint
            return state.waiting.values.filter { $0.size <= size }.map(\.stream)
        }
        for stream in ready { stream.yield(checkpoint) }
    }

    /// Waits for a checkpoint of at least a size that a quorum has cosigned.
    ///
    /// - Returns: nil when the patience ran out.
    package func witnessed(from size: UInt64, patience: Duration) async -> SignedCheckpoint? {
        let (stream, continuation) = AsyncStream.makeStream(of: SignedCheckpoint.self)
        let (waiter, ready) = state.withLock { state in
            state.nextListener += 1
            state.waiting[state.nextListener] = (size, continuation)
            return (state.nextListener, state.witnessed)
        }
        defer { state.withLock { _ = $0.waiting.removeValue(forKey: waiter) } }
        if let ready, ready.checkpoint.size >= size { return ready }
        return await withTaskGroup(of: SignedCheckpoint?.self) { group in
            group.addTask {
                for await checkpoint in stream { return checkpoint }
                return nil
            }
            group.addTask {
                try? await Task.sleep(for: patience)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }
}
