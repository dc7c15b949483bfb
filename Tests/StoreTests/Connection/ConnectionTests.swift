import Testing

@testable import Store

@Suite struct ConnectionTests {
    private func connection() async throws -> Connection {
        Connection.ready(try await TestCluster.database())
    }

    @Test func scalarsGoThereAndBack() async throws {
        let connection = try await connection()
        let rows = try connection.query(
            "SELECT $1, $2, $3, $4, $5, $6, $7",
            [
                .bool(true), .int2(.min), .int4(.max), .int8(.min), .text("é;'\\"), .bytea([0, 255, 39]),
                .timestamp(1_795_000_000_123_456),
            ])
        #expect(try rows.get(0, 0) as Bool)
        #expect(try rows.get(0, 1) as Int16 == .min)
        #expect(try rows.get(0, 2) as Int32 == .max)
        #expect(try rows.get(0, 3) as Int64 == .min)
        #expect(try rows.get(0, 4) as String == "é;'\\")
        #expect(try rows.get(0, 5) as [UInt8] == [0, 255, 39])
        #expect(try rows.get(0, 6) as Timestamp == Timestamp(microseconds: 1_795_000_000_123_456))
    }

    @Test func timestampsAgreeWithTheServer() async throws {
        let rows = try await connection().query(
            "SELECT '2026-11-21T02:34:56.789012Z'::timestamptz, (extract(epoch FROM $1) * 1000000)::int8",
            [.timestamp(-1)])
        #expect(try rows.get(0, 0) as Timestamp == Timestamp(microseconds: 1_795_228_496_789_012))
        #expect(try rows.get(0, 1) as Int64 == -1)
    }

    @Test func nullsAndEmptyValuesDiffer() async throws {
        let rows = try await connection().query(
            "SELECT $1, $2, $3, $4", [.int8(nil), .text(nil), .bytea([]), .text("")])
        #expect(try rows.optional(0, 0, as: Int64.self) == nil)
        #expect(try rows.optional(0, 1, as: String.self) == nil)
        #expect(try rows.optional(0, 2, as: [UInt8].self) == [])
        #expect(try rows.get(0, 3) as String == "")
        #expect(throws: StoreError.self) { try rows.get(0, 0) as Int64 }
        #expect(throws: StoreError.self) { try rows.get(0, 3) as Int64 }
        #expect(throws: StoreError.self) { try rows.get(1, 0) as Int64 }
    }

    @Test func arraysUnnest() async throws {
        let rows = try await connection().query(
            """
            SELECT a, b, c, d, e, f FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY AS t (a, b, c, d, e, f, n)
            ORDER BY n
            """,
            [
                .int2s([1, -2]), .int4s([3, -4]), .int8s([5, -6]), .byteas([[7], nil]), .texts(["x", nil]),
                .bools([true, false]),
            ])
        #expect(rows.count == 2)
        #expect(try rows.get(1, 0) as Int16 == -2)
        #expect(try rows.get(1, 1) as Int32 == -4)
        #expect(try rows.get(1, 2) as Int64 == -6)
        #expect(try rows.get(0, 3) as [UInt8] == [7])
        #expect(try rows.optional(1, 3, as: [UInt8].self) == nil)
        #expect(try rows.optional(1, 4, as: String.self) == nil)
        #expect(try rows.get(1, 5) as Bool == false)
    }

    @Test func emptyArraysAreEmpty() async throws {
        let rows = try await connection().query(
            "SELECT cardinality($1), cardinality($2)", [.int8s([]), .byteas([])])
        #expect(try rows.get(0, 0) as Int32 == 0)
        #expect(try rows.get(0, 1) as Int32 == 0)
    }

    @Test func severalStatementsInOneTextAreRefused() async throws {
        let connection = try await connection()
        #expect { try connection.query("SELECT 1; SELECT 2") } throws: { ($0 as? StoreError)?.sqlState == "42601" }
    }

    @Test func errorsCarryTheStateAndNoValues() async throws {
        let connection = try await connection()
        try connection.query("CREATE TEMP TABLE t (a int PRIMARY KEY, b text CHECK (b <> 'secret'))")
        #expect { try connection.query("INSERT INTO t VALUES (1, 'secret')") } throws: { error in
            let error = error as? StoreError
            return error?.kind == .invalidData && error?.sqlState == "23514"
                && error?.message == "the database refused table t, constraint t_b_check"
        }
        #expect { try connection.query("SELECT $1::int", [.text("secret")]) } throws: { error in
            !((error as? StoreError)?.description.contains("secret") ?? true)
        }
        #expect { try connection.query("SELECT nothing") } throws: { error in
            let error = error as? StoreError
            return error?.kind == .refused && error?.sqlState == "42703"
        }
    }

    @Test func pipelineAnswersInOrder() async throws {
        let connection = try await connection()
        let answers = try connection.pipeline((1...50).map { Statement("SELECT $1", [.int4($0)]) })
        #expect(try answers.map { rows in try rows.get(0, 0) as Int32 } == Array(1...50))
    }

    @Test func pipelineOfMoreThanTheSocketHolds() async throws {
        let connection = try await connection()
        let block = [UInt8](repeating: 7, count: 3_000_000)
        let answers = try connection.pipeline((1...8).map { _ in Statement("SELECT $1", [.bytea(block)]) })
        #expect(try answers.allSatisfy { rows in try rows.get(0, 0) as [UInt8] == block })
    }

    @Test func pipelineErrorNamesTheStatementAndUndoesTheRest() async throws {
        let connection = try await connection()
        try connection.query("CREATE TEMP TABLE t (a int)")
        let statements = [
            Statement("BEGIN"), Statement("INSERT INTO t VALUES (1)"), Statement("SELECT nonsense"),
            Statement("INSERT INTO t VALUES (2)"), Statement("COMMIT"),
        ]
        #expect { try connection.pipeline(statements) } throws: { error in
            (error as? StoreError)?.message.hasPrefix("statement 3 of 5:") == true
        }
        #expect(connection.isIdle)
        #expect(try connection.query("SELECT count(*) FROM t").get(0, 0) as Int64 == 0)
    }

    @Test func transactionsCommitOrRollBack() async throws {
        let connection = try await connection()
        try connection.query("CREATE TEMP TABLE t (a int)")
        try connection.transaction { () throws(StoreError) in _ = try connection.query("INSERT INTO t VALUES (1)") }
        #expect(throws: StoreError.self) {
            try connection.transaction { () throws(StoreError) in
                try connection.query("INSERT INTO t VALUES (2)")
                throw StoreError(.refused, "no")
            }
        }
        // Swallowing an error does not turn a rollback into a commit.
        #expect(throws: StoreError.self) {
            try connection.transaction { () throws(StoreError) in
                try connection.query("INSERT INTO t VALUES (3)")
                _ = try? connection.query("SELECT nonsense")
            }
        }
        #expect(try connection.query("SELECT sum(a) FROM t").get(0, 0) as Int64 == 1)
    }

    @Test func aSnapshotCannotWrite() async throws {
        let connection = try await connection()
        #expect {
            try connection.transaction(.snapshot) { () throws(StoreError) in
                _ = try connection.query("CREATE TABLE t (a int)")
            }
        } throws: { ($0 as? StoreError)?.sqlState == "25006" }
    }

    @Test func anUnreachableServerIsUnavailable() {
        let target = ConnectionTarget(location: "host=/nonexistent port=1 password=hunter2")
        #expect { try Connection(target) } throws: { error in
            let error = error as? StoreError
            return error?.kind == .unavailable && error?.description.contains("hunter2") == false
        }
    }

    @Test func locationsAreQuoted() {
        #expect(ConnectionTarget.quoted(#"/a b/it's\"#) == #"'/a b/it\'s\\'"#)
    }
}

extension Connection {
    /// As the role that may do everything in the test's database.
    static func ready(_ database: TestDatabase) -> Connection { try! Connection(database.administrator) }
}
