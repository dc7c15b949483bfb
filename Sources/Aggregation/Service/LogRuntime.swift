import Batches
package import Energy
package import Store
package import TransparencyLog

/// One organization's log, open on the host that signs it.
package final class LogRuntime: Sendable {
    package let organization: Organization
    package let keys: LogKeys
    package let database: LogDatabase
    package let sequencer: LogSequencer
    package let publisher: LogPublisher
    package let feed = CheckpointFeed()
    package let directory: String

    /// Opens a log: reads its registers, checks what was signed against the database.
    package init(
        _ organization: Organization, directory: String, pool: ConnectionPool, clock: ServiceClock
    ) async throws {
        let keys = try LogKeys(directory: directory)
        let database = LogDatabase(log: organization.log, pool: pool)
        let intake = try await database.intake(origin: organization.origin)
        let conflicts = ConflictWriter(keys: keys, clock: clock)
        let sequencer = LogSequencer(
            intake: intake, log: database.sequencerLog(), onFork: { await conflicts.write($0, first: $1) })
        conflicts.attach(sequencer)
        let signer = try CheckpointSigner(
            origin: organization.origin, key: keys.log, selfWitness: keys.selfWitness, path: "\(directory)/signer")
        publisher = try await LogPublisher(
            signer: signer, log: database.publisherLog(), directory: directory,
            now: { UInt64(clamping: clock.now().microseconds / 1_000_000) })
        self.organization = organization
        self.keys = keys
        self.database = database
        self.sequencer = sequencer
        self.directory = directory
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

/// Time and randomness as the service gets them from outside.
package struct ServiceClock: Sendable {
    package let now: @Sendable () -> UTCTime
    package let random: @Sendable (Int) -> [UInt8]

    package init(now: @escaping @Sendable () -> UTCTime, random: @escaping @Sendable (Int) -> [UInt8]) {
        self.now = now
        self.random = random
    }
}
