package import Accounts
package import Batches
import Energy
package import TransparencyLog

/// One entry with everything checked that depends on nothing but its own bytes and the keys known so far.
///
/// It is a pure function of one entry, so that an audit runs it on all cores; the replay folds the results in log
/// order. A class, because a batch has many parts and every hand-over would copy them all.
package final class CheckedEntry: Sendable {
    package let index: UInt64
    package let note: SignedNote
    let content: Content
    package let leaf: MerkleHash
    /// The only signature of the note.
    package let signature: NoteSignature
    /// The key with which the signature was found valid; nil when the key was not known yet.
    package let verifiedKey: VerifierKey?
    /// What follows from a batch whose interval nobody covered before.
    package let postings: BatchPostings?
    package let hasSamples: Bool
    /// Energy of a batch's root sensors, 0 for other entries.
    let rootMicrojoules: Int128

    enum Content: Sendable {
        case batch(SharedBatch)
        case other(Entry)
    }

    /// A batch for many hands: handing on the batch itself copies all its parts.
    final class SharedBatch: Sendable {
        let batch: Batch

        init(_ batch: consuming Batch) { self.batch = batch }

        /// Lends the batch, where a reading of the property would copy it.
        func lend(to body: (Batch) throws(ReplayFailure) -> Void) throws(ReplayFailure) { try body(batch) }
    }

    package var entry: Entry {
        switch content {
        case .batch(let shared): .batch(shared.batch)
        case .other(let entry): entry
        }
    }

    /// The log that the entry belongs to, by its own word.
    var log: String {
        switch content {
        case .batch(let shared): shared.batch.log
        case .other(let entry): entry.log
        }
    }

    /// What checking one entry leaves behind for the next: names and shapes that come again. It decides nothing.
    package struct Recall: Sendable {
        package fileprivate(set) var memory: NodeMemory
        fileprivate var room = AttributionRoom()

        package init(_ memory: NodeMemory = NodeMemory()) { self.memory = memory }
    }

    package convenience init(
        index: UInt64, bytes: [UInt8], samples: [UInt8]?, keys: SignerRegister?
    ) throws(ReplayFailure) {
        var recall = Recall()
        try self.init(index: index, bytes: bytes, samples: samples, keys: keys.map(KnownKeys.init), recall: &recall)
    }

    /// The signers known so far, shared by the entries that are checked with them: a register has many parts.
    package final class KnownKeys: Sendable {
        private let signers: SignerRegister

        package init(_ signers: SignerRegister) { self.signers = signers }

        /// The key that the signature is of, if it is valid.
        fileprivate func key(of signature: NoteSignature, for text: ArraySlice<UInt8>) -> VerifierKey? {
            guard let key = signers.key(matching: signature), key.isValidSignature(signature, for: text) else {
                return nil
            }
            return key
        }
    }

    /// - Parameters:
    ///   - samples: the block that travels beside a batch, nil when it is not at hand.
    ///   - keys: the signers known at or before the entry; one that is missing is verified by the replay instead.
    /// - Throws: syntax, more or fewer than one signature, a sample block that is not the batch's.
    package init(
        index: UInt64, bytes: [UInt8], samples: [UInt8]?, keys: KnownKeys?, recall: inout Recall
    ) throws(ReplayFailure) {
        self.index = index
        let note = try Self.note(bytes, at: index)
        guard note.signatures.count == 1, let signature = note.signatures.first else {
            throw ReplayFailure(
                .signature, at: index, "an entry has exactly one signature", expected: "1",
                found: "\(note.signatures.count)")
        }
        // Of a batch's node; of no meaning for other entries.
        let place = Entry.isBatch(note.text) ? recall.memory.place(of: note.text) : 0
        let content = try Self.content(of: note, at: index, &recall.memory, place)
        self.note = note
        self.content = content
        self.signature = signature
        leaf = MerkleHash.leaf(of: bytes)
        verifiedKey = keys?.key(of: signature, for: note.text)
        hasSamples = !(samples ?? []).isEmpty
        switch content {
        case .other(let entry):
            postings = nil
            rootMicrojoules = 0
            guard !hasSamples else {
                throw ReplayFailure(
                    .samples, at: index, "a \(entry.kind) entry has a sample block; only batches have one")
            }
        case .batch(let shared):
            if let samples, let refusal = SampleCheck.refusal(of: samples, for: shared.batch) {
                throw ReplayFailure(.samples, at: index, refusal.message)
            }
            let tree = SensorTree(shared.batch.facts.sensors, known: &recall.memory.nodes[place].tree)
            rootMicrojoules = tree.advanceMicrojoules(shared.batch.facts.sensors)
            swap(&recall.room.devices, &recall.memory.nodes[place].devices)
            postings = AttributionRule.attribution1.post(shared.batch.facts, tree: tree, in: &recall.room)
            swap(&recall.room.devices, &recall.memory.nodes[place].devices)
        }
    }

    private static func note(_ bytes: [UInt8], at index: UInt64) throws(ReplayFailure) -> SignedNote {
        guard (1...Entry.maximumNoteBytes).contains(bytes.count) else {
            throw ReplayFailure(.syntax, at: index, "an entry has 1 to \(Entry.maximumNoteBytes) bytes")
        }
        do {
            return try SignedNote(parsing: bytes)
        } catch {
            throw ReplayFailure(.syntax, at: index, "the entry is not a signed note: \(error.reason)")
        }
    }

    private static func content(
        of note: SignedNote, at index: UInt64, _ memory: inout NodeMemory, _ place: Int
    ) throws(ReplayFailure) -> Content {
        do {
            // The reader of batches takes one spelling only, and is held to that by tests over mutated texts; rendering
            // each of a billion again would double the cost of reading them.
            if Entry.isBatch(note.text) {
                return .batch(SharedBatch(try Batch(text: note.text, recall: &memory.nodes[place].batch)))
            }
            let entry = try Entry(text: Array(note.text))
            guard entry.text[...] == note.text else {
                throw ReplayFailure(.syntax, at: index, "the text is a second spelling of what it says")
            }
            return .other(entry)
        } catch let failure as ReplayFailure {
            throw failure
        } catch {
            throw ReplayFailure(.syntax, at: index, "the text is not an entry: \(error)")
        }
    }
}
