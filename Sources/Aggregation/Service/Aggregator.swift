import Batches
import Energy
package import Identity
package import Logging
package import Store
import Synchronization
import TransparencyLog
package import Wire

/// The running aggregator: its organizations with their logs, and what its two ports serve.
package final class Aggregator: Sendable {
    package struct Configuration: Sendable {
        /// How often a log that has grown gets a checkpoint, in seconds, 1 to 60.
        package var checkpointSeconds: Int64 = 5
        /// Length of the intervals that nodes are told to batch.
        package var intervalSeconds: Int64 = 30
        /// Name under which new logs get their origin.
        package var originHost: String
        /// Witnesses of the logs that have no policy of their own; nil for none.
        package var witnessPolicyFile: String?
        /// Which periods have their books closed without being asked for.
        package var closing: ClosingRhythm = .day

        package init(originHost: String) { self.originHost = originHost }
    }

    package let installation: Installation
    package let configuration: Configuration
    package let clock: ServiceClock
    package let pool: ConnectionPool
    package let authority: CertificateAuthority
    package let metrics = IntakeMetrics()
    let logger: Logger
    private let witnessing: LogRuntime.Witnessing
    private let logs = Mutex<[String: LogRuntime]>([:])
    private let faulty = Mutex<[LogFault]>([])
    /// Logs of which the last checkpoint could not be signed or stored.
    private let stalled = Mutex<Set<Int32>>([])
    private let addresses = Mutex(Addresses())
    private let isReady: @Sendable () -> Bool

    private struct Addresses {
        var server: NetworkAddress?
        var ingest: NetworkAddress?
        var refusals: @Sendable () -> [HandshakeRefusal: UInt64] = { [:] }
    }

    /// - Parameter isHealthy: whether the database takes connections.
    package init(
        installation: Installation, configuration: Configuration, clock: ServiceClock, pool: ConnectionPool,
        logger: Logger, witnessTransport: WitnessTransport = .none, isHealthy: @escaping @Sendable () -> Bool
    ) throws {
        self.installation = installation
        self.configuration = configuration
        self.clock = clock
        self.pool = pool
        self.logger = logger
        isReady = isHealthy
        witnessing = LogRuntime.Witnessing(
            transport: witnessTransport,
            environment: WitnessRounds.Environment(
                nowMilliseconds: clock.milliseconds, jitter: { Int64(clock.random(1).first ?? 0) * 999 / 255 }),
            defaultPolicyFile: configuration.witnessPolicyFile,
            report: { log, text in logger.error("witness", metadata: ["log": "\(log)", "what": "\(text)"]) })
        authority = try installation.authority()
    }

    /// Whether the database knows an organization, also before its log is open.
    package func isFounded(_ slug: String) async throws -> Bool {
        try await pool.run { connection throws(StoreError) in try connection.organizations() }
            .contains { $0.slug == slug }
    }

    /// Opens the logs of every organization. One that is damaged is not served, and the others are.
    ///
    /// - Throws: what is wrong with the first log, when none can be opened.
    package func openLogs() async throws {
        try await pool.run { connection throws(StoreError) in try connection.ensurePartitions() }
        let organizations = try await pool.run { connection throws(StoreError) in try connection.organizations() }
        var first: (any Error)?
        for organization in organizations {
            do {
                if try await isBegun(organization) { try await open(organization) }
            } catch let error as StoreError where error.isOfTheDatabase {
                throw error
            } catch {
                first = first ?? error
                faulty.withLock { $0.append(LogFault(organization: organization, reason: "\(error)")) }
                logger.error("log not served", metadata: ["log": "\(organization.origin)", "why": "\(error)"])
            }
        }
        if let first, self.organizations.isEmpty { throw first }
    }

    /// Whether the log of an organization has its first entries. A founding that a crash cut short is ended here; one
    /// that another process is at keeps this one from nothing.
    private func isBegun(_ organization: Organization) async throws -> Bool {
        guard try await Founding.size(of: organization.log, pool) == 0 else { return true }
        guard PrivateFile.exists("\(installation.logDirectory(organization.slug))/log.key") else {
            logger.error("not founded yet", metadata: ["log": "\(organization.origin)"])
            return false
        }
        do {
            _ = try await Founding.foundOrganization(
                name: organization.name, slug: organization.slug, site: "default", host: configuration.originHost,
                installation: installation, pool: pool, clock: clock)
        } catch FoundingError.exists {
            return true
        } catch FoundingError.underWay {
            return false
        }
        return true
    }

    private func open(_ organization: Organization) async throws {
        let runtime = try await LogRuntime(
            organization, directory: installation.logDirectory(organization.slug), pool: pool, clock: clock,
            witnessing: witnessing)
        logs.withLock { $0[organization.slug] = runtime }
        opened.yield(runtime)
    }

    /// Logs as they are opened: each needs its own loop.
    private let (openings, opened) = AsyncStream.makeStream(of: LogRuntime.self)

    package var organizations: [LogRuntime] {
        logs.withLock { $0.values.sorted { $0.organization.log < $1.organization.log } }
    }

    package func organization(slug: String) -> LogRuntime? { logs.withLock { $0[slug] } }

    /// An organization by its slug or its name.
    package func organization(named name: String) -> LogRuntime? {
        organization(slug: name) ?? organizations.first { $0.organization.name == name }
    }

    package func log(origin: String) -> LogRuntime? { organizations.first { $0.organization.origin == origin } }
    package func log(number: Int32) -> LogRuntime? { organizations.first { $0.organization.log == number } }

    /// Logs that could not be opened: nothing is read from them, taken for them or signed. They are mended by hand, and
    /// looked at again within a minute or so.
    package var faults: [LogFault] { faulty.withLock { $0 } }

    func fault(named name: String) -> LogFault? {
        faults.first { $0.organization.slug == name } ?? faults.first { $0.organization.name == name }
    }

    func fault(origin: String) -> LogFault? { faults.first { $0.organization.origin == origin } }
    func fault(number: Int32) -> LogFault? { faults.first { $0.organization.log == number } }

    /// Whether the log's last checkpoint could not be signed or stored; its entries are taken in all the while.
    func isStalled(_ runtime: LogRuntime) -> Bool { stalled.withLock { $0.contains(runtime.organization.log) } }

    /// Founds another organization on this aggregator.
    ///
    /// - Parameter tokens: where keys are that are not made as files.
    /// - Throws: `FoundingError` where it cannot be.
    package func found(
        name: String, slug: String, site: String, tokens: LogKeys.Tokens = LogKeys.Tokens()
    ) async throws -> LogRuntime {
        let row = try await Founding.foundOrganization(
            name: name, slug: slug, site: site, host: configuration.originHost, tokens: tokens,
            installation: installation, pool: pool, clock: clock)
        try await open(row)
        guard let runtime = organization(slug: row.slug) else { throw StoreError(.unknownLog, "the log is not open") }
        return runtime
    }

    // MARK: Running

    /// Runs the commit and publishing loops until the task is cancelled.
    package func run() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [self] in await publishAll() }
            group.addTask { [self] in await closeAll() }
            group.addTask { [self] in await followAll() }
            group.addTask { [self] in await lookAgain() }
            for await runtime in openings {
                group.addTask { await runtime.sequencer.run() }
                group.addTask { await runtime.witnesses.run() }
            }
            group.cancelAll()
        }
    }

    private func publishAll() async {
        while !Task.isCancelled {
            for runtime in organizations {
                do {
                    try runtime.followPolicyFile()
                } catch {
                    logger.error(
                        "witness policy", metadata: ["log": "\(runtime.organization.origin)", "why": "\(error)"])
                }
                do {
                    try await runtime.publish()
                    stalled.withLock { _ = $0.remove(runtime.organization.log) }
                } catch  where Task.isCancelled {
                    return
                } catch {
                    stalled.withLock { _ = $0.insert(runtime.organization.log) }
                    // The log goes on taking entries; without a checkpoint no sender forgets them.
                    logger.error(
                        "no checkpoint", metadata: ["log": "\(runtime.organization.origin)", "why": "\(error)"])
                }
            }
            try? await Task.sleep(for: .seconds(configuration.checkpointSeconds))
        }
    }

    private func closeAll() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(60))
            if !Task.isCancelled { await closeBooks() }
        }
    }

    /// Reads on while nobody asks, so that whoever asks finds most of it done.
    private func followAll() async {
        while !Task.isCancelled {
            for runtime in organizations {
                guard let newest = runtime.feed.latest, !Task.isCancelled else { continue }
                do {
                    try await runtime.standing.follow(to: newest.checkpoint.size)
                    try runtime.standing.keep(isLast: false)
                } catch {
                    logger.error("no accounts", metadata: ["log": "\(runtime.organization.origin)", "why": "\(error)"])
                }
            }
            try? await Task.sleep(for: .seconds(60))
        }
    }

    /// Opens the logs that somebody has mended meanwhile. The first looks come soon, for whoever mends and waits, later
    /// ones each minute; together they keep this host busy with reading for a tenth of its time at most.
    private func lookAgain() async {
        var pause = Duration.seconds(5)
        while !Task.isCancelled, !faults.isEmpty {
            try? await Task.sleep(for: pause)
            let begin = ContinuousClock.now
            for fault in faults where !Task.isCancelled { await mend(fault) }
            pause = max(min(pause * 2, .seconds(60)), (ContinuousClock.now - begin) * 10)
        }
    }

    private func mend(_ fault: LogFault) async {
        let organization = fault.organization
        func isSame(_ other: LogFault) -> Bool { other.organization.log == organization.log }
        do {
            guard try await isBegun(organization) else { return }
            try await open(organization)
            faulty.withLock { $0.removeAll(where: isSame) }
            logger.notice("log served again", metadata: ["log": "\(organization.origin)"])
        } catch let error as StoreError where error.isOfTheDatabase {
            // It says nothing of the log.
        } catch {
            let reason = "\(error)"
            guard reason != fault.reason else { return }
            logger.error("log not served", metadata: ["log": "\(organization.origin)", "why": "\(reason)"])
            faulty.withLock { faults in
                guard let place = faults.firstIndex(where: isSame) else { return }
                faults[place] = LogFault(organization: organization, reason: reason)
            }
        }
    }

    /// Commits what is in line, publishes once more and ends the loops.
    package func drain() async {
        for runtime in organizations {
            runtime.sequencer.finish()
            runtime.witnesses.finish()
            _ = try? await runtime.publish()
            do {
                try runtime.standing.keep(isLast: true)
            } catch {
                // The next start reads the log.
                logger.error("accounts", metadata: ["log": "\(runtime.organization.origin)", "why": "\(error)"])
            }
        }
        opened.finish()
        await witnessing.transport.close()
    }

    // MARK: Ports

    package func bound(server: NetworkAddress) { addresses.withLock { $0.server = server } }
    package func bound(ingest: NetworkAddress) { addresses.withLock { $0.ingest = ingest } }

    package func count(refusals: @escaping @Sendable () -> [HandshakeRefusal: UInt64]) {
        addresses.withLock { $0.refusals = refusals }
    }

    package var serverAddress: NetworkAddress? { addresses.withLock { $0.server } }
    package var ingestAddress: NetworkAddress? { addresses.withLock { $0.ingest } }
    package var handshakeRefusals: [HandshakeRefusal: UInt64] { addresses.withLock { $0.refusals }() }

    /// Why the aggregator cannot do its work now, nil when it can.
    package var unreadyReason: String? {
        if !isReady() { return "the database is being restarted" }
        if organizations.isEmpty { return "no log is open" }
        return nil
    }

    /// What is ready and what is still being made: entries are taken in all the while, reports wait for their accounts.
    package var readiness: String {
        let lines = organizations.compactMap { runtime in
            runtime.standing.progress.map { "\(runtime.organization.slug): \($0.text)" }
        }
        // Whoever asks needs no token: the reason names files of this host.
        let damaged = faults.map { fault in
            "\(fault.organization.slug): not served, its log is damaged; standard error and its own token tell how"
        }
        let unsigned = organizations.filter(isStalled).map { runtime in
            "\(runtime.organization.slug): no checkpoint can be signed; standard error tells why"
        }
        return (["ready"] + lines + damaged + unsigned).map { "\($0)\n" }.joined()
    }

    /// What the ingest port does.
    package var ingestHandlers: IngestHandlers {
        let streams = IngestStreams(
            metrics: metrics, isDamaged: { [self] origin in fault(origin: origin) != nil },
            log: { [self] origin in
                log(origin: origin).map { runtime in
                    IngestStreams.Log(
                        origin: origin, sequencer: runtime.sequencer, feed: runtime.feed,
                        logKeys: { runtime.logKeyNotes },
                        accountMap: { [self] in runtime.accountMap(at: clock.now()) })
                }
            })
        return IngestHandlers(
            stream: { peer, messages, writer in try await streams.serve(peer, messages, writer) },
            renew: { [self] peer, renewal in await renew(peer, renewal) })
    }

    /// A new certificate for a node whose signing key answers for it.
    private func renew(_ peer: Peer, _ renewal: CertificateRenewal) async -> RenewalDecision {
        for runtime in organizations {
            let key = runtime.sequencer.withIntake { $0.signers.signers[peer.node]?.currentKey }
            guard let key else { continue }
            guard key.isValidSignature(renewal.signature, for: renewal.signedBytes) else {
                return .refused(code: .badSignature, message: "the signature is not \(peer.node)'s")
            }
            do {
                let certificate = try authority.issueClient(
                    request: renewal.request, node: peer.node, now: clock.now().seconds)
                return .issued(certificates: certificate.pem + authority.certificate.pem)
            } catch {
                return .refused(code: .badSyntax, message: "\(error)")
            }
        }
        guard faults.isEmpty else {
            return .refused(code: .overloaded, message: "a log is damaged that may know \(peer.node); ask again later")
        }
        return .refused(code: .unknownNode, message: "node \(peer.node) is not enrolled here; enroll it again")
    }
}

/// A log that is not served, and why.
package struct LogFault: Sendable {
    package let organization: Organization
    /// For who runs this host and for the organization itself: it may name files.
    package let reason: String
}

extension StoreError {
    /// Whether it says nothing of the one log that was asked for.
    var isOfTheDatabase: Bool {
        switch kind {
        case .unavailable, .connectionLost, .overloaded, .cancelled, .closed, .cluster: true
        default: false
        }
    }
}
