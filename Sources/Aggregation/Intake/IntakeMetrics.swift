package import Batches
import Synchronization

/// What came in since the start, for /metrics.
package final class IntakeMetrics: Sendable {
    package struct Snapshot: Sendable {
        package fileprivate(set) var acceptedEntries: UInt64 = 0
        package fileprivate(set) var acceptedBytes: UInt64 = 0
        package fileprivate(set) var openStreams: Int64 = 0
        package fileprivate(set) var refused: [Refusal.Code: UInt64] = [:]
    }

    private let state = Mutex(Snapshot())

    package init() {}

    package var snapshot: Snapshot { state.withLock { $0 } }

    func accepted(bytes: Int) {
        state.withLock {
            $0.acceptedEntries += 1
            $0.acceptedBytes += UInt64(bytes)
        }
    }

    func refused(_ code: Refusal.Code) { state.withLock { $0.refused[code, default: 0] += 1 } }
    func streamOpened() { state.withLock { $0.openStreams += 1 } }
    func streamClosed() { state.withLock { $0.openStreams -= 1 } }
}
