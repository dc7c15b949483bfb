import Synchronization
package import TransparencyLog

/// Has the checkpoints of one log cosigned by its witnesses, beside the publisher and never in its way.
///
/// Each witness is asked for the newest tree only, one request at a time. A cosignature is put under the checkpoint
/// that is served and stored. A witness that has seen more than this log, or something else, stops the log: whoever
/// has its key or an older copy of its state signed that, and every further signature would be a fork.
package final class WitnessRounds: Sendable {
    /// The log, as far as witnesses need it.
    package struct Log: Sendable {
        package var proof: @Sendable (_ old: UInt64, _ new: UInt64) throws -> [MerkleHash]
        /// A witness cosigned this checkpoint.
        package var cosigned: @Sendable (NoteSignature, SignedCheckpoint) async -> Void
        package var halt: @Sendable (_ reason: String, _ witness: VerifierKey) -> Void
        package var report: @Sendable (_ witness: String, _ failure: WitnessExchange.Failure) -> Void

        package init(
            proof: @escaping @Sendable (_ old: UInt64, _ new: UInt64) throws -> [MerkleHash],
            cosigned: @escaping @Sendable (NoteSignature, SignedCheckpoint) async -> Void,
            halt: @escaping @Sendable (_ reason: String, _ witness: VerifierKey) -> Void,
            report: @escaping @Sendable (_ witness: String, _ failure: WitnessExchange.Failure) -> Void
        ) {
            self.proof = proof
            self.cosigned = cosigned
            self.halt = halt
            self.report = report
        }
    }

    /// Time and chance from outside.
    package struct Environment: Sendable {
        package var nowMilliseconds: @Sendable () -> Int64
        /// 0 to 999.
        package var jitter: @Sendable () -> Int64

        package init(
            nowMilliseconds: @escaping @Sendable () -> Int64, jitter: @escaping @Sendable () -> Int64
        ) {
            self.nowMilliseconds = nowMilliseconds
            self.jitter = jitter
        }
    }

    private let log: Log
    private let feed: CheckpointFeed
    private let transport: WitnessTransport
    private let environment: Environment
    private let courses = Mutex<[WitnessCourse]>([])
    private let (wakes, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    package init(feed: CheckpointFeed, log: Log, transport: WitnessTransport, environment: Environment) {
        self.feed = feed
        self.log = log
        self.transport = transport
        self.environment = environment
    }

    /// The witnesses as they stand, in the order of the policy.
    package var status: [WitnessCourse] { courses.withLock { $0 } }

    /// Takes over a policy; a witness that stays keeps what is known of it.
    package func follow(_ policy: WitnessPolicy) {
        courses.withLock { courses in
            let known = courses
            courses = policy.asked.map { witness in
                known.first { $0.witness == witness } ?? WitnessCourse(witness)
            }
        }
        wake.yield()
    }

    /// Asks until `finish` is called or the task is cancelled.
    package func run() async {
        let (wakes, wake) = (wakes, wake)
        let listener = feed.listen { _ in wake.yield() }
        defer { feed.stopListening(listener) }
        await withDiscardingTaskGroup { group in
            // A pause that is over is noticed within a second, also in a log that stands still.
            group.addTask {
                while (try? await Task.sleep(for: .seconds(1))) != nil { wake.yield() }
            }
            for await _ in wakes {
                guard let checkpoint = feed.latest else { continue }
                for witness in takeDue(checkpoint.checkpoint.size) {
                    group.addTask { [self] in await ask(witness, for: checkpoint) }
                }
            }
            group.cancelAll()
        }
    }

    package func finish() { wake.finish() }

    private func takeDue(_ size: UInt64) -> [TrustPolicy.Witness] {
        let now = environment.nowMilliseconds()
        return courses.withLock { courses in
            courses.indices.filter { courses[$0].begin(size: size, nowMilliseconds: now) }.map { courses[$0].witness }
        }
    }

    /// Asks every witness about a checkpoint that was signed before this process began, so that an older copy of a
    /// whole host is noticed before it signs anything.
    ///
    /// A witness that does not answer is no reason to wait: it is asked again with the next checkpoint.
    package func confirm(_ stored: SignedCheckpoint, patience: Duration = .seconds(3)) async {
        let due = takeDue(stored.checkpoint.size)
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                try? await Task.sleep(for: patience)
                return true
            }
            for witness in due {
                group.addTask { [self] in
                    await ask(witness, for: stored)
                    return false
                }
            }
            var waiting = due.count
            while waiting > 0, let isOver = await group.next(), !isOver { waiting -= 1 }
            group.cancelAll()
        }
    }

    private func ask(_ witness: TrustPolicy.Witness, for checkpoint: SignedCheckpoint) async {
        guard let url = witness.url else { return }
        let known = courses.withLock { $0.first { $0.witness == witness }?.knownSize } ?? 0
        let size = checkpoint.checkpoint.size
        var exchange = WitnessExchange(
            witness: witness.key, checkpoint: checkpoint, knownSize: min(known, size))
        var step = exchange.start()
        while case .ask(let old) = step {
            do {
                let path = old == 0 || old == size ? [] : try log.proof(old, size)
                let reply = try await transport.post(Self.endpoint(url), exchange.request(path: path))
                step = exchange.received(status: reply.status, body: reply.body)
            } catch {
                step = .failed(.unavailable(status: 0))
            }
        }
        await settle(step, witness, checkpoint, knownSize: exchange.knownSize)
    }

    private func settle(
        _ step: WitnessExchange.Step, _ witness: TrustPolicy.Witness, _ checkpoint: SignedCheckpoint, knownSize: UInt64
    ) async {
        switch step {
        case .ask: break
        case .cosigned(let signature, let time):
            // Stored before the course goes on: the next question is about a larger tree.
            await log.cosigned(signature, checkpoint)
            change(witness) { $0.cosigned(size: checkpoint.checkpoint.size, time: time) }
            wake.yield()
        case .failed(let failure):
            let (now, jitter) = (environment.nowMilliseconds(), environment.jitter())
            change(witness) { $0.failed(failure, knownSize: knownSize, nowMilliseconds: now, jitter: jitter) }
            log.report("\(witness.name)", failure)
            // One that was taken out of the policy meanwhile has no say any more.
            let isAsked = status.contains { $0.witness == witness }
            if failure.isFork, isAsked { log.halt("the witness \(witness.name): \(failure)", witness.key) }
        }
    }

    private func change(_ witness: TrustPolicy.Witness, _ body: (inout WitnessCourse) -> Void) {
        courses.withLock { courses in
            guard let index = courses.firstIndex(where: { $0.witness == witness }) else { return }
            body(&courses[index])
        }
    }

    private static func endpoint(_ url: String) -> String {
        (url.hasSuffix("/") ? String(url.dropLast()) : url) + "/add-checkpoint"
    }
}

extension WitnessExchange.Failure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unavailable(0): "it did not answer"
        case .unavailable(let status): "it is not available (\(status))"
        case .refused(let status, let text): "it refused (\(status)): \(text)"
        case .ahead(let size):
            "it has cosigned a tree of \(size) entries, which this host does not have: the log was restored from an"
                + " older copy, or its key signs elsewhere"
        case .inconsistent(let text): "it has seen another tree of this log: \(text)"
        case .malformed(let text): "it does not keep to the protocol: \(text)"
        }
    }
}
