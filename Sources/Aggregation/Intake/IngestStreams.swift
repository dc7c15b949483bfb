import Batches
import Synchronization
import TransparencyLog
package import Wire

/// Serves the streams of agents: heads first, then a verdict for every entry, and each new checkpoint.
package struct IngestStreams: Sendable {
    /// One log that nodes may write to.
    package struct Log: Sendable {
        package let origin: String
        package let sequencer: LogSequencer
        package let feed: CheckpointFeed
        /// The entries that lead from the log's first key to its present one.
        package let logKeys: @Sendable () -> [[UInt8]]
        /// Whose accounts are whose at this moment.
        package let accountMap: @Sendable () -> AccountMapSetting?

        package init(
            origin: String, sequencer: LogSequencer, feed: CheckpointFeed,
            logKeys: @escaping @Sendable () -> [[UInt8]] = { [] },
            accountMap: @escaping @Sendable () -> AccountMapSetting? = { nil }
        ) {
            self.origin = origin
            self.sequencer = sequencer
            self.feed = feed
            self.logKeys = logKeys
            self.accountMap = accountMap
        }
    }

    private let log: @Sendable (String) -> Log?
    private let isDamaged: @Sendable (String) -> Bool
    private let metrics: IntakeMetrics

    /// Entries of one stream that may wait for their commit.
    package static let windowEntries = 512

    /// - Parameters:
    ///   - isDamaged: whether a log is of this aggregator and cannot be opened: its nodes keep their spools and come
    ///     again.
    ///   - log: nil for a log that is not served.
    package init(
        metrics: IntakeMetrics, isDamaged: @escaping @Sendable (String) -> Bool = { _ in false },
        log: @escaping @Sendable (String) -> Log?
    ) {
        self.metrics = metrics
        self.isDamaged = isDamaged
        self.log = log
    }

    /// Serves one stream until the agent finishes or the server drains; then it still answers what it has received.
    package func serve(_ peer: Peer, _ messages: UpMessages, _ writer: DownWriter) async throws {
        guard !peer.isExpired else {
            throw IngestError(.certificateExpired, "the certificate of \(peer.node) has run out: renew it")
        }
        var iterator = messages.makeAsyncIterator()
        guard case .hello(let hello) = try await iterator.next() else {
            throw IngestError(.protocolViolation, "the first message of a stream is a hello")
        }
        guard hello.node == peer.node else {
            throw IngestError(
                .certificateRefused, "the certificate is \(peer.node)'s, the hello says \(hello.node): use its own")
        }
        guard let home = log(hello.log) else {
            guard !isDamaged(hello.log) else {
                throw IngestError(.unavailable, "the log \(hello.log) is damaged and not served: come again later")
            }
            throw IngestError(.refused, "this aggregator has no log \(hello.log): enroll the node here")
        }
        let (output, answers) = AsyncStream.makeStream(of: DownMessage.self)
        let listener = home.feed.listen { checkpoint in
            answers.yield(
                .checkpoint(
                    LogCheckpoint(
                        log: home.origin, note: checkpoint.bytes, logKeys: home.logKeys(),
                        accountMap: home.accountMap())))
        }
        defer { home.feed.stopListening(listener) }
        try await writer.send(.heads(try await heads(of: hello, home)))
        metrics.streamOpened()
        defer { metrics.streamClosed() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await message in output { try await writer.send(message) }
            }
            let window = StreamWindow(limit: Self.windowEntries)
            while let message = try await iterator.next() {
                guard case .entry(let upload) = message else { continue }
                await window.enter()
                await submit(upload, peer, answers, window)
            }
            await window.drain()
            answers.finish()
            try await group.waitForAll()
        }
    }

    private func submit(
        _ upload: EntryUpload, _ peer: Peer, _ answers: AsyncStream<DownMessage>.Continuation, _ window: StreamWindow
    ) async {
        let metrics = metrics
        do throws(Refusal) {
            guard let log = log(upload.log) else {
                guard !isDamaged(upload.log) else {
                    throw Refusal(
                        .overloaded, isPermanent: false, "the log \(upload.log) is damaged; send again later")
                }
                throw Refusal(.foreignLog, "this aggregator has no log \(upload.log)")
            }
            let received = try ReceivedEntry(note: upload.note, samples: upload.samples)
            let reference = EntryReference(received)
            let bytes = upload.note.count + upload.samples.count
            return await log.sequencer.submit(received, peer: peer.node) { result in
                switch result {
                case .success(let index):
                    metrics.accepted(bytes: bytes)
                    answers.yield(.ack(reference.receipt(index: index)))
                case .failure(let refusal):
                    metrics.refused(refusal.code)
                    answers.yield(.refuse(reference.refusal(refusal)))
                }
                window.leave()
            }
        } catch {
            metrics.refused(error.code)
            answers.yield(.refuse(EntryReference(unread: upload.note).refusal(error)))
            window.leave()
        }
    }

    /// The ends of the chains that the peer signs, and of those that it asks for, as the log holds them: another
    /// aggregator may have taken the newest.
    private func heads(of hello: AgentHello, _ log: Log) async throws -> [Wire.ChainHead] {
        try await log.sequencer.refresh()
        let asked = Set(hello.chains.filter { $0.log == log.origin }.map { Int64(clamping: $0.incarnation) })
        let chains = log.sequencer.withIntake { intake in
            intake.chains.chains.values.filter { chain in
                chain.signer == hello.node && (asked.contains(chain.incarnation) || !chain.isRecorded)
            }
        }
        var heads: [Wire.ChainHead] = []
        for chain in chains.sorted(by: { $0.incarnation < $1.incarnation }) {
            let ends = try await log.sequencer.ends(of: chain)
            heads.append(
                Wire.ChainHead(
                    chain: ChainReference(
                        log: log.origin, node: chain.node, incarnation: UInt64(clamping: chain.incarnation)),
                    nextSequence: ends.map { UInt64(clamping: $0.last.position.sequence) + 1 } ?? 0,
                    leaf: (ends?.leaf ?? chain.openingLeaf).bytes,
                    lastIndex: UInt64(clamping: ends?.lastIndex ?? chain.incarnation), isClosed: chain.isClosed))
        }
        return heads
    }
}

/// What an answer must say to be matched with its entry, also when the note cannot be read.
private struct EntryReference: Sendable {
    let chain: ChainReference?
    let sequence: UInt64
    let leaf: MerkleHash

    init(_ received: ReceivedEntry) {
        leaf = received.leaf
        guard case .batch(let batch) = received.entry else {
            (chain, sequence) = (nil, 0)
            return
        }
        chain = ChainReference(
            log: batch.log, node: batch.node, incarnation: UInt64(clamping: batch.position.incarnation))
        sequence = UInt64(clamping: batch.position.sequence)
    }

    /// A note that could not be read is told by its hash alone.
    init(unread note: [UInt8]) {
        leaf = MerkleHash.leaf(of: note)
        (chain, sequence) = (nil, 0)
    }

    func receipt(index: Int64) -> EntryReceipt {
        EntryReceipt(chain: chain, sequence: sequence, index: UInt64(clamping: index), leaf: leaf.bytes)
    }

    func refusal(_ refusal: Refusal) -> EntryRefusal {
        EntryRefusal(
            chain: chain, sequence: sequence, code: RefusalCode(rawValue: refusal.code.rawValue) ?? .badSyntax,
            isPermanent: refusal.isPermanent, message: refusal.message, leaf: leaf.bytes)
    }
}

/// Bounds what one stream has under way.
private final class StreamWindow: Sendable {
    private struct State {
        var count = 0
        var waiting: CheckedContinuation<Void, Never>?
        var draining: CheckedContinuation<Void, Never>?
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) { self.limit = limit }

    /// Takes a place, waiting for one. Called by one task only.
    func enter() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.count < limit {
                    state.count += 1
                    return true
                }
                state.waiting = continuation
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    func leave() {
        let (next, drained) = state.withLock { state in
            if let waiting = state.waiting {
                // The place goes straight to who waits for it.
                state.waiting = nil
                return (waiting, nil) as (CheckedContinuation<Void, Never>?, CheckedContinuation<Void, Never>?)
            }
            state.count -= 1
            guard state.count == 0, let draining = state.draining else { return (nil, nil) }
            state.draining = nil
            return (nil, draining)
        }
        next?.resume()
        drained?.resume()
    }

    /// Waits until every entry has its verdict.
    func drain() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if state.count > 0 { state.draining = continuation }
                return state.count == 0
            }
            if isEmpty { continuation.resume() }
        }
    }
}
