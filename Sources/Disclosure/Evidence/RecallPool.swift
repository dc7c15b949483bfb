import Synchronization

/// The memories of those who check pieces side by side. Each has one of its own for a piece, because what all cores
/// shared, all would wait for; the next piece goes on with what it knows, because a piece is shorter than a round of
/// the nodes.
final class RecallPool: Sendable {
    private let share: NodeMemory
    private let free = Mutex<[CheckedEntry.Recall]>([])

    /// - Parameter readers: how many there are at most. They divide what one would remember, down to 256 nodes each.
    init(readers: Int) {
        share = NodeMemory(
            maximumNodes: max(256, NodeMemory.maximumNodes / readers),
            maximumByteCount: max(1 << 20, NodeMemory.maximumByteCount / readers))
    }

    func with<Value>(_ body: (inout CheckedEntry.Recall) -> Value) -> Value {
        var recall = free.withLock { $0.popLast() } ?? CheckedEntry.Recall(share)
        let value = body(&recall)
        free.withLock { $0.append(recall) }
        return value
    }
}
