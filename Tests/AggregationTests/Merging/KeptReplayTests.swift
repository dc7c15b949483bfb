import Accounts
import Batches
import ClusterSimulation
import Disclosure
import Energy
import Identity
import SeededRandom
import Testing
import TransparencyLog

@testable import Aggregation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What an aggregator keeps of its accounts over a stop.
@Suite struct KeptReplayTests {
    private let period = UTCInterval(start: UTCTime(hour: 490_896), end: UTCTime(hour: 490_900))

    /// A log with something in every register.
    private func log(seed: UInt64 = 5) throws -> SyntheticLog {
        var log = try SyntheticLog(seed: seed)
        let period = UTCInterval(start: UTCTime(hour: log.now.hour), end: UTCTime(hour: log.now.hour + 1))
        for name in ["n1", "n2"] { try log.enrol(name) }
        try log.enrol("importer", role: .importer, site: "archive")
        try log.set(SettingField.sitePUE, of: "archive", "{\"value\":1.2,\"source\":\"metered\"}")
        let job = log.record("101", labels: ["class": "final", "model": "m-1"])
        try log.job(job, .start, witness: .scheduler, start: log.now, expected: 2, nodes: ["n1", "n2"])
        for _ in 0..<3 { for name in ["n1", "n2"] { try log.batch(name, holds: [.init(job.pseudonym)]) } }
        _ = try log.checkpoint()
        try log.batch("n1", state: .outage)
        try log.rotate("n2")
        try log.batch("n2", holds: [.init(job.pseudonym)])
        try log.resume("n1")
        try log.importLog("m1", job: job.pseudonym, interval: period, joules: 90_000, by: "importer")
        try log.close(period)
        try log.report(number: 1, period: period, size: log.size, sha256: .leaf(of: [1]))
        try log.correct([
            CorrectEntry.Move(node: "n1", hour: period.start, from: .gap, to: .unattributed, microjoules: 1)
        ])
        try log.batch("n2", holds: [.init(job.pseudonym)])
        try log.job(job, .end, witness: .scheduler, stop: log.now)
        return log
    }

    private func kept(_ log: SyntheticLog, at path: String) -> KeptReplay {
        KeptReplay(path: path, origin: log.origin)
    }

    private func withFile<Value>(_ body: (String) throws -> Value) throws -> Value {
        let directory = "/tmp/wattest-kept-\(getpid())-\(UInt64.random(in: .min ... .max))"
        try #require(mkdir(directory, 0o700) == 0)
        defer {
            unlink("\(directory)/accounts")
            rmdir(directory)
        }
        return try body("\(directory)/accounts")
    }

    private func bytes(_ path: String) throws -> [UInt8] {
        let (_, bytes) = try #require(LargeFile.read(path, head: 0, maximumBytes: 1 << 30))
        return bytes
    }

    private func disclosure(_ replay: LogReplay, _ log: SyntheticLog) throws -> [UInt8] {
        var accounts = replay.accounts(in: period)
        for (pseudonym, bytes) in log.records { accounts.add(record: bytes, of: pseudonym) }
        var input = try log.disclosureInput(period)
        input.accounts = accounts
        return Disclosure(input).bytes
    }

    @Test func whatWasReadBackSaysTheSameAndGoesOn() throws {
        var log = try log()
        let before = try log.replay()
        var after = try withFile { path in
            try kept(log, at: path).write(before)
            return try #require(kept(log, at: path).read())
        }
        #expect(after.head == before.head)
        #expect(after.accounts.ledger.energy == before.accounts.ledger.energy)
        #expect(after.accounts.ledger.coverage == before.accounts.ledger.coverage)
        #expect(after.accounts.ledger.gaps == before.accounts.ledger.gaps)
        #expect(after.accounts.jobs == before.accounts.jobs)
        #expect(try disclosure(after, log) == disclosure(before, log))
        let count = log.entries.count
        for name in ["n1", "n2"] { try log.batch(name) }
        try log.close(period)
        var survey = LogSurvey(from: UInt64(count))
        for entry in log.entries[count...] { try survey.note(entry[...]) }
        let isExtended = after.extend(by: survey, published: [])
        #expect(isExtended)
        for entry in log.entries[count...] {
            try after.append(CheckedEntry(index: after.size, bytes: entry, samples: nil, keys: after.signers))
        }
        #expect(try disclosure(after, log) == Disclosure(log.disclosureInput(period)).bytes)
    }

    @Test func aDamagedOrForeignFileIsNone() throws {
        let log = try log()
        let replay = try log.replay()
        try withFile { path in
            #expect(kept(log, at: path).read() == nil)
            try kept(log, at: path).write(replay)
            let whole = try bytes(path)
            #expect(KeptReplay(path: path, origin: "another.example/log").read() == nil)
            var random = SeededRandom(seed: 11)
            for _ in 0..<200 {
                var damaged = whole
                let place = Int.random(in: whole.indices, using: &random)
                damaged[place] ^= UInt8.random(in: 1...255, using: &random)
                try PrivateFile.write(Bool.random(using: &random) ? damaged : Array(whole[..<place]), to: path)
                #expect(kept(log, at: path).read() == nil)
            }
            try PrivateFile.write(whole, to: path)
            #expect(kept(log, at: path).read() != nil)
            // Somebody else may have written it.
            chmod(path, 0o666)
            #expect(kept(log, at: path).read() == nil)
        }
    }

    /// Bytes without the hash in front of them: an older program's, or anybody's.
    @Test func damagedContentIsRefusedAndNeverCrashes() throws {
        let content = try CompactEncoder.bytes(of: try log().replay())
        var random = SeededRandom(seed: 12)
        for _ in 0..<300 {
            var damaged = content
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: content.indices, using: &random)
                damaged[place] = UInt8.random(in: .min ... .max, using: &random)
            }
            _ = try? CompactDecoder.value(LogReplay.self, from: damaged)
            _ = try? CompactDecoder.value(LogReplay.self, from: Array(content.prefix(Int(random.next() % 4000))))
        }
    }
}
