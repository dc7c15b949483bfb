import Batches
import Synchronization
package import TransparencyLog
package import Wire

/// Carries entries to the aggregator and tells what became of them: the shell around `UplinkState`.
///
/// One connection with one stream at a time. Whoever makes entries stores them, then calls `add`; `run` does the rest
/// until its task is cancelled.
package final class Uplink: Sendable {
    package struct Configuration: Sendable {
        /// Origin of the log.
        package var log: String
        package var logKey: VerifierKey
        /// Name of the signer.
        package var node: String
        package var agentVersion: String
        package var window = UplinkState.Window()

        package init(log: String, logKey: VerifierKey, node: String, agentVersion: String) {
            self.log = log
            self.logKey = logKey
            self.node = node
            self.agentVersion = agentVersion
        }
    }

    /// What the world outside must provide.
    package struct Environment: Sendable {
        /// A client for the next connection, with the certificate that is valid then.
        package var client: @Sendable () async throws -> IngestClient
        /// Waits; throws when the task is cancelled.
        package var pause: @Sendable (_ milliseconds: Int64) async throws -> Void
        /// 0 to 999 at random.
        package var jitter: @Sendable () -> Int64
        /// Called for everything that somebody outside may want to know, in order, never under a lock.
        package var observe: @Sendable (UplinkEvent) -> Void

        package init(
            client: @escaping @Sendable () async throws -> IngestClient,
            pause: @escaping @Sendable (_ milliseconds: Int64) async throws -> Void,
            jitter: @escaping @Sendable () -> Int64, observe: @escaping @Sendable (UplinkEvent) -> Void
        ) {
            self.client = client
            self.pause = pause
            self.jitter = jitter
            self.observe = observe
        }
    }

    private struct Shared {
        var state: UplinkState
        var memory: CheckpointMemory
        var outbox: AsyncStream<Order>.Continuation?
        /// Nodes of the chains, which an importer's own name is not.
        var nodes: [Int64: String] = [:]
        var checkpointFaults: [String: Int64] = [:]
        var lastCheckpointFault: CheckpointMemory.Fault?
        var lastFault: String?
    }

    /// Work for the connection.
    private enum Order: Sendable {
        case send(SpoolItem)
        case pause(milliseconds: Int64)
        case drop(reason: String)
    }

    private let configuration: Configuration
    private let environment: Environment
    private let store: any EntryStore
    private let shared: Mutex<Shared>

    /// - Parameters:
    ///   - remembered: the newest checkpoint that an earlier run remembered, as a note.
    ///   - logKeys: the entries that it followed from the key of the enrolment.
    package init(
        configuration: Configuration, store: any EntryStore, remembered: [UInt8]? = nil, logKeys: [[UInt8]] = [],
        environment: Environment
    ) {
        self.configuration = configuration
        self.environment = environment
        self.store = store
        let memory = CheckpointMemory(
            origin: configuration.log, key: configuration.logKey, remembered: remembered, logKeys: logKeys)
        shared = Mutex(
            Shared(state: UplinkState(window: configuration.window, remembered: memory.head), memory: memory))
    }

    // MARK: For those who make entries

    package func openChain(
        _ incarnation: Int64, node: String, keepsNewest: Bool, isReproducible: Bool = false, nextSequence: Int64 = 0,
        previous: MerkleHash? = nil
    ) {
        shared.withLock {
            $0.nodes[incarnation] = node
            $0.state.openChain(
                incarnation, keepsNewest: keepsNewest, isReproducible: isReproducible, nextSequence: nextSequence,
                previous: previous)
        }
    }

    /// Asks for the head of a chain that has no entries here yet: the next connection's heads show it.
    package func watch(_ incarnation: Int64, node: String) {
        shared.withLock {
            $0.nodes[incarnation] = node
            $0.state.watch(incarnation)
        }
    }

    /// Takes an entry that is in the store.
    ///
    /// - Parameter isRecovered: an earlier run left it there.
    package func add(_ item: SpoolItem, isRecovered: Bool = false) {
        apply { $0.state.add(item, isRecovered: isRecovered) }
    }

    /// Ends the connection; the next one begins at once with the heads of all chains.
    package func reconnect() {
        shared.withLock { _ = $0.outbox?.yield(.drop(reason: Self.askedReason)) }
    }

    private static let askedReason = "asked for"

    /// Size and root of the newest verified checkpoint: the anchor of the next batch.
    package var anchor: TreeHead? { shared.withLock { $0.memory.head } }

    /// A look at the state, for metrics and tests.
    package var status: UplinkStatus {
        shared.withLock {
            UplinkStatus(
                isOpen: $0.state.isOpen, isSettled: $0.state.isSettled, unsettled: $0.state.unsettledCount,
                backlog: $0.state.backlogCount, counters: $0.state.counters, checkpointSize: $0.memory.head?.size,
                checkpointFaults: $0.checkpointFaults, lastCheckpointFault: $0.lastCheckpointFault,
                holds: $0.state.holds, lastFault: $0.lastFault, acknowledged: $0.state.acknowledgedSequences)
        }
    }

    // MARK: Running

    /// Connects, and connects again, until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            var isAsked = false
            do {
                let client = try await environment.client()
                try await client.withStream { messages, writer in try await self.converse(messages, writer) }
            } catch let drop as Drop {
                isAsked = drop.reason == Self.askedReason
                if !isAsked { fail(drop.reason) }
            } catch is CancellationError {
                break
            } catch {
                fail("\(error)")
            }
            let wait = shared.withLock { shared in
                shared.outbox?.finish()
                shared.outbox = nil
                return shared.state.disconnected(jitter: environment.jitter())
            }
            environment.observe(.disconnected)
            if !isAsked, (try? await environment.pause(wait)) == nil { break }
        }
    }

    private func fail(_ reason: String) {
        guard !Task.isCancelled else { return }
        shared.withLock { $0.lastFault = reason }
        environment.observe(.fault(reason))
    }

    private func converse(_ messages: DownMessages, _ writer: UpWriter) async throws {
        let (orders, outbox) = AsyncStream.makeStream(of: Order.self)
        let chains = shared.withLock { shared in
            shared.state.connected()
            shared.outbox = outbox
            return shared.state.incarnations.map { incarnation in
                ChainReference(
                    log: configuration.log, node: shared.nodes[incarnation] ?? configuration.node,
                    incarnation: UInt64(clamping: incarnation))
            }
        }
        let hello = AgentHello(
            log: configuration.log, node: configuration.node, agentVersion: configuration.agentVersion, chains: chains)
        try await writer.send(.hello(hello))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for try await message in messages { try self.take(message) }
                throw Drop(reason: "the aggregator ended the stream")
            }
            group.addTask { try await self.carryOut(orders, writer) }
            // Whichever ends first ends the connection.
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private func carryOut(_ orders: AsyncStream<Order>, _ writer: UpWriter) async throws {
        for await order in orders {
            switch order {
            case .send(let item):
                guard let entry = try store.read(item.leaf) else { continue }
                try await writer.send(
                    .entry(EntryUpload(log: configuration.log, note: entry.note, samples: entry.samples)))
            case .pause(let milliseconds):
                try await environment.pause(milliseconds)
                apply { $0.state.retryDue() }
            case .drop(let reason):
                throw Drop(reason: reason)
            }
        }
        try Task.checkCancellation()
    }

    private func take(_ message: DownMessage) throws {
        switch message {
        case .heads(let heads):
            let known = heads.compactMap { LogHead($0, log: configuration.log) }
            apply { $0.state.heads(known) }
            environment.observe(.heads(known))
        case .ack(let receipt):
            guard let leaf = MerkleHash(receipt.leaf) else { return }
            let position = ChainPosition(receipt.chain, receipt.sequence)
            apply { $0.state.acknowledged(leaf: leaf, position: position, index: Int64(clamping: receipt.index)) }
        case .refuse(let refused):
            guard let leaf = MerkleHash(refused.leaf) else { return }
            let position = ChainPosition(refused.chain, refused.sequence)
            let refusal = Refusal(refused)
            let jitter = environment.jitter()
            apply { $0.state.refused(leaf: leaf, position: position, refusal, jitter: jitter) }
            // Nothing that this side does again helps: whoever runs the log has to be told, and an import to end.
            if refusal.code == .chainFork, !refusal.isPermanent { environment.observe(.fault("\(refusal)")) }
        case .checkpoint(let checkpoint):
            guard checkpoint.log == configuration.log else { return }
            take(checkpoint)
            if let accounts = checkpoint.accountMap { environment.observe(.accounts(accounts)) }
        }
    }

    private func take(_ checkpoint: LogCheckpoint) {
        let outcome = shared.withLock { shared -> Result<[UplinkState.Action], CheckpointMemory.Fault> in
            do throws(CheckpointMemory.Fault) {
                guard let head = try shared.memory.take(checkpoint.note, logKeys: checkpoint.logKeys) else {
                    return .success([])
                }
                return .success(Self.hand(shared.state.checkpoint(head), to: shared.outbox))
            } catch {
                shared.checkpointFaults[error.word, default: 0] += 1
                shared.lastCheckpointFault = error
                return .failure(error)
            }
        }
        switch outcome {
        case .success(let actions): perform(actions)
        case .failure(let fault): environment.observe(.fault("\(configuration.log): \(fault)"))
        }
    }

    /// Changes the state, then does what it asks for, in order.
    private func apply(_ change: (inout Shared) -> [UplinkState.Action]) {
        perform(shared.withLock { Self.hand(change(&$0), to: $0.outbox) })
    }

    /// Gives the connection its orders, still under the lock: two threads that change the state one after the other
    /// must not send in another order.
    ///
    /// - Returns: the actions that are done outside of the lock.
    private static func hand(
        _ actions: [UplinkState.Action], to outbox: AsyncStream<Order>.Continuation?
    ) -> [UplinkState.Action] {
        actions.filter { action in
            switch action {
            case .send(let item): outbox?.yield(.send(item))
            case .pause(let milliseconds): outbox?.yield(.pause(milliseconds: milliseconds))
            case .drop(let reason): outbox?.yield(.drop(reason: reason))
            case .settle, .remember, .logged, .setAside, .giveUp: return true
            }
            return false
        }
    }

    private func perform(_ actions: [UplinkState.Action]) {
        // Entries stay where they are when the checkpoint that covers them cannot be remembered; the next start sends
        // them again.
        var mayDelete = true
        for action in actions {
            if case .settle = action, !mayDelete { continue }
            do {
                try perform(action)
            } catch {
                if action == .remember { mayDelete = false }
                environment.observe(.fault("\(error)"))
            }
        }
    }

    private func perform(_ action: UplinkState.Action) throws(SpoolError) {
        switch action {
        case .send, .pause, .drop: break
        case .remember:
            let (note, logKeys) = shared.withLock { ($0.memory.newest?.signed.bytes, $0.memory.logKeys) }
            guard let note else { return }
            try store.remember(checkpoint: note, logKeys: logKeys)
        case .settle(let item):
            try store.delete(item.leaf)
            environment.observe(.settled(item))
        case .setAside(let item, let refusal):
            try store.setAside(item.leaf, reason: "\(refusal)")
            environment.observe(.refused(item, refusal))
        case .logged(let leaf, let index): environment.observe(.logged(leaf: leaf, index: index))
        case .giveUp(let loss): environment.observe(.gaveUp(loss))
        }
    }

    /// Ends a connection on purpose.
    private struct Drop: Error { let reason: String }
}
