/// The log's side of `add-checkpoint` with one witness: asks for a cosignature of one checkpoint and learns the size
/// that the witness knows.
///
/// The shell builds the proof from the size in `ask`, posts `request(path:)` and reports what came back.
package struct WitnessExchange: Sendable, Hashable {
    package enum Step: Sendable, Hashable {
        /// Build the consistency proof from this size to the checkpoint's (none from 0, none when equal) and post.
        case ask(oldSize: UInt64)
        /// Verified; to be put under the checkpoint. The witness now knows the checkpoint's size.
        case cosigned(NoteSignature, time: UInt64)
        /// This witness will not cosign this checkpoint; the reason says whether to try again with the next one.
        case failed(Failure)
    }

    package enum Failure: Error, Sendable, Hashable {
        /// Overloaded, restarting, unreachable: ask again later.
        case unavailable(status: Int)
        /// It does not serve this log, or not with this key. A matter for the operators.
        case refused(status: Int, text: String)
        /// It has seen a larger tree of this log than the log itself: the log lost data or its key is used elsewhere.
        /// Sign nothing until that is cleared up.
        case ahead(size: UInt64)
        /// It has seen another tree of a size that the log passed through. The same alarm.
        case inconsistent(text: String)
        /// It does not keep to the protocol.
        case malformed(text: String)

        /// Whether the log has forked, as far as this witness can tell.
        package var isFork: Bool {
            switch self {
            case .ahead, .inconsistent: true
            case .unavailable, .refused, .malformed: false
            }
        }
    }

    /// Two aggregators may race for one log, so the size may move between question and answer; not for ever.
    private static let maximumAttempts = 4
    private static let maximumTextByteCount = 256

    package let witness: VerifierKey
    package let checkpoint: SignedCheckpoint
    /// What this exchange last believed or learned that the witness knows.
    package private(set) var knownSize: UInt64
    private var attempts = 0

    /// - Parameter knownSize: the size that the witness cosigned last, as far as the log remembers; 0 asks it.
    package init(witness: VerifierKey, checkpoint: SignedCheckpoint, knownSize: UInt64) {
        self.witness = witness
        self.checkpoint = checkpoint
        self.knownSize = knownSize
    }

    package mutating func start() -> Step {
        guard knownSize <= checkpoint.checkpoint.size else { return .failed(.ahead(size: knownSize)) }
        attempts += 1
        return .ask(oldSize: knownSize)
    }

    /// The body to be posted, with the proof from `knownSize`.
    package func request(path: [MerkleHash]) -> [UInt8] {
        AddCheckpointRequest(oldSize: knownSize, path: path, checkpoint: checkpoint).bytes
    }

    package mutating func received(status: Int, body: [UInt8]) -> Step {
        switch status {
        case 200: cosignature(in: body)
        case 409: retry(body)
        case 422: .failed(.inconsistent(text: Self.text(body)))
        case 429, 500...599: .failed(.unavailable(status: status))
        default: .failed(.refused(status: status, text: Self.text(body)))
        }
    }

    private mutating func retry(_ body: [UInt8]) -> Step {
        guard body.last == newline, let size = CanonicalDecimal.parse(body.dropLast()) else {
            return .failed(.malformed(text: "409 without a size: \(Self.text(body))"))
        }
        guard size != knownSize else {
            return .failed(.malformed(text: "409 with the size \(size) that it was asked with"))
        }
        guard size <= checkpoint.checkpoint.size else { return .failed(.ahead(size: size)) }
        guard attempts < Self.maximumAttempts else { return .failed(.unavailable(status: 409)) }
        knownSize = size
        return start()
    }

    private mutating func cosignature(in body: [UInt8]) -> Step {
        let cosigned: OpenedNote
        do {
            // Concatenation is how the protocol reads an answer: it holds whole signature lines.
            let note = try SignedNote(parsing: checkpoint.note.text + [newline] + body)
            cosigned = try note.open(with: [witness])
        } catch {
            return .failed(.malformed(text: error.description))
        }
        guard let signature = cosigned.verified.first?.signature, let cosignature = Cosignature(signature) else {
            return .failed(.malformed(text: "the signature is no cosignature"))
        }
        knownSize = checkpoint.checkpoint.size
        return .cosigned(signature, time: cosignature.time)
    }

    private static func text(_ body: [UInt8]) -> String {
        let line = body.last == newline ? body.dropLast() : body[...]
        return Quoted(line.prefix(maximumTextByteCount)).description
    }
}
