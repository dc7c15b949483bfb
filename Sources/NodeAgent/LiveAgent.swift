import Energy
import JSONText
package import MetricsEndpoint
package import Sensors
import Synchronization
import TransparencyLog
package import Wire
package import Workloads

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// The agent of a node: measures, signs, spools, sends; takes the claims of jobs.
package final class LiveAgent: Sendable {
    package struct Configuration: Sendable {
        package var intervalSeconds: Int64
        package var spoolBytes: Int
        package var socketPath: String
        package var sources: NodeSources
        /// How long a stop waits for what is on its way; what is not sent by then stays in the spool.
        package var drainMilliseconds: Int64 = 10_000
        /// Where Slurm's prolog and epilog leave their edges.
        package var hookDirectory = "/run/wattest/hooks"
        /// This node's name in Slurm, where it is neither the host's nor the enrolled one.
        package var slurmNode: String?
        /// Of `scontrol` and `sacct`; nil looks in the usual places.
        package var slurmDirectory: String?
        package var accounts = AccountMap()
        /// nil where this is no node of a Kubernetes cluster.
        package var kubernetes: PodResolver.Configuration?
        /// Whether any process may claim the whole node; otherwise only those of root and of the agent's own user.
        package var anyoneMayClaimNode = false

        package init(
            intervalSeconds: Int64, spoolBytes: Int = SpoolState.defaultCapacityBytes, socketPath: String,
            sources: NodeSources = NodeSources()
        ) {
            self.intervalSeconds = intervalSeconds
            self.spoolBytes = spoolBytes
            self.socketPath = socketPath
            self.sources = sources
        }
    }

    private let enrolment: Enrolment
    private let configuration: Configuration
    private let spool: Spool
    private let uplink: Uplink
    private let loop: MeasuringLoop
    private let claims: NodeClaims
    private let pods: PodResolver?
    private let tenants: [TenantLog]
    private let report: @Sendable (String) -> Void

    /// - Parameters:
    ///   - tenants: logs of other organizations whose jobs run here; nil takes those that the data directory holds.
    ///   - client: makes the client of the next connection; nil takes the enrolment's own.
    ///   - report: takes lines for people.
    package init(
        _ enrolment: Enrolment, configuration: Configuration, tenants: [TenantLog]? = nil,
        sources: (@Sendable () -> [any SensorSource])? = nil,
        client: (@Sendable () async throws -> IngestClient)? = nil, report: @escaping @Sendable (String) -> Void
    ) throws(AgentError) {
        self.enrolment = enrolment
        self.configuration = configuration
        self.report = report
        let accounts = SignedAccounts(
            own: configuration.accounts, path: enrolment.directory + "/account-map.json")
        let relay = EventRelay(accounts: accounts, report: report)
        do {
            spool = try Spool(path: enrolment.directory + "/spool", capacityBytes: configuration.spoolBytes)
            let remembered = try spool.rememberedCheckpoint()
            uplink = Uplink(
                configuration: enrolment.uplink, store: spool, remembered: remembered,
                logKeys: try spool.rememberedLogKeys(),
                environment: Uplink.Environment(
                    client: client ?? { try await CertificateKeeper(enrolment).client() },
                    pause: AgentEnvironment.pause, jitter: AgentEnvironment.jitter, observe: { relay.take($0) }))
        } catch {
            throw AgentError(error)
        }
        let logs: [TenantLog]
        if let tenants {
            logs = tenants
        } else {
            logs = try TenantLog.all(
                in: enrolment.directory, capacityBytes: configuration.spoolBytes, report: report)
        }
        self.tenants = logs
        pods = configuration.kubernetes.map { PodResolver($0, accounts: accounts, report: report) }
        var known = configuration.sources
        known.node = enrolment.node
        loop = MeasuringLoop(
            configuration: MeasuringLoop.Configuration(
                enrolment: enrolment, intervalSeconds: configuration.intervalSeconds, sources: known,
                makeSources: sources ?? { [known] in known.all },
                work: Self.work(enrolment, configuration, accounts, pods),
                gpus: sources == nil ? known.gpuWork.map { GPUWatch($0) } : nil, tenants: logs, report: report),
            spool: spool, uplink: uplink)
        claims = NodeClaims(
            loop: loop, jobSalt: enrolment.jobSalt, anyoneMayClaimNode: configuration.anyoneMayClaimNode)
        relay.connect { [loop] in loop.post(.answer($0)) }
        for log in logs { log.connect(loop) }
        for name in spool.damaged { report("spool: \(name).note was damaged and is kept in \(spool.path)/refused") }
    }

    private static func work(
        _ enrolment: Enrolment, _ configuration: Configuration, _ accounts: SignedAccounts, _ pods: PodResolver?
    ) -> ScheduledWork.Configuration {
        ScheduledWork.Configuration(
            sysfsRoot: configuration.sources.sysfsRoot, procfsRoot: configuration.sources.procfsRoot,
            node: enrolment.node,
            slurmNode: configuration.slurmNode, site: enrolment.site, hookDirectory: configuration.hookDirectory,
            controllerDirectory: configuration.slurmDirectory, accounts: accounts, pods: pods,
            recordPath: enrolment.directory + "/holds.json")
    }

    /// Runs until it is told to stop; then signs what is open and gives the uplink a moment.
    ///
    /// - Parameter stopped: returns when the agent is to stop.
    package func run(until stopped: @escaping @Sendable () async -> Void) async throws(AgentError) {
        let socket: AllocationSocket
        do {
            socket = try AllocationSocket(
                path: configuration.socketPath, site: enrolment.site, handlers: handlers)
        } catch {
            throw AgentError(error)
        }
        socket.start()
        await withTaskGroup(of: Void.self) { group in
            for uplink in self.uplinks { group.addTask { await uplink.run() } }
            if let pods = self.pods {
                group.addTask { [loop = self.loop] in
                    await pods.run { token, answer in
                        switch answer {
                        case .job(let workload): loop.post(.named(token: token, workload))
                        case .noJob: loop.post(.dropped(token: token))
                        }
                    }
                }
            }
            group.addTask {
                await stopped()
                self.loop.post(.stop)
            }
            await loop.run()
            socket.stop()
            await drain()
            group.cancelAll()
        }
        spool.close()
        for log in tenants { log.spool.close() }
        // Not as if it had been told to stop: a supervisor starts again only what failed.
        if let end = loop.status.end {
            throw AgentError(.unavailable, "\(end); start the agent again, it goes on from what it has stored")
        }
    }

    private var handlers: AllocationHandlers {
        var handlers = claims.handlers
        handlers.status = { [self] peer in
            guard peer.uid == 0 || peer.uid == getuid() else {
                return .failure(SocketFault("only root and the agent's own user may ask; it names everybody's jobs"))
            }
            return .success(
                AgentStatus.json(enrolment, loop.status, uplink.status, spool, tenants: tenants).text())
        }
        return handlers
    }

    private var uplinks: [Uplink] { [uplink] + tenants.map(\.uplink) }

    /// Waits until everything is acknowledged and covered, or for so long.
    private func drain() async {
        let end = AgentEnvironment.bootNanoseconds() + configuration.drainMilliseconds * 1_000_000
        while AgentEnvironment.bootNanoseconds() < end,
            uplinks.map(\.status).contains(where: { !$0.isSettled && $0.isOpen })
        {
            try? await AgentEnvironment.pause(milliseconds: 20)
        }
    }

    // MARK: Health

    /// Whether the aggregator has said where the node's chains end, on the connection that is open now.
    package var isConnected: Bool { uplink.status.isOpen && loop.status.isMeasuring }
    /// The chain that the node writes.
    package var incarnation: Int64 { loop.status.incarnation }

    package var readiness: Readiness {
        let status = loop.status
        guard status.isMeasuring else { return .notReady("the measuring thread does not run") }
        if case .refused(let reason) = status.chain { return .notReady("the log takes no new chain: \(reason)") }
        if let hold = uplink.status.holds.first { return .notReady(hold) }
        if spool.pressure == .keepsOpen { return .notReady("the spool is full; energy is kept in one open batch") }
        return .ready
    }

    package var metrics: MetricsPage {
        AgentMetrics.page(
            node: enrolment.node, measuring: loop.status, uplink: uplink.status, spool: spool, claims: claims.progress,
            tenants: tenants)
    }
}
