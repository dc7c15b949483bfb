import SeededRandom
import Testing

@testable import Store

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct AppendCrashTests {
    /// What a writer was told.
    private struct Receipt: Sendable {
        var indexes: [[UInt8]: Int64] = [:]
        var interruptions = 0
    }

    @Test(arguments: [31, 32] as [UInt64])
    func whatWasAcknowledgedIsThereOnceAfterKills(seed: UInt64) async throws {
        var generator = SeededRandom(seed: seed)
        let directory = TemporaryDirectory()
        let cluster = try await PrivateCluster.start(
            dataDirectory: directory.path, settings: ClusterSettings(sharedBuffersMegabytes: 128),
            logger: TestCluster.logger)
        try Migrator().migrate(try Connection(cluster.administratorTarget()))
        let openings = (0..<6).map { number -> AppendRow in
            let leaf = [UInt8](repeating: UInt8(number), count: 32)
            return AppendRow(kind: .node, leaf: leaf, note: leaf)
        }
        let log = try Connection(cluster.target(.intake)).found("acme")
        _ = try Connection(cluster.target(.intake)).append(AppendGroup(log: log, rows: openings))
        let streams = openings.enumerated().map { number, row in
            SignedStream(
                node: Int32(number + 1), incarnation: Int64(number), opening: row.leaf, length: 300, using: &generator)
        }
        let pool = try ConnectionPool(
            cluster.target(.intake), limits: .init(connections: 3, waiting: 64, patienceSeconds: 120))
        let receipts = try await withThrowingTaskGroup(of: Receipt.self) { tasks in
            for writer in 0..<3 {
                tasks.addTask {
                    try await send(
                        streams, to: pool, log, killing: cluster, wholly: writer == 0,
                        seed: seed &* 10 &+ UInt64(writer))
                }
            }
            return try await tasks.reduce(into: []) { $0.append($1) }
        }
        await pool.close()
        #expect(receipts.reduce(0) { $0 + $1.interruptions } > 2, "seed \(seed)")
        #expect(cluster.restarts > 0, "seed \(seed)")
        try check(receipts, streams, openings, cluster, log, seed)
        await cluster.stop()
    }

    /// Sends every stream from its beginning, as the other writers do; a group is sent until it is answered. Before two
    /// of its groups it kills the server (wholly) or its own session's process, while the others are amid theirs.
    private func send(
        _ streams: [SignedStream], to pool: ConnectionPool, _ log: Int32, killing cluster: PrivateCluster, wholly: Bool,
        seed: UInt64
    ) async throws -> Receipt {
        var generator = SeededRandom(seed: seed)
        var receipt = Receipt()
        var heads = [Int](repeating: 0, count: streams.count)
        var blows = (0..<2).map { _ in Int.random(in: 5...60, using: &generator) }
        var groups = 0
        while let number = heads.indices.filter({ heads[$0] < streams[$0].chain.count })
            .randomElement(using: &generator)
        {
            let end = min(streams[number].chain.count, heads[number] + Int.random(in: 1...40, using: &generator))
            let group = AppendGroup(log: log, rows: Array(streams[number].chain[heads[number]..<end]))
            groups += 1
            while true {
                let kills = blows.contains { $0 <= groups }
                blows.removeAll { $0 <= groups }
                do throws(StoreError) {
                    let outcome = try await pool.run { connection throws(StoreError) in
                        if kills && wholly && cluster.processIdentifier > 0 {
                            kill(cluster.processIdentifier, SIGKILL)
                        } else if kills {
                            kill(try connection.query("SELECT pg_backend_pid()").get(0, 0), SIGKILL)
                        }
                        return try connection.append(group)
                    }
                    for (row, result) in zip(group.rows, outcome.rows) {
                        #expect([.appended, .duplicate].contains(result.verdict), "seed \(seed)")
                        receipt.indexes[row.leaf] = result.index
                    }
                    break
                } catch {
                    guard error.kind == .connectionLost || error.kind == .unavailable else { throw error }
                    receipt.interruptions += 1
                }
            }
            heads[number] = end
        }
        return receipt
    }

    private func check(
        _ receipts: [Receipt], _ streams: [SignedStream], _ openings: [AppendRow], _ cluster: PrivateCluster,
        _ log: Int32, _ seed: UInt64
    ) throws {
        let connection = try Connection(cluster.target(.intake))
        let known = openings + streams.flatMap(\.chain)
        let size = try LogInvariants.check(connection, log, known: known)
        #expect(size == Int64(known.count), "seed \(seed)")
        let leaves = try connection.snapshot(of: log) { snapshot throws(StoreError) in
            try snapshot.leaves(in: 0..<snapshot.size)
        }
        for receipt in receipts {
            #expect(receipt.indexes.count == streams.reduce(0) { $0 + $1.chain.count }, "seed \(seed)")
            for (leaf, index) in receipt.indexes {
                #expect(Array(leaves[Int(index) * 32..<Int(index) * 32 + 32]) == leaf, "seed \(seed)")
            }
        }
    }
}
