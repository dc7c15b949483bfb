import Batches
import ClusterSimulation
import Disclosure
import Energy
import JSONText
import Testing
import TransparencyLog

/// The threats of the log, one by one: who could cheat how, where it is really played and caught, and which words of
/// every report own up to what remains.
struct Threat: Sendable, CustomTestStringConvertible {
    var number: Int
    var cheat: String
    /// Plays of `Cheat`, on a log in memory that somebody signs anyway.
    var plays: [String] = []
    /// Tests that play it on the running programs or on their parts: path below Tests, name of the function.
    var tests: [(file: String, function: String)] = []
    /// Words of the limit that names what remains.
    var limits: [String] = []

    var testDescription: String { "\(number) \(cheat)" }

    private static let operators = "ClusterTests/Cheats/OperatorCheats.swift"

    static let all: [Threat] = [
        Threat(
            number: 1, cheat: "change a sample or total after signing",
            plays: ["alter a reading"],
            tests: [(operators, "aReadingIsAltered"), (operators, "aSampleIsAltered")]),
        Threat(
            number: 2, cheat: "alter or delete logged batches",
            plays: ["delete a batch", "swap two batches"],
            tests: [(operators, "aBatchIsDeleted"), (operators, "theLogIsRolledBack")],
            limits: ["nothing technical is left"]),
        Threat(
            number: 3, cheat: "show different logs to different eyes", plays: ["false anchor"],
            tests: [
                (operators, "theLogIsRolledBack"),
                ("TransparencyLogTests/Witness/WitnessTests.swift", "anotherHistoryIsAFork"),
            ], limits: ["a second log for other eyes would not be noticed"]),
        Threat(
            number: 4, cheat: "drop a batch before logging", plays: ["delete a batch"],
            tests: [("DisclosureTests/ClosingTests.swift", "whoeverDropsTheLastBatchesOfANodeContradictsTheClose")],
            limits: ["seen by its silence alone"]),
        Threat(
            number: 5, cheat: "invent batches", plays: ["add a stranger's batch", "give energy back"],
            tests: [(operators, "aBatchIsInvented")], limits: ["who may invent what it signs"]),
        Threat(
            number: 6, cheat: "stop the agent during peaks",
            tests: [("ClusterTests/CoverageTests.swift", "agentsThatAreAway")], limits: ["lower bounds"]),
        Threat(
            number: 7, cheat: "never enrol a node",
            tests: [
                ("DisclosureTests/JobSummaryTests.swift", "aNodeThatNobodyNamesIsMissingToo"),
                ("DisclosureTests/NodeShareTests.swift", "absentNodesAreToldApart"),
            ], limits: ["never enrolled"]),
        Threat(number: 8, cheat: "replay an old batch", plays: ["repeat a batch"]),
        Threat(
            number: 9, cheat: "sign two batches for one place", plays: ["batch after a conflict"],
            tests: [
                ("AggregationTests/Intake/LogSequencerTests.swift", "secondEntryForOnePlaceIsAForkAndClosesTheChain")
            ], limits: ["two different readings for one place", "nobody shows the second one"]),
        Threat(
            number: 10, cheat: "backdate",
            tests: [
                ("DisclosureTests/CheatTableTests.swift", "batchesDatedBackAreCounted"),
                ("DisclosureTests/CheatTableTests.swift", "batchesDatedAheadAreCounted"),
            ], limits: ["that bracket is wide"]),
        Threat(
            number: 11, cheat: "slow or step the clock",
            tests: [
                ("NodeAgentTests/Measuring/MeasuringSessionTests.swift", "aSetClockEndsTheIntervalAtTheLastTick"),
                ("DisclosureTests/NodeShareTests.swift", "anAnchorProvesThatAClockIsBehind"),
                ("DisclosureTests/NodeShareTests.swift", "thePlaceInTheLogProvesThatAClockIsAhead"),
            ], limits: ["that bracket is wide", "a sensor shows power alone"]),
        Threat(
            number: 12, cheat: "choose which jobs to disclose",
            tests: [
                (operators, "aJobIsHidden"), ("DisclosureTests/WithheldBundleTests.swift", "theOperatorCannotResign"),
                ("ClusterTests/WithheldTests.swift", "whatIsWithheldCannotBeExchanged"),
            ], limits: ["statements of people"]),
        Threat(
            number: 13, cheat: "move joules between jobs", plays: ["joules to another job", "job by another name"],
            tests: [(operators, "joulesMoveToAnotherJob")],
            limits: ["root on a node and holds the scheduler's key"]),
        Threat(
            number: 14, cheat: "issue several reports for a period",
            plays: ["two different reports", "repeated report number", "report about the future"],
            tests: [
                (operators, "twoReportsOfOnePeriod"),
                ("ClusterTests/Foreign/ForeignTests.swift", "aStatementIsHeldToTheLog"),
            ], limits: ["only if an entry of the log announces it"]),
        Threat(
            number: 15, cheat: "correct history quietly", plays: ["set by a node"],
            tests: [
                ("DisclosureTests/CorrectionTests.swift", "hidingAJobByACorrectionShows"),
                ("DisclosureTests/CorrectionTests.swift", "aFigureBeyondTheCorrectionIsRefused"),
            ]),
        Threat(
            number: 16, cheat: "steal a node's key",
            plays: ["key of a revoked node", "old key after rotation", "batch after retirement"],
            tests: [("DisclosureTests/RevokedTests.swift", "batchesBehindTheRevokedPlaceAreListed")],
            limits: ["a thief until the key is revoked"]),
        Threat(
            number: 17, cheat: "steal the log's key",
            tests: [
                ("TransparencyLogTests/Witness/WitnessTests.swift", "anotherHistoryIsAFork"),
                (operators, "theLogIsRolledBack"),
                ("DisclosureTests/FactAuditTests.swift", "thievesAreCaught"),
            ], limits: ["can append to the log as its operator would", "two of its histories side by side"]),
        Threat(
            number: 18, cheat: "fork by a restored database",
            tests: [
                ("AggregationTests/Publishing/LogPublisherTests.swift", "restoredDatabaseIsNotSigned"),
                ("AggregationTests/Witnessing/WitnessTests.swift", "restoredHostIsStoppedByItsWitness"),
            ]),
        Threat(
            number: 19, cheat: "a sensor, driver or kernel lies",
            limits: ["does not say that the sensor told the truth"]),
        Threat(number: 20, cheat: "all parties are one", limits: ["nothing technical is left"]),
    ]
}

@Suite struct CheatTableTests {
    @Test func theTableIsWhole() {
        #expect(Threat.all.map(\.number) == Array(1...20))
        for threat in Threat.all {
            let isAnswered = !threat.plays.isEmpty || !threat.tests.isEmpty || !threat.limits.isEmpty
            #expect(isAnswered, "\(threat.testDescription)")
        }
    }

    @Test(arguments: Threat.all.flatMap(\.plays)) func whatIsPlayedIsCaught(_ play: String) throws {
        var log = try exampleLog(seed: 7)
        let expected = try Cheat.apply(play, to: &log)
        // Without the readings, which would contradict what was changed before anybody asks who signed.
        let (entries, origin) = (log.entries, log.origin)
        let failure = #expect(throws: ReplayFailure.self) { try SyntheticLog.replay(entries, origin: origin) }
        #expect(failure?.failureClass == expected.failureClass, "\(play)")
        #expect(failure?.place == "entry \(expected.index)", "\(play)")
    }

    /// A test that was renamed or removed leaves a threat without its answer.
    @Test(arguments: Threat.all) func whatIsPlayedElsewhereIsThere(_ threat: Threat) throws {
        for (file, function) in threat.tests {
            let text = String(decoding: try ContractFile.test(file), as: UTF8.self)
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
            let place = lines.firstIndex { $0.contains("func \(function)(") }
            let opening = place.map { lines[max(0, $0 - 12)...$0].joined(separator: "\n") } ?? ""
            #expect(opening.contains("@Test"), "\(threat.testDescription): \(file), \(function)")
        }
    }

    @Test(arguments: Threat.all) func whatRemainsIsALimit(_ threat: Threat) throws {
        var log = try exampleLog(seed: 31)
        // An outage of which nothing is known.
        try log.importLog(
            "m3", job: log.record("gone").pseudonym, interval: examplePeriod, joules: 1, expectedNodes: 4,
            by: "importer")
        let disclosure = Disclosure(try log.disclosureInput(examplePeriod))
        let limits = disclosure.value["limits"]?.array?.compactMap(\.string) ?? []
        for words in threat.limits {
            let isStated = limits.contains { $0.contains(words) }
            #expect(isStated, "\(threat.testDescription): \(limits)")
        }
    }

    /// Recorded logs are no row of the table: nobody signed them where they were measured.
    @Test func recordedLogsAreClaims() throws {
        let disclosure = Disclosure(try exampleLog(seed: 31).disclosureInput(examplePeriod))
        let limits = disclosure.value["limits"]?.array?.compactMap(\.string) ?? []
        #expect(limits.contains { $0.contains("claims of their source") })
    }

    // MARK: Time

    private func audit(_ log: inout SyntheticLog) async throws -> AuditReport {
        let files = try log.bundle(examplePeriod)
        return try await BundleAudit(source: BundleSource(files: files), policy: log.policy, workers: 2).run()
    }

    /// A node that says that it measured hours ago names a tree that was not there then.
    @Test func batchesDatedBackAreCounted() async throws {
        var log = try SyntheticLog(seed: 35)
        try log.enrol("n1")
        try log.batch("n1")
        log.now = UTCTime(microseconds: log.now.microseconds + 5_400_000_000)
        try log.set(SettingField.siteZone, of: "north", "\"DE\"")
        _ = try log.checkpoint()
        #expect(try await audit(&log).counts.first { $0.name == "backdated" }?.value == 0)
        let index = try log.batch("n1")
        let report = try await audit(&log)
        #expect(report.failure == nil, "\(report.text)")
        #expect(report.counts.first { $0.name == "backdated" }?.value == 1)
        let isNamed = report.claimed.contains { $0.contains("tree that they name") && $0.contains("entry \(index)") }
        #expect(isNamed, "\(report.text)")
    }

    /// What a witness saw in the log had been measured by then.
    @Test func batchesDatedAheadAreCounted() async throws {
        var log = try SyntheticLog(seed: 36)
        try log.enrol("n1")
        let begin = log.now
        let index = try log.batch("n1", seconds: 300)
        log.now = begin
        let report = try await audit(&log)
        #expect(report.counts.first { $0.name == "postdated_seconds" }?.value == 300, "\(report.text)")
        #expect(report.claimed.contains { $0.contains("time of entry \(index)") }, "\(report.text)")
    }
}
