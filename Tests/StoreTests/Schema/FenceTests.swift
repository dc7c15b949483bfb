import Testing

@testable import Store

/// What the roles may not do: grants, triggers, row-level security.
@Suite struct FenceTests {
    /// Two organizations with one entry each.
    private func filled() async throws -> (TestDatabase, [Int32]) {
        let database = try await TestCluster.database()
        let connection = try Connection(database.target(.intake))
        let logs = [try connection.found("acme"), try connection.found("globex")]
        for log in logs {
            let leaf = [UInt8](repeating: 1, count: 32)
            _ = try connection.append(
                AppendGroup(log: log, rows: [AppendRow(kind: .genesis, leaf: leaf, note: [1])]))
        }
        return (database, logs)
    }

    private func refusal(_ connection: Connection, log: Int32?, _ sql: String) -> String? {
        do throws(StoreError) {
            try connection.transaction(log: log) { () throws(StoreError) in _ = try connection.query(sql) }
            return nil
        } catch { return error.sqlState }
    }

    static let tables = [
        "organizations", "logs", "entries", "notes", "sample_blocks", "equivocations", "energy_hourly", "job_hourly",
        "power_minutely", "coverage_hourly", "gaps", "sites", "nodes", "imports", "job_records", "tokens", "reports",
        "checkpoints",
    ]

    @Test func everyTableWithALogIsFenced() async throws {
        let (database, _) = try await filled()
        let rows = try Connection(database.administrator).query(
            """
            SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'wattest' AND c.relkind IN ('r', 'p') AND c.relname <> 'migrations'
                AND c.relrowsecurity AND c.relforcerowsecurity
            """
        ).map { row throws(StoreError) in try row.get(0) as String }
        #expect(rows.sorted() == Self.tables.sorted())
    }

    @Test(arguments: [DatabaseRole.intake, .reader])
    func aRoleSeesOneLogOrNone(_ role: DatabaseRole) async throws {
        let (database, logs) = try await filled()
        let connection = try Connection(database.target(role))
        func seen(_ log: Int32?) throws -> Int64 {
            try connection.transaction(.snapshot, log: log) { () throws(StoreError) in
                try connection.query("SELECT count(*) FROM entries JOIN notes USING (log, index)").get(0, 0)
            }
        }
        #expect(try seen(logs[0]) == 1)
        #expect(try seen(nil) == 0)
        #expect(try seen(-1) == 0)
    }

    @Test func nobodyWritesIntoAnotherLog() async throws {
        let (database, logs) = try await filled()
        let connection = try Connection(database.target(.intake))
        let insert = """
            INSERT INTO entries (log, index, kind, received, leaf)
            VALUES (\(logs[1]), 1, 1, now(), decode(repeat('ab', 32), 'hex'))
            """
        #expect(refusal(connection, log: logs[0], insert) == "42501")
        #expect(refusal(connection, log: logs[1], insert) == nil)
    }

    @Test(arguments: [
        "UPDATE entries SET kind = 2", "DELETE FROM entries", "TRUNCATE entries", "DELETE FROM notes",
        "UPDATE notes SET note = '\\x00'", "DELETE FROM sample_blocks", "UPDATE logs SET size = 0",
        "DELETE FROM logs", "UPDATE organizations SET name = 'x'", "DELETE FROM job_hourly",
        "UPDATE reports SET body = ''",
        "INSERT INTO organizations (log, slug, name, origin) VALUES (9, 'x', 'x', 'x')",
        "SELECT FROM wattest_parts.sample_blocks_20990101", "SELECT make_append_only('entries')",
        "CREATE TABLE wattest.mine (a int)", "ALTER TABLE entries DISABLE TRIGGER append_only",
        "SET LOCAL ROLE wattest_owner",
    ])
    func intakeOnlyAppends(_ sql: String) async throws {
        let (database, logs) = try await filled()
        let state = refusal(try Connection(database.target(.intake)), log: logs[0], sql)
        #expect(state == "42501", "\(sql): \(state ?? "done")")
    }

    @Test(arguments: ["entries", "notes", "sample_blocks", "job_hourly", "nodes", "reports"])
    func theReaderOnlyReads(_ table: String) async throws {
        let (database, logs) = try await filled()
        let connection = try Connection(database.target(.reader))
        for sql in ["INSERT INTO \(table) DEFAULT VALUES", "DELETE FROM \(table)"] {
            #expect(refusal(connection, log: logs[0], sql) == "42501", "\(sql)")
        }
        #expect(refusal(connection, log: logs[0], "SELECT * FROM tokens") == "42501")
    }

    @Test func partitionsCannotBeReadPastTheFence() async throws {
        let (database, logs) = try await filled()
        let administrator = try Connection(database.administrator)
        let parts = try administrator.query(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'wattest.notes'::regclass"
        ).map { row throws(StoreError) in try row.get(0) as String }
        #expect(!parts.isEmpty)
        for role in [DatabaseRole.intake, .reader] {
            let connection = try Connection(database.target(role))
            for part in parts { #expect(refusal(connection, log: logs[0], "SELECT * FROM \(part)") == "42501") }
        }
    }

    @Test func notEvenASuperuserChangesEvidence() async throws {
        let (database, _) = try await filled()
        let connection = try Connection(database.administrator)
        try connection.query("SET session_replication_role = replica")
        let parts = try connection.query(
            """
            SELECT inhrelid::regclass::text FROM pg_inherits
            WHERE inhparent = 'wattest.notes'::regclass AND inhrelid::regclass::text LIKE '%_20%'
            """
        ).map { row throws(StoreError) in try row.get(0) as String }
        for table in ["entries", "notes", "equivocations", "gaps", "imports", "reports", "checkpoints", "logs"] + parts
        {
            #expect(refusal(connection, log: nil, "TRUNCATE \(table) CASCADE") == "42501", "\(table)")
        }
        for sql in ["UPDATE entries SET kind = 9", "DELETE FROM notes", "DELETE FROM logs", "UPDATE logs SET size = 0"]
        {
            #expect(refusal(connection, log: nil, sql) == "42501", "\(sql)")
        }
    }

    @Test func retentionDropsOldDaysAndNothingElse() async throws {
        let database = try await TestCluster.ownDatabase()
        let administrator = try Connection(database.administrator)
        // Days of long ago, one of them detached by a run that was killed.
        for (day, attached) in [("20200101", true), ("20200102", true), ("20200103", false)] {
            try administrator.query("SET ROLE wattest_samples")
            try administrator.query("CREATE TABLE wattest_parts.sample_blocks_\(day) (LIKE wattest.sample_blocks)")
            if attached {
                try administrator.query(
                    """
                    ALTER TABLE wattest.sample_blocks ATTACH PARTITION wattest_parts.sample_blocks_\(day)
                    FOR VALUES FROM ('\(day) 00:00Z') TO ('\(day) 23:59Z')
                    """)
            }
            try administrator.query("RESET ROLE")
        }
        let connection = try Connection(database.target(.retention))
        let limit = try connection.query("SELECT '2020-01-03T00:00Z'::timestamptz").get(0, 0) as Timestamp
        #expect(try Retention(connection).dropSamples(before: limit) == ["20200101", "20200102"])
        let later = Timestamp(microseconds: limit.microseconds + 86_400_000_000)
        #expect(try Retention(connection).dropSamples(before: later) == ["20200103"])
        #expect(try Retention(connection).dropSamples(before: later) == [])
        for sql in ["DROP TABLE entries", "DROP TABLE notes", "SELECT * FROM entries", "DELETE FROM job_hourly"] {
            #expect(refusal(connection, log: 1, sql) == "42501", "\(sql)")
        }
    }
}
