import Batches
package import Energy
package import HardwareKeys
package import Store
import Synchronization
package import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// One organization's log, open on the host that signs it.
package final class LogRuntime: Sendable {
    package let organization: Organization
    private let held: Mutex<(keys: LogKeys, notes: [[UInt8]])>
    package let database: LogDatabase
    package let sequencer: LogSequencer
    package let publisher: LogPublisher
    package let feed: CheckpointFeed
    package let directory: String
    package let standing: StandingAccounts
    package let records: RecordShelf
    let reports = ReportShelf()
    /// Reports are issued one after the other.
    let issuing = AsyncTurn()
    package let witnesses: WitnessRounds
    private let witnessing: Witnessing
    private let followed: Mutex<WitnessPolicy>

    /// What every log needs to be witnessed.
    package struct Witnessing: Sendable {
        package var transport: WitnessTransport
        package var environment: WitnessRounds.Environment
        /// For logs without a policy of their own; nil for none.
        package var defaultPolicyFile: String?
        package var report: @Sendable (_ log: String, _ text: String) -> Void

        package init(
            transport: WitnessTransport, environment: WitnessRounds.Environment, defaultPolicyFile: String? = nil,
            report: @escaping @Sendable (_ log: String, _ text: String) -> Void
        ) {
            self.transport = transport
            self.environment = environment
            self.defaultPolicyFile = defaultPolicyFile
            self.report = report
        }
    }

    /// The witness policy of one log, beside its keys.
    package static func witnessPolicyFile(_ directory: String) -> String { "\(directory)/witnesses.policy" }

    /// Opens a log: reads its registers, checks what was signed against the database.
    package init(
        _ organization: Organization, directory: String, pool: ConnectionPool, clock: ServiceClock,
        witnessing: Witnessing
    ) async throws {
        let database = LogDatabase(log: organization.log, pool: pool)
        let intake = try await database.intake(origin: organization.origin)
        let keys = try LogKeys.settled(directory: directory, logKey: intake.signers.logKey)
        let notes = try await database.logKeyNotes(intake.signers)
        let conflicts = ConflictWriter(keys: keys, clock: clock)
        let times = LogTimeWriter(keys: keys, clock: clock)
        let sequencer = LogSequencer(
            intake: intake, log: database.sequencerLog(), onFork: { await conflicts.write($0, first: $1) },
            onBatch: { times.appended($0) })
        conflicts.attach(sequencer)
        times.attach(sequencer)
        let signer = try CheckpointSigner(
            origin: organization.origin, key: keys.log, selfWitness: keys.selfWitness, path: "\(directory)/signer")
        let publisher = try await LogPublisher(
            signer: signer, log: database.publisherLog(), directory: directory, now: clock.now)
        let feed = CheckpointFeed()
        // When a tree was published that an earlier run published is not known.
        let published = publisher.latest?.checkpoint.size ?? 0
        _ = feed.listen { if $0.checkpoint.size > published { times.published($0.checkpoint.size) } }
        let followed = try Self.witnessPolicy(directory, keys, witnessing)
        self.followed = Mutex(followed)
        self.witnessing = witnessing
        self.publisher = publisher
        self.feed = feed
        let relay = CosignatureRelay(publisher: publisher, feed: feed)
        let report = witnessing.report
        witnesses = WitnessRounds(
            feed: feed,
            log: WitnessRounds.Log(
                proof: { try publisher.proof(from: $0, to: $1) },
                cosigned: { await relay.take($0, $1) { report(organization.origin, $0) } },
                halt: { reason, witness in
                    publisher.halt(reason, witness: witness)
                    report(organization.origin, "signs nothing any more: \(reason)")
                },
                report: { report(organization.origin, "witness \($0): \($1)") }),
            transport: witnessing.transport, environment: witnessing.environment)
        self.organization = organization
        held = Mutex((keys, notes))
        self.database = database
        standing = StandingAccounts(
            database: database, origin: organization.origin, file: "\(directory)/accounts")
        records = RecordShelf(database: database)
        self.sequencer = sequencer
        self.directory = directory
        relay.quorum = { [weak self] in self?.witnessPolicy.policy ?? .empty }
        witnesses.follow(followed)
        // Shown before anything new is signed: an older copy of this whole host is told by whoever has seen more.
        if let stored = publisher.latest {
            feed.announce(stored)
            await witnesses.confirm(stored)
        }
    }

    // MARK: Keys

    package var keys: LogKeys { held.withLock { $0.keys } }

    /// The entries that lead from the log's first key to its present one, as signed.
    package var logKeyNotes: [[UInt8]] { held.withLock { $0.notes } }

    /// Gives the log another key; checkpoints are signed by it from the entry on that names it.
    ///
    /// - Parameter token: where the new key is; nil makes one in a file.
    /// - Returns: the index of that entry.
    package func changeLogKey(
        by: String, reason: String, token: TokenURI? = nil, clock: ServiceClock
    ) async throws -> Int64 {
        try await issuing.take { [self] in
            let key = try token.map { try TokenKey($0).signingKey(name: organization.origin) }
            try await publish()
            let change = LogKeyChange(
                directory: directory, publisher: publisher, append: { try await self.sequencer.append(note: $0) })
            let changed = try await change.run(
                keys,
                LogKeyChange.Order(
                    by: by, reason: reason, time: clock.now(), salt: clock.random(16), seed: clock.random(32),
                    key: key))
            held.withLock { held in
                held.keys = changed.keys
                held.notes.append(changed.note)
            }
            try await publish()
            return changed.index
        }
    }

    // MARK: Witnesses

    /// Whom the log asks to cosign.
    package var witnessPolicy: WitnessPolicy { followed.withLock { $0 } }

    /// The policy file as auditors get it.
    package var policy: String { witnessPolicy.published(logKeys: [keys.log.verifier]) }

    private static func witnessPolicy(
        _ directory: String, _ keys: LogKeys, _ witnessing: Witnessing
    ) throws -> WitnessPolicy {
        for file in [witnessPolicyFile(directory), witnessing.defaultPolicyFile].compactMap(\.self) {
            if let policy = try WitnessPolicy.read(file, ownKeys: keys.verifiers) { return policy }
        }
        return .none
    }

    /// Reads the policy again, as a person may have changed it. A damaged one changes nothing.
    package func followPolicyFile() throws {
        let policy = try Self.witnessPolicy(directory, keys, witnessing)
        let isNew = followed.withLock { followed in
            defer { followed = policy }
            return followed != policy
        }
        if isNew { witnesses.follow(policy) }
        // Each time: what a witness said that was taken out in that moment would hold the log up for ever.
        publisher.believe(only: policy.policy.witnesses.map(\.key))
    }

    /// Publishes, and waits for a quorum where one is asked for and can be had.
    ///
    /// - Returns: the newest checkpoint with a quorum that covers everything, else the newest one.
    package func publishWitnessed(patience: Duration = .seconds(5)) async throws -> SignedCheckpoint {
        let checkpoint = try await publish()
        let policy = witnessPolicy.policy
        let healthy = Set(witnesses.status.filter(\.isHealthy).map(\.witness.name))
        guard policy.quorum != nil, policy.isQuorum(healthy) else { return feed.latest ?? checkpoint }
        return await feed.witnessed(from: checkpoint.checkpoint.size, patience: patience) ?? checkpoint
    }

    /// Publishes what the log holds and tells everyone who listens.
    @discardableResult
    package func publish() async throws -> SignedCheckpoint {
        let checkpoint = try await publisher.publish()
        feed.announce(checkpoint)
        return checkpoint
    }

    /// Signs an entry with the administration key and appends it.
    package func append(_ text: [UInt8]) async throws -> (index: Int64, leaf: MerkleHash) {
        let note = try keys.administration.sign(text).bytes
        return (try await sequencer.append(note: note), MerkleHash.leaf(of: note))
    }
}

/// Carries cosignatures from the witnesses to whoever reads checkpoints.
private final class CosignatureRelay: Sendable {
    private let publisher: LogPublisher
    private let feed: CheckpointFeed
    private let policy = Mutex<@Sendable () -> TrustPolicy>({ .empty })

    init(publisher: LogPublisher, feed: CheckpointFeed) {
        self.publisher = publisher
        self.feed = feed
    }

    var quorum: @Sendable () -> TrustPolicy {
        get { policy.withLock { $0 } }
        set { policy.withLock { $0 = newValue } }
    }

    func take(_ cosignature: NoteSignature, _ checkpoint: SignedCheckpoint, report: (String) -> Void) async {
        do {
            let improved = try await publisher.add(cosignature, to: checkpoint)
            let policy = quorum()
            let names = policy.witnesses.filter { witness in
                improved.note.signatures.contains { witness.key.matches($0) }
            }.map(\.name)
            feed.improve(improved, reachesQuorum: policy.quorum != nil && policy.isQuorum(Set(names)))
        } catch {
            report("a cosignature could not be kept: \(error)")
        }
    }
}

/// Time and randomness as the service gets them from outside.
package struct ServiceClock: Sendable {
    package let now: @Sendable () -> UTCTime
    package let random: @Sendable (Int) -> [UInt8]
    /// For pauses: a clock that nobody sets.
    package let milliseconds: @Sendable () -> Int64

    package init(
        now: @escaping @Sendable () -> UTCTime, random: @escaping @Sendable (Int) -> [UInt8],
        milliseconds: @escaping @Sendable () -> Int64 = ServiceClock.monotonicMilliseconds
    ) {
        self.now = now
        self.random = random
        self.milliseconds = milliseconds
    }

    @Sendable package static func monotonicMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
