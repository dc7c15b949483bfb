import Accounts
import Batches
import ClusterSimulation
import Disclosure
import Energy
import JSONText
import SeededRandom
import Testing
import TransparencyLog

extension SyntheticLog {
    /// Why a replay does not take the log, nil when it does.
    var refusal: ReplayFailure? {
        do {
            _ = try replay()
            return nil
        } catch {
            return error as? ReplayFailure
        }
    }
}

/// A small cluster with everything that a log can hold.
func exampleLog(seed: UInt64) throws -> SyntheticLog {
    var log = try SyntheticLog(seed: seed)
    let first = log.now
    for name in ["n1", "n2", "n3"] { try log.enrol(name) }
    try log.enrol("importer", role: .importer, site: "archive")
    let job = log.record("101", labels: ["class": "final", "model": "m-1"])
    let other = log.record("102", labels: ["class": "development"])
    try log.job(job, .start, witness: .scheduler, start: first, expected: 2, nodes: ["n1", "n2"])
    try log.job(other, .start, start: first, expected: 1)
    for round in 0..<6 {
        if round == 3 { _ = try log.checkpoint() }
        for name in ["n1", "n2"] { try log.batch(name, holds: [.init(job.pseudonym, expectedNodes: 2)]) }
        try log.batch(
            "n3",
            holds: round < 3
                ? [.init(other.pseudonym, mode: .shared)] : [.init(other.pseudonym, mode: .shared, isActive: false)])
    }
    try log.rotate("n2")
    try log.batch("n2", holds: [.init(job.pseudonym)])
    try log.resume("n1")
    try log.batch("n1", holds: [.init(job.pseudonym)])
    try log.job(job, .end, witness: .scheduler, stop: log.now)
    try log.job(other, .end, stop: log.nodes["n3"]?.end)
    let recorded = log.record("old", labels: [:])
    let window = UTCInterval(
        start: UTCTime(hour: first.hour), end: UTCTime(microseconds: first.microseconds + 600_000_000))
    try log.job(recorded, .start, witness: .importer, start: window.start, stop: window.end, expected: 2)
    for name in ["m1", "m2"] {
        try log.importLog(name, job: recorded.pseudonym, interval: window, joules: 90_000, by: "importer")
    }
    try log.importLog("sw0", subject: .source, job: recorded.pseudonym, interval: window, joules: 5_000, by: "importer")
    try log.set(SettingField.jobClass, of: other.pseudonym, "\"evaluation\"")
    return log
}

let examplePeriod = UTCInterval(start: UTCTime(hour: 490_896), end: UTCTime(hour: 490_898))

@Suite struct LogReplayTests {
    @Test(arguments: 0..<4) func acceptsAnHonestLog(seed: UInt64) throws {
        let log = try exampleLog(seed: seed)
        let replay = try log.replay()
        #expect(replay.size == log.size)
        #expect(replay.head == log.head)
        #expect(replay.counts.total == Int64(log.entries.count))
        #expect(replay.counts.checkedSamples == replay.counts.committedSamples)
        #expect(replay.counts.anchors > 0)
        #expect(replay.accounts.ledger.totalMicrojoules > 0)
    }

    /// Each row: what is done to the entries of an honest log, and what is found at which entry.
    @Test(arguments: [
        "delete a batch", "add a stranger's batch", "alter a reading", "swap two batches",
        "repeat a batch", "import by a stranger", "job by another name", "foreign log", "future anchor", "false anchor",
        "second genesis", "two signatures", "set by a node", "joules to another job", "batch after a conflict",
        "old key after rotation", "batch after retirement", "repeated report number", "report about the future",
        "two different reports", "key of a revoked node",
    ])
    func refuses(_ cheat: String) throws {
        var log = try exampleLog(seed: 7)
        let expected = try Cheat.apply(cheat, to: &log)
        do {
            _ = try SyntheticLog.replay(log.entries, origin: log.origin)
            Issue.record("\(cheat) was not noticed")
        } catch let failure as ReplayFailure {
            #expect(failure.failureClass == expected.failureClass, "\(cheat): \(failure)")
            #expect(failure.place == "entry \(expected.index)", "\(cheat): \(failure)")
        }
    }

    @Test func provesAConflictAndClosesTheChain() throws {
        var log = try exampleLog(seed: 3)
        let second = try Cheat.secondBatch(of: "n3", in: log)
        try log.conflict("n3", second: second)
        #expect(try log.replay().counts.entries[.conflict] == 1)
        // A note that the node never signed proves nothing against it.
        var forged = try exampleLog(seed: 3)
        try forged.conflict("n3", second: Cheat.secondBatch(of: "n3", in: forged, signedBy: forged.administration))
        #expect(throws: ReplayFailure.self) { try forged.replay() }
    }

    @Test func aChainThatCoversTheSameTimeIsSuperseded() throws {
        var log = try exampleLog(seed: 5)
        let before = try log.accounts().ledger
        let job = log.record("old2")
        let window = UTCInterval(
            start: UTCTime(hour: 490_896), end: UTCTime(microseconds: UTCTime(hour: 490_896).microseconds + 600_000_000)
        )
        try log.importLog("m1", job: job.pseudonym, interval: window, joules: 90_000, by: "importer")
        let after = try log.accounts().ledger
        let disclosed = Disclosure(try log.disclosureInput(examplePeriod))
        #expect(after.totalMicrojoules == before.totalMicrojoules + 90_000_000_000)
        #expect(disclosed.value["energy"]?["superseded_uj"]?.string == "90000000000")
    }

    @Test func lateBatchesAreCountedForTheReportThatMissesThem() throws {
        var log = try exampleLog(seed: 9)
        let size = log.size
        try log.batch("n3")
        try log.report(number: 1, period: examplePeriod, size: size, sha256: .leaf(of: [1]))
        try log.batch("n3")
        let issue = try #require(try log.accounts().reports.issues.first)
        #expect(issue.lateBatches == 2)
        let disclosure = Disclosure(try log.disclosureInput(examplePeriod))
        #expect(disclosure.value["late_since"]?.array?.first?["batches"]?.int64 == 2)
    }
}
