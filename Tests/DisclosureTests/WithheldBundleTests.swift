import Batches
import ClusterSimulation
import Energy
import JSONText
import SeededRandom
import Testing
import TransparencyLog

@testable import Disclosure

/// Bundles that do not show every entry: the tree stays proved, and what rests on the others is named.
@Suite struct WithheldBundleTests {
    private func audit(_ files: [String: [UInt8]], policy: [UInt8]) async throws -> AuditReport {
        try await BundleAudit(source: BundleSource(files: files), policy: policy, workers: 2).run()
    }

    /// Three nodes; 700 batches of the first hours and one job, 30 of a later hour and another job.
    private func twoTimes(seed: UInt64) throws -> (log: SyntheticLog, later: UTCInterval, job: String) {
        var log = try SyntheticLog(seed: seed)
        for name in ["n1", "n2", "n3"] { try log.enrol(name) }
        let first = log.record("1")
        try log.job(first, .start, start: log.now, expected: 3)
        for round in 0..<240 {
            if round % 50 == 1 { _ = try log.checkpoint() }
            for name in ["n1", "n2", "n3"] { try log.batch(name, holds: [.init(first.pseudonym)]) }
        }
        try log.job(first, .end, stop: log.now)
        let start = UTCTime(hour: log.now.hour)
        try #require(start == log.now)
        let second = log.record("2")
        try log.job(second, .start, start: log.now, expected: 2)
        for _ in 0..<15 { for name in ["n1", "n2"] { try log.batch(name, holds: [.init(second.pseudonym)]) } }
        try log.job(second, .end, stop: log.now)
        let later = UTCInterval(start: start, end: UTCTime(hour: start.hour + 1))
        return (log, later, second.pseudonym)
    }

    @Test func aPeriodIsShownAlone() async throws {
        var (log, later, _) = try twoTimes(seed: 61)
        let files = try log.bundle(later, audience: .authority, withholding: Withholding(otherTimes: later))
        #expect(files["subtrees"] != nil && files["disclosed/000"] != nil && files["withheld/000"] != nil)
        #expect(files["tile/entries/001"] == nil)
        let report = try await audit(files, policy: log.policy)
        #expect(report.failure == nil, "\(report.text)")
        #expect(report.verdict == "verified in part")
        #expect(report.counts.first { $0.name == "withheld" }?.value == 720)
        #expect(report.notCovered.contains { $0.contains("720 withheld entries") })
        #expect(report.notCovered.contains { $0.contains("the link of 2 batches") }, "\(report.text)")
        // Nothing in the later hour rests on what is withheld but what the jobs of the whole log are.
        #expect(report.proved.contains { $0.contains("figure of disclosure.json follows") }, "\(report.text)")
    }

    /// Inside what is withheld under one root there is no other root: that accuses nobody of a second history.
    @Test func aRememberedTreeInsideOfWhatIsWithheldIsNotCovered() async throws {
        var (log, later, _) = try twoTimes(seed: 69)
        let files = try log.bundle(later, audience: .authority, withholding: Withholding(otherTimes: later))
        func report(size: UInt64, root: MerkleHash? = nil) async throws -> AuditReport {
            let leaves = log.entries.prefix(Int(size)).map { MerkleHash.leaf(of: $0) }
            let head = TreeHead(size: size, root: root ?? MerkleHash.root(of: leaves[...]))
            let checkpoint = try SignedCheckpoint(Checkpoint(origin: log.origin, head: head), signedBy: log.log)
            var audit = try BundleAudit(source: BundleSource(files: files), policy: log.policy, workers: 2)
            audit.remembered = [("seen", checkpoint.bytes)]
            return await audit.run()
        }
        let inside = try await report(size: 300)
        #expect(inside.failure == nil, "\(inside.text)")
        #expect(inside.notCovered.contains { $0.contains("continues seen: its 300 entries") }, "\(inside.text)")
        #expect(!inside.proved.contains { $0.contains("you remembered") }, "\(inside.text)")
        let shown = try await report(size: log.size - 3)
        #expect(shown.proved.contains { $0.contains("you remembered") }, "\(shown.text)")
        let forged = try await report(size: log.size - 3, root: .leaf(of: [1]))
        #expect(forged.failure?.failureClass == .checkpoint, "\(forged.text)")
    }

    /// A correction of hours that are not shown finds nothing there, which says nothing of the correction.
    @Test func aCorrectionOfWhatIsWithheldIsNotCalledShort() async throws {
        var (log, later, job) = try twoTimes(seed: 70)
        let first = try #require(log.records.keys.first { $0 != job })
        let move = CorrectEntry.Move(
            node: "n1", hour: UTCTime(hour: 490_896), from: .job(first), to: .idle, microjoules: 5)
        try log.correct([move])
        let files = try log.bundle(later, audience: .authority, withholding: Withholding(otherTimes: later))
        let report = try await audit(files, policy: log.policy)
        #expect(report.failure == nil, "\(report.text)")
        let words = "moves 0 µJ of 5 stated, which is all that the shown entries have"
        #expect(report.claimed.contains { $0.contains(words) }, "\(report.text)")
    }

    @Test func theSameEvidenceGivesTheSameBytes() throws {
        func bundle() throws -> [String: [UInt8]] {
            var (log, later, job) = try twoTimes(seed: 62)
            return try log.bundle(
                later, audience: .authority, withholding: Withholding(otherTimes: later, otherJobs: [job]))
        }
        #expect(try bundle() == bundle())
    }

    @Test func oneJobIsShownAlone() async throws {
        var log = try exampleLog(seed: 63)
        let job = try #require(log.records.keys.sorted().first)
        var files = try log.bundle(examplePeriod, audience: .public, withholding: Withholding(otherJobs: [job]))
        // The names of the others are withheld with them.
        for path in files.keys where path.hasPrefix("records/") && !path.hasPrefix("records/\(job)/") {
            files[path] = nil
        }
        files = try resigned(files, log)
        let report = try await audit(files, policy: log.policy)
        #expect(report.failure == nil, "\(report.text)")
        #expect(report.isPartial)
        #expect(report.notCovered.contains { $0.contains("energy.it_uj") }, "\(report.text)")
        #expect(report.claimed.contains { $0.contains("by the operator alone") })
    }

    /// The manifest over changed files, as the operator would sign it again.
    private func resigned(_ files: [String: [UInt8]], _ log: SyntheticLog) throws -> [String: [UInt8]] {
        var files = files
        let manifest = try SignedManifest(parsing: try #require(files[BundleManifest.path])).manifest
        files[BundleManifest.path] = nil
        let listed = files.map { BundleManifest.File(path: $0.key, bytes: $0.value) }
        files[BundleManifest.path] = try BundleManifest(
            origin: manifest.origin, period: manifest.period, audience: manifest.audience, size: manifest.size,
            withheldEntries: manifest.withheldEntries, files: listed
        ).signed(by: log.administration)
        return files
    }

    /// Whatever the operator signs again, the tree and the entries that are shown still say what they said.
    @Test(arguments: [
        ("a leaf", "range"), ("a root", "range"), ("a subtree less", "file"), ("fewer withheld", "manifest"),
        ("a job with less", "report"), ("another period", "report"), ("an assurer", "manifest"),
        ("a file twice", "file"), ("a batch hidden later", "chain"),
    ])
    func theOperatorCannotResign(_ cheat: String, _ failureClass: String) async throws {
        var (log, later, _) = try twoTimes(seed: 64)
        let withholding = Withholding(otherTimes: later)
        var files = try log.bundle(later, audience: .authority, withholding: withholding)
        switch cheat {
        case "a leaf": files["withheld/000"]?[3] ^= 1
        case "a root":
            var text = try #require(files["subtrees"].map { String(decoding: $0, as: UTF8.self) })
            text =
                "8 1 \(MerkleHash.leaf(of: [1]).base64)\n"
                + text.split(separator: "\n").dropFirst().map { "\($0)\n" }.joined()
            files["subtrees"] = Array(text.utf8)
        case "a subtree less": files["subtrees"] = nil
        case "fewer withheld", "an assurer": break
        case "a job with less":
            let text = String(decoding: try #require(files["disclosure.json"]), as: UTF8.self)
            let value = try JSONValue(parsing: text)
            let energy = try #require(value["jobs"]?.array?.first?["energy_uj"]?.string)
            files["disclosure.json"] = Array(text.replacing("\"\(energy)\"", with: "\"1\"").utf8)
        case "another period":
            let text = String(decoding: try #require(files["disclosure.json"]), as: UTF8.self)
            files["disclosure.json"] = Array(
                text.replacing("\"audience\": \"authority\"", with: "\"audience\": \"public\"").utf8)
        case "a file twice": files["tile/entries/000"] = files["disclosed/000"]
        default:
            // One more batch of the period is withheld; its successor has to say whose it follows.
            let index = try Cheat.position(of: "n1", sequence: 245, in: log)
            files = try hiding(index, log, later, withholding)
        }
        files = try resigned(files, log)
        if cheat == "fewer withheld" || cheat == "an assurer" {
            let manifest = try SignedManifest(parsing: try #require(files[BundleManifest.path])).manifest
            files[BundleManifest.path] = try BundleManifest(
                origin: manifest.origin, period: manifest.period,
                audience: cheat == "an assurer" ? .assurer : manifest.audience, size: manifest.size,
                withheldEntries: manifest.withheldEntries - (cheat == "an assurer" ? 0 : 1), files: manifest.files
            ).signed(by: log.administration)
        }
        let report = try await audit(files, policy: log.policy)
        if cheat == "a batch hidden later" {
            // It is in the tree, so its absence is counted, and the job falls short of what is stated.
            #expect(report.failure == nil && report.isPartial, "\(report.text)")
            #expect(report.counts.first { $0.name == "withheld" }?.value == 721)
            return
        }
        #expect(report.failure?.failureClass.rawValue == failureClass, "\(report.text)")
    }

    private func hiding(
        _ hidden: Int, _ log: SyntheticLog, _ period: UTCInterval, _ withholding: Withholding
    ) throws -> [String: [UInt8]] {
        var log = log
        var files: [String: [UInt8]] = [:]
        func keep(_ file: BundleFile) { files[file.path] = file.bytes }
        var writer = BundleWriter(origin: log.origin, period: period, audience: .authority, size: log.size)
        for (index, bytes) in log.entries.enumerated() {
            let entry = try Entry(text: Array(SignedNote(parsing: bytes).text))
            if index == hidden || withholding.withholds(entry) {
                try writer.withhold(leaf: .leaf(of: bytes)).forEach(keep)
            } else {
                try writer.append(entry: bytes, samples: nil).forEach(keep)
            }
        }
        writer.complete().forEach(keep)
        keep(writer.add(.checkpoint, try log.checkpoint().bytes))
        keep(writer.add(.policy, log.policy))
        for (pseudonym, bytes) in log.records {
            keep(writer.add(.record(pseudonym: pseudonym, sha256: MerkleHash.sha256(of: bytes).hexadecimal), bytes))
        }
        var input = try log.disclosureInput(period, audience: .authority)
        input.withheldEntries = writer.withheldEntries
        keep(writer.add(.disclosure, Disclosure(input).bytes))
        keep(try writer.manifest(signedBy: log.administration))
        return files
    }

    @Test func anyFlippedBitIsRefused() async throws {
        var (log, later, _) = try twoTimes(seed: 65)
        let files = try log.bundle(later, audience: .authority, withholding: Withholding(otherTimes: later))
        var random = SeededRandom(seed: 65)
        for (path, bytes) in files.sorted(by: { $0.key < $1.key }) {
            for _ in 0..<12 {
                let bit = Int(random.next() % UInt64(bytes.count * 8))
                var changed = files
                changed[path]?[bit / 8] ^= 1 << UInt8(bit % 8)
                let failure = try await audit(changed, policy: log.policy).failure
                let text = failure?.description ?? ""
                #expect(failure != nil, "\(path), bit \(bit)")
                #expect(text.contains(path) || text.contains("entry"), "\(path), bit \(bit): \(text)")
            }
        }
    }

    /// The root over leaves that are given as subtrees of any shape is the root over the leaves.
    @Test(arguments: [1, 2, 3, 255, 256, 257, 700, 1024, 1500]) func subtreesFoldToTheRoot(size: Int) throws {
        let leaves = (0..<size).map { MerkleHash.leaf(of: Array("\($0)".utf8)) }
        var random = SeededRandom(seed: UInt64(size))
        var frontier = MerkleFrontier()
        var start = 0
        while start < size {
            var level = Int(random.next() % 11)
            while start % (1 << level) != 0 || start + 1 << level > size { level -= 1 }
            try frontier.append(subtree: .root(of: leaves[start..<(start + 1 << level)]), level: level)
            start += 1 << level
        }
        #expect(frontier.size == UInt64(size) && frontier.root == .root(of: leaves))
        #expect(throws: TransparencyLogError.self) { try frontier.append(subtree: .emptyTree, level: 63) }
        #expect(throws: TransparencyLogError.self) { try frontier.append(subtree: .emptyTree, level: -1) }
    }
}
