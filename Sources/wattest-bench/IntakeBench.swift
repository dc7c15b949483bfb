import Aggregation
import ArgumentParser
import Batches
import Energy
import Identity
import JSONText
import Logging
import SeededRandom
import Store
import Synchronization
import TransparencyLog
import Wire

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Standard batches through the whole intake: mutual TLS, signature, chain, samples, postings, one durable transaction
/// a group, acknowledgement. The limit is the rate at which one core verifies the very same signatures and does nothing
/// else.
struct IntakeBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "intake",
        abstract: "Batches per second through the whole intake, against raw Ed25519 verification.")

    @Option(help: "Nodes that stream at the same time.") var nodes = 16
    @Option(help: "Batches of each node in one slice.") var batches = 400
    @Option(help: "Alternating slices of each kind.") var slices = 5
    @Flag(help: "Print one JSON object.") var json = false

    func validate() throws {
        guard nodes > 0, batches > 0, slices > 0 else { throw ValidationError("every count is at least 1") }
    }

    func run() async throws {
        let directory = "/tmp/wattest-bench-\(getpid())"
        mkdir(directory, 0o755)
        defer { Cleaning.remove(directory) }
        let bed = try await IntakeBed.start(directory: directory, nodes: nodes)
        do {
            let result = try await measure(bed)
            await bed.stop()
            report(result)
        } catch {
            await bed.stop()
            throw error
        }
    }

    struct Result {
        var intake: [Double] = []
        var verification: [Double] = []
        var noteBytes = 0
        var sampleBytes = 0

        var ratios: [Double] { zip(intake, verification).map { $0 / $1 } }
    }

    private func measure(_ bed: IntakeBed) async throws -> Result {
        var result = Result()
        // The first slice warms caches and plans and is not counted.
        for slice in 0...slices {
            let load = try bed.load(batches: batches)
            result.noteBytes = load[0][0].note.count
            result.sampleBytes = load[0][0].samples.count
            let verification = try bed.verificationRate(load)
            let begin = ContinuousClock.now
            try await bed.send(load)
            let elapsed = (ContinuousClock.now - begin) / .seconds(1)
            guard slice > 0 else { continue }
            result.intake.append(Double(nodes * batches) / elapsed)
            result.verification.append(verification)
        }
        return result
    }

    private func report(_ result: Result) {
        let ratios = result.ratios.sorted()
        if json {
            let object: JSONValue = [
                "batches_per_second": .integer(Int(Figures.median(result.intake))),
                "verifications_per_second": .integer(Int(Figures.median(result.verification))),
                "ratio": Figures.number(Figures.median(ratios)),
                "ratio_min": Figures.number(ratios.first ?? 0),
                "ratio_max": Figures.number(ratios.last ?? 0),
                "slices": .integer(slices), "nodes": .integer(nodes), "note_bytes": .integer(result.noteBytes),
                "sample_bytes": .integer(result.sampleBytes), "fsync": true,
            ]
            return print(object.text(.compact))
        }
        print(
            """
            intake         \(Int(Figures.median(result.intake))) batches/s, durable, \(nodes) nodes over TLS, with \
            the generator
            verification   \(Int(Figures.median(result.verification)))/s, Ed25519 alone, one core
            ratio          \(Figures.two(Figures.median(ratios))) (\(Figures.two(ratios.first ?? 0)) \
            to \(Figures.two(ratios.last ?? 0)) over \(slices) slices)
            batch          note \(result.noteBytes) B, samples \(result.sampleBytes) B for 390 readings
            """)
    }
}

/// An aggregator with its private database, and nodes that are enrolled in it.
final class IntakeBed: Sendable {
    struct Node: Sendable {
        var name: String
        var client: IngestClient
        var batches: Mutexed<StandardBatch>
    }

    private let aggregator: Aggregator
    private let cluster: PrivateCluster
    private let server: IngestServer
    private let running: [Task<Void, Never>]
    private let nodes: [Node]
    private let origin: String

    private init(
        aggregator: Aggregator, cluster: PrivateCluster, server: IngestServer, running: [Task<Void, Never>],
        nodes: [Node], origin: String
    ) {
        self.aggregator = aggregator
        self.cluster = cluster
        self.server = server
        self.running = running
        self.nodes = nodes
        self.origin = origin
    }

    static func start(directory: String, nodes count: Int) async throws -> IntakeBed {
        let clock = ServiceClock(
            now: {
                var time = timespec()
                clock_gettime(CLOCK_REALTIME, &time)
                return UTCTime(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
            },
            random: { count in
                var generator = SystemRandomNumberGenerator()
                return (0..<count).map { _ in UInt8.random(in: .min...(.max), using: &generator) }
            })
        var logger = Logger(label: "bench")
        logger.logLevel = .error
        let cluster = try await PrivateCluster.start(dataDirectory: directory, logger: logger)
        let admin = try ConnectionPool(cluster.administratorTarget(), limits: .init(connections: 1))
        _ = try await admin.run { connection throws(StoreError) in try Migrator().migrate(connection) }
        await admin.close()
        let pool = try ConnectionPool(cluster.target(.intake), limits: .init(connections: 4, patienceSeconds: 60))
        let installation = Installation(directory: directory)
        let founded = try await Founding(installation: installation, clock: clock).found(
            organization: "Bench", slug: "bench", site: "bench", host: "bench.example", pool: pool)
        let aggregator = try Aggregator(
            installation: installation, configuration: .init(originHost: "bench.example"), clock: clock, pool: pool,
            logger: logger, isHealthy: { true })
        try await aggregator.openLogs()
        let credentials = try installation.serverCredentials(
            names: ["localhost"], addresses: ["127.0.0.1"], now: clock.now().seconds)
        let (bound, announce) = AsyncStream.makeStream(of: NetworkAddress.self)
        let server = try IngestServer(
            configuration: .init(
                address: NetworkAddress(host: "127.0.0.1", port: 0), certificatesPEM: credentials.certificatesPEM,
                keyPEM: credentials.keyPEM, authority: aggregator.authority.certificate),
            now: { clock.now().seconds }, handlers: aggregator.ingestHandlers, onBound: { announce.yield($0) })
        // The benchmark's own services: they live until stop() ends them.
        let running: [Task<Void, Never>] = [
            Task { await aggregator.run() },
            Task {
                do { try await server.run() } catch { logger.error("ingest: \(error)") }
            },
        ]
        var addresses = bound.makeAsyncIterator()
        guard let address = await addresses.next() else { throw CancellationError() }
        let nodes = try await enroll(count, aggregator, address, clock)
        return IntakeBed(
            aggregator: aggregator, cluster: cluster, server: server, running: running, nodes: nodes,
            origin: founded.origin)
    }

    private static func enroll(
        _ count: Int, _ aggregator: Aggregator, _ address: NetworkAddress, _ clock: ServiceClock
    ) async throws -> [Node] {
        let runtime = aggregator.organizations[0]
        var nodes: [Node] = []
        for number in 0..<count {
            let name = "node-\(number)"
            let key = try SigningKey(name: name, seed: clock.random(32))
            let entry = NodeEntry(
                log: runtime.organization.origin, time: clock.now(), action: .enrol, node: name, role: .node,
                site: "bench", key: key.verifier.text, salt: clock.random(16))
            let (index, leaf) = try await runtime.append(entry.text)
            let tls = IdentityKey()
            let certificate = try aggregator.authority.issueClient(
                request: tls.request(node: name), node: name, now: clock.now().seconds)
            let client = try IngestClient(
                configuration: .init(
                    server: address, certificatesPEM: certificate.pem, keyPEM: tls.pem,
                    authority: aggregator.authority.certificate))
            let batches = StandardBatch(
                log: runtime.organization.origin, node: name, key: key, incarnation: index, opening: leaf,
                seed: UInt64(number))
            nodes.append(Node(name: name, client: client, batches: Mutexed(batches)))
        }
        return nodes
    }

    /// Signs the next batches of every node beforehand, so that the slice measures the intake and the wire.
    func load(batches: Int) throws -> [[(note: [UInt8], samples: [UInt8])]] {
        try nodes.map { node in
            try (0..<batches).map { _ in try node.batches.withLock { try $0.next() } }
        }
    }

    /// How many of the very same signatures one core verifies in a second.
    func verificationRate(_ load: [[(note: [UInt8], samples: [UInt8])]]) throws -> Double {
        let notes = try load.map { try SignedNote(parsing: $0[0].note) }
        let keys = nodes.map { node in node.batches.withLock { $0.key.verifier } }
        var verified = 0
        let begin = ContinuousClock.now
        while ContinuousClock.now - begin < .milliseconds(1500) {
            for (note, key) in zip(notes, keys) {
                guard key.isValidSignature(note.signatures[0], for: note.text) else { throw CancellationError() }
                verified += 1
            }
        }
        return Double(verified) / ((ContinuousClock.now - begin) / .seconds(1))
    }

    /// Streams everything and returns when the last acknowledgement has come.
    func send(_ load: [[(note: [UInt8], samples: [UInt8])]]) async throws {
        let origin = origin
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (node, batches) in zip(nodes, load) {
                group.addTask {
                    try await node.client.withStream { messages, writer in
                        let hello = AgentHello(log: origin, node: node.name, agentVersion: "bench", chains: [])
                        try await writer.send(.hello(hello))
                        try await withThrowingTaskGroup(of: Void.self) { pair in
                            pair.addTask {
                                for batch in batches {
                                    try await writer.send(
                                        .entry(EntryUpload(log: origin, note: batch.note, samples: batch.samples)))
                                }
                            }
                            var acknowledged = 0
                            for try await message in messages {
                                switch message {
                                case .ack: acknowledged += 1
                                case .refuse(let refusal): throw BenchError(refusal.message)
                                case .heads, .checkpoint: break
                                }
                                if acknowledged == batches.count { break }
                            }
                            try await pair.waitForAll()
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    func stop() async {
        server.beginShutdown()
        await aggregator.drain()
        for task in running { task.cancel() }
        await cluster.stop()
    }
}

/// A value behind a lock, for values that tasks share.
final class Mutexed<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>
    init(_ value: Value) { mutex = Mutex(value) }
    func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        try mutex.withLock { value in try body(&value) }
    }
}
