package import Accounts
package import Batches
import Synchronization
package import TransparencyLog

/// Puts the entries of one log into one order and commits them in groups.
///
/// Any number of streams submit; one loop at a time takes what has gathered and makes it durable in one transaction, so
/// a group grows with the load and an acknowledgement never waits for a timer. What a crash means: before the commit
/// nothing of the group is in the log and every sender still has it; after the commit all of it is, and a sender that
/// was not told sends again and learns the index of the first.
package final class LogSequencer: Sendable {
    /// An entry on its way into the log.
    package struct Item: Sendable {
        package let entry: VerifiedEntry
        /// What a batch posts; nil for every other entry and for one that is only compared.
        package let postings: BatchPostings?
    }

    /// What the log did with an item.
    package enum Verdict: Sendable, Hashable {
        case appended(index: Int64)
        case duplicate(index: Int64)
        /// Another entry stands in this place of the chain.
        case fork(firstIndex: Int64)
        case gap
        case closed
        /// A value that the database cannot hold.
        case unrepresentable
    }

    /// The log's database, as far as the sequencer needs it.
    package struct Log: Sendable {
        /// Appends a group in one durable transaction: a verdict for each item, in order.
        package var append: @Sendable ([Item]) async throws -> [Verdict]
        /// Where a chain begins and ends in the log, nil when it holds no batch.
        package var chainEnds: @Sendable (ChainRegister.Chain) async throws -> ChainEnds?

        /// Leaf hash of the entry at an index.
        package var leaf: @Sendable (Int64) async throws -> MerkleHash?

        /// Root of the published tree of exactly this size, nil when none was published.
        package var root: @Sendable (UInt64) async throws -> MerkleHash?

        package init(
            append: @escaping @Sendable ([Item]) async throws -> [Verdict],
            chainEnds: @escaping @Sendable (ChainRegister.Chain) async throws -> ChainEnds?,
            leaf: @escaping @Sendable (Int64) async throws -> MerkleHash?,
            root: @escaping @Sendable (UInt64) async throws -> MerkleHash?
        ) {
            self.append = append
            self.chainEnds = chainEnds
            self.leaf = leaf
            self.root = root
        }
    }

    /// First and last batch of a chain, with the last one's leaf hash.
    package struct ChainEnds: Sendable {
        package var first: Batch
        package var last: Batch
        package var leaf: MerkleHash
        /// Log index of the last one.
        package var lastIndex: Int64

        package init(first: Batch, last: Batch, leaf: MerkleHash, lastIndex: Int64) {
            self.first = first
            self.last = last
            self.leaf = leaf
            self.lastIndex = lastIndex
        }
    }

    package typealias Completion = @Sendable (Result<Int64, Refusal>) -> Void

    package static let maximumGroup = 500
    /// What may wait for a commit; beyond it senders are told to come back.
    package static let maximumPendingEntries = 20_000
    package static let maximumPendingBytes = 128 << 20
    static let maximumRoots = 4096

    private struct State {
        var intake: LogIntake
        var pending: [(item: Item, completion: Completion)] = []
        var pendingBytes = 0
        /// Roots of published trees that entries have named: nodes name the same few.
        var roots: [UInt64: MerkleHash] = [:]
    }

    private let log: Log
    private let state: Mutex<State>
    private let work: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation
    private let onFork: @Sendable (ReceivedEntry, Int64) async -> Void

    /// - Parameter onFork: called with the second entry and the index of the first, to log the conflict.
    package init(
        intake: LogIntake, log: Log, onFork: @escaping @Sendable (ReceivedEntry, Int64) async -> Void = { _, _ in }
    ) {
        self.log = log
        self.onFork = onFork
        (work, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        state = Mutex(State(intake: intake))
    }

    package func withIntake<Value: Sendable>(_ body: (LogIntake) -> sending Value) -> Value {
        state.withLock { body($0.intake) }
    }

    /// Checks an entry and puts it in line. Entries of one chain are submitted one after the other.
    ///
    /// - Parameters:
    ///   - peer: node of the TLS certificate, nil for the aggregator's own entries.
    ///   - completion: called once, after the durable commit or with the refusal; never under a lock.
    package func submit(_ received: ReceivedEntry, peer: String?, completion: @escaping Completion) async {
        do {
            let key = try state.withLock { state throws(Refusal) in try state.intake.key(for: received, peer: peer) }
            let verified = try VerifiedEntry.verify(received, key: key)
            try await checkAnchor(of: received.entry)
            var postings: BatchPostings?
            if case .batch(let batch) = received.entry { postings = AttributionRule.attribution1.post(batch.facts) }
            try await order(verified, postings, completion)
        } catch let refusal as Refusal {
            completion(.failure(refusal))
        } catch {
            completion(.failure(Self.unavailable(error)))
        }
    }

    /// An anchor must be a tree that this log published: one false anchor would fail every later audit.
    private func checkAnchor(of entry: Entry) async throws {
        let anchor: TreeHead?
        switch entry {
        case .batch(let batch): anchor = batch.anchor
        case .imported(let imported): anchor = imported.anchor
        case .resume(let resume): anchor = resume.anchor
        case .genesis, .node, .job, .set, .conflict, .report: anchor = nil
        }
        guard let anchor else { return }
        if state.withLock({ $0.roots[anchor.size] }) == anchor.root { return }
        guard try await log.root(anchor.size) == anchor.root else {
            throw Refusal(.chainFork, "the anchor of size \(anchor.size) is no tree that this log has published")
        }
        state.withLock { state in
            if state.roots.count >= Self.maximumRoots { state.roots.removeAll(keepingCapacity: true) }
            state.roots[anchor.size] = anchor.root
        }
    }

    /// Appends one of the aggregator's own entries and waits for its index.
    package func append(note: [UInt8], samples: [UInt8] = []) async throws -> Int64 {
        let received = try ReceivedEntry(note: note, samples: samples)
        let key = try state.withLock { state throws(Refusal) in try state.intake.key(for: received, peer: nil) }
        let verified = try VerifiedEntry.verify(received, key: key)
        return try await withCheckedThrowingContinuation { continuation in
            _ = admit(verified, nil) { continuation.resume(with: $0) }
        }
    }

    /// Puts one of the aggregator's own entries in line without waiting for it.
    func appendLater(note: [UInt8]) {
        guard let received = try? ReceivedEntry(note: note, samples: []),
            let key = try? state.withLock({ state throws(Refusal) in try state.intake.key(for: received, peer: nil) }),
            let verified = try? VerifiedEntry.verify(received, key: key)
        else { return }
        _ = admit(verified, nil) { _ in }
    }

    func leaf(at index: Int64) async throws -> MerkleHash? { try await log.leaf(index) }

    private func order(
        _ verified: VerifiedEntry, _ postings: BatchPostings?, _ completion: @escaping Completion
    ) async throws {
        // Bounded: each round loads heads that the last one lacked; a commit that failed in between can ask once more.
        for _ in 0..<4 {
            guard let incarnations = admit(verified, postings, completion) else { return }
            try await loadHeads(incarnations)
        }
        completion(.failure(Refusal(.overloaded, isPermanent: false, "the chain is being read again; send again")))
    }

    /// Puts a verified entry in line, or completes it with its refusal.
    ///
    /// - Returns: the chains that must be read first, nil when the entry is settled.
    private func admit(
        _ verified: VerifiedEntry, _ postings: BatchPostings?, _ completion: @escaping Completion
    ) -> [Int64]? {
        let admission = state.withLock { state -> LogIntake.Admission in
            guard state.pending.count < Self.maximumPendingEntries, state.pendingBytes < Self.maximumPendingBytes
            else { return .refuse(Refusal(.overloaded, isPermanent: false, "too many entries wait; send again")) }
            let admission = state.intake.admit(verified, postings: postings)
            switch admission {
            case .append(let posted): enqueue(Item(entry: verified, postings: posted), completion, &state)
            case .compare: enqueue(Item(entry: verified, postings: postings), completion, &state)
            case .needsHeads, .refuse: break
            }
            return admission
        }
        switch admission {
        case .append, .compare: wake.yield()
        case .refuse(let refusal): completion(.failure(refusal))
        case .needsHeads(let incarnations): return incarnations
        }
        return nil
    }

    private func enqueue(_ item: Item, _ completion: @escaping Completion, _ state: inout State) {
        state.pendingBytes += item.entry.received.note.count + item.entry.received.samples.count
        state.pending.append((item, completion))
    }

    /// Reads where chains end, for intake or for a node that asks for its heads.
    package func loadHeads(_ incarnations: [Int64]) async throws {
        for incarnation in incarnations {
            guard let chain = state.withLock({ $0.intake.chains[incarnation] }) else { continue }
            let ends = try await log.chainEnds(chain)
            state.withLock { state in
                // Another stream may have loaded and advanced it meanwhile: what is known is never older.
                guard state.intake.head(of: incarnation) == nil else { return }
                state.intake.load(
                    incarnation: incarnation, first: ends?.first, last: ends.map { ($0.last, $0.leaf, $0.lastIndex) })
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

    private func nextGroup() -> [(item: Item, completion: Completion)]? {
        state.withLock { state in
            guard !state.pending.isEmpty else { return nil }
            let group = Array(state.pending.prefix(Self.maximumGroup))
            state.pending.removeFirst(group.count)
            for (item, _) in group {
                state.pendingBytes -= item.entry.received.note.count + item.entry.received.samples.count
            }
            return group
        }
    }

    private func commit(_ group: [(item: Item, completion: Completion)]) async {
        do {
            let verdicts = try await log.append(group.map(\.item))
            state.withLock { state in
                for ((item, _), verdict) in zip(group, verdicts) { Self.apply(verdict, of: item, to: &state.intake) }
            }
            for ((item, completion), verdict) in zip(group, verdicts) {
                await tell(verdict, of: item, completion)
            }
        } catch {
            state.withLock { state in
                for (item, _) in group { state.intake.forget(item.entry.received.entry) }
            }
            for (_, completion) in group { completion(.failure(Self.unavailable(error))) }
        }
    }

    private static func apply(_ verdict: Verdict, of item: Item, to intake: inout LogIntake) {
        let received = item.entry.received
        switch verdict {
        case .appended(let index), .duplicate(let index):
            intake.logged(received.entry, signer: received.signer, at: index, leaf: received.leaf)
        case .fork, .gap, .closed, .unrepresentable:
            intake.forget(received.entry)
            if verdict != .gap, verdict != .unrepresentable, case .batch(let batch) = received.entry {
                intake.close(batch.position.incarnation)
            }
        }
    }

    private func tell(_ verdict: Verdict, of item: Item, _ completion: Completion) async {
        switch verdict {
        case .appended(let index), .duplicate(let index):
            completion(.success(index))
        case .fork(let first):
            await onFork(item.entry.received, first)
            completion(
                .failure(Refusal(.chainFork, "another entry stands in this place of the chain, at index \(first)")))
        case .gap:
            completion(
                .failure(Refusal(.chainGap, isPermanent: false, "its predecessor is not in the log; send that first")))
        case .unrepresentable:
            completion(.failure(Refusal(.badSyntax, "a value is beyond what the log can add up")))
        case .closed:
            completion(.failure(Refusal(.chainFork, "the chain is closed: two entries claimed one place in it")))
        }
    }

    private static func unavailable(_ error: any Error) -> Refusal {
        Refusal(.overloaded, isPermanent: false, "the log could not be written; send again (\(error))")
    }
}
