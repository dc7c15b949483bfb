import Synchronization
import Testing

@testable import Store

@Suite struct ConnectionPoolTests {
    @Test func blockedWorkHoldsUpNobodyElse() async throws {
        let database = try await TestCluster.database()
        let pool = try database.pool(connections: 8)
        let holder = try Connection(database.administrator)
        try holder.query("SELECT pg_advisory_lock(1)")
        let waiting = (0..<7).map { _ in
            Task {
                try await pool.run { connection throws(StoreError) in
                    _ = try connection.query("SELECT pg_advisory_xact_lock_shared(1)")
                }
            }
        }
        // The eighth thread sees all seven blocked: more than this machine may have cores.
        try await pool.run { connection throws(StoreError) in
            let blocked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            while try connection.query(blocked).get(0, 0, as: Int64.self) < 7 {}
        }
        try holder.query("SELECT pg_advisory_unlock(1)")
        for task in waiting { try await task.value }
        await pool.close()
    }

    @Test func aBrokenConnectionFailsItsWorkAndIsReplaced() async throws {
        let database = try await TestCluster.database()
        let pool = try database.pool(connections: 1)
        await #expect {
            try await pool.run { connection throws(StoreError) in
                _ = try connection.query("SELECT pg_terminate_backend(pg_backend_pid())")
            }
        } throws: { ($0 as? StoreError)?.kind == .connectionLost }
        let one = try await pool.run { connection throws(StoreError) in
            try connection.query("SELECT 1").get(0, 0) as Int32
        }
        #expect(one == 1)
    }

    @Test func anIdleConnectionThatDiedIsReplacedBeforeWork() async throws {
        let database = try await TestCluster.database()
        let pool = try database.pool(connections: 1)
        let pid = try await pool.run { connection throws(StoreError) in
            try connection.query("SELECT pg_backend_pid()").get(0, 0) as Int32
        }
        let administrator = try Connection(database.administrator)
        // Waits until the backend is gone.
        try administrator.query("SELECT pg_terminate_backend($1, 10000)", [.int4(pid)])
        let other = try await pool.run { connection throws(StoreError) in
            try connection.query("SELECT pg_backend_pid()").get(0, 0) as Int32
        }
        #expect(other != pid)
    }

    @Test func aTransactionLeftOpenIsNotLentOn() async throws {
        let database = try await TestCluster.database()
        let pool = try database.pool(connections: 1)
        try await pool.run { connection throws(StoreError) in
            try connection.query("BEGIN")
            try connection.query("SET LOCAL app.log = 7")
        }
        let seen = try await pool.run { connection throws(StoreError) in
            try connection.query("SELECT coalesce(current_setting('app.log', true), '')").get(0, 0) as String
        }
        #expect(seen == "")
    }

    @Test func refusesMoreThanItsLimit() async throws {
        let target = ConnectionTarget(location: "host=/nonexistent")
        let pool = try ConnectionPool(target, limits: .init(connections: 1, waiting: 1, patienceSeconds: 1))
        let kinds: [StoreError.Kind?] = await withTaskGroup(of: StoreError.Kind?.self) { group in
            for _ in 0..<6 {
                group.addTask {
                    do throws(StoreError) {
                        try await pool.run { _ throws(StoreError) in }
                        return nil
                    } catch { return error.kind }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(kinds.allSatisfy { $0 == .overloaded || $0 == .unavailable })
        #expect(kinds.contains(.unavailable) && kinds.contains(.overloaded))
    }

    @Test func afterClosingNothingIsTaken() async throws {
        let database = try await TestCluster.database()
        let pool = try database.pool()
        await pool.close()
        await #expect { try await pool.run { _ throws(StoreError) in } } throws: {
            ($0 as? StoreError)?.kind == .closed
        }
    }

    @Test func waitingWorkCanBeCancelled() async throws {
        let target = ConnectionTarget(location: "host=/nonexistent")
        let pool = try ConnectionPool(target, limits: .init(connections: 1, waiting: 8, patienceSeconds: 600))
        let jobs = (0..<3).map { _ in Task { try await pool.run { _ throws(StoreError) in } } }
        for job in jobs.dropFirst() { job.cancel() }
        // Closing ends the one that waits for the server; the cancelled ones ended before or never began.
        await pool.close()
        for job in jobs { await #expect(throws: StoreError.self) { try await job.value } }
    }

    @Test func backOffDoublesUpToItsBound() {
        var backOff = BackOff(shortestNanoseconds: 100, longestNanoseconds: 1_000)
        #expect((0..<6).map { _ in backOff.pause() } == [100, 200, 400, 800, 1_000, 1_000])
        backOff.reset()
        #expect(backOff.pause() == 100)
    }
}
