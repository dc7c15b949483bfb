/// The witness side of `add-checkpoint`: cosigns a checkpoint when it continues the last one that it cosigned.
///
/// It decides and never stores. The shell makes an accepted update durable, calls `persisted`, and only then sends the
/// answer. A crash before the update is durable leaves the old head and no cosignature; a crash behind it costs the log
/// a 409 and a second request.
package struct WitnessState: Sendable {
    /// A log that this witness serves.
    package struct Log: Sendable, Hashable {
        package let origin: String
        /// Any of these may sign; several while a log changes its key.
        package let keys: [VerifierKey]

        package init(origin: String, keys: [VerifierKey]) {
            self.origin = origin
            self.keys = keys
        }
    }

    /// What is sent back over HTTP.
    package struct Answer: Sendable, Hashable {
        package static let textType = "text/plain; charset=utf-8"
        package static let sizeType = "text/x.tlog.size"

        package let status: Int
        package let contentType: String
        package let body: [UInt8]

        package init(status: Int, contentType: String, body: [UInt8]) {
            self.status = status
            self.contentType = contentType
            self.body = body
        }
    }

    /// To be made durable by compare and swap: `next` replaces `previous`, or nothing happens.
    package struct Update: Sendable, Hashable {
        package let origin: String
        package let previous: TreeHead
        package let next: TreeHead
        /// What the witness serves to monitors: the log's and its own signature.
        package let checkpoint: SignedCheckpoint
        /// To be sent after the update is durable.
        package let answer: Answer
    }

    package enum Decision: Sendable, Hashable {
        case refuse(Answer)
        case accept(Update)
    }

    private let key: CosigningKey
    /// By the bytes of the origin: two spellings of a letter are two logs.
    private var logs: [[UInt8]: Log]
    private var heads: [[UInt8]: TreeHead]

    /// - Parameter heads: what was durable when the witness last stopped, by origin.
    package init(key: CosigningKey, logs: [Log], heads: [(origin: String, head: TreeHead)] = []) {
        self.key = key
        self.logs = Dictionary(logs.map { (Array($0.origin.utf8), $0) }) { first, _ in first }
        self.heads = Dictionary(heads.map { (Array($0.origin.utf8), $0.head) }) { $0.size > $1.size ? $0 : $1 }
    }

    /// Serves a log from now on, or the same log with other keys.
    ///
    /// - Parameter head: what was durable of it; the larger of this and what is known here stands.
    package mutating func serve(_ log: Log, head: TreeHead) {
        let origin = Array(log.origin.utf8)
        logs[origin] = log
        if head.size > heads[origin]?.size ?? 0 { heads[origin] = head }
    }

    /// Whether this witness knows the log.
    package func serves(_ origin: String) -> Bool { logs[Array(origin.utf8)] != nil }

    package var verifier: VerifierKey { key.verifier }

    /// The last tree cosigned of a log; the empty tree before the first.
    package func head(of origin: String) -> TreeHead { heads[Array(origin.utf8)] ?? .empty }

    /// Answers a request body, in the order of checks that the protocol gives.
    ///
    /// - Parameter time: POSIX seconds now, above 0.
    package func decide(_ body: [UInt8], time: UInt64) -> Decision {
        let request: AddCheckpointRequest
        do {
            request = try AddCheckpointRequest(parsing: body)
        } catch {
            return .refuse(Self.refusal(400, error.description))
        }
        let checkpoint = request.checkpoint.checkpoint
        guard let log = logs[Array(checkpoint.origin.utf8)] else {
            return .refuse(Self.refusal(404, "unknown log"))
        }
        let opened: OpenedNote
        do {
            opened = try request.checkpoint.note.open(with: log.keys)
        } catch {
            return .refuse(Self.refusal(403, "invalid signature: \(error.description)"))
        }
        let known = head(of: checkpoint.origin)
        if let refusal = Self.check(request, known: known) { return .refuse(refusal) }
        do {
            let cosignature = try key.cosignature(of: checkpoint, time: time)
            let served = try SignedNote(
                text: checkpoint.text, signatures: opened.verified.map(\.signature) + [cosignature])
            return .accept(
                Update(
                    origin: checkpoint.origin, previous: known, next: checkpoint.head,
                    checkpoint: try SignedCheckpoint(note: served),
                    answer: Answer(status: 200, contentType: Answer.textType, body: cosignature.line)))
        } catch {
            return .refuse(Self.refusal(500, "the witness cannot sign"))
        }
    }

    private static func check(_ request: AddCheckpointRequest, known: TreeHead) -> Answer? {
        let head = request.checkpoint.checkpoint.head
        guard request.oldSize <= head.size else {
            return refusal(400, "old size \(request.oldSize) is above the checkpoint's \(head.size)")
        }
        guard request.oldSize == known.size else {
            return Answer(status: 409, contentType: Answer.sizeType, body: Array("\(known.size)\n".utf8))
        }
        guard head.size > 0 || head.root == .emptyTree else {
            return refusal(422, "a tree of size 0 has another root than the empty tree")
        }
        if known.size == 0 {
            return request.path.isEmpty ? nil : refusal(422, "a consistency proof from size 0 must be empty")
        }
        do {
            try ConsistencyProof(oldSize: known.size, newSize: head.size, path: request.path)
                .verify(old: known, new: head)
            return nil
        } catch {
            return refusal(422, "consistency proof: \(error.reason)")
        }
    }

    private static func refusal(_ status: Int, _ text: String) -> Answer {
        Answer(status: status, contentType: Answer.textType, body: Array("\(text)\n".utf8))
    }

    /// Takes over an update that is durable.
    ///
    /// - Returns: false when another request has moved the head since the decision: then the update must not have been
    ///   stored, and its answer must not be sent.
    package mutating func persisted(_ update: Update) -> Bool {
        guard head(of: update.origin) == update.previous else { return false }
        heads[Array(update.origin.utf8)] = update.next
        return true
    }
}
