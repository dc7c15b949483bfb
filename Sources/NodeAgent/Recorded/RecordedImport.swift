package import Batches
import Energy
import TransparencyLog
package import Wire

/// Brings recorded logs into the log: `wattest import`, and an agent that replays one.
package struct RecordedImport: Sendable {
    /// What became of one sensor of one file.
    package struct ImportedFile: Sendable, Hashable {
        package var path: String
        package var node: String
        package var subject: ImportEntry.Subject
        package var sensor: String
        /// Lower-case hexadecimal.
        package var fileSHA256: String
        package var readings: Int64
        /// Of the whole file.
        package var energyMicrojoules: Int128
        /// Of the part within the job's window.
        package var jobEnergyMicrojoules: Int128
        package var alreadyImported: Bool
    }

    package struct Progress: Sendable, Hashable {
        package var phase: ImportSession.Phase
        package var batchesSettled: Int64
        package var batchesKnown: Int64
    }

    package struct Result: Sendable {
        package var jobKey: JobKey
        package var pseudonym: String
        package var files: [ImportedFile]
    }

    /// How fast recorded time passes.
    package enum Pace: Sendable, Hashable {
        /// As fast as the aggregator takes it.
        case unbounded
        /// So many milliseconds of recorded time a second, counted from the first reading.
        case recordedMillisecondsPerSecond(Int64)
    }

    package var configuration: Uplink.Configuration
    package var settings: ImportSettings
    package var plan: ImportPlan
    package var pace: Pace
    /// Failed connections in a row after which the import gives up, nil for never.
    package var attempts: Int?

    package init(
        configuration: Uplink.Configuration, settings: ImportSettings, plan: ImportPlan, pace: Pace = .unbounded,
        attempts: Int? = 6
    ) {
        self.configuration = configuration
        self.settings = settings
        self.plan = plan
        self.pace = pace
        self.attempts = attempts
    }

    /// Reads the files and imports them as an enrolled signer.
    ///
    /// - Parameter progress: called now and then, from any thread.
    package static func run(
        _ enrolment: Enrolment, settings: ImportSettings, files: [RecordedFile], pace: Pace = .unbounded,
        attempts: Int? = 6, progress: @escaping @Sendable (Progress) -> Void = { _ in }
    ) async throws(AgentError) -> Result {
        let recorded = try prepare(enrolment, settings: settings, files: files, pace: pace, attempts: attempts)
        return try await recorded.run(environment: .live(enrolment), progress: progress)
    }

    /// Reads and plans everything before a word is said: a bad line in the last file leaves nothing half imported.
    package static func prepare(
        _ enrolment: Enrolment, settings: ImportSettings, files: [RecordedFile], pace: Pace, attempts: Int?
    ) throws(AgentError) -> RecordedImport {
        guard !files.isEmpty else { throw AgentError(.usage, "no file to import is named") }
        var sources: [RecordedSource] = []
        for file in files {
            let bytes: [UInt8]?
            do {
                bytes = try DurableFile.read(file.path, maximumBytes: 1 << 30)
            } catch {
                throw AgentError(error)
            }
            guard let bytes else { throw AgentError(.file, "\(file.path) does not exist") }
            sources += try file.sources(bytes, settings)
        }
        let plan = try ImportPlan(
            sources: sources, settings: settings, log: enrolment.log, jobSalt: enrolment.jobSalt,
            key: enrolment.signingKey)
        return RecordedImport(
            configuration: enrolment.uplink, settings: settings, plan: plan, pace: pace, attempts: attempts)
    }

    /// What an import needs of the world.
    package struct Environment: Sendable {
        package var client: @Sendable () async throws -> IngestClient
        package var pause: @Sendable (_ milliseconds: Int64) async throws -> Void
        package var jitter: @Sendable () -> Int64
        /// Monotonic nanoseconds, for the pace.
        package var monotonicNanoseconds: @Sendable () -> Int64

        package init(
            client: @escaping @Sendable () async throws -> IngestClient,
            pause: @escaping @Sendable (_ milliseconds: Int64) async throws -> Void,
            jitter: @escaping @Sendable () -> Int64, monotonicNanoseconds: @escaping @Sendable () -> Int64
        ) {
            self.client = client
            self.pause = pause
            self.jitter = jitter
            self.monotonicNanoseconds = monotonicNanoseconds
        }
    }

    /// Runs to the end: everything in the log and covered by a signed checkpoint.
    package func run(
        environment: Environment, progress: @escaping @Sendable (Progress) -> Void = { _ in }
    ) async throws(AgentError) -> Result {
        let (events, feed) = AsyncStream.makeStream(of: Event.self)
        let memory = EntryMemory()
        let uplink = Uplink(
            configuration: configuration, store: memory,
            environment: Uplink.Environment(
                client: environment.client, pause: environment.pause, jitter: environment.jitter,
                observe: { feed.yield(.uplink($0)) }))
        var course = ImportCourse(self, uplink: uplink, memory: memory, environment: environment, progress: progress)
        do {
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await uplink.run() }
                group.addTask { try await Self.tick(environment, feed) }
                defer { group.cancelAll() }
                return try await course.follow(events)
            }
        } catch let error as AgentError {
            throw error
        } catch {
            throw AgentError(.unavailable, "the import was interrupted; the same command goes on with it")
        }
    }

    /// The course of recorded time is looked at so often.
    private static let tickMilliseconds: Int64 = 100

    private static func tick(_ environment: Environment, _ feed: AsyncStream<Event>.Continuation) async throws {
        while !Task.isCancelled {
            try await environment.pause(tickMilliseconds)
            feed.yield(.tick)
        }
    }

    enum Event: Sendable {
        case uplink(UplinkEvent)
        case tick
    }
}

/// One run of an import: joins the session with its uplink.
private struct ImportCourse {
    private let recorded: RecordedImport
    private let uplink: Uplink
    private let memory: EntryMemory
    private let environment: RecordedImport.Environment
    private let progress: @Sendable (RecordedImport.Progress) -> Void
    private var session: ImportSession
    private var failures = 0
    private var settled: Int64 = 0
    private let begin: Int64
    private var othersProgress: Int64 = 0
    private var othersSince: Int64?
    private var lastAsked: Int64 = 0

    /// Another machine that imports the same file is given up when it has added nothing for so long.
    private static let othersPatienceNanoseconds: Int64 = 10_000_000_000
    /// Batches that may be under way: enough to fill the uplink's window, few enough to keep in memory.
    private static let maximumUnsettled = 4096

    init(
        _ recorded: RecordedImport, uplink: Uplink, memory: EntryMemory, environment: RecordedImport.Environment,
        progress: @escaping @Sendable (RecordedImport.Progress) -> Void
    ) {
        self.recorded = recorded
        self.uplink = uplink
        self.memory = memory
        self.environment = environment
        self.progress = progress
        session = ImportSession(plan: recorded.plan)
        begin = environment.monotonicNanoseconds()
    }

    mutating func follow(_ events: AsyncStream<RecordedImport.Event>) async throws -> RecordedImport.Result {
        for entry in session.openingEntries { add(entry) }
        for await event in events {
            switch event {
            case .uplink(let event): try take(event)
            case .tick: try waitForOthers()
            }
            while session.unsettledCount < Self.maximumUnsettled, let entry = try session.next(until: instant) {
                add(entry)
            }
            if session.phase == .done { return result }
        }
        throw CancellationError()
    }

    private func add(_ entry: SignedEntry) {
        memory.add(entry)
        uplink.add(SpoolItem(entry))
    }

    private mutating func take(_ event: UplinkEvent) throws(AgentError) {
        switch event {
        case .logged(let leaf, let index):
            if session.logged(leaf: leaf, index: index) { askForHeads() }
        case .refused(let item, let refusal):
            guard item.position == nil else { return }
            if try session.refused(leaf: item.leaf, refusal) { askForHeads() }
        case .heads(let heads):
            failures = 0
            for chain in try session.heads(heads) {
                uplink.openChain(
                    chain.incarnation, node: chain.node, keepsNewest: false, isReproducible: true,
                    nextSequence: chain.next, previous: chain.previous)
            }
        case .settled(let item):
            session.settled(item.leaf)
            if item.position != nil { settled += 1 }
            progress(
                RecordedImport.Progress(
                    phase: session.phase, batchesSettled: settled,
                    batchesKnown: recorded.plan.chains.reduce(0) { $0 + $1.batchCount }))
        case .gaveUp(let loss): throw session.gaveUp(loss)
        case .fault(let text):
            failures += 1
            if let attempts = recorded.attempts, failures >= attempts { throw AgentError(.unavailable, text) }
        case .accounts, .disconnected: break
        }
    }

    /// The heads of the new chains come with the next connection.
    private func askForHeads() {
        for chain in session.incarnations { uplink.watch(chain.incarnation, node: chain.node) }
        uplink.reconnect()
    }

    /// Asks again and again how far another machine has come that imports the same file, while it goes on.
    private mutating func waitForOthers() throws(AgentError) {
        guard session.isWaitingForOthers else { return }
        let now = environment.monotonicNanoseconds()
        if session.othersProgress != othersProgress || othersSince == nil {
            othersProgress = session.othersProgress
            othersSince = now
        }
        if let since = othersSince, now - since > Self.othersPatienceNanoseconds,
            let error = session.unfinishedByOthers
        {
            throw error
        }
        guard now - lastAsked > 1_000_000_000 else { return }
        lastAsked = now
        for entry in session.othersOpenings { add(entry) }
    }

    /// How far recorded time has come.
    private var instant: UTCTime? {
        guard case .recordedMillisecondsPerSecond(let speed) = recorded.pace else { return nil }
        let first = recorded.plan.chains.compactMap { $0.intervals.extent?.start }.min() ?? UTCTime(microseconds: 0)
        let elapsed = Int128(environment.monotonicNanoseconds() - begin)
        let microseconds = floorDivide(elapsed * Int128(speed), by: 1_000_000)
        return UTCTime(microseconds: Int64(clamping: Int128(first.microseconds) + microseconds))
    }

    private var result: RecordedImport.Result {
        let files = zip(recorded.plan.chains, session.alreadyImported).map { chain, isKnown in
            RecordedImport.ImportedFile(
                path: chain.source.path, node: chain.source.node, subject: chain.source.subject,
                sensor: chain.source.sensor.id, fileSHA256: Hexadecimal.encode(chain.source.fileSHA256),
                readings: chain.readingCount, energyMicrojoules: chain.energyMicrojoules,
                jobEnergyMicrojoules: chain.jobEnergyMicrojoules, alreadyImported: isKnown)
        }
        let record = try? JobRecord(text: recorded.plan.job.samples)
        return RecordedImport.Result(
            jobKey: recorded.settings.job, pseudonym: record?.pseudonym ?? "", files: files)
    }
}
