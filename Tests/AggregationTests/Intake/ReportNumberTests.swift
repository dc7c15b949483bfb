import Aggregation
import Batches
import ClusterSimulation
import Disclosure
import Energy
import Synchronization
import Testing
import TransparencyLog

/// Whichever aggregator issues a report: the log holds each number once, and nothing that an audit would refuse.
@Suite(.timeLimit(.minutes(2))) struct ReportNumberTests {
    private let period = UTCInterval(start: UTCTime(hour: 490_896), end: UTCTime(hour: 490_898))

    private func log() throws -> SyntheticLog {
        var log = try SyntheticLog(seed: 11)
        try log.enrol("node-0")
        try log.batch("node-0")
        return log
    }

    private func sequencer(_ log: SyntheticLog, _ memory: MemoryLog) throws -> LogSequencer {
        var intake = try LogIntake(genesis: log.genesis)
        for (index, note) in log.entries.enumerated() {
            let received = try ReceivedEntry(note: note, samples: [])
            intake.logged(received.entry, signer: received.signer, at: Int64(index), leaf: received.leaf)
        }
        return LogSequencer(intake: intake, log: memory.log)
    }

    private func note(_ log: inout SyntheticLog, number: Int64, sha256: MerkleHash, size: Int64 = 3) throws -> [UInt8] {
        let entry = ReportEntry(
            log: log.origin, time: log.now, number: number, period: period, audience: "assurer", size: size,
            sha256: sha256.bytes, supersedes: nil, reason: nil, salt: log.salt())
        return try log.administration.sign(entry.text).bytes
    }

    private func running<Value: Sendable>(
        _ sequencers: [LogSequencer], _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for sequencer in sequencers { group.addTask { await sequencer.run() } }
            let value = try await body()
            for sequencer in sequencers { sequencer.finish() }
            try await group.waitForAll()
            return value
        }
    }

    private func code(_ work: () async throws -> Int64) async throws -> Refusal.Code? {
        do {
            _ = try await work()
            return nil
        } catch let refusal as Refusal {
            return refusal.code
        }
    }

    /// Both know the log as it was, both take the next number; each time exactly one of them gets it.
    @Test func twoAggregatorsNeverGiveOutOneNumber() async throws {
        var source = try log()
        let memory = try MemoryLog(source.entries)
        let sequencers = [try sequencer(source, memory), try sequencer(source, memory)]
        let digest = MerkleHash.leaf(of: [1])
        let rounds = 8
        let notes = try (1...rounds).map { number in
            try sequencers.indices.map { _ in try note(&source, number: Int64(number), sha256: digest) }
        }
        try await running(sequencers) {
            for (round, pair) in notes.enumerated() {
                let codes = try await withThrowingTaskGroup(of: Refusal.Code?.self) { group in
                    for (sequencer, note) in zip(sequencers, pair) {
                        group.addTask { try await code { try await sequencer.append(note: note) } }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(codes.count { $0 == nil } == 1, "round \(round)")
                #expect(codes.count { $0 == .overlap } == 1, "round \(round)")
                for sequencer in sequencers {
                    try await sequencer.refresh()
                    #expect(sequencer.withIntake { $0.nextReportNumber } == Int64(round) + 2)
                }
            }
        }
        // What stands in the log passes an audit.
        let entries = memory.state.withLock { $0.notes }
        #expect(entries.count == source.entries.count + rounds)
        #expect(try SyntheticLog.replay(entries, origin: source.origin).accounts.reports.issues.count == rounds)
    }

    @Test func whatAnAuditWouldRefuseIsNotTaken() async throws {
        var source = try log()
        let memory = try MemoryLog(source.entries)
        let sequencer = try sequencer(source, memory)
        let first = try note(&source, number: 1, sha256: .leaf(of: [1]))
        let other = try note(&source, number: 2, sha256: .leaf(of: [2]))
        let later = try note(&source, number: 2, sha256: .leaf(of: [2]), size: 4)
        try await running([sequencer]) {
            let index = try await sequencer.append(note: first)
            // The answer was lost, the same entry comes again.
            #expect(try await sequencer.append(note: first) == index)
            #expect(try await code { try await sequencer.append(note: other) } == .chainFork)
            #expect(try await code { try await sequencer.append(note: later) } == nil)
        }
    }
}
