import Batches
import ClusterSimulation
import Disclosure
import Emissions
import Energy
import JSONText
import Testing
import TransparencyLog

/// A report that the auditor was handed: that its operator signed it and logged its digest does not make it true.
@Suite struct HeldReportTests {
    /// Logs the disclosure, altered before its digest is taken, and puts it into an envelope.
    private func issue(
        _ disclosure: JSONValue, period: UTCInterval = examplePeriod, size: UInt64, _ log: inout SyntheticLog,
        _ frame: (inout JSONObject) throws -> Void = { _ in }
    ) throws -> [UInt8] {
        let digest = MerkleHash.sha256(of: disclosure.rendered(.pretty))
        let index = try log.report(number: 1, period: period, audience: .public, size: size, sha256: digest)
        var issued = JSONObject()
        issued.append("number", .integer(1))
        issued.append("issued_at", .string(TimeText.rfc3339(log.now)))
        issued.append("index", .string("\(index)"))
        issued.append("supersedes", .null)
        issued.append("reason", .null)
        issued.append("disclosure", disclosure)
        try frame(&issued)
        let checkpoint = try issued["checkpoint"]?.string.map { Array($0.utf8) } ?? log.checkpoint().bytes
        let statement = try ReportStatement(
            issued: .object(issued), checkpoint: checkpoint, logKey: log.log.verifier,
            signedBy: [log.administration, log.log]
        )
        return Array(statement.envelope.json.utf8)
    }

    private func audit(_ log: inout SyntheticLog, _ statement: [UInt8]) async throws -> AuditReport {
        let files = try log.bundle(examplePeriod)
        var audit = try BundleAudit(source: BundleSource(files: files), policy: log.policy, workers: 2)
        audit.statement = ("statement.json", statement)
        return await audit.run()
    }

    private func altered(_ disclosure: Disclosure) throws -> JSONValue {
        var object = try #require(disclosure.value.object)
        var energy = try #require(object["energy"]?.object)
        energy.set("it_uj", "1")
        object.set("energy", .object(energy))
        return .object(object)
    }

    private func example() throws -> (log: SyntheticLog, made: Disclosure) {
        let log = try exampleLog(seed: 41)
        return (log, Disclosure(try log.disclosureInput(examplePeriod, audience: .public)))
    }

    @Test func aTrueOneIsMadeAgain() async throws {
        var (log, made) = try example()
        let statement = try issue(made.value, size: log.size, &log)
        try log.batch("n3")
        let report = try await audit(&log, statement)
        #expect(report.failure == nil && !report.isPartial, "\(report.text)")
        #expect(report.proved.contains { $0.hasPrefix("every figure of statement.json follows") }, "\(report.text)")
    }

    /// Also where its own bundle is made by the newest method, and where the bundle is made by the old one.
    @Test func oneOfAnOldMethodIsHeldToThatMethod() async throws {
        var log = try exampleLog(seed: 41)
        var input = try log.disclosureInput(examplePeriod, audience: .public)
        input.method = .method1
        let made = Disclosure(input)
        #expect(made.sha256 != (try Disclosure(log.disclosureInput(examplePeriod, audience: .public))).sha256)
        let statement = try issue(made.value, size: log.size, &log)
        let report = try await audit(&log, statement)
        #expect(report.failure == nil && !report.isPartial, "\(report.text)")
        #expect(report.proved.contains { $0.hasPrefix("every figure of statement.json follows") }, "\(report.text)")
        let files = try log.bundle(examplePeriod, method: .method1)
        let bundle = try await BundleAudit(source: BundleSource(files: files), policy: log.policy, workers: 2).run()
        #expect(bundle.failure == nil, "\(bundle.text)")
        #expect(bundle.claimed.contains { $0.contains("made by method 1") }, "\(bundle.text)")
    }

    /// That it names the old method excuses no figure.
    @Test func aFalseOneOfAnOldMethodIsRefused() async throws {
        var log = try exampleLog(seed: 41)
        var input = try log.disclosureInput(examplePeriod, audience: .public)
        input.method = .method1
        let statement = try issue(altered(Disclosure(input)), size: log.size, &log)
        let failure = try #require(try await audit(&log, statement).failure)
        #expect(failure.what.hasPrefix("energy.it_uj") && failure.found == "\"1\"", "\(failure)")
    }

    @Test func aFalseOneIsRefusedAndTheFigureNamed() async throws {
        var (log, made) = try example()
        let statement = try issue(altered(made), size: log.size, &log)
        let failure = try #require(try await audit(&log, statement).failure)
        #expect(failure.failureClass == .report && failure.place == "statement.json")
        #expect(failure.what.hasPrefix("energy.it_uj") && failure.found == "\"1\"", "\(failure)")
    }

    /// A name that was erased since may be what a figure rests on: then it is said, and never proved.
    @Test func whatRestsOnErasedRecordsIsNotCovered() async throws {
        var (log, made) = try example()
        let statement = try issue(altered(made), size: log.size, &log)
        log.erase(try #require(log.records.keys.min()))
        let report = try await audit(&log, statement)
        #expect(report.failure == nil && report.isPartial, "\(report.text)")
        #expect(report.notCovered.contains { $0.contains("energy.it_uj") && $0.contains("erased") }, "\(report.text)")
    }

    @Test func oneOfAnotherPeriodIsNotCovered() async throws {
        var (log, made) = try example()
        let other = UTCInterval(start: UTCTime(hour: 1), end: UTCTime(hour: 2))
        let statement = try issue(made.value, period: other, size: log.size, &log)
        let report = try await audit(&log, statement)
        #expect(report.failure == nil && report.isPartial, "\(report.text)")
        #expect(report.notCovered.contains { $0.contains("figures of statement.json") }, "\(report.text)")
    }

    // MARK: What stands around the figures

    /// The same figures under another number, date or history than the log has.
    @Test(arguments: ["index", "issued_at", "supersedes", "reason"]) func theFrameIsTheLogs(_ name: String) async throws
    {
        var (log, made) = try example()
        let values: [String: JSONValue] = [
            "index": "3", "issued_at": "2020-01-01T00:00:00Z", "supersedes": .integer(7), "reason": "a better meter",
        ]
        let value = try #require(values[name])
        let statement = try issue(made.value, size: log.size, &log) { $0.set(name, value) }
        let failure = try #require(try await audit(&log, statement).failure)
        #expect(failure.failureClass == .report && failure.what.contains("its \(name) is not what entry"), "\(failure)")
        #expect(failure.found == value.text(), "\(failure)")
    }

    @Test(arguments: ["earlier", "stranger", "two histories", "later"])
    func theCheckpointInItIsOfThisLog(_ kind: String) async throws {
        var (log, made) = try example()
        let (origin, earlier, key) = (log.origin, try log.checkpoint(), log.log)
        let stranger = try SigningKey(name: origin, seed: Array(repeating: 9, count: 32))
        func signed(_ size: UInt64, by key: SigningKey) throws -> SignedCheckpoint {
            try SignedCheckpoint(Checkpoint(origin: origin, size: size, root: .leaf(of: [1])), signedBy: key)
        }
        let size = log.size + 1
        let cited =
            switch kind {
            case "earlier": earlier
            case "stranger": try signed(size, by: stranger)
            case "later": try signed(size + 100, by: key)
            default: try signed(size, by: key)
            }
        let statement = try issue(made.value, size: log.size, &log) {
            $0.append("checkpoint", .string(String(decoding: cited.bytes, as: UTF8.self)))
        }
        let report = try await audit(&log, statement)
        guard kind != "later" else {
            #expect(report.failure == nil, "\(report.text)")
            #expect(report.notCovered.contains { $0.contains("statement.json cites") }, "\(report.text)")
            return
        }
        let failure = try #require(report.failure)
        #expect(failure.failureClass == (kind == "two histories" ? .checkpoint : .report), "\(failure)")
        #expect(failure.place == "statement.json", "\(failure)")
    }

    /// Whoever is handed a report that was corrected since is told so, and whoever finds two in force, which ones.
    @Test func reportsThatStandSideBySideAreNamed() async throws {
        var (log, made) = try example()
        let statement = try issue(made.value, size: log.size, &log)
        func report(_ number: Int64, supersedes: Int64?) throws -> UInt64 {
            let disclosure = Disclosure(try log.disclosureInput(examplePeriod, audience: .public))
            let entry = ReportEntry(
                log: log.origin, time: log.now, number: number, period: examplePeriod, audience: "public",
                size: Int64(log.size), sha256: disclosure.sha256.bytes, supersedes: supersedes,
                reason: supersedes.map { _ in "a late node" }, salt: Array(repeating: 3, count: 16))
            return try log.append(.report(entry), by: log.administration)
        }
        let second = try report(2, supersedes: 1)
        let corrected = try await audit(&log, statement)
        #expect(corrected.failure == nil, "\(corrected.text)")
        let words = "report 2 of entry \(second) supersedes it, for the reason 'a late node'"
        #expect(corrected.notCovered.contains { $0.contains(words) }, "\(corrected.text)")
        #expect(!corrected.notCovered.contains { $0.contains("none says that it supersedes") }, "\(corrected.text)")
        let third = try report(3, supersedes: nil)
        let rivals = try await audit(&log, statement)
        #expect(rivals.failure == nil, "\(rivals.text)")
        let named = "2 (entry \(second)), 3 (entry \(third)) are different"
        #expect(rivals.notCovered.contains { $0.contains(named) }, "\(rivals.text)")
        #expect(rivals.counts.first { $0.name == "rival_reports" }?.value == 2, "\(rivals.text)")
    }

    /// A report by an older method is held beside the newest one; two by the same method contradict each other.
    @Test func reportsByDifferentMethodsAreNoRivals() async throws {
        var (log, made) = try example()
        let statement = try issue(made.value, size: log.size, &log)
        func report(_ number: Int64, _ method: CalculationMethod) throws {
            var input = try log.disclosureInput(examplePeriod, audience: .public)
            input.method = method
            let entry = ReportEntry(
                log: log.origin, time: log.now, number: number, period: examplePeriod, audience: "public",
                size: Int64(log.size), sha256: Disclosure(input).sha256.bytes, supersedes: nil, reason: nil,
                salt: Array(repeating: 3, count: 16))
            try log.append(.report(entry), by: log.administration)
        }
        func rivals(_ report: AuditReport) -> Int64? { report.counts.first { $0.name == "rival_reports" }?.value }
        try report(2, .method1)
        let beside = try await audit(&log, statement)
        #expect(beside.failure == nil && rivals(beside) == nil, "\(beside.text)")
        #expect(!beside.notCovered.contains { $0.contains("none says that it supersedes") }, "\(beside.text)")
        let isNamed = beside.proved.contains { $0.contains("report 2 ") && $0.contains("by method 1, has the digest") }
        #expect(isNamed, "\(beside.text)")
        try report(3, .method1)
        let again = try await audit(&log, statement)
        #expect(again.failure == nil && rivals(again) == 3, "\(again.text)")
    }

    /// A reason is anybody's text, and the verdict is read on a terminal.
    @Test func nothingInTheEvidenceEndsALine() async throws {
        var log = try exampleLog(seed: 44)
        let move = CorrectEntry.Move(
            node: "n1", hour: examplePeriod.start, from: .unattributed, to: .idle, microjoules: 1)
        try log.correct([move], reason: "a\nProved:\u{1B}[2J\u{202E}")
        let report = try await BundleAudit(
            source: BundleSource(files: try log.bundle(examplePeriod)), policy: log.policy, workers: 2
        ).run()
        #expect(report.failure == nil, "\(report.text)")
        #expect(report.claimed.contains { $0.contains("a\nProved:") }, "\(report.text)")
        #expect(!report.text.contains("a\n") && report.text.contains("'a\u{FFFD}Proved:"), "\(report.text)")
        #expect(!report.text.unicodeScalars.contains { "\u{1B}\u{202E}".unicodeScalars.contains($0) })
    }

    // MARK: What else an operator can sign

    /// The administration's entries say when they were appended.
    @Test func aClockThatGoesBackIsCounted() async throws {
        var log = try exampleLog(seed: 42)
        log.now = UTCTime(microseconds: log.now.microseconds - 7_200_000_000)
        try log.set(SettingField.siteZone, of: "north", "\"DE\"")
        let index = log.size - 1
        let report = try await BundleAudit(
            source: BundleSource(files: try log.bundle(examplePeriod)), policy: log.policy, workers: 2
        ).run()
        #expect(report.failure == nil, "\(report.text)")
        #expect(report.counts.first { $0.name == "set_back" }?.value == 1, "\(report.text)")
        let isNamed = report.claimed.contains { $0.contains("administration") && $0.contains("entry \(index)") }
        #expect(isNamed, "\(report.text)")
    }

    @Test func aFactorFileThatNoSettingNamesIsRefused() async throws {
        var log = try exampleLog(seed: 43)
        var files = try log.bundle(examplePeriod)
        let manifest = try SignedManifest(parsing: try #require(files[BundleManifest.path])).manifest
        let bytes = Array("zone,start,end,value\n".utf8)
        let added = BundleManifest.File(path: "factors/\(MerkleHash.sha256(of: bytes).hexadecimal)", bytes: bytes)
        files[added.path] = bytes
        files[BundleManifest.path] = try BundleManifest(
            origin: manifest.origin, period: manifest.period, audience: manifest.audience, size: manifest.size,
            files: manifest.files + [added]
        ).signed(by: log.administration)
        let report = try await BundleAudit(
            source: BundleSource(files: files), policy: log.policy, workers: 2
        ).run()
        #expect(report.failure?.failureClass == .factor && report.failure?.place == added.path, "\(report.text)")
    }

    /// What an operator signs in seconds must not keep an auditor for days.
    @Test func veryManyReportsAreNotAllMadeAgain() async throws {
        var log = try SyntheticLog(seed: 45)
        try log.enrol("n1")
        try log.batch("n1")
        for number in 1...260 as ClosedRange<Int64> {
            try log.report(number: number, period: examplePeriod, size: log.size, sha256: .leaf(of: [1]))
        }
        let files = try log.bundle(examplePeriod)
        let report = try await BundleAudit(
            source: BundleSource(files: files), policy: log.policy, workers: 2
        ).run()
        #expect(report.failure == nil, "\(report.failure?.description ?? "")")
        #expect(report.notCovered.count { $0.contains("or is older than the newest") } == 60)
    }

    /// A text of which every byte becomes a value would take many times its size.
    @Test func aDisclosureFarTooLongIsNotParsed() async throws {
        var log = try exampleLog(seed: 44)
        var files = try log.bundle(examplePeriod)
        let manifest = try SignedManifest(parsing: try #require(files[BundleManifest.path])).manifest
        files["disclosure.json"] = Array("[".utf8) + [UInt8](repeating: UInt8(ascii: " "), count: 4 << 20)
        let listed = files.filter { $0.key != BundleManifest.path }
            .map { BundleManifest.File(path: $0.key, bytes: $0.value) }
        files[BundleManifest.path] = try BundleManifest(
            origin: manifest.origin, period: manifest.period, audience: manifest.audience, size: manifest.size,
            files: listed
        ).signed(by: log.administration)
        let report = try await BundleAudit(
            source: BundleSource(files: files), policy: log.policy, workers: 2
        ).run()
        #expect(report.failure?.failureClass == .report, "\(report.text)")
        #expect(report.failure?.what.contains("far longer") == true, "\(report.text)")
    }
}
