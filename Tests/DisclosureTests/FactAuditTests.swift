import Batches
import ClusterSimulation
import Disclosure
import Energy
import Testing
import TransparencyLog

/// Single facts are held to the log's key, also when that has changed since the auditor wrote the policy.
@Suite struct FactAuditTests {
    private enum Form: CaseIterable { case file, receipt }

    /// A proof of an entry in the whole log, or in the prefix of it that a checkpoint covers.
    private func fact(
        _ index: UInt64, of log: SyntheticLog, size: UInt64? = nil, signedBy key: SigningKey? = nil,
        _ form: Form = .file
    ) throws -> FactAudit.Fact {
        let leaves = log.entries.prefix(Int(size ?? log.size)).map { MerkleHash.leaf(of: $0) }
        let proof = try InclusionProof(index: index, size: UInt64(leaves.count)) { node in
            let first = Int(node.index) << node.level
            return .root(of: leaves[first..<(first + 1 << node.level)])
        }
        let (entry, key) = (log.entries[Int(index)], key ?? log.log)
        let root = MerkleHash.root(of: leaves[...])
        switch form {
        case .file:
            let checkpoint = try Checkpoint(
                origin: log.origin, head: TreeHead(size: UInt64(leaves.count), root: root))
            let signed = try SignedCheckpoint(checkpoint, signedBy: key)
            return .init(place: "\(index)", proof: .file(TLogProof(proof, checkpoint: signed, extra: entry).bytes))
        case .receipt:
            let receipt = try COSEReceipt(.inclusion(proof), root: root, signedBy: key)
            return .init(place: "\(index)", proof: .receipt(receipt.encoded, entry: entry))
        }
    }

    private func audit(_ facts: [FactAudit.Fact], _ policy: [UInt8]) throws -> AuditReport {
        try FactAudit(policy: policy).run(facts)
    }

    private func batch(in log: SyntheticLog) throws -> UInt64 {
        UInt64(try Cheat.position(of: "n1", sequence: 1, in: log))
    }

    @Test(arguments: Form.allCases) private func aKeyThatStaysNeedsNothingElse(_ form: Form) throws {
        let log = try exampleLog(seed: 71)
        let report = try audit([fact(try batch(in: log), of: log, form)], log.policy)
        #expect(report.isVerified, "\(report.text)")
        #expect(!report.notCovered.contains { $0.contains("changed by its owner") })
    }

    @Test(arguments: Form.allCases) private func factsFollowTheSignedEntries(_ form: Form) throws {
        var log = try exampleLog(seed: 72)
        let old = log.policy
        let first = try log.changeLogKey()
        try log.batch("n3")
        let second = try log.changeLogKey()
        let wanted = try batch(in: log)
        let alone = try audit([fact(wanted, of: log, form)], old)
        #expect(alone.failure?.failureClass == .checkpoint, "\(alone.text)")
        #expect(alone.failure?.description.contains("wattest/logkey/v1") == true, "\(alone.text)")
        // One link of two is no chain.
        let broken = try audit([wanted, second].map { try fact($0, of: log, form) }, old)
        #expect(broken.failure?.failureClass == .checkpoint, "\(broken.text)")
        let bare = try audit([wanted, first, second].map { try fact($0, of: log, form) }, old)
        #expect(bare.isVerified, "\(bare.text)")
        #expect(bare.notCovered.contains { $0.contains("consented") }, "\(bare.text)")
        let whole = try audit([second, wanted, 0, first].map { try fact($0, of: log, form) }, old)
        #expect(whole.isVerified, "\(whole.text)")
        #expect(whole.proved.contains { $0.contains("changed at entry \(first), \(second)") }, "\(whole.text)")
        #expect(whole.notCovered.contains { $0.contains("changed by its owner") }, "\(whole.text)")
        // Whoever pins the newest key is told of no doubt.
        let newest = try audit([wanted, 0, first, second].map { try fact($0, of: log, form) }, log.policy)
        #expect(newest.isVerified, "\(newest.text)")
        #expect(!newest.notCovered.contains { $0.contains("changed by its owner") }, "\(newest.text)")
    }

    @Test func factsOfDifferentTimesGoTogether() throws {
        var log = try exampleLog(seed: 73)
        let (old, policy, size) = (log.log, log.policy, log.size)
        let change = try log.changeLogKey()
        let early = try fact(0, of: log, size: size, signedBy: old)
        let late = try [change, try batch(in: log)].map { try fact($0, of: log) }
        let report = try audit([early] + late, policy)
        #expect(report.isVerified, "\(report.text)")
    }

    /// Copies of a proof, and a receipt beside it, are one fact.
    @Test func energyIsCountedOnce() throws {
        let log = try exampleLog(seed: 75)
        let wanted = try batch(in: log)
        let once = try audit([fact(wanted, of: log)], log.policy)
        let posted = try #require(once.proved.first { $0.contains("are posted to job") })
        let all = try [fact(wanted, of: log), fact(wanted, of: log, size: wanted + 1), fact(wanted, of: log, .receipt)]
        let report = try audit(all + all, log.policy)
        #expect(report.isVerified, "\(report.text)")
        #expect(report.proved.contains(posted), "\(report.text)")
        #expect(report.counts.first { $0.name == "entries" }?.value == 1, "\(report.text)")
    }

    /// Two proofs that cannot both be of one log convict it, though each holds by itself.
    @Test(arguments: [true, false]) func twoHistoriesAreAFork(_ isSameEntry: Bool) throws {
        let log = try exampleLog(seed: 76)
        var other = log
        try other.batch("n1")
        var forged = log
        try forged.batch("n3")
        let index = isSameEntry ? UInt64(0) : log.size
        let facts = try [fact(index, of: other), fact(index, of: forged)]
        for one in facts { #expect(try audit([one], log.policy).isVerified) }
        let failure = try #require(try audit(facts, log.policy).failure)
        #expect(failure.failureClass == .checkpoint && failure.what.contains("two histories"), "\(failure)")
    }

    /// What a correction takes away is told with what was posted.
    @Test func correctionsOfTheJobAreClaims() throws {
        var log = try exampleLog(seed: 77)
        let job = try #require(log.records.keys.min())
        let move = CorrectEntry.Move(
            node: "n1", hour: examplePeriod.start, from: .job(job), to: .idle, microjoules: 12)
        let index = try log.correct([move], reason: "not ours")
        let note = try SignedNote(parsing: log.entries[Int(index)])
        #expect(try Entry(text: Array(note.text)).concerns(job: job))
        let report = try audit([fact(index, of: log), fact(try batch(in: log), of: log)], log.policy)
        #expect(report.isVerified, "\(report.text)")
        let words = "entry \(index) rightly moves 12 µJ from job/\(job) to idle: alice says 'not ours'"
        #expect(report.claimed.contains { $0.contains(words) }, "\(report.text)")
        #expect(report.notCovered.contains { $0.contains("counts elsewhere") }, "\(report.text)")
    }

    /// Facts of two logs are held to a key each.
    @Test func twoLogsGoTogether() throws {
        let one = try exampleLog(seed: 78)
        var two = try SyntheticLog(seed: 79, origin: "log.example/two")
        try two.enrol("n1")
        let policy = Array(
            "log \(one.log.verifier.text)\nlog \(two.log.verifier.text)\nquorum none\n".utf8)
        let report = try audit(
            [fact(0, of: two), fact(try batch(in: one), of: one), fact(0, of: one), fact(1, of: two)], policy)
        #expect(report.isVerified, "\(report.text)")
        #expect(
            report.proved.contains { $0.contains("2 entries stand in the log \(two.origin), which") }, "\(report.text)")
        #expect(report.counts.first { $0.name == "entries" }?.value == 4, "\(report.text)")
    }

    /// A thief of the old key goes on signing the tree that holds its successor, or names a successor of his own.
    @Test(arguments: ["old key", "node", "administration", "no consent"])
    func thievesAreCaught(_ cheat: String) throws {
        var log = try exampleLog(seed: 74)
        let (old, policy) = (log.log, log.policy)
        let change: UInt64
        switch cheat {
        case "old key": change = try log.changeLogKey()
        case "no consent": change = try log.changeLogKey(consenter: log.keys["n1"])
        default: change = try log.changeLogKey(signedBy: cheat == "node" ? log.keys["n1"] : log.administration)
        }
        let signer = cheat == "old key" ? old : log.log
        let facts = try [0, change, try batch(in: log)].map { try fact($0, of: log, signedBy: signer) }
        let failure = try #require(try audit(facts, policy).failure, "\(cheat) was taken")
        let isSigner = ["old key", "no consent"].contains(cheat)
        #expect(failure.failureClass == (isSigner ? .signer : .checkpoint), "\(cheat): \(failure)")
    }
}
