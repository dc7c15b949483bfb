import Aggregation
import ArgumentParser
import HTTPEdge
import Identity
import JSONText
import Logging
import ServiceLifecycle
import Store
import Synchronization
import UnixSignals
import Wire

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Runs the aggregator until SIGTERM or SIGINT, then drains.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run the aggregator.")

    @Option(name: .customLong("data-dir"), help: "Directory of the installation.") var dataDirectory: String?
    @Option(help: "Address and port for nodes, else 0.0.0.0:7443; port 0 takes a free one.") var ingest: String?
    @Option(help: "Address and port for HTTPS, else 0.0.0.0:8443; port 0 takes a free one.") var http: String?
    @Option(name: .customLong("database-url"), help: "PostgreSQL to use instead of the private cluster.")
    var databaseURL: String?
    @Option(name: .customLong("ready-file"), help: "Written as JSON when work is accepted.") var readyFile: String?
    @Option(
        name: .customLong("checkpoint-seconds"), help: "Seconds between checkpoints of a growing log, 1 to 60, else 5.")
    var checkpointSeconds: String?
    @Option(name: .customLong("interval-seconds"), help: "Seconds of a batch that nodes are told, 5 to 300, else 30.")
    var intervalSeconds: String?
    @Option(help: "Which periods have their books closed by themselves: day, month or off, else day.")
    var close: String?
    @Option(name: .customLong("server-names"), help: "More names and addresses of this host, comma-separated.")
    var serverNames: String?
    @Option(
        name: .customLong("witness-policy"),
        help: "Witnesses of logs without a policy of their own (tlog-policy lines).")
    var witnessPolicy: String?
    @Option(
        name: .customLong("witness-ca"), help: "PEM of the authorities of witnesses, instead of the machine's list.")
    var witnessAuthority: String?
    @Option(help: "YAML file.") var config: String?

    func run() async throws {
        let settings = try Settings(
            file: config,
            flags: [
                "witness-policy": witnessPolicy, "witness-ca": witnessAuthority,
                "data-dir": dataDirectory, "ingest": ingest, "http": http, "database-url": databaseURL,
                "ready-file": readyFile, "checkpoint-seconds": checkpointSeconds,
                "interval-seconds": intervalSeconds, "close": close, "server-names": serverNames,
            ])
        let installation = try settings.installation()
        let logger = Environment.logger()
        let database = try await Database.open(settings, migrating: false, logger: logger)
        do {
            try await serve(settings, installation, database, logger)
            await database.cluster?.stop()
        } catch {
            await database.cluster?.stop()
            throw error
        }
    }

    private func serve(
        _ settings: Settings, _ installation: Installation, _ database: Database, _ logger: Logger
    ) async throws {
        let configuration = try Self.configuration(settings, installation)
        let addresses = (
            http: try settings.address("http", otherwise: "0.0.0.0:8443"),
            ingest: try settings.address("ingest", otherwise: "0.0.0.0:7443")
        )
        let pool = try ConnectionPool(database.intake, limits: .init(connections: 6, patienceSeconds: 30))
        let transport = try Self.witnesses(settings)
        do {
            let aggregator = try Aggregator(
                installation: installation, configuration: configuration, clock: Environment.clock, pool: pool,
                logger: logger, witnessTransport: transport,
                isHealthy: { [cluster = database.cluster] in
                    cluster?.isHealthy ?? true
                })
            try await serve(aggregator, http: addresses.http, ingest: addresses.ingest, settings, logger)
            await pool.close()
        } catch {
            // A client that nobody has shut down ends the process with a trap, and the reason would be lost.
            await transport.close()
            await pool.close()
            throw error
        }
    }

    private static func configuration(
        _ settings: Settings, _ installation: Installation
    ) throws -> Aggregator.Configuration {
        var configuration = Aggregator.Configuration(
            originHost: settings["origin-host"] ?? installation.originHost ?? Environment.hostName)
        configuration.checkpointSeconds = try settings.integer("checkpoint-seconds", in: 1...60, otherwise: 5)
        configuration.intervalSeconds = try settings.integer("interval-seconds", in: 5...300, otherwise: 30)
        configuration.witnessPolicyFile = settings["witness-policy"]
        let rhythm = settings["close"] ?? ClosingRhythm.day.rawValue
        guard let closing = ClosingRhythm(rawValue: rhythm) else {
            throw Failure(.usage, "close: '\(rhythm)' is not day, month or off")
        }
        configuration.closing = closing
        return configuration
    }

    private func serve(
        _ aggregator: Aggregator, http: NetworkAddress, ingest: NetworkAddress, _ settings: Settings, _ logger: Logger
    ) async throws {
        let installation = aggregator.installation
        if let first = installation.firstSlug, try await !aggregator.isFounded(first) {
            throw Failure(
                .usage,
                "the database knows no '\(first)', which \(installation.directory) was made for; give the "
                    + "--database-url that 'init' was given")
        }
        try await aggregator.openLogs()
        let ready = Readiness(file: settings["ready-file"], aggregator: aggregator)
        let names = Self.names(settings, [http.host, ingest.host])
        let credentials = try installation.serverCredentials(
            names: names.names, addresses: names.addresses, now: Environment.clock.now().seconds)
        // What the server says of its own end would stand before the one line that tells the reason.
        var webLogger = logger
        if webLogger.logLevel > .debug { webLogger.logLevel = .critical }
        let services = Services(
            web: try HTTPSServer(
                configuration: .init(
                    address: http, certificatesPEM: credentials.certificatesPEM, keyPEM: credentials.keyPEM),
                router: Routes(aggregator).router(), logger: webLogger, onBound: { ready.bound(server: $0) }),
            ingest: try IngestServer(
                configuration: .init(
                    address: ingest, certificatesPEM: credentials.certificatesPEM, keyPEM: credentials.keyPEM,
                    authority: aggregator.authority.certificate),
                now: { Environment.clock.now().seconds }, handlers: aggregator.ingestHandlers,
                onBound: { ready.bound(ingest: $0) }))
        aggregator.count(refusals: { services.ingest.refusals })
        try await services.run(aggregator, logger: logger)
        ready.remove()
    }

    private static func witnesses(_ settings: Settings) throws -> WitnessTransport {
        if let file = settings["witness-policy"], !PrivateFile.exists(file) {
            throw Failure(.usage, "witness-policy: \(file) does not exist; give another file")
        }
        return try .http(authorityPEM: try settings["witness-ca"].map { file in try PrivateFile.read(file) })
    }

    /// Every name and address under which this host is reached.
    private static func names(_ settings: Settings, _ bound: [String]) -> (names: [String], addresses: [String]) {
        let given = (settings["server-names"] ?? "").split(separator: ",").map(String.init)
        var names: Set<String> = ["localhost"]
        var addresses: Set<String> = ["127.0.0.1", "::1"]
        for name in given + bound + [Environment.hostName] where name != "0.0.0.0" && name != "::" {
            if IPAddress.bytes(name) != nil { addresses.insert(name) } else { names.insert(name) }
        }
        return (names.sorted(), addresses.sorted())
    }
}

/// The two ports and the loops behind them, ended in order: first the ports, then what they left in line.
private struct Services {
    let web: HTTPSServer
    let ingest: IngestServer

    func run(_ aggregator: Aggregator, logger: Logger) async throws {
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: Loops(aggregator: aggregator)), .init(service: IngestPort(server: ingest)),
                    .init(service: web),
                ], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }
}

private struct Loops: Service {
    let aggregator: Aggregator

    func run() async throws {
        await withGracefulShutdownHandler {
            await aggregator.run()
        } onGracefulShutdown: {
            // The handler is synchronous, the last checkpoint is not; the loops end when it is stored.
            Task { await aggregator.drain() }
        }
    }
}

private struct IngestPort: Service {
    let server: IngestServer

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await server.run()
        } onGracefulShutdown: {
            server.beginShutdown()
        }
    }
}

/// Tells that both ports accept work, by a file that scripts wait for.
private final class Readiness: Sendable {
    private let file: String?
    private let aggregator: Aggregator
    private let isWritten = Mutex(false)

    init(file: String?, aggregator: Aggregator) {
        self.file = file
        self.aggregator = aggregator
    }

    func bound(server: NetworkAddress) {
        aggregator.bound(server: server)
        announce()
    }

    func bound(ingest: NetworkAddress) {
        aggregator.bound(ingest: ingest)
        announce()
    }

    private func announce() {
        guard let server = aggregator.serverAddress, let ingest = aggregator.ingestAddress,
            !isWritten.withLock({ written in
                defer { written = true }
                return written
            })
        else { return }
        print("wattest-aggregator: https://\(server), ingest \(ingest)")
        fflush(nil)
        guard let file else { return }
        let object: JSONValue = [
            "server": .string("https://\(Self.reachable(server))"),
            "ingest": .string(Self.reachable(ingest).description),
            "http": .string(server.description), "pid": .integer(getpid()),
        ]
        do {
            try PrivateFile.write(object.rendered(.compact) + [UInt8(ascii: "\n")], to: file, mode: 0o644)
        } catch {
            Failure(.unavailable, "ready-file: \(error)").report()
        }
    }

    /// An address that a client on this machine can use: any-address stands for all of them.
    private static func reachable(_ address: NetworkAddress) -> NetworkAddress {
        switch address.host {
        case "0.0.0.0": NetworkAddress(host: "127.0.0.1", port: address.port)
        case "::": NetworkAddress(host: "::1", port: address.port)
        default: address
        }
    }

    func remove() {
        if let file { unlink(file) }
    }
}
