import Aggregation
import Batches
import Synchronization
import TransparencyLog

/// A log in memory that decides as the database does: by place in the chain, by predecessor, by leaf hash.
final class MemoryLog: Sendable {
    struct State {
        var leaves: [MerkleHash] = []
        var entries: [Entry] = []
        var notes: [[UInt8]] = []
        var closed: Set<Int64> = []
        /// So many of the next appends fail, each before or after it took effect.
        var failures: [Failure] = []
    }

    enum Failure: Sendable { case before, after }
    struct Lost: Error {}

    let state = Mutex(State())

    init(_ notes: [[UInt8]]) throws {
        for note in notes { _ = append(try ReceivedEntry(note: note, samples: [])) }
    }

    var log: LogSequencer.Log {
        LogSequencer.Log(
            append: { [self] items, expected in
                guard state.withLock({ Int64($0.leaves.count) }) == expected else { return .moved }
                let failure = state.withLock { $0.failures.isEmpty ? nil : $0.failures.removeFirst() }
                if failure == .before { throw Lost() }
                let verdicts = items.map { decide($0.entry.received) }
                if failure == .after { throw Lost() }
                return .committed(verdicts)
            },
            growth: { [self] index in
                state.withLock { state in
                    let new = state.entries.indices.dropFirst(Int(index))
                    let chains = Set(new.compactMap { state.batch(at: $0)?.position.incarnation })
                    return LogSequencer.Growth(
                        size: Int64(state.entries.count),
                        records: new.filter { state.batch(at: $0) == nil }.map { (Int64($0), state.notes[$0]) },
                        chains: chains)
                }
            },
            chainEnds: { [self] chain in
                state.withLock { state in
                    let batches = state.entries.indices.filter {
                        state.batch(at: $0)?.position.incarnation == chain.incarnation
                    }
                    guard let first = batches.first.flatMap({ state.batch(at: $0) }),
                        let last = batches.last.flatMap({ state.batch(at: $0) }), let end = batches.last
                    else { return nil }
                    return LogSequencer.ChainEnds(
                        first: first, last: last, leaf: state.leaves[end], lastIndex: Int64(end))
                }
            },
            leaf: { [self] index in state.withLock { $0.leaves[Int(index)] } },
            root: { [self] size in
                state.withLock { state in
                    guard size <= UInt64(state.leaves.count) else { return nil }
                    return MerkleHash.root(of: state.leaves.prefix(Int(size)))
                }
            })
    }

    private func append(_ received: ReceivedEntry) -> Int64 {
        state.withLock { state in
            state.leaves.append(received.leaf)
            state.entries.append(received.entry)
            state.notes.append(received.note)
            return Int64(state.leaves.count - 1)
        }
    }

    private func decide(_ received: ReceivedEntry) -> LogSequencer.Verdict {
        if let index = state.withLock({ $0.leaves.firstIndex(of: received.leaf) }) {
            return .duplicate(index: Int64(index))
        }
        guard case .batch(let batch) = received.entry else { return .appended(index: append(received)) }
        let verdict = state.withLock { state -> LogSequencer.Verdict? in
            let incarnation = batch.position.incarnation
            if state.closed.contains(incarnation) { return .closed }
            let place = state.entries.indices.first { state.batch(at: $0)?.position == batch.position }
            if let place {
                state.closed.insert(incarnation)
                return .fork(firstIndex: Int64(place))
            }
            let previous = batch.position.sequence - 1
            let before =
                previous < 0
                ? Int(incarnation)
                : state.entries.indices.first {
                    let position = state.batch(at: $0)?.position
                    return position == ChainPosition(incarnation: incarnation, sequence: previous)
                }
            return before.map { state.leaves[$0] == batch.previous } == true ? nil : .gap
        }
        return verdict ?? .appended(index: append(received))
    }
}

extension MemoryLog.State {
    func batch(at index: Int) -> Batch? {
        guard case .batch(let batch) = entries[index] else { return nil }
        return batch
    }
}
