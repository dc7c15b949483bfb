import Accounts
package import Batches
import Synchronization
import TransparencyLog

/// Puts the entries of one log into one order and commits them in groups.
///
/// Any number of streams submit; one loop at a time takes what has gathered, judges it against the log as it stands and
/// makes it durable in one transaction, so a group grows with the load and an acknowledgement never waits for a timer.
/// The transaction takes the group only while the log still has the size that it was judged against: another aggregator
/// on the same database may have appended meanwhile, and then the group is judged again. So what is posted depends on
/// the log's order alone, never on which aggregator took which entry.
///
/// What a crash means: before the commit nothing of the group is in the log and every sender still has it; after the
/// commit all of it is, and a sender that was not told sends again and learns the index of the first.
package final class LogSequencer: Sendable {
    package typealias Completion = @Sendable (Result<Int64, Refusal>) -> Void

    package static let maximumGroup = 500
    /// What may wait for a commit; beyond it senders are told to come back.
    package static let maximumPendingEntries = 20_000
    package static let maximumPendingBytes = 128 << 20
    static let maximumRoots = 4096
    /// How often a group is judged again because others appended; each time somebody has made progress.
    static let maximumRounds = 100

    struct Submission: Sendable {
        var item: Item
        var completion: Completion
    }

    private struct State {
        var intake: LogIntake
        var pending: [Submission] = []
        var pendingBytes = 0
        /// Roots of published trees that entries have named: nodes name the same few.
        var roots: [UInt64: MerkleHash] = [:]
    }

    private let log: Log
    private let state: Mutex<State>
    /// Whoever brings the intake up to the log, or the log up to the intake.
    private let turn = AsyncTurn()
    private let work: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation
    private let onFork: @Sendable (ReceivedEntry, Int64) async -> Void
    private let onBatch: @Sendable (Batch) -> Void

    /// - Parameters:
    ///   - onFork: called with the second entry and the index of the first, to log the conflict.
    ///   - onBatch: called with each batch that the log has taken; must not wait.
    package init(
        intake: LogIntake, log: Log, onFork: @escaping @Sendable (ReceivedEntry, Int64) async -> Void = { _, _ in },
        onBatch: @escaping @Sendable (Batch) -> Void = { _ in }
    ) {
        self.log = log
        self.onFork = onFork
        self.onBatch = onBatch
        (work, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        state = Mutex(State(intake: intake))
    }

    package func withIntake<Value: Sendable>(_ body: (LogIntake) -> sending Value) -> Value {
        state.withLock { body($0.intake) }
    }

    // MARK: Submitting

    /// Checks an entry and puts it in line. Entries of one chain are submitted one after the other.
    ///
    /// - Parameters:
    ///   - peer: node of the TLS certificate, nil for the aggregator's own entries.
    ///   - completion: called once, after the durable commit or with the refusal; never under a lock.
    package func submit(_ received: ReceivedEntry, peer: String?, completion: @escaping Completion) async {
        do {
            let verified = try await verify(received, peer: peer)
            try await checkAnchor(of: received.entry)
            var postings: BatchPostings?
            if case .batch(let batch) = received.entry { postings = AttributionRule.attribution1.post(batch.facts) }
            try enqueue(Submission(item: Item(entry: verified, postings: postings), completion: completion))
        } catch let refusal as Refusal {
            completion(.failure(refusal))
        } catch {
            completion(.failure(Self.unavailable(error)))
        }
    }

    /// The entry under the key that must have signed it. Another aggregator may have logged what makes it right, so a
    /// refusal stands only when the intake knows the whole log.
    private func verify(_ received: ReceivedEntry, peer: String?) async throws -> VerifiedEntry {
        func attempt() throws(Refusal) -> VerifiedEntry {
            let key = try state.withLock { state throws(Refusal) in try state.intake.key(for: received, peer: peer) }
            return try VerifiedEntry.verify(received, key: key)
        }
        let known = state.withLock { $0.intake.size }
        do throws(Refusal) {
            return try attempt()
        } catch {
            guard error.dependsOnTheLog else { throw error }
            try await refresh()
            guard state.withLock({ $0.intake.size }) > known else { throw error }
            return try attempt()
        }
    }

    /// An anchor must be a tree that this log published: one false anchor would fail every later audit.
    private func checkAnchor(of entry: Entry) async throws {
        let anchor: TreeHead?
        switch entry {
        case .batch(let batch): anchor = batch.anchor
        case .imported(let imported): anchor = imported.anchor
        case .resume(let resume): anchor = resume.anchor
        default: anchor = nil
        }
        guard let anchor else { return }
        if state.withLock({ $0.roots[anchor.size] }) == anchor.root { return }
        guard try await log.root(anchor.size) == anchor.root else {
            // An honest node has it from the log as it was before somebody restored an older copy. It keeps what it
            // signed until the newest one is back; were it told never to come again, it would give up its chain.
            throw Refusal(
                .chainFork, isPermanent: false,
                "the anchor of size \(anchor.size) is no tree that this log has published: the log or the node was"
                    + " restored from an older copy, or two servers sign for the log")
        }
        state.withLock { state in
            if state.roots.count >= Self.maximumRoots { state.roots.removeAll(keepingCapacity: true) }
            state.roots[anchor.size] = anchor.root
        }
    }

    /// Appends one of the aggregator's own entries and waits for its index.
    package func append(note: [UInt8], samples: [UInt8] = []) async throws -> Int64 {
        let received = try ReceivedEntry(note: note, samples: samples)
        let verified = try await verify(received, peer: nil)
        return try await withCheckedThrowingContinuation { continuation in
            do throws(Refusal) {
                try enqueue(
                    Submission(item: Item(entry: verified, postings: nil)) { continuation.resume(with: $0) })
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    /// Puts one of the aggregator's own entries in line without waiting for it.
    func appendLater(note: [UInt8]) {
        guard let received = try? ReceivedEntry(note: note, samples: []),
            let key = try? state.withLock({ state throws(Refusal) in try state.intake.key(for: received, peer: nil) }),
            let verified = try? VerifiedEntry.verify(received, key: key)
        else { return }
        try? enqueue(Submission(item: Item(entry: verified, postings: nil)) { _ in })
    }

    func leaf(at index: Int64) async throws -> MerkleHash? { try await log.leaf(index) }

    private func enqueue(_ submission: Submission) throws(Refusal) {
        try state.withLock { state throws(Refusal) in
            guard state.pending.count < Self.maximumPendingEntries, state.pendingBytes < Self.maximumPendingBytes
            else { throw Refusal(.overloaded, isPermanent: false, "too many entries wait; send again") }
            state.pendingBytes += submission.item.byteCount
            state.pending.append(submission)
        }
        wake.yield()
    }

    // MARK: What the log holds

    /// Where a chain begins and ends in the log, nil when it holds no batch.
    package func ends(of chain: ChainRegister.Chain) async throws -> ChainEnds? { try await log.chainEnds(chain) }

    /// Takes in what others have appended to the log.
    package func refresh() async throws { try await turn.take { [self] in try await catchUp() } }

    private func catchUp() async throws {
        let known = state.withLock { $0.intake.size }
        let growth = try await log.growth(known)
        guard growth.size > known else { return }
        let records = try growth.records.map { try ReceivedEntry(note: $0.note, samples: []) }
        state.withLock { state in
            for ((index, _), received) in zip(growth.records, records) {
                state.intake.logged(received.entry, signer: received.signer, at: index, leaf: received.leaf)
            }
            state.intake.grew(to: growth.size, chains: growth.chains)
        }
    }

    /// Reads where the chains end that a group is judged against.
    private func loadHeads(for group: [Submission]) async throws {
        let missing = state.withLock { state in
            Set(group.flatMap { state.intake.missingHeads(for: $0.item.entry.received.entry) })
        }
        for incarnation in missing {
            guard let chain = state.withLock({ $0.intake.chains[incarnation] }) else { continue }
            let ends = try await log.chainEnds(chain)
            state.withLock { state in
                state.intake.load(
                    incarnation: incarnation, first: ends?.first, last: ends.map { ($0.last, $0.leaf) })
            }
        }
    }

    // MARK: Committing

    /// Commits what gathers until the task is cancelled or `finish` is called; what is in line by then is committed
    /// first.
    package func run() async {
        for await _ in work {
            while let group = nextGroup() { await commit(group) }
        }
        while let group = nextGroup() { await commit(group) }
    }

    package func finish() { wake.finish() }

    /// Entries outside of chains come first: so they stand in the log.
    private func nextGroup() -> [Submission]? {
        state.withLock { state in
            guard !state.pending.isEmpty else { return nil }
            let group = Array(state.pending.prefix(Self.maximumGroup))
            state.pending.removeFirst(group.count)
            for submission in group { state.pendingBytes -= submission.item.byteCount }
            return group.filter { !$0.item.isChained } + group.filter(\.item.isChained)
        }
    }

    private func commit(_ group: [Submission]) async {
        do {
            let settled = try await turn.take { [self] in try await settle(group) }
            for (submission, verdict) in settled { await tell(verdict, submission) }
        } catch {
            for submission in group { submission.completion(.failure(Self.unavailable(error))) }
        }
    }

    /// Judges the group and appends it, again while others append.
    private func settle(_ group: [Submission]) async throws -> [(Submission, Judgement)] {
        for _ in 0..<Self.maximumRounds {
            try await loadHeads(for: group)
            let known = state.withLock { $0.intake }
            var intake = known
            let judged = group.map { submission in
                (submission, Self.judge(submission.item, &intake))
            }
            let items = judged.compactMap { $0.1.item }
            guard !items.isEmpty else { return judged }
            guard case .committed(let verdicts) = try await log.append(items, known.size) else {
                try await catchUp()
                continue
            }
            return try await take(verdicts, of: judged, judgedBy: intake)
        }
        throw Refusal(.overloaded, isPermanent: false, "too many aggregators append at once")
    }

    private static func judge(_ item: Item, _ intake: inout LogIntake) -> Judgement {
        switch intake.admit(item.entry, postings: item.postings) {
        case .append(let postings, let index):
            return .sent(Item(entry: item.entry, postings: postings, isNew: true), expectedIndex: index)
        case .compare: return .sent(Item(entry: item.entry, postings: item.postings), expectedIndex: nil)
        case .refuse(let refusal): return .refused(refusal)
        }
    }

    /// Believes the trial intake when the log did exactly what it foresaw, and reads the log again when not.
    private func take(
        _ verdicts: [Verdict], of judged: [(Submission, Judgement)], judgedBy intake: LogIntake
    ) async throws -> [(Submission, Judgement)] {
        var rest = verdicts[...]
        var isForeseen = true
        var settled: [(Submission, Judgement)] = []
        var closed: Set<Int64> = []
        for (submission, judgement) in judged {
            guard case .sent(_, let expected) = judgement, let verdict = rest.popFirst() else {
                settled.append((submission, judgement))
                continue
            }
            switch verdict {
            case .appended(let index): isForeseen = isForeseen && index == expected
            case .duplicate: isForeseen = isForeseen && expected == nil
            case .gap, .unrepresentable: isForeseen = false
            case .fork, .closed:
                isForeseen = isForeseen && expected == nil
                if case .batch(let batch) = submission.item.entry.received.entry {
                    closed.insert(batch.position.incarnation)
                }
            }
            settled.append((submission, .answered(verdict)))
        }
        if isForeseen { state.withLock { $0.intake = intake } } else { try await catchUp() }
        state.withLock { state in
            for incarnation in closed { state.intake.close(incarnation) }
        }
        return settled
    }

    private func tell(_ judgement: Judgement, _ submission: Submission) async {
        let received = submission.item.entry.received
        switch judgement {
        case .refused(let refusal): submission.completion(.failure(refusal))
        case .answered(.appended(let index)):
            if case .batch(let batch) = received.entry { onBatch(batch) }
            submission.completion(.success(index))
        case .answered(.duplicate(let index)): submission.completion(.success(index))
        case .answered(.fork(let first)):
            await onFork(received, first)
            submission.completion(
                .failure(Refusal(.chainFork, "another entry stands in this place of the chain, at index \(first)")))
        case .answered(.gap):
            submission.completion(
                .failure(Refusal(.chainGap, isPermanent: false, "its predecessor is not in the log; send that first")))
        case .answered(.unrepresentable):
            submission.completion(.failure(Refusal(.badSyntax, "a value is beyond what the log can add up")))
        case .answered(.closed):
            submission.completion(
                .failure(Refusal(.chainFork, "the chain is closed: two entries claimed one place in it")))
        case .sent:
            submission.completion(.failure(Refusal(.overloaded, isPermanent: false, "not answered; send again")))
        }
    }

    private static func unavailable(_ error: any Error) -> Refusal {
        (error as? Refusal)
            ?? Refusal(.overloaded, isPermanent: false, "the log could not be written; send again (\(error))")
    }
}

/// What becomes of one entry of a group.
private enum Judgement: Sendable {
    case refused(Refusal)
    /// It goes to the log, which should put it there; nil to be compared with what stands in its place.
    case sent(LogSequencer.Item, expectedIndex: Int64?)
    case answered(LogSequencer.Verdict)

    var item: LogSequencer.Item? {
        if case .sent(let item, _) = self { item } else { nil }
    }
}

extension Refusal {
    /// What another aggregator has logged can make such an entry right.
    fileprivate var dependsOnTheLog: Bool {
        switch code {
        case .unknownNode, .chainGap, .retiredKey, .badSignature: true
        default: false
        }
    }
}
