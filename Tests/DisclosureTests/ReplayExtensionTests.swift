import Accounts
import Batches
import ClusterSimulation
import Energy
import SeededRandom
import Testing
import TransparencyLog

@testable import Disclosure

/// A replay that went on with the log says what one from the first entry says.
@Suite struct ReplayExtensionTests {
    private func log(seed: UInt64) throws -> SyntheticLog {
        var log = try exampleLog(seed: seed)
        _ = try log.checkpoint()
        let size = log.size
        try log.batch("n3")
        try log.report(number: 1, period: examplePeriod, size: size, sha256: .leaf(of: [1]))
        for _ in 0..<3 { try log.batch("n3") }
        _ = try log.checkpoint()
        for name in ["n1", "n2", "n3"] { try log.batch(name) }
        // Books are closed, a report and a correction come behind them, and batches that are late for all of it.
        try log.close(examplePeriod)
        for name in ["n1", "n2", "n3"] { try log.batch(name) }
        try log.report(number: 2, period: examplePeriod, size: log.size, sha256: .leaf(of: [2]))
        try log.correct([
            CorrectEntry.Move(
                node: "n3", hour: examplePeriod.start, from: .idle, to: .unattributed, microjoules: 1_000_000)
        ])
        for name in ["n1", "n2", "n3"] { try log.batch(name) }
        try log.close(examplePeriod)
        try log.batch("n2")
        return log
    }

    private func survey(_ entries: ArraySlice<[UInt8]>) throws -> LogSurvey {
        var survey = LogSurvey(from: UInt64(entries.startIndex))
        for entry in entries { try survey.note(entry[...]) }
        return survey
    }

    private func append(_ entries: ArraySlice<[UInt8]>, to replay: inout LogReplay) throws {
        for entry in entries {
            try replay.append(CheckedEntry(index: replay.size, bytes: entry, samples: nil, keys: replay.signers))
        }
    }

    /// The replay over all entries, made in steps that end at `cuts`, with every size published.
    private func standing(_ log: SyntheticLog, cuts: [Int]) throws -> (replay: LogReplay, rebuilds: Int) {
        var rebuilds = -1
        var replay: LogReplay?
        var start = 0
        for end in cuts + [log.entries.count] where end > start {
            let published = (start...end).map { UInt64($0) }
            let next = try survey(log.entries[start..<end])
            if replay?.extend(by: next, published: published) != true {
                rebuilds += 1
                var whole = try survey(log.entries[..<end])
                for size in 0...end { whole.keepRoot(at: UInt64(size)) }
                replay = LogReplay(origin: log.origin, survey: whole)
                start = 0
            }
            guard var extended = replay.take() else { continue }
            try append(log.entries[start..<end], to: &extended)
            replay = extended
            start = end
        }
        return (try #require(replay), rebuilds)
    }

    @Test(arguments: 0..<12) func itSaysTheSame(seed: UInt64) throws {
        let log = try log(seed: seed % 4)
        var random = SeededRandom(seed: seed)
        let cuts = (0..<Int.random(in: 1...9, using: &random))
            .map { _ in Int.random(in: 1..<log.entries.count, using: &random) }.sorted()
        let (replay, _) = try standing(log, cuts: cuts)
        let hours = (490_894..<490_900).map { UTCInterval(start: UTCTime(hour: $0), end: UTCTime(hour: $0 + 1)) }
        for period in [nil, examplePeriod] + hours.map(Optional.some) {
            var accounts = replay.accounts(in: period)
            for (pseudonym, bytes) in log.records { accounts.add(record: bytes, of: pseudonym) }
            let fresh = try log.accounts(period: period)
            let place: Comment = "seed \(seed), cuts \(cuts)"
            // The replay that goes on keeps every hour, the other one those of the year before the period as well.
            let ledger = period.map(accounts.ledger.restricted) ?? accounts.ledger
            let own = period.map(fresh.ledger.restricted) ?? fresh.ledger
            #expect(ledger.energy == own.energy, place)
            #expect(ledger.coverage == own.coverage, place)
            #expect(accounts.ledger.gaps == fresh.ledger.gaps, place)
            #expect(accounts.jobs == fresh.jobs, place)
            guard let period else { continue }
            var input = DisclosureInput(
                genesis: log.genesis, accounts: fresh, checkpoint: try Checkpoint(origin: log.origin, head: log.head),
                policy: log.policy, period: period, audience: .assurer)
            let expected = Disclosure(input).bytes
            input.accounts = accounts
            #expect(Disclosure(input).bytes == expected, place)
        }
    }

    /// Whatever an operator does every day: batches, reports, closes, corrections.
    @Test(arguments: 1...7) func itGoesOnWithoutReadingAgain(step: Int) throws {
        let log = try log(seed: 1)
        let (_, rebuilds) = try standing(log, cuts: Array(stride(from: 5, to: log.entries.count, by: step)))
        #expect(rebuilds == 0)
    }

    /// The aggregator goes on while it signs the parts of a close, and knows what it told them over.
    @Test func aCloseThatWasToldBeforehandIsHeldToThat() throws {
        var log = try log(seed: 3)
        let cut = log.entries.count
        var replay = LogReplay(origin: log.origin, survey: try survey(log.entries[..<cut]))
        try append(log.entries[..<cut], to: &replay)
        let statement = replay.tellClosing(of: examplePeriod)
        #expect(try statement == log.closingStatement(of: examplePeriod))
        let size = log.size
        try log.batch("n1")
        let between = log.entries.count
        let isExtended = replay.extend(by: try survey(log.entries[cut..<between]), published: [])
        #expect(isExtended)
        try append(log.entries[cut..<between], to: &replay)
        for entry in statement.entries(
            log: log.origin, time: log.now, period: examplePeriod, size: Int64(clamping: size),
            salt: { Array(repeating: 1, count: 16) })
        {
            try log.append(.close(entry), by: log.administration)
        }
        let isClosed = replay.extend(by: try survey(log.entries[between...]), published: [])
        #expect(isClosed)
        try append(log.entries[between...], to: &replay)
        #expect(replay.accounts.closings == (try log.accounts().closings))
        #expect(replay.accounts.closings.newest(of: examplePeriod)?.lateBatches == 1)
    }

    @Test func whatItHasNotKeptIsRefused() throws {
        let log = try log(seed: 2)
        let cut = log.entries.count - 3
        var replay = LogReplay(origin: log.origin, survey: try survey(log.entries[..<cut]))
        try append(log.entries[..<cut], to: &replay)
        var foreign = try survey(log.entries[cut...])
        foreign.keepRoot(at: 3)
        let isExtended = replay.extend(by: foreign, published: [])
        #expect(!isExtended)
        #expect(replay.size == UInt64(cut))
    }
}
