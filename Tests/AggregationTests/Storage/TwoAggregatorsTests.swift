import Accounts
import Aggregation
import Batches
import ClusterSimulation
import Disclosure
import Energy
import SeededRandom
import Testing
import TransparencyLog

@testable import Store

/// Two aggregators on one database, whatever comes to which of them in whatever order.
@Suite(.timeLimit(.minutes(4))) struct TwoAggregatorsTests {
    /// One course of a plan.
    private struct Course {
        var notes: [[UInt8]]
        var rows: [String]
    }

    /// Any permutation, any duplication, any split: identical rows.
    @Test(arguments: UInt64(0)..<5) func rowsDependOnNothingButTheEntries(seed: UInt64) async throws {
        let plan = try MergePlan(seed: seed, withOverlaps: false)
        let first = try await course(of: plan, seed: seed)
        let replayed = try accounts(first, plan)
        for other in 1...2 as ClosedRange<UInt64> {
            let again = try await course(of: plan, seed: seed &+ 1000 &* other)
            let differences = Set(again.rows).symmetricDifference(first.rows)
            #expect(differences.sorted() == [], "seed \(seed), order \(other)")
            #expect(again.rows.count == first.rows.count, "seed \(seed), order \(other)")
            #expect(Set(again.notes) == Set(first.notes), "seed \(seed), order \(other)")
            for job in plan.jobs {
                let merged = try #require(JobSummary.make(job, in: try accounts(again, plan)))
                let expected = try #require(JobSummary.make(job, in: replayed))
                #expect(merged.energy == expected.energy && merged.time == expected.time, "seed \(seed)")
                #expect(merged.attempts == 2 && merged.nodesExpected == expected.nodesExpected, "seed \(seed)")
            }
        }
    }

    /// What is superseded is what stands later in the log, whoever took it.
    @Test(arguments: UInt64(100)..<106) func overlapsAreJudgedByTheLogsOrder(seed: UInt64) async throws {
        let plan = try MergePlan(seed: seed, withOverlaps: true)
        let course = try await course(of: plan, seed: seed)
        let ledger = try accounts(course, plan).ledger
        let expected = Set(
            ledger.energy.filter { $0.value != ComponentEnergy() }.map { key, energy in
                let job = key.account.job ?? "-"
                let parts = Component.allCases.map { "\(energy[$0])" }.joined(separator: " ")
                return "\(job) \(key.account.code) \(key.hour) \(key.node) \(parts)"
            })
        let found = Set(course.rows.filter { $0.hasPrefix("energy ") }.map { String($0.dropFirst(7)) })
        #expect(found == expected, "seed \(seed)")
    }

    // MARK: One course

    private func course(of plan: MergePlan, seed: UInt64) async throws -> Course {
        let connect = try await TestDatabases.make()
        let pools = [try connect(), try connect()]
        let origin = plan.log.origin
        let genesis = plan.log.entries[0]
        let log = try await pools[0].run { connection throws(StoreError) in
            let log = try connection.foundOrganization(slug: "plan", name: "Plan", origin: origin)
            let row = AppendRow(kind: .genesis, leaf: MerkleHash.leaf(of: genesis).bytes, note: genesis)
            _ = try connection.append(AppendGroup(log: log, rows: [row]))
            return log
        }
        var sequencers: [LogSequencer] = []
        for pool in pools {
            let database = LogDatabase(log: log, pool: pool)
            sequencers.append(
                LogSequencer(intake: try await database.intake(origin: origin), log: database.sequencerLog()))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for sequencer in sequencers { group.addTask { await sequencer.run() } }
            // The openings go in through one of the two; the other learns of them.
            for note in plan.log.entries.dropFirst() {
                _ = try await Self.submit(sequencers[0], note, try Self.peer(of: note, plan)).get()
            }
            try await Self.send(plan.entries, to: sequencers, seed: seed)
            for sequencer in sequencers { sequencer.finish() }
            try await group.waitForAll()
        }
        let notes = try await LogDatabase(log: log, pool: pools[0]).notes(0..<1_000_000)
        let rows = try await pools[1].run { connection throws(StoreError) in try Self.rows(connection, log) }
        for pool in pools { await pool.close() }
        return Course(notes: notes, rows: rows)
    }

    private static func peer(of note: [UInt8], _ plan: MergePlan) throws -> String? {
        let signer = try ReceivedEntry(note: note, samples: []).signer
        return signer == plan.log.administration.name ? nil : signer
    }

    /// Sends everything in rounds, shuffled, some twice, each to any of the two, until all of it is in the log.
    private static func send(
        _ entries: [(note: [UInt8], peer: String?)], to sequencers: [LogSequencer], seed: UInt64
    ) async throws {
        var random = SeededRandom(seed: seed)
        var waiting = Array(entries.indices)
        for round in 0..<400 where !waiting.isEmpty {
            let order = (waiting + waiting.filter { _ in Bool.random(using: &random) }).shuffled(using: &random)
            let targets = order.map { _ in Int.random(in: 0..<sequencers.count, using: &random) }
            var done: Set<Int> = []
            try await withThrowingTaskGroup(of: Int?.self) { group in
                for (index, target) in zip(order, targets) {
                    let (note, peer, sequencer) = (entries[index].note, entries[index].peer, sequencers[target])
                    group.addTask {
                        switch await submit(sequencer, note, peer) {
                        case .success: return index
                        case .failure(let refusal):
                            try #require(!refusal.isPermanent, "seed \(seed), round \(round): \(refusal)")
                            return nil
                        }
                    }
                }
                for try await index in group { if let index { done.insert(index) } }
            }
            waiting.removeAll { done.contains($0) }
        }
        try #require(waiting.isEmpty, "seed \(seed): \(waiting.count) entries never went in")
    }

    private static func submit(
        _ sequencer: LogSequencer, _ note: [UInt8], _ peer: String?
    ) async -> Result<Int64, Refusal> {
        let (results, done) = AsyncStream.makeStream(of: Result<Int64, Refusal>.self)
        do throws(Refusal) {
            await sequencer.submit(try ReceivedEntry(note: note, samples: []), peer: peer) { done.yield($0) }
        } catch {
            return .failure(error)
        }
        for await result in results { return result }
        return .failure(Refusal(.overloaded, "no verdict"))
    }

    // MARK: What is compared

    /// The folds with names in the place of numbers, which are given out in the order of arrival.
    private static func rows(_ connection: Connection, _ log: Int32) throws(StoreError) -> [String] {
        let job =
            "coalesce((SELECT encode(r.pseudonym, 'hex') FROM job_records r WHERE r.log = f.log "
            + "AND r.job = f.job), '-')"
        let node = "(SELECT n.name FROM nodes n WHERE n.log = f.log AND n.node = f.node)"
        let site = "coalesce((SELECT s.name FROM sites s WHERE s.log = f.log AND s.site = f.site), '-')"
        let energy = "accelerator||' '||cpu||' '||dram||' '||rest||' '||network"
        let selects = [
            "SELECT \(job), ' '||account||' '||hour||' '||\(node)||' '||\(energy), 'energy ' FROM energy_hourly f",
            "SELECT \(job), ' '||account||' '||hour||' '||\(site)||' '||\(energy), 'job ' FROM job_hourly f",
            "SELECT \(job), ' '||minute||' '||uj, 'minute ' FROM power_minutely f",
            "SELECT \(job), ' '||\(node)||' '||hour||' '||measured_ms||' '||bridged_ms||' '||missing_ms, 'coverage ' "
                + "FROM coverage_hourly f",
            "SELECT \(job), ' '||\(node)||' '||from_us||' '||to_us||' '||kind, 'gap ' FROM gaps f",
        ]
        return try connection.snapshot(of: log) { snapshot throws(StoreError) in
            var rows: [String] = []
            for select in selects {
                rows += try connection.query(select).map { row throws(StoreError) in
                    let hex: String = try row.get(0)
                    let name = hex == "-" ? "-" : Pseudonym.encode(Hexadecimal.decode(hex) ?? [])
                    return try row.get(2, as: String.self) + name + row.get(1, as: String.self)
                }
            }
            return rows.filter { !$0.hasSuffix(" 0 0 0 0 0") }.sorted()
        }
    }

    private func accounts(_ course: Course, _ plan: MergePlan) throws -> LogAccounts {
        var survey = LogSurvey()
        for note in course.notes { try survey.append(note[...]) }
        var replay = LogReplay(origin: plan.log.origin, survey: survey)
        for (index, note) in course.notes.enumerated() {
            try replay.append(
                CheckedEntry(index: UInt64(index), bytes: note, samples: nil, keys: replay.signers))
        }
        return replay.accounts
    }
}
