import Testing

@testable import Store

@Suite struct SnapshotTests {
    private let quality = EnergyQuality(provenance: 1, boundary: 2, rule: 3)

    private func leaf(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: 32) }

    /// Genesis, node, two chains of node 7 (opened by entries 1 and 4), one setting.
    private func filled() async throws -> (Connection, Int32, [AppendRow]) {
        let database = try await TestCluster.database()
        let connection = try Connection(database.target(.intake))
        let log = try connection.found("acme")
        var rows = [
            AppendRow(kind: .genesis, leaf: leaf(0), note: [0]), AppendRow(kind: .node, leaf: leaf(1), note: [1]),
        ]
        func chained(_ byte: UInt8, _ incarnation: Int64, _ seq: Int64, after previous: UInt8) -> AppendRow {
            AppendRow(
                kind: .batch,
                link: .init(node: 7, incarnation: incarnation, seq: seq, previous: leaf(previous)),
                leaf: leaf(byte), note: [byte], samples: byte == 2 ? [9, 9] : nil,
                postings: [
                    Posting(
                        node: 7, job: 1, account: .job, hour: Int32(byte), minute: Int32(byte) * 60, site: 1,
                        quality: quality, energy: ComponentEnergy(accelerator: 100, cpu: 10, rest: -1)),
                    Posting(
                        node: 8, job: 0, account: .idle, hour: 3, minute: 180, site: 1, quality: quality,
                        energy: ComponentEnergy(dram: 5, network: 7)),
                ],
                coverage: [
                    Coverage(
                        node: 7, job: 1, hour: Int32(byte), measuredMilliseconds: 30, bridgedMilliseconds: 2,
                        missingMilliseconds: 1)
                ],
                gaps: [
                    Gap(
                        node: 7, job: 1, fromMicroseconds: Int64(byte) * 10, toMicroseconds: Int64(byte) * 10 + 5,
                        kind: 2)
                ])
        }
        rows += [chained(2, 1, 0, after: 1), chained(3, 1, 1, after: 2)]
        rows += [AppendRow(kind: .resume, leaf: leaf(4), note: [4])]
        rows += [chained(5, 4, 0, after: 4), AppendRow(kind: .set, leaf: leaf(6), note: [6])]
        for row in rows {
            let outcome = try connection.append(AppendGroup(log: log, rows: [row]))
            #expect(outcome.rows.map(\.verdict) == [.appended])
        }
        return (connection, log, rows)
    }

    @Test func entriesByIndexRangeAndKind() async throws {
        let (connection, log, rows) = try await filled()
        try connection.snapshot(of: log) { snapshot throws(StoreError) in
            #expect(snapshot.size == 7)
            #expect(try snapshot.entry(at: 3)?.note == [3])
            #expect(try snapshot.entry(at: 7) == nil)
            var seen: [StoredEntry] = []
            try snapshot.forEachEntry(in: 1..<6, portion: 2) { entry throws(StoreError) in seen.append(entry) }
            #expect(seen.map(\.index) == [1, 2, 3, 4, 5])
            #expect(seen.map(\.leaf) == rows[1..<6].map(\.leaf))
            #expect(seen.map(\.kind) == rows[1..<6].map(\.kind))
            #expect(try snapshot.leaves(in: 0..<7) == rows.flatMap(\.leaf))
            #expect(try snapshot.leaves(in: 5..<9) == rows[5...].flatMap(\.leaf))
            #expect(try snapshot.records(in: 0..<7).map(\.index) == [0, 1, 4, 6])
            #expect(try snapshot.index(ofRecord: leaf(6)) == 6)
            #expect(try snapshot.index(ofRecord: leaf(5)) == nil)
            #expect(try snapshot.samples(at: 2) == [9, 9])
            #expect(try snapshot.samples(at: 3) == nil)
            // These leaves are not hashes of their notes.
            #expect(try snapshot.damagedEntries(in: 0..<7) == Array(0..<7))
        }
    }

    @Test func headsOfChains() async throws {
        let (connection, log, _) = try await filled()
        try connection.snapshot(of: log) { snapshot throws(StoreError) in
            let first = ChainHead(node: 7, incarnation: 1, seq: 1, index: 3, leaf: leaf(3), note: [3])
            let second = ChainHead(node: 7, incarnation: 4, seq: 0, index: 5, leaf: leaf(5), note: [5])
            #expect(try snapshot.head(node: 7, incarnation: 1) == first)
            #expect(try snapshot.head(node: 7, incarnation: 6) == nil)
            #expect(try snapshot.heads(node: 7) == [second, first])
            #expect(try snapshot.heads(node: 8) == [])
        }
    }

    @Test func energyByPeriodJobAndNode() async throws {
        let (connection, log, _) = try await filled()
        try connection.snapshot(of: log) { snapshot throws(StoreError) in
            let hours = try snapshot.jobEnergy(hours: 3..<6)
            #expect(
                hours == [
                    JobEnergy(
                        hour: 3, job: 0, account: .idle, site: 1, quality: quality,
                        energy: ComponentSums(dram: 15, network: 21)),
                    JobEnergy(
                        hour: 3, job: 1, account: .job, site: 1, quality: quality,
                        energy: ComponentSums(accelerator: 100, cpu: 10, rest: -1)),
                    JobEnergy(
                        hour: 5, job: 1, account: .job, site: 1, quality: quality,
                        energy: ComponentSums(accelerator: 100, cpu: 10, rest: -1)),
                ])
            #expect(
                try snapshot.nodeEnergy(jobs: [1], hours: 0..<9) == [
                    NodeEnergy(
                        job: 1, account: .job, node: 7, quality: quality,
                        energy: ComponentSums(accelerator: 300, cpu: 30, rest: -3))
                ])
            #expect(try snapshot.nodeEnergy(jobs: [0, 1], hours: 3..<4).map(\.node) == [8, 7])
            #expect(try snapshot.hours(ofJob: 1) == 2...5)
            #expect(try snapshot.hours(ofJob: 2) == nil)
            #expect(
                try snapshot.power(job: 1, minutes: 120..<300) == [
                    MinuteEnergy(minute: 120, microjoules: 109), MinuteEnergy(minute: 180, microjoules: 109),
                ])
        }
    }

    @Test func coverageAndGaps() async throws {
        let (connection, log, _) = try await filled()
        try connection.snapshot(of: log) { snapshot throws(StoreError) in
            let all = NodeCoverage(
                job: 1, node: 7, measuredMilliseconds: 90, bridgedMilliseconds: 6, missingMilliseconds: 3)
            #expect(try snapshot.coverage(hours: 0..<9) == [all])
            #expect(try snapshot.coverage(jobs: [1], hours: 0..<9) == [all])
            #expect(try snapshot.coverage(jobs: [2], hours: 0..<9) == [])
            #expect(try snapshot.coverage(hours: 5..<6).map(\.measuredMilliseconds) == [30])
            #expect(try snapshot.gaps(microseconds: 0..<100).map(\.index) == [2, 3, 5])
            #expect(try snapshot.gaps(microseconds: 24..<30).map(\.index) == [2])
            #expect(try snapshot.gaps(microseconds: 25..<30).map(\.index) == [])
        }
    }

    @Test func aSnapshotStandsStillWhileTheLogGrows() async throws {
        let (connection, log, _) = try await filled()
        let other = try Connection(try await TestCluster.database().target(.reader))
        try other.snapshot(of: log) { snapshot throws(StoreError) in
            let before = try snapshot.jobEnergy(hours: 0..<99)
            _ = try connection.append(
                AppendGroup(
                    log: log,
                    rows: [
                        AppendRow(
                            kind: .set, leaf: leaf(99), note: [99],
                            postings: [
                                Posting(
                                    node: 7, job: 1, account: .job, hour: 9, minute: 540, site: 1, quality: quality,
                                    energy: ComponentEnergy(cpu: 1))
                            ])
                    ]))
            #expect(try snapshot.records(in: 0..<99).count == 4)
            #expect(try snapshot.jobEnergy(hours: 0..<99) == before)
        }
        #expect(try other.snapshot(of: log) { snapshot throws(StoreError) in snapshot.size } == 8)
    }

    @Test func equivocationsCanBeRead() async throws {
        let (connection, log, _) = try await filled()
        let fork = AppendRow(
            kind: .batch, link: .init(node: 7, incarnation: 1, seq: 1, previous: leaf(2)), leaf: leaf(77), note: [77])
        _ = try connection.append(AppendGroup(log: log, rows: [fork]))
        let seen = try connection.snapshot(of: log) { snapshot throws(StoreError) in try snapshot.equivocations() }
        #expect(seen.map(\.note) == [[77]] && seen.map(\.seq) == [1])
    }

    @Test func anUnknownLogIsAnError() async throws {
        let database = try await TestCluster.database()
        let connection = try Connection(database.target(.reader))
        #expect { try connection.snapshot(of: -5) { _ throws(StoreError) in } } throws: {
            ($0 as? StoreError)?.kind == .unknownLog
        }
    }
}
