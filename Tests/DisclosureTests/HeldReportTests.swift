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
        _ disclosure: JSONValue, period: UTCInterval = examplePeriod, size: UInt64, _ log: inout SyntheticLog
    ) throws -> [UInt8] {
        let digest = MerkleHash.sha256(of: disclosure.rendered(.pretty))
        let index = try log.report(number: 1, period: period, audience: .public, size: size, sha256: digest)
        let issued: JSONValue = [
            "number": .integer(1), "issued_at": "2026-01-01T00:00:00Z", "index": .integer(Int(index)),
            "disclosure": disclosure,
        ]
        let statement = try ReportStatement(
            issued: issued, checkpoint: log.checkpoint().bytes, logKey: log.log.verifier,
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
