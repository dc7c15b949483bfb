import Testing

@testable import Store

@Suite struct AppendTests {
    /// A log whose entry 0 opens the chain (node 7, incarnation 0).
    private func opened() async throws -> (Connection, Int32) {
        let database = try await TestCluster.database()
        let connection = try Connection(database.target(.intake))
        let log = try connection.found("acme")
        let outcome = try connection.append(AppendGroup(log: log, rows: [record(0)]))
        #expect(outcome == AppendOutcome(rows: [.init(verdict: .appended, index: 0)], size: 1))
        return (connection, log)
    }

    private func leaf(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: 32) }

    private func record(_ byte: UInt8, kind: EntryKind = .node) -> AppendRow {
        AppendRow(kind: kind, leaf: leaf(byte), note: [byte])
    }

    private func batch(_ seq: Int64, _ byte: UInt8, after previous: UInt8, postings: [Posting] = []) -> AppendRow {
        AppendRow(
            kind: .batch, link: .init(node: 7, incarnation: 0, seq: seq, previous: leaf(previous)), leaf: leaf(byte),
            note: [byte], postings: postings)
    }

    private func verdicts(_ connection: Connection, _ log: Int32, _ rows: [AppendRow]) throws -> [AppendVerdict] {
        try connection.append(AppendGroup(log: log, rows: rows)).rows.map(\.verdict)
    }

    @Test func aChainAttachesToItsOpeningAndToItself() async throws {
        let (connection, log) = try await opened()
        let outcome = try connection.append(
            AppendGroup(log: log, rows: [batch(0, 1, after: 0), batch(1, 2, after: 1), batch(2, 3, after: 2)]))
        #expect(outcome.rows == (1...3).map { AppendedRow(verdict: .appended, index: $0) } && outcome.size == 4)
        #expect(try verdicts(connection, log, [batch(3, 4, after: 3)]) == [.appended])
    }

    @Test func whatDoesNotAttachIsAGapAndSoIsWhatFollows() async throws {
        let (connection, log) = try await opened()
        #expect(try verdicts(connection, log, [batch(1, 2, after: 1), batch(0, 1, after: 0)]) == [.gap, .gap])
        #expect(try verdicts(connection, log, [batch(0, 1, after: 9)]) == [.gap])
        #expect(
            try verdicts(connection, log, [batch(0, 1, after: 0), batch(2, 3, after: 2), batch(1, 2, after: 1)])
                == [.appended, .gap, .gap])
        #expect(try verdicts(connection, log, [batch(1, 2, after: 9), batch(2, 3, after: 2)]) == [.gap, .gap])
    }

    @Test func whatIsSentAgainIsADuplicateWithItsIndex() async throws {
        let (connection, log) = try await opened()
        let rows = [batch(0, 1, after: 0), batch(1, 2, after: 1)]
        _ = try connection.append(AppendGroup(log: log, rows: rows))
        let again = try connection.append(AppendGroup(log: log, rows: rows + [batch(2, 3, after: 2), rows[0]]))
        #expect(again.rows.map(\.verdict) == [.duplicate, .duplicate, .appended, .duplicate])
        #expect(again.rows.map(\.index) == [1, 2, 3, 1] && again.size == 4)
    }

    @Test func anEquivocationClosesItsChain() async throws {
        let (connection, log) = try await opened()
        _ = try connection.append(AppendGroup(log: log, rows: [batch(0, 1, after: 0), batch(1, 2, after: 1)]))
        let outcome = try connection.append(
            AppendGroup(log: log, rows: [batch(2, 3, after: 2), batch(1, 9, after: 1), batch(3, 4, after: 3)]))
        #expect(outcome.rows.map(\.verdict) == [.appended, .equivocation, .closed])
        #expect(outcome.rows.map(\.index) == [3, 2, nil])
        // What is in the log stays acknowledged; nothing new enters.
        #expect(
            try verdicts(connection, log, [batch(2, 3, after: 2), batch(3, 4, after: 3), batch(9, 9, after: 8)])
                == [.duplicate, .closed, .closed])
    }

    @Test func anEquivocationWithinTheGroupClosesTheChainFromThereOn() async throws {
        let (connection, log) = try await opened()
        #expect(
            try verdicts(
                connection, log,
                [batch(0, 1, after: 0), batch(0, 9, after: 0), batch(1, 2, after: 1), batch(0, 1, after: 0)])
                == [.appended, .equivocation, .closed, .duplicate])
    }

    @Test func aGapBeforeAnEquivocationIsStillAGap() async throws {
        let (connection, log) = try await opened()
        _ = try connection.append(AppendGroup(log: log, rows: [batch(0, 1, after: 0)]))
        #expect(
            try verdicts(connection, log, [batch(5, 6, after: 5), batch(0, 9, after: 0), batch(1, 2, after: 1)])
                == [.gap, .equivocation, .closed])
    }

    @Test func contradictoryRowsThatDoNotAttachProveNothing() async throws {
        let (connection, log) = try await opened()
        #expect(
            try verdicts(connection, log, [batch(3, 4, after: 3), batch(3, 9, after: 3)]) == [.gap, .gap])
        #expect(try verdicts(connection, log, [batch(0, 1, after: 0)]) == [.appended])
    }

    @Test func entriesOutsideOfChainsAreKnownByTheirBytes() async throws {
        let (connection, log) = try await opened()
        let outcome = try connection.append(
            AppendGroup(log: log, rows: [record(5, kind: .set), record(0), record(5, kind: .set)]))
        #expect(outcome.rows.map(\.verdict) == [.appended, .duplicate, .duplicate])
        #expect(outcome.rows.map(\.index) == [1, 0, 1])
    }

    @Test func aFileIsImportedOnce() async throws {
        let (connection, log) = try await opened()
        let file = ImportedFile(job: 1, node: 2, sensor: "gpu", sha256: leaf(42))
        func importing(_ byte: UInt8, _ file: ImportedFile) -> AppendRow {
            var row = record(byte, kind: .importing)
            row.file = file
            return row
        }
        var other = file
        other.node = 3
        let outcome = try connection.append(
            AppendGroup(log: log, rows: [importing(1, file), importing(2, file), importing(3, other)]))
        #expect(outcome.rows.map(\.verdict) == [.appended, .duplicate, .appended])
        #expect(outcome.rows.map(\.index) == [1, 1, 2])
        #expect(try verdicts(connection, log, [importing(4, file)]) == [.duplicate])
    }

    private func most(node: Int32) -> Posting {
        Posting(
            node: node, job: 0, account: .idle, hour: 1, minute: 60, site: 0,
            quality: EnergyQuality(provenance: 1, boundary: 1, rule: 1), energy: ComponentEnergy(accelerator: .max))
    }

    /// What one node says of itself must not make another's energy unrepresentable.
    @Test(arguments: [false, true]) func sumsHoldWhateverNodesSay(areNew: Bool) async throws {
        let (connection, log) = try await opened()
        let rows = [batch(0, 1, after: 0, postings: [most(node: 7)]), batch(1, 2, after: 1, postings: [most(node: 8)])]
        let group = AppendGroup(log: log, rows: rows, expectedSize: 1, areNew: areNew)
        #expect(try connection.append(group).rows.map(\.verdict) == [.appended, .appended])
        try connection.snapshot(of: log) { snapshot throws(StoreError) in
            let hours = try snapshot.jobEnergy(hours: 0..<9)
            #expect(hours.map(\.energy.accelerator) == [2 * Int128(Int64.max)])
            let minutes = try snapshot.nodeEnergy(jobs: [0], hours: 0..<9)
            #expect(minutes.map(\.energy.accelerator) == [Int128(Int64.max), Int128(Int64.max)])
        }
    }

    /// The sums of a group that was wrongly called new must not reach the folds.
    @Test func whatIsCalledNewAndIsNotCountsOnce() async throws {
        let (connection, log) = try await opened()
        var posting = most(node: 7)
        posting.energy.accelerator = 5
        let first = batch(0, 1, after: 0, postings: [posting])
        let second = batch(1, 2, after: 1, postings: [posting])
        for (rows, size) in [([first], 1), ([first, second], 2), ([second], 3)] as [([AppendRow], Int64)] {
            _ = try connection.append(AppendGroup(log: log, rows: rows, expectedSize: size, areNew: true))
        }
        try connection.snapshot(of: log) { snapshot throws(StoreError) in
            #expect(try snapshot.jobEnergy(hours: 0..<9).map(\.energy.accelerator) == [10])
        }
    }

    @Test func aGroupThatWasJudgedAtAnotherSizeChangesNothing() async throws {
        let (connection, log) = try await opened()
        let size = try connection.append(AppendGroup(log: log)).size
        for expected in [size - 1, size + 1] {
            let group = AppendGroup(log: log, rows: [batch(0, 1, after: 0)], expectedSize: expected)
            #expect {
                try connection.append(group)
            } throws: { error in
                (error as? StoreError)?.kind == .logHasMoved
            }
        }
        let outcome = try connection.append(
            AppendGroup(log: log, rows: [batch(0, 1, after: 0)], expectedSize: size))
        #expect(outcome.rows.map(\.verdict) == [.appended] && outcome.size == size + 1)
    }

    @Test func oneBadRowKeepsNobodyElseOut() async throws {
        let (connection, log) = try await opened()
        var oversized = record(9)
        oversized.note = [UInt8](repeating: 1, count: 65_536)
        var homeless = batch(2, 3, after: 2)
        homeless.gaps = [Gap(node: 7, job: 0, fromMicroseconds: 2, toMicroseconds: 1, kind: 1)]
        let rows = [
            batch(0, 1, after: 0), record(5), oversized, batch(1, 2, after: 1), homeless, batch(3, 4, after: 3),
            record(6),
        ]
        #expect(
            try verdicts(connection, log, rows)
                == [.appended, .appended, .unrepresentable, .appended, .unrepresentable, .gap, .appended])
        try LogInvariants.check(connection, log, known: rows + [record(0)])
    }

    @Test func anUnknownLogIsAnError() async throws {
        let (connection, log) = try await opened()
        for rows in [[], [batch(0, 1, after: 0)], [batch(0, 1, after: 0), record(3)]] {
            #expect { try connection.append(AppendGroup(log: -log, rows: rows)) } throws: { error in
                (error as? StoreError)?.kind == .unknownLog
            }
        }
    }

    @Test func missingPartitionsAreMade() async throws {
        let database = try await TestCluster.ownDatabase()
        let administrator = try Connection(database.administrator)
        try administrator.query(
            """
            DO $$ DECLARE part regclass; BEGIN
                FOR part IN SELECT inhrelid FROM pg_inherits
                    WHERE inhparent IN ('wattest.notes'::regclass, 'wattest.sample_blocks'::regclass)
                LOOP EXECUTE format('DROP TABLE %s', part); END LOOP;
            END $$
            """)
        let connection = try Connection(database.target(.intake))
        let log = try connection.found("acme")
        #expect(try verdicts(connection, log, [record(1)]) == [.appended])
        #expect(try connection.query("SELECT FROM pg_inherits").count > 15)
    }
}
