import SeededRandom
import Testing

@testable import Store

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How many standard batches a second one writer appends: for a look by hand, never part of a test's verdict.
///
///     WATTEST_APPEND_LOAD=20000 swift test -c release -Xswiftc -enable-testing --filter AppendLoad
struct AppendLoad {
    /// A standard batch: 1.2 kB of note, 1.3 kB of samples, two accounts of four components.
    static func batch(node: Int32, seq: Int64, previous: [UInt8], using generator: inout SeededRandom) -> AppendRow {
        let minute = Int32(29_600_000 + seq / 2)
        let postings = (0..<2).map { number in
            Posting(
                node: node, job: number == 0 ? Int64(node / 50 + 1) : 0, account: number == 0 ? .job : .idle,
                hour: minute / 60, minute: minute, site: 1,
                quality: EnergyQuality(provenance: 1, boundary: 1, rule: 1),
                energy: ComponentEnergy(
                    accelerator: .random(in: 0...90_000_000_000, using: &generator), cpu: 4_000_000_000,
                    dram: 900_000_000, rest: 2_000_000_000))
        }
        let coverage = Coverage(
            node: node, job: Int64(node / 50 + 1), hour: minute / 60, measuredMilliseconds: 30_000)
        return AppendRow(
            kind: .batch, link: .init(node: node, incarnation: 0, seq: seq, previous: previous),
            leaf: generator.bytes(32), note: generator.bytes(1_190), samples: generator.bytes(1_334),
            postings: postings, coverage: [coverage])
    }

    /// Groups of 1,000 nodes' batches in turn; every twentieth is sent again.
    static func groups(log: Int32, batches: Int, of size: Int, opening: [UInt8]) -> [AppendGroup] {
        var generator = SeededRandom(seed: 1)
        var heads = [[UInt8]](repeating: opening, count: 1_000)
        var rows: [AppendRow] = []
        for number in 0..<batches {
            let node = number % 1_000
            let row = batch(
                node: Int32(node + 1), seq: Int64(number / 1_000), previous: heads[node], using: &generator)
            heads[node] = row.leaf
            rows.append(row)
            if number % 20 == 19 { rows.append(rows[rows.count - 10]) }
        }
        return stride(from: 0, to: rows.count, by: size).map { start in
            AppendGroup(log: log, rows: Array(rows[start..<min(start + size, rows.count)]))
        }
    }

    /// - Returns: rows a second, those sent again included, and the longest group in ms.
    static func run(_ connection: Connection, _ groups: [AppendGroup]) throws -> (perSecond: Double, longest: Double) {
        let start = monotonicNanoseconds()
        var longest: Int64 = 0
        for group in groups {
            let began = monotonicNanoseconds()
            _ = try connection.append(group)
            longest = max(longest, monotonicNanoseconds() - began)
        }
        let rows = groups.reduce(0) { $0 + $1.rows.count }
        return (Double(rows) * 1e9 / Double(monotonicNanoseconds() - start), Double(longest) / 1e6)
    }
}

@Suite(.serialized, .enabled(if: getenv("WATTEST_APPEND_LOAD") != nil, "for a look by hand"))
struct AppendLoadTests {
    @Test(arguments: [1, 20, 100, 500])
    func oneWriter(groupOf size: Int) async throws {
        let batches = getenv("WATTEST_APPEND_LOAD").flatMap { Int(String(cString: $0)) } ?? 20_000
        let database = try await TestCluster.ownDatabase()
        let connection = try Connection(database.target(.intake))
        let log = try connection.found("load")
        let opening = [UInt8](repeating: 1, count: 32)
        _ = try connection.append(
            AppendGroup(log: log, rows: [AppendRow(kind: .node, leaf: opening, note: opening)]))
        // Small groups take long: fewer of them.
        let groups = AppendLoad.groups(log: log, batches: min(batches, size * 400), of: size, opening: opening)
        try Connection(database.administrator).query("CHECKPOINT")
        let result = try AppendLoad.run(connection, groups)
        print("groups of \(size): \(Int(result.perSecond)) batches/s, longest \(Int(result.longest)) ms")
    }
}
