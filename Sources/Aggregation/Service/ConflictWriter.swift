import Batches
import Synchronization
import TransparencyLog

/// Logs a conflict: proof that a node signed two entries for one place in its chain.
final class ConflictWriter: Sendable {
    private let keys: LogKeys
    private let clock: ServiceClock
    private let sequencer = Mutex<LogSequencer?>(nil)

    init(keys: LogKeys, clock: ServiceClock) {
        self.keys = keys
        self.clock = clock
    }

    func attach(_ sequencer: LogSequencer) { self.sequencer.withLock { $0 = sequencer } }

    /// Called while the group that showed the fork is being answered: the entry goes in line behind it, nobody waits.
    func write(_ second: ReceivedEntry, first index: Int64) async {
        guard case .batch(let batch) = second.entry, let sequencer = sequencer.withLock({ $0 }),
            let firstLeaf = try? await sequencer.leaf(at: index)
        else { return }
        let note = second.note.count <= ConflictEntry.maximumNoteBytes ? second.note : nil
        let entry = ConflictEntry(
            log: keys.origin, time: clock.now(), node: batch.node, position: batch.position, firstLeaf: firstLeaf,
            secondLeaf: second.leaf, secondNote: note, salt: clock.random(16))
        guard let signed = try? keys.administration.sign(entry.text).bytes else { return }
        sequencer.appendLater(note: signed)
    }
}
