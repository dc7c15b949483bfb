import Batches
import ClusterSimulation
import Disclosure
import Energy
import Testing
import TransparencyLog

@Suite struct LogKeyTests {
    private func audit(_ files: [String: [UInt8]], _ policy: [UInt8]) async throws -> AuditReport {
        try await BundleAudit(source: BundleSource(files: files), policy: policy, workers: 2).run()
    }

    @Test func anAuditFollowsTheSignedEntryFromEitherPolicy() async throws {
        var log = try exampleLog(seed: 61)
        let old = log.policy
        let before = try log.checkpoint()
        let first = try log.changeLogKey()
        try log.batch("n3")
        let second = try log.changeLogKey()
        try log.batch("n3")
        let files = try log.bundle(examplePeriod)
        for policy in [old, log.policy] {
            var audit = try BundleAudit(source: BundleSource(files: files), policy: policy, workers: 2)
            audit.remembered = [("earlier", before.bytes)]
            let report = await audit.run()
            #expect(report.isVerified, "\(report.text)")
            // Whoever pins the newest key alone still has checkpoints that an older one signed.
            #expect(report.proved.contains { $0.contains("1 checkpoints that you remembered") }, "\(report.text)")
            #expect(report.proved.contains { $0.contains("changed at entry \(first), \(second)") }, "\(report.text)")
            #expect(report.notCovered.contains { $0.contains("changed by its owner") } == (policy == old))
        }
        // One that a stranger signed stays one.
        let stranger = try SigningKey(name: log.origin, seed: Array(repeating: 9, count: 32))
        var audit = try BundleAudit(source: BundleSource(files: files), policy: log.policy, workers: 2)
        audit.remembered = [("strange", try SignedCheckpoint(before.checkpoint, signedBy: stranger).bytes)]
        #expect(await audit.run().failure?.place == "strange")
    }

    /// The entry that names the new key stands among others that are withheld.
    @Test func aBundleThatWithholdsLeadsOnToo() async throws {
        var log = try exampleLog(seed: 66)
        let old = log.policy
        try log.changeLogKey()
        let later = UTCInterval(start: examplePeriod.end, end: UTCTime(hour: examplePeriod.end.hour + 1))
        let files = try log.bundle(later, audience: .authority, withholding: Withholding(otherTimes: later))
        #expect(files.keys.contains { $0.hasPrefix("disclosed/") })
        let report = try await audit(files, old)
        #expect(report.isVerified && report.isPartial, "\(report.text)")
        #expect(report.notCovered.contains { $0.contains("changed by its owner") }, "\(report.text)")
    }

    /// A thief of the old key goes on signing the tree that holds its successor.
    @Test func aTreeUnderTheKeyOfAnotherTimeIsRefused() async throws {
        var log = try exampleLog(seed: 62)
        let (key, policy) = (log.log, log.policy)
        try log.changeLogKey()
        var files = try log.bundle(examplePeriod)
        let checkpoint = try Checkpoint(origin: log.origin, head: log.head)
        files["checkpoint"] = try SignedCheckpoint(checkpoint, signedBy: key).bytes
        files = try log.resigned(files)
        let report = try await audit(files, policy)
        #expect(report.failure?.failureClass == .signer, "\(report.text)")
    }

    @Test func aTreeThatDoesNotHoldTheEntryIsTheOldKeys() async throws {
        var log = try exampleLog(seed: 63)
        let policy = log.policy
        let files = try log.bundle(examplePeriod)
        try log.changeLogKey()
        let report = try await audit(files, policy)
        #expect(report.isVerified, "\(report.text)")
    }

    @Test func onlyTheOldKeyWithTheAdministrationsConsentNamesASuccessor() throws {
        let honest = try exampleLog(seed: 64)
        for cheat in ["administration alone", "node", "no consent", "consent of the log key"] {
            var log = honest
            let index: UInt64
            switch cheat {
            case "administration alone": index = try log.changeLogKey(signedBy: log.administration)
            case "node": index = try log.changeLogKey(signedBy: log.keys["n1"])
            case "no consent": index = try log.changeLogKey(consenter: log.keys["n1"])
            default: index = try log.changeLogKey(consenter: log.log)
            }
            let failure = try #require(log.refusal, "\(cheat) was taken")
            #expect(failure.failureClass == .signer, "\(cheat): \(failure)")
            #expect(failure.place == "entry \(index)", "\(cheat)")
        }
    }

    @Test func aKeyThatSignedBeforeDoesNotComeBack() throws {
        var log = try exampleLog(seed: 65)
        let first = log.log
        try log.changeLogKey()
        var entry = LogKeyEntry(
            log: log.origin, time: log.now, previous: log.log.verifier.text, key: first.verifier.text, by: "operator",
            reason: "back", salt: log.salt(), consent: [])
        entry.consent = try log.administration.rawSignature(for: entry.consentMessage)
        let index = try log.append(.logKey(entry), by: log.log)
        #expect(log.refusal?.place == "entry \(index)")
        // Nor does the old key lead on a second time.
        var fork = try exampleLog(seed: 65)
        let old = fork.log
        try fork.changeLogKey()
        let again = try fork.changeLogKey(signedBy: old)
        #expect(fork.refusal?.place == "entry \(again)")
    }
}

extension SyntheticLog {
    /// The files with a manifest that fits them, signed by the administration.
    fileprivate func resigned(_ files: [String: [UInt8]]) throws -> [String: [UInt8]] {
        var files = files
        let old = try SignedManifest(parsing: try #require(files[BundleManifest.path])).manifest
        var text = "wattest/bundle/v1\nlog \(old.origin)\n"
        text += "period \(old.period.start.microseconds) \(old.period.end.microseconds)\n"
        text += "audience \(old.audience.rawValue)\nsize \(old.size)\nwithheld \(old.withheldEntries)\n"
        for path in files.keys.sorted() where path != BundleManifest.path {
            let bytes = files[path] ?? []
            text += "file \(MerkleHash.sha256(of: bytes).base64) \(bytes.count) \(path)\n"
        }
        files[BundleManifest.path] = try administration.sign(Array(text.utf8)).bytes
        return files
    }
}
