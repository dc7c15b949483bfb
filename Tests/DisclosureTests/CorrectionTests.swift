import Accounts
import Batches
import ClusterSimulation
import Disclosure
import Energy
import JSONText
import SeededRandom
import Testing
import TransparencyLog

@Suite struct CorrectionTests {
    private static let hour = UTCTime(hour: 490_896)

    /// Two nodes of which n2 ran without a job.
    private func log(seed: UInt64) throws -> (log: SyntheticLog, job: String) {
        var log = try SyntheticLog(seed: seed)
        for name in ["n1", "n2"] { try log.enrol(name) }
        let record = log.record("7")
        try log.job(record, .start, start: log.now, expected: 2, nodes: ["n1", "n2"])
        for _ in 0..<4 {
            try log.batch("n1", holds: [.init(record.pseudonym, expectedNodes: 2)])
            try log.batch("n2")
        }
        try log.job(record, .end, stop: log.now)
        return (log, record.pseudonym)
    }

    private func move(
        _ from: CorrectEntry.Account, _ to: CorrectEntry.Account, _ microjoules: Int64, node: String = "n2"
    ) -> CorrectEntry.Move {
        CorrectEntry.Move(node: node, hour: Self.hour, from: from, to: to, microjoules: microjoules)
    }

    private func sum(_ ledger: Ledger, _ isWanted: (Ledger.Key) -> Bool) -> Int128 {
        ledger.energy.reduce(0) { $0 + (isWanted($1.key) ? $1.value.total : 0) }
    }

    @Test func energyMovesAndNothingIsMadeOrLost() throws {
        var (log, job) = try log(seed: 51)
        let before = try log.accounts().ledger
        let idle = sum(before) { $0.node == "n2" && $0.account == .idle }
        let part = Int64(idle / 3)
        try log.correct([move(.idle, .job(job), part)])
        let after = try log.accounts()
        #expect(after.corrections.corrections.first?.moved == [part])
        #expect(after.ledger.totalMicrojoules == before.totalMicrojoules)
        #expect(sum(after.ledger) { $0.node == "n2" && $0.account == .idle } == idle - Int128(part))
        #expect(sum(after.ledger) { $0.node == "n2" && $0.account == .job(job) } == Int128(part))
        for component in Component.allCases {
            let sums = [before, after.ledger].map { $0.energy.values.reduce(Int128(0)) { $0 + $1[component] } }
            #expect(sums[0] == sums[1], "\(component)")
        }
        let disclosure = Disclosure(try log.disclosureInput(examplePeriod)).value
        let shown = try #require(disclosure["corrections"]?.array?.first)
        #expect(shown["moved_uj"]?.string == "\(part)")
        #expect(shown["reason"]?.string == "the claim came late")
        #expect(shown["effect"]?.array?.compactMap { $0["uj"]?.string } == ["\(-part)", "\(part)"])
        for check in disclosure["checks"]?.array ?? [] { #expect(check["passed"]?.bool == true, "\(check)") }
    }

    @Test func noAccountGivesMoreThanItHas() throws {
        var (log, job) = try log(seed: 52)
        let idle = Int64(sum(try log.accounts().ledger) { $0.node == "n2" && $0.account == .idle })
        try log.correct([move(.idle, .job(job), .max), move(.idle, .job(job), 5), move(.gap, .job(job), 5)])
        let correction = try #require(try log.accounts().corrections.corrections.first)
        #expect(correction.moved == [idle, 0, 0])
        let shown = Disclosure(try log.disclosureInput(examplePeriod)).value["corrections"]?.array?.first
        #expect(shown?["stated_uj"]?.string == "\(Int128(Int64.max) + 10)")
        #expect(shown?["moved_uj"]?.string == "\(idle)")
    }

    /// What it does depends on the log alone, not on the hours that somebody reads.
    @Test func theEffectIsTheSameWhateverIsRead() throws {
        var (log, job) = try log(seed: 53)
        try log.correct([move(.idle, .job(job), 1_000_001), move(.job(job), .unattributed, 999, node: "n1")])
        try log.close(examplePeriod)
        let elsewhere = UTCInterval(start: UTCTime(hour: 3), end: UTCTime(hour: 4))
        let whole = try log.accounts()
        #expect(try log.accounts(period: elsewhere).corrections == whole.corrections)
        #expect(try log.accounts(period: examplePeriod).ledger.energy == whole.ledger.energy)
    }

    @Test func whatIsLaterIsNotTouched() throws {
        var (log, job) = try log(seed: 54)
        let idle = Int64(sum(try log.accounts().ledger) { $0.node == "n2" && $0.account == .idle })
        try log.correct([move(.idle, .job(job), idle)])
        try log.batch("n2")
        let rest = sum(try log.accounts().ledger) { $0.node == "n2" && $0.account == .idle }
        #expect(rest > 0)
    }

    /// A report that was issued before calls for a restatement, and stays what it was.
    @Test func anEarlierReportIsFlaggedAndStillMadeAgain() async throws {
        var (log, job) = try log(seed: 55)
        let size = log.size
        let digest = Disclosure(try log.disclosureInput(examplePeriod)).sha256
        try log.report(number: 1, period: examplePeriod, audience: .assurer, size: size, sha256: digest)
        try log.correct([move(.idle, .job(job), 77)])
        let audit = try await BundleAudit(
            source: BundleSource(files: try log.bundle(examplePeriod)), policy: log.policy, workers: 2
        ).run()
        #expect(audit.isVerified, "\(audit.text)")
        #expect(audit.proved.contains { $0.hasPrefix("report 1 ") }, "\(audit.text)")
        #expect(audit.claimed.contains { $0.contains("alice says 'the claim came late'") }, "\(audit.text)")
        let late = Disclosure(try log.disclosureInput(examplePeriod)).value["late_since"]?.array?.first
        #expect(late?["corrections"]?.int64 == 1)
        #expect(late?["batches"]?.int64 == 0)
    }

    // MARK: Cheats

    @Test(arguments: ["node", "log"]) func onlyTheAdministrationCorrects(_ who: String) throws {
        var (log, job) = try log(seed: 56)
        let key = who == "node" ? try #require(log.keys["n2"]) : log.log
        let index = try log.correct([move(.idle, .job(job), 5)], by: key)
        do {
            _ = try log.replay()
            Issue.record("a correction by the \(who)'s key was taken")
        } catch let failure as ReplayFailure {
            #expect(failure.failureClass == .signer)
            #expect(failure.place == "entry \(index)")
        }
    }

    /// Joules of a job are hidden in an account that nobody reads: the report names the correction all the same.
    @Test func hidingAJobByACorrectionShows() throws {
        var (log, job) = try log(seed: 57)
        try log.correct([move(.job(job), .idle, .max, node: "n1")], reason: "was a test")
        for audience in [Audience.assurer, .public] {
            let shown = Disclosure(try log.disclosureInput(examplePeriod, audience: audience)).value["corrections"]
            #expect(shown?.array?.first?["reason"]?.string == "was a test", "\(audience)")
        }
    }

    /// The operator changes a figure of the disclosure beyond what the correction did.
    @Test func aFigureBeyondTheCorrectionIsRefused() async throws {
        var (log, job) = try log(seed: 58)
        try log.correct([move(.idle, .job(job), 1000)])
        var files = try log.bundle(examplePeriod)
        let text = String(decoding: try #require(files["disclosure.json"]), as: UTF8.self)
        files["disclosure.json"] = Array(text.replacing("\"moved_uj\": \"1000\"", with: "\"moved_uj\": \"1001\"").utf8)
        let audit = try await BundleAudit(source: BundleSource(files: files), policy: log.policy, workers: 1).run()
        #expect(!audit.isVerified)
    }

    @Test(arguments: 0..<50) func parsingInvertsRendering(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        func count(_ bound: UInt64) -> Int { Int(random.next() % bound) }
        let job = Pseudonym.encode(random.bytes(16))
        let accounts: [CorrectEntry.Account] = [.job(job), .idleReserved(job), .idle, .unattributed, .gap]
        let moves = (0..<(1 + count(5))).map { index in
            CorrectEntry.Move(
                node: "n\(index)", hour: UTCTime(hour: Int64(count(1 << 20))), from: accounts[index % 5],
                to: accounts[(index + 1 + count(4)) % 5], microjoules: Int64(1 + count(1 << 62)))
        }
        let entry = CorrectEntry(
            log: "log.example/acme", time: UTCTime(hour: 1), by: "é", reason: "a b", moves: moves, seed: seed,
            salt: random.bytes(16))
        #expect(try CorrectEntry(text: entry.text) == entry)
        for _ in 0..<40 {
            var bytes = entry.text
            bytes[count(UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            if let parsed = try? CorrectEntry(text: bytes) { #expect(parsed.text == bytes) }
        }
    }

    @Test(arguments: [
        "move n1 3600000000 idle idle 5", "move n1 3600000001 idle gap 5", "move n1 3600000000 idle tenant 5",
        "move n1 3600000000 idle gap 0", "move n1 3600000000 job/x gap 5", "move n1 3600000000 superseded gap 5",
    ]) func nonsenseIsNoMove(_ line: String) {
        let entry = CorrectEntry(
            log: "log.example/acme", time: UTCTime(hour: 1), by: "a", reason: "b", refersTo: nil,
            moves: [move(.idle, .gap, 5)], salt: Array(repeating: 1, count: 16))
        let text = String(decoding: entry.text, as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
            $0.hasPrefix("move") ? line : String($0)
        }
        #expect(throws: NoteSyntaxError.self) { try CorrectEntry(text: Array(lines.joined(separator: "\n").utf8)) }
    }
}

extension CorrectEntry {
    /// Refers to something or to nothing, by the seed.
    fileprivate init(
        log: String, time: UTCTime, by: String, reason: String, moves: [Move], seed: UInt64, salt: [UInt8]
    ) {
        self.init(
            log: log, time: time, by: by, reason: reason, refersTo: seed % 2 == 0 ? nil : .leaf(of: salt),
            moves: moves, salt: salt)
    }
}
