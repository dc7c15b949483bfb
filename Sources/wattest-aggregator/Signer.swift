import Aggregation
import ArgumentParser
import Batches
import Identity
import JSONText
import Store
import Synchronization
import TransparencyLog

/// The signer's own state.
struct Signer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "The state by which this host never signs two histories.", subcommands: [SignerAdopt.self])
}

/// Makes this host the one that signs for a log.
struct SignerAdopt: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adopt",
        abstract:
            "Make the signer's state of a log anew from what witnesses and nodes know; the aggregator must be stopped.")

    @OptionGroup var options: PolicyOptions
    @Option(name: .customLong("database-url"), help: "PostgreSQL to use instead of the private cluster.")
    var databaseURL: String?
    @Option(help: "File with a checkpoint that a node or witness has; may be given several times.")
    var checkpoint: [String] = []
    @Option(name: .customLong("witness-ca"), help: "PEM of the authorities of witnesses.") var witnessAuthority: String?
    @Flag(help: "Print one JSON object.") var json = false

    func run() async throws {
        let settings = try Settings(
            file: options.config,
            flags: [
                "data-dir": options.dataDirectory, "database-url": databaseURL, "witness-ca": witnessAuthority,
            ])
        let (_, directory, keys) = try options.open()
        let database = try await Database.open(settings, migrating: false, logger: Environment.logger())
        do {
            let adopted = try await adopt(directory, keys, database, settings)
            await database.cluster?.stop()
            report(adopted, keys)
        } catch {
            await database.cluster?.stop()
            throw error
        }
    }

    private func adopt(
        _ directory: String, _ keys: LogKeys, _ database: Database, _ settings: Settings
    ) async throws -> TreeHead {
        let pool = try ConnectionPool(database.intake, limits: .init(connections: 1))
        do {
            let adopted = try await adopt(directory, keys, pool, settings)
            await pool.close()
            return adopted
        } catch {
            await pool.close()
            throw error
        }
    }

    private func adopt(
        _ directory: String, _ keys: LogKeys, _ pool: ConnectionPool, _ settings: Settings
    ) async throws -> TreeHead {
        let organizations = try await pool.run { connection throws(StoreError) in try connection.organizations() }
        guard let organization = organizations.first(where: { $0.origin == keys.origin }) else {
            throw Failure(
                .refused, "the database has no log \(keys.origin); restore the one that goes with \(directory)")
        }
        let database = LogDatabase(log: organization.log, pool: pool)
        let log = database.publisherLog()
        let signers = try await database.intake(origin: keys.origin).signers
        _ = try LogKeys.settled(directory: directory, logKey: signers.logKey)
        var known = try checkpoint.map { SignerAdoption.Known(place: $0, note: try PrivateFile.read($0)) }
        if let stored = try await log.storedCheckpoint() { known.append(.init(place: "the database", note: stored)) }
        do {
            let newest = try await SignerAdoption.check(
                origin: keys.origin, keys: signers.logKeys.map(\.key), log: log, known: known)
            let answered = try await ask(newest, directory, keys, settings)
            guard !checkpoint.isEmpty || answered else { throw SignerAdoption.Fault.nothingKnown(origin: keys.origin) }
            try CheckpointSigner.adopt(newest.checkpoint.head, origin: keys.origin, path: "\(directory)/signer")
            return newest.checkpoint.head
        } catch let fault as SignerAdoption.Fault {
            throw Failure(.refused, fault.description)
        }
    }

    /// Shows the newest checkpoint to the log's witnesses.
    ///
    /// - Returns: whether one of them agrees. One that has seen more or something else ends the command.
    private func ask(
        _ newest: SignedCheckpoint, _ directory: String, _ keys: LogKeys, _ settings: Settings
    ) async throws -> Bool {
        guard let policy = try WitnessPolicy.read(LogRuntime.witnessPolicyFile(directory), ownKeys: keys.verifiers)
        else { return false }
        let transport = try WitnessTransport.http(
            authorityPEM: try settings["witness-ca"].map { file in try PrivateFile.read(file) })
        let halted = Mutex<String?>(nil)
        let rounds = WitnessRounds(
            feed: CheckpointFeed(),
            log: WitnessRounds.Log(
                proof: { old, new in
                    try TiledTree(size: new).consistencyProof(from: old) { tile throws(TransparencyLogError) in
                        try TileFiles(directory: directory).read(tile)
                    }.path
                },
                cosigned: { _, _ in },
                halt: { reason, _ in halted.withLock { $0 = reason } },
                report: { witness, failure in
                    Failure(.unavailable, "witness \(witness): \(failure)").report()
                }),
            transport: transport,
            environment: .init(nowMilliseconds: Environment.clock.milliseconds, jitter: { 0 }))
        rounds.follow(policy)
        await rounds.confirm(newest)
        await transport.close()
        if let reason = halted.withLock({ $0 }) { throw Failure(.refused, reason) }
        return rounds.status.contains { $0.isHealthy && $0.cosigned != nil }
    }

    private func report(_ head: TreeHead, _ keys: LogKeys) {
        if json {
            let object: JSONValue = [
                "log": .string(keys.origin), "size": .decimalString(head.size), "root": .string(head.root.base64),
            ]
            return print(object.text(.compact))
        }
        print("This host signs for \(keys.origin) from \(head.size) entries on; stop every other host that did.")
    }
}
