import SeededRandom
import Testing

@testable import Store

@Suite struct AppendPropertyTests {
    /// A log with the entries that open chains.
    struct Prepared {
        let database: TestDatabase
        let log: Int32
        var model = AppendModel()
        var streams: [SignedStream] = []

        init(nodes: Int, length: Int, using generator: inout SeededRandom) async throws {
            database = try await TestCluster.database()
            let connection = try Connection(database.target(.intake))
            log = try connection.found("acme")
            let openings = (1...nodes).map { _ -> AppendRow in
                let leaf = generator.bytes(32)
                return AppendRow(kind: .node, leaf: leaf, note: leaf)
            }
            let group = AppendGroup(log: log, rows: openings)
            #expect(try connection.append(group) == model.append(group))
            streams = openings.enumerated().map { number, row in
                SignedStream(
                    node: Int32(number + 1), incarnation: Int64(number), opening: row.leaf, length: length,
                    using: &generator)
            }
        }
    }

    /// A group of rows of several nodes, in their order but interleaved, and some entries outside of chains.
    private func group(
        _ prepared: Prepared, _ heads: [Int], _ records: [AppendRow], step: Int, using generator: inout SeededRandom
    ) -> AppendGroup {
        var queues = prepared.streams.enumerated().compactMap { number, stream -> [AppendRow]? in
            guard Bool.random(using: &generator) else { return nil }
            return stream.rows(around: heads[number], dishonest: number % 3 == 0 || step > 30, using: &generator)
        }
        if let record = records.randomElement(using: &generator) { queues.append([record, record]) }
        var rows: [AppendRow] = []
        while let number = queues.indices.randomElement(using: &generator) {
            if queues[number].isEmpty { queues.remove(at: number) } else { rows.append(queues[number].removeFirst()) }
        }
        return AppendGroup(log: prepared.log, rows: rows)
    }

    private func records(using generator: inout SeededRandom) -> [AppendRow] {
        (0..<12).map { number in
            let leaf = generator.bytes(32)
            // The same file under several notes.
            let file = ImportedFile(
                job: 1, node: Int32(number % 2), sensor: "s", sha256: [UInt8](repeating: UInt8(number % 3), count: 32))
            return AppendRow(
                kind: number < 6 ? .importing : .set, leaf: leaf, note: leaf, file: number < 6 ? file : nil,
                postings: [SignedStream.posting(1, &generator)])
        }
    }

    @Test(arguments: [11, 12, 13, 14] as [UInt64])
    func agreesWithTheModelRowByRow(seed: UInt64) async throws {
        var generator = SeededRandom(seed: seed)
        var prepared = try await Prepared(nodes: 14, length: 60, using: &generator)
        let connection = try Connection(prepared.database.target(.intake))
        let records = records(using: &generator)
        var heads = [Int](repeating: 0, count: prepared.streams.count)
        var verdicts: [AppendVerdict: Int] = [:]
        for step in 0..<80 {
            var group = group(prepared, heads, records, step: step, using: &generator)
            // Also where it is not true: what was said about a group must not change what becomes of it.
            group.areNew = Bool.random(using: &generator)
            if group.areNew { group.expectedSize = prepared.model.size }
            let expected = prepared.model.append(group)
            let actual = try connection.append(group)
            #expect(actual == expected, "seed \(seed), step \(step)")
            for row in actual.rows { verdicts[row.verdict, default: 0] += 1 }
            for row in zip(group.rows, actual.rows) where row.1.verdict == .appended {
                if let link = row.0.link { heads[Int(link.node) - 1] = Int(link.seq) + 1 }
            }
        }
        // A generator that never gets anywhere, or never lies, would prove nothing.
        #expect(verdicts[.appended, default: 0] > 100, "seed \(seed)")
        #expect(verdicts.keys.count == 5 && verdicts.values.allSatisfy { $0 > 3 }, "seed \(seed): \(verdicts)")
        try LogInvariants.check(connection, prepared.log, known: prepared.model.entries)
        try connection.transaction(.snapshot, log: prepared.log) { () throws(StoreError) in
            let closed = try connection.query("SELECT node, incarnation, leaf, note FROM equivocations")
            #expect(closed.count == prepared.model.closed.count, "seed \(seed)")
            for row in 0..<closed.count {
                let chain = AppendModel.Chain(node: try closed.get(row, 0), incarnation: try closed.get(row, 1))
                #expect(prepared.model.closed[chain]?.leaf == (try closed.get(row, 2) as [UInt8]), "seed \(seed)")
                #expect(prepared.model.closed[chain]?.note == (try closed.get(row, 3) as [UInt8]), "seed \(seed)")
            }
        }
    }

    @Test(arguments: [21, 22] as [UInt64])
    func severalWritersNeverForkOrCountTwice(seed: UInt64) async throws {
        var generator = SeededRandom(seed: seed)
        let prepared = try await Prepared(nodes: 14, length: 40, using: &generator)
        let records = records(using: &generator)
        let pool = try prepared.database.pool(connections: 4)
        let (appended, sent): (Int, [AppendRow]) = try await withThrowingTaskGroup(of: (Int, [AppendRow]).self) {
            tasks in
            for writer in 0..<4 {
                tasks.addTask {
                    // Far from the others' and from the streams': a leaf drawn twice would be one entry with two links.
                    var own = SeededRandom(seed: seed &+ UInt64(writer + 1) << 32)
                    var heads = [Int](repeating: 0, count: prepared.streams.count)
                    var appended = 0
                    var sent: [AppendRow] = []
                    for step in 0..<40 {
                        let group = self.group(prepared, heads, records, step: step, using: &own)
                        sent += group.rows
                        let outcome = try await pool.run { connection throws(StoreError) in
                            try connection.append(group)
                        }
                        for (row, result) in zip(group.rows, outcome.rows) {
                            if result.verdict == .appended { appended += 1 }
                            guard let link = row.link, result.index != nil else { continue }
                            let node = Int(link.node) - 1
                            heads[node] = max(heads[node], Int(link.seq) + 1)
                        }
                    }
                    return (appended, sent)
                }
            }
            return try await tasks.reduce(into: (0, [AppendRow]())) { all, one in
                all.0 += one.0
                all.1 += one.1
            }
        }
        let connection = try Connection(prepared.database.target(.intake))
        let size = try LogInvariants.check(connection, prepared.log, known: sent + prepared.model.entries)
        #expect(size == Int64(appended + prepared.streams.count), "seed \(seed)")
        #expect(size > 100, "seed \(seed)")
    }
}
