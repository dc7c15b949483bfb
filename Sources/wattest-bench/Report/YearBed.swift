import Aggregation
import Batches
import Disclosure
import Energy
import Logging
import Store
import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A private database with the log of one year in it, and the aggregator that answers from it.
final class YearBed: Sendable {
    let plan: YearPlan
    private let installation: Installation
    private let cluster: PrivateCluster
    private let pool: ConnectionPool
    private let logger: Logger
    /// It stands at the time that the year has reached.
    private let time: Mutexed<UTCTime>
    private let clock: ServiceClock

    private init(
        plan: YearPlan, installation: Installation, cluster: PrivateCluster, pool: ConnectionPool, logger: Logger
    ) {
        let time = Mutexed(plan.period.start)
        self.plan = plan
        self.installation = installation
        self.cluster = cluster
        self.pool = pool
        self.logger = logger
        self.time = time
        clock = ServiceClock(
            now: { time.withLock { $0 } },
            random: { count in
                var generator = SystemRandomNumberGenerator()
                return (0..<count).map { _ in UInt8.random(in: .min...(.max), using: &generator) }
            })
    }

    static func start(directory: String, plan: YearPlan) async throws -> YearBed {
        var logger = Logger(label: "bench")
        logger.logLevel = .error
        let cluster = try await PrivateCluster.start(dataDirectory: directory, logger: logger)
        let admin = try ConnectionPool(cluster.administratorTarget(), limits: .init(connections: 1))
        _ = try await admin.run { connection throws(StoreError) in try Migrator().migrate(connection) }
        await admin.close()
        let pool = try ConnectionPool(cluster.target(.intake), limits: .init(connections: 4, patienceSeconds: 60))
        let bed = YearBed(
            plan: plan, installation: Installation(directory: directory), cluster: cluster, pool: pool, logger: logger)
        _ = try await Founding(installation: bed.installation, clock: bed.clock).found(
            organization: "Bench", slug: "bench", site: "north", host: "bench.example", pool: pool)
        return bed
    }

    func stop() async {
        await pool.close()
        await cluster.stop()
    }

    // MARK: Filling

    /// Puts the year into the log through the intake.
    ///
    /// - Parameters:
    ///   - batches: of one job on one of its nodes.
    ///   - withFolds: also the sums of the database, which reports do not read.
    /// - Returns: batches in the log.
    func fill(batches: Int, withFolds: Bool) async throws -> Int {
        let organization = try await pool.run { connection throws(StoreError) in try connection.organizations() }[0]
        let database = LogDatabase(log: organization.log, pool: pool)
        var log = database.sequencerLog()
        if !withFolds {
            let append = log.append
            log.append = { items, size in try await append(items.map(\.withoutPostings), size) }
        }
        let intake = try await database.intake(origin: organization.origin)
        let keys = try LogKeys.settled(
            directory: installation.logDirectory(organization.slug), logKey: intake.signers.logKey)
        let sequencer = LogSequencer(intake: intake, log: log)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await sequencer.run() }
            var year = YearWriter(
                plan: plan, origin: organization.origin, key: keys.administration, clock: clock, sequencer: sequencer)
            try await year.open()
            var count = 0
            for turn in 0..<plan.turns {
                count += try await year.write(turn: turn, batches: batches)
                time.withLock { $0 = UTCTime(hour: YearPlan.start + Int64(plan.end(ofTurn: turn))) }
                try await year.end(turn: turn)
            }
            sequencer.finish()
            try await group.waitForAll()
            return count
        }
    }

    /// Of the file in which the aggregator kept its accounts over its stop.
    var accountsBytes: Int {
        let descriptor = open("\(installation.logDirectory("bench"))/accounts", O_RDONLY)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        return max(0, Int(lseek(descriptor, 0, SEEK_END)))
    }

    // MARK: Serving

    /// Starts an aggregator on what is there, and gives it to `body` while it runs.
    func serve<Value: Sendable>(
        _ body: @Sendable (Routes, LogRuntime) async throws -> Value
    ) async throws -> Value {
        var configuration = Aggregator.Configuration(originHost: "bench.example")
        configuration.closing = .off
        let aggregator = try Aggregator(
            installation: installation, configuration: configuration, clock: clock, pool: pool, logger: logger,
            isHealthy: { true })
        try await aggregator.openLogs()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await aggregator.run() }
            let value = try await body(Routes(aggregator), aggregator.organizations[0])
            await aggregator.drain()
            group.cancelAll()
            return value
        }
    }
}

/// Writes the entries of a year, turn by turn.
private struct YearWriter {
    let plan: YearPlan
    let origin: String
    let key: SigningKey
    let clock: ServiceClock
    let sequencer: LogSequencer
    private var nodes: [YearNode] = []
    private var records: [Int: Batches.JobRecord] = [:]

    init(plan: YearPlan, origin: String, key: SigningKey, clock: ServiceClock, sequencer: LogSequencer) {
        self.plan = plan
        self.origin = origin
        self.key = key
        self.clock = clock
        self.sequencer = sequencer
    }

    private func append(_ text: [UInt8], _ samples: [UInt8] = []) async throws -> (index: Int64, leaf: MerkleHash) {
        let note = try key.sign(text).bytes
        return (try await sequencer.append(note: note, samples: samples), MerkleHash.leaf(of: note))
    }

    /// Enrols the nodes and sets what reports ask for.
    mutating func open() async throws {
        let settings = [
            (SettingField.siteZone, "\"DE\""), (SettingField.sitePUE, "{\"value\":1.2,\"source\":\"metered\"}"),
        ]
        for (field, value) in settings {
            let entry = SetEntry(
                log: origin, time: clock.now(), field: field, subject: "north", value: Array(value.utf8),
                effectiveFrom: nil, effectiveUntil: nil, by: "operator", reason: nil, salt: clock.random(16))
            _ = try await append(entry.text)
        }
        for number in 0..<plan.nodes {
            let name = "node-\(number)"
            let key = try SigningKey(name: name, seed: clock.random(32))
            let entry = NodeEntry(
                log: origin, time: clock.now(), action: .enrol, node: name, role: .node, site: "north",
                key: key.verifier.text, salt: clock.random(16))
            let (index, leaf) = try await append(entry.text)
            nodes.append(YearNode(log: origin, name: name, key: key, incarnation: index, opening: leaf))
        }
    }

    /// The starts of a turn's jobs, then all batches of the turn.
    mutating func write(turn: Int, batches: Int) async throws -> Int {
        let jobs = plan.jobs(ofTurn: turn)
        for job in jobs {
            let record = Batches.JobRecord(
                key: JobKey(cluster: "c1", scheduler: "slurm", id: "\(job.number)", submitSeconds: 1_767_225_000),
                name: "train-\(job.number)", user: "alice",
                labels: ["class": "final", "model": "model-\(job.number % 40)"], salt: clock.random(16))
            records[job.number] = record
            _ = try await append(entry(job, .start, record).text, record.text)
        }
        let byGroup = Dictionary(uniqueKeysWithValues: jobs.map { ($0.group, $0) })
        var notes: [(note: [UInt8], node: String)] = []
        for (group, members) in plan.groups.enumerated() {
            for node in members { try write(turn, byGroup[group], batches, node, to: &notes) }
        }
        try await submit(notes)
        return notes.count
    }

    private mutating func write(
        _ turn: Int, _ job: YearPlan.Job?, _ batches: Int, _ node: Int, to notes: inout [(note: [UInt8], node: String)]
    ) throws {
        let group = node / plan.width
        if let job, let record = records[job.number] {
            let hourly = YearPlan.microjoules(isBusy: true, turn: turn, group: group)
            let parts = min(batches, job.busy.count)
            for part in 1...parts {
                let end = job.busy.lowerBound + job.busy.count * part / parts
                let note = try nodes[node].batch(until: end, job: record.pseudonym, hourly: hourly)
                notes.append((note, nodes[node].name))
            }
        }
        let end = plan.end(ofTurn: turn)
        guard job.map({ $0.busy.upperBound < end }) ?? true else { return }
        let hourly = YearPlan.microjoules(isBusy: false, turn: turn, group: group)
        notes.append((try nodes[node].batch(until: end, job: nil, hourly: hourly), nodes[node].name))
    }

    /// The ends of a turn's jobs, told when the turn is over.
    mutating func end(turn: Int) async throws {
        for job in plan.jobs(ofTurn: turn) {
            guard let record = records.removeValue(forKey: job.number) else { continue }
            _ = try await append(entry(job, .end, record).text, record.text)
        }
    }

    private func entry(_ job: YearPlan.Job, _ event: JobEntry.Event, _ record: Batches.JobRecord) -> JobEntry {
        let names = plan.groups[job.group].map { "node-\($0)" }
        let (start, stop) = (YearPlan.start + Int64(job.busy.lowerBound), YearPlan.start + Int64(job.busy.upperBound))
        return JobEntry(
            log: origin, time: clock.now(), event: event, job: record.pseudonym, attempt: 0, witness: .operator,
            by: key.name, start: event == .start ? UTCTime(hour: start) : nil,
            stop: event == .end ? UTCTime(hour: stop) : nil, expectedNodes: Int64(names.count), nodes: names,
            recordSHA256: record.sha256, salt: clock.random(16))
    }

    /// Submits in order and waits until all of it is in the log.
    private func submit(_ notes: [(note: [UInt8], node: String)]) async throws {
        let portion = LogSequencer.maximumPendingEntries / 2
        for start in stride(from: 0, to: notes.count, by: portion) {
            let (results, done) = AsyncStream.makeStream(of: Result<Int64, Refusal>.self)
            let part = notes[start..<min(notes.count, start + portion)]
            for (note, node) in part {
                await sequencer.submit(try ReceivedEntry(note: note, samples: []), peer: node) { done.yield($0) }
            }
            var missing = part.count
            for await result in results {
                _ = try result.get()
                missing -= 1
                if missing == 0 { break }
            }
        }
    }
}
