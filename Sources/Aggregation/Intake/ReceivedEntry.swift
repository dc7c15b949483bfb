package import Batches
package import TransparencyLog

/// Bytes that came over the wire, taken apart but not believed yet.
package struct ReceivedEntry: Sendable {
    package let note: [UInt8]
    package let samples: [UInt8]
    package let signed: SignedNote
    package let entry: Entry
    package let leaf: MerkleHash

    /// Name of the key that the note claims to be signed with.
    package var signer: String { signed.signatures[0].name }

    /// - Throws: a refusal when the bytes are too many, no note, no entry, or signed more than once.
    package init(note: [UInt8], samples: [UInt8]) throws(Refusal) {
        guard note.count <= Entry.maximumNoteBytes else {
            throw Refusal(.tooLarge, "an entry has at most \(Entry.maximumNoteBytes) bytes, this one \(note.count)")
        }
        guard samples.count <= SampleBlock.maximumByteCount else {
            throw Refusal(.tooLarge, "a sample block has at most \(SampleBlock.maximumByteCount) bytes")
        }
        self.note = note
        self.samples = samples
        do {
            signed = try SignedNote(parsing: note)
        } catch {
            throw Refusal(.badSyntax, "not a signed note: \(error)")
        }
        guard signed.signatures.count == 1 else {
            throw Refusal(.badSyntax, "an entry carries exactly one signature, this one \(signed.signatures.count)")
        }
        do {
            entry = try Entry(text: Array(signed.text))
        } catch {
            throw Refusal(.badSyntax, "\(error)")
        }
        leaf = MerkleHash.leaf(of: note)
    }
}

/// An entry whose signature, signer and block were checked. Only `LogIntake.verify` makes one.
package struct VerifiedEntry: Sendable {
    package let received: ReceivedEntry
    /// The key under which the signature holds.
    package let key: VerifierKey
    /// The record beside a job entry.
    package let record: JobRecord?

    fileprivate init(received: ReceivedEntry, key: VerifierKey, record: JobRecord?) {
        self.received = received
        self.key = key
        self.record = record
    }

    /// Checks everything that needs no state: the signature under the key that must have signed, and the block beside
    /// it.
    package static func verify(_ received: ReceivedEntry, key: VerifierKey) throws(Refusal) -> VerifiedEntry {
        let signature = received.signed.signatures[0]
        guard key.matches(signature), key.isValidSignature(signature, for: received.signed.text) else {
            throw Refusal(.badSignature, "the signature of \(received.signer) does not hold under its enrolled key")
        }
        switch received.entry {
        case .batch(let batch):
            if let refusal = SampleCheck.refusal(of: received.samples, for: batch) { throw refusal }
            return VerifiedEntry(received: received, key: key, record: nil)
        case .job(let job):
            return VerifiedEntry(received: received, key: key, record: try record(of: job, received.samples))
        default:
            guard received.samples.isEmpty else {
                throw Refusal(.samplesMismatch, "this kind of entry has nothing beside it")
            }
            return VerifiedEntry(received: received, key: key, record: nil)
        }
    }

    private static func record(of job: JobEntry, _ bytes: [UInt8]) throws(Refusal) -> JobRecord? {
        guard !bytes.isEmpty else { return nil }
        guard bytes.count <= JobRecord.maximumBytes else {
            throw Refusal(.tooLarge, "a job record has at most \(JobRecord.maximumBytes) bytes")
        }
        let record: JobRecord
        do {
            record = try JobRecord(text: bytes)
        } catch {
            throw Refusal(.samplesMismatch, "job record: \(error)")
        }
        guard record.sha256 == job.recordSHA256, record.pseudonym == job.job else {
            throw Refusal(.samplesMismatch, "the job record is not the one that the entry commits to")
        }
        return record
    }
}
