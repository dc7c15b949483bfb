import Batches
import Disclosure
import Energy
import Foundation
import JSONText
import Testing
import TransparencyLog

/// The operator cheats with the database and with every key of the log, and an auditor who has nothing but the
/// policy finds it and says where. One after the other, on an aggregator of their own: they lock and spoil its tables.
@Suite(.aggregator, .serialized, .timeLimit(.minutes(8))) struct CheatTests {
    /// Of the recorded runs and of the nodes' batches.
    private static let period = UTCInterval(start: UTCTime(hour: 476_692), end: UTCTime(hour: 492_500))

    /// A log with two imported jobs and a node that sends, as it was before anybody touched it.
    private struct Scene {
        var organization: OrganizationUnderTest
        var dishonest: DishonestOperator
        var honest: String
        var entries: [[UInt8]]

        /// Index of the n-th entry whose text contains this.
        func index(_ text: String, _ number: Int = 0) throws -> Int {
            let found = entries.indices.filter { String(decoding: entries[$0], as: UTF8.self).contains(text) }
            return try #require(found.dropFirst(number).first, "\(text)")
        }
    }

    private func scene(_ name: String) async throws -> Scene {
        let organization = try await AggregatorUnderTest.current.organization(name)
        let enrolment = try await organization.enrol("victim")
        var maker = BatchMaker(enrolment)
        for _ in 0..<4 {
            let upload = try maker.batch()
            _ = try await Conversation.hold(as: enrolment) { try await $0.say(upload) }
            maker.advance(past: upload)
        }
        let run = RecordedRun.acrossAnHour
        for number in 1...2 {
            try await organization.run(
                OrganizationUnderTest.Import(
                    job: "j\(number)", files: [run.file("node_\(number)")], expectedNodes: 1))
        }
        let start = TimeText.rfc3339(Self.period.start)
        let honest = try await organization.evidence(from: start, to: TimeText.rfc3339(Self.period.end))
        let dishonest = try await DishonestOperator(organization)
        let scene = Scene(
            organization: organization, dishonest: dishonest, honest: honest, entries: try await dishonest.entries()
        )
        let audit = try await organization.audit(honest)
        try #require(audit.status == 0, "\(audit.errors)")
        return scene
    }

    /// Plays it and returns what the auditor says of the bundle that the operator made over it.
    private func verdict(_ scene: Scene, _ statements: String) async throws -> JSONValue {
        try await scene.dishonest.alter(statements)
        let bundle = try await scene.dishonest.bundle("forged", like: scene.honest, period: Self.period)
        let audit = try await scene.organization.audit(bundle)
        return try JSONValue(parsing: Array(audit.text.utf8))
    }

    private func expect(_ verdict: JSONValue, _ failureClass: String, _ place: String) {
        #expect(verdict["verdict"]?.string == "refused", "\(verdict.text(.compact))")
        #expect(verdict["failure_class"]?.string == failureClass, "\(verdict.text(.compact))")
        #expect(verdict["failure"]?["place"]?.string == place, "\(verdict.text(.compact))")
    }

    private func replace(_ old: String, _ new: String, at index: Int, _ scene: Scene) -> String {
        """
        UPDATE wattest.notes SET note = convert_to(replace(convert_from(note, 'UTF8'), '\(old)', '\(new)'), 'UTF8')
            WHERE log = \(scene.dishonest.number) AND index = \(index)
        """
    }

    /// Entries behind the removed one move up.
    private func remove(_ index: Int, _ scene: Scene) -> String {
        let log = scene.dishonest.number
        return """
            DELETE FROM wattest.notes WHERE log = \(log) AND index = \(index);
            DELETE FROM wattest.entries WHERE log = \(log) AND index = \(index);
            DELETE FROM wattest.sample_blocks WHERE log = \(log) AND index = \(index);
            UPDATE wattest.notes SET index = index + 1000000 WHERE log = \(log) AND index > \(index);
            UPDATE wattest.notes SET index = index - 1000001 WHERE log = \(log) AND index > 1000000;
            UPDATE wattest.entries SET index = index + 1000000 WHERE log = \(log) AND index > \(index);
            UPDATE wattest.entries SET index = index - 1000001 WHERE log = \(log) AND index > 1000000;
            UPDATE wattest.sample_blocks SET index = index + 1000000 WHERE log = \(log) AND index > \(index);
            UPDATE wattest.sample_blocks SET index = index - 1000001 WHERE log = \(log) AND index > 1000000
            """
    }

    @Test func aReadingIsAltered() async throws {
        let scene = try await scene("Alter reading")
        let index = try scene.index("rapl:package-0", 1)
        let old = "counter 0 \(BatchMaker.advanceMicrojoules) \(2 * BatchMaker.advanceMicrojoules)"
        let new = "counter 0 \(BatchMaker.advanceMicrojoules) \(2 * BatchMaker.advanceMicrojoules - 1)"
        // The readings beside it contradict it before anybody asks who signed.
        expect(try await verdict(scene, replace(old, new, at: index, scene)), "samples", "entry \(index)")
        let bare = "DELETE FROM wattest.sample_blocks WHERE log = \(scene.dishonest.number)"
        expect(try await verdict(scene, bare), "signature", "entry \(index)")
        // Nor does the aggregator's own program issue a report of it any more.
        let report = try await scene.organization.wattest([
            "report", "--from", "2026-03-01T12:00Z", "--to", "2026-03-01T13:00Z", "--format", "json", "--issue",
        ]).output()
        #expect(report.status != 0, "\(report.text.prefix(200))")
    }

    @Test func aBatchIsDeleted() async throws {
        let scene = try await scene("Delete batch")
        let index = try scene.index("rapl:package-0", 1)
        expect(try await verdict(scene, remove(index, scene)), "chain", "entry \(index)")
    }

    @Test func batchesAreReordered() async throws {
        let scene = try await scene("Reorder")
        let (a, b) = (try scene.index("rapl:package-0", 1), try scene.index("rapl:package-0", 2))
        let log = scene.dishonest.number
        let statements = ["notes", "entries", "sample_blocks"].map { table in
            """
            UPDATE wattest.\(table) SET index = 1000000 WHERE log = \(log) AND index = \(a);
            UPDATE wattest.\(table) SET index = \(a) WHERE log = \(log) AND index = \(b);
            UPDATE wattest.\(table) SET index = \(b) WHERE log = \(log) AND index = 1000000
            """
        }.joined(separator: ";\n")
        expect(try await verdict(scene, statements), "chain", "entry \(a)")
    }

    @Test func aBatchIsInvented() async throws {
        let scene = try await scene("Invent")
        let last = try scene.index("rapl:package-0", 3)
        let text = String(decoding: try SignedNote(parsing: scene.entries[last]).text, as: UTF8.self)
        // The administration key may enrol nodes; it may not speak for one.
        let note = try SignedNote(
            text: Array(text.utf8),
            signatures: [scene.dishonest.administration.signature(for: Array(text.utf8)[...])])
        let statements = """
            UPDATE wattest.notes SET note = '\\x\(Hexadecimal.encode(note.bytes))'
                WHERE log = \(scene.dishonest.number) AND index = \(last)
            """
        expect(try await verdict(scene, statements), "signer", "entry \(last)")
    }

    @Test func joulesMoveToAnotherJob() async throws {
        let scene = try await scene("Move joules")
        let index = try scene.index("\nalloc ", 0)
        let alloc = try #require(
            String(decoding: scene.entries[index], as: UTF8.self).split(separator: "\n").first {
                $0.hasPrefix("alloc ")
            })
        let job = alloc.split(separator: " ")[1]
        let other = Pseudonym.encode(Array(repeating: 7, count: 16))
        expect(
            try await verdict(scene, replace("alloc \(job)", "alloc \(other)", at: index, scene)), "signature",
            "entry \(index)")
    }

    /// Everything about a job goes, in an order that leaves every chain whole. What was signed before tells.
    @Test func aJobIsHidden() async throws {
        let scene = try await scene("Hide job")
        let pseudonym = try #require(
            String(decoding: scene.entries[try scene.index("wattest/import/v1")], as: UTF8.self)
                .split(separator: "\n").first { $0.hasPrefix("job ") }?.split(separator: " ").last)
        let about = scene.entries.indices.filter {
            String(decoding: scene.entries[$0], as: UTF8.self).contains(pseudonym)
        }
        let statements = about.reversed().map { remove($0, scene) }.joined(separator: ";\n")
        let verdict = try await verdict(scene, statements)
        #expect(verdict["verdict"]?.string == "refused", "\(verdict.text(.compact))")
        #expect(["signer", "chain", "anchor"].contains(verdict["failure_class"]?.string), "\(verdict.text(.compact))")
        #expect(verdict["failure"]?["place"]?.string?.hasPrefix("entry ") == true, "\(verdict.text(.compact))")
    }

    /// The newest entries go, and nothing in the log shows it: whoever kept an older checkpoint does.
    @Test func theLogIsRolledBack() async throws {
        let scene = try await scene("Roll back")
        let last = scene.entries.count - 1
        let batch = try scene.index("rapl:package-0", 3)
        let log = scene.dishonest.number
        let statements = ["notes", "entries", "sample_blocks"].map {
            "DELETE FROM wattest.\($0) WHERE log = \(log) AND index >= \(batch)"
        }.joined(separator: ";\n")
        try await scene.dishonest.alter(statements)
        let bundle = try await scene.dishonest.bundle("forged", like: scene.honest, period: Self.period)
        func audit(_ arguments: [String]) async throws -> ChildProcess.Output {
            try await ChildProcess(
                .audit, ["verify", bundle, "--policy", scene.organization.policy, "--json"] + arguments,
                directory: scene.organization.directory
            ).output()
        }
        let alone = try await audit([])
        #expect(alone.status == 0, "nothing in a shorter log is false: \(alone.errors)")
        #expect(alone.text.contains("no independent witness"), "\(alone.text)")
        let seen = "\(scene.honest)/checkpoint"
        let remembered = try await audit(["--checkpoint", seen])
        #expect(remembered.status == 1 && remembered.errors.contains("error[CHECKPOINT]"), "\(remembered.errors)")
        #expect(remembered.errors.contains(seen), "\(remembered.errors)")
        #expect(last > batch)
    }

    @Test func aSampleIsAltered() async throws {
        let scene = try await scene("Alter sample")
        let index = try scene.index("rapl:package-0", 2)
        let statements = """
            UPDATE wattest.sample_blocks SET block = set_byte(block, 4, (get_byte(block, 4) + 1) % 256)
                WHERE log = \(scene.dishonest.number) AND index = \(index)
            """
        expect(try await verdict(scene, statements), "samples", "entry \(index)")
    }

    @Test func samplesAreMovedAndDeleted() async throws {
        let scene = try await scene("Move samples")
        let (a, b) = (try scene.index("rapl:package-0", 1), try scene.index("rapl:package-0", 2))
        let log = scene.dishonest.number
        let statements = """
            DELETE FROM wattest.sample_blocks WHERE log = \(log) AND index = \(a);
            UPDATE wattest.sample_blocks SET index = \(a) WHERE log = \(log) AND index = \(b)
            """
        expect(try await verdict(scene, statements), "samples", "entry \(a)")
        // What was deleted is not forged: the audit says what it does not cover.
        let deleted = try await verdict(
            scene, "DELETE FROM wattest.sample_blocks WHERE log = \(log) AND index = \(a)")
        #expect(deleted["verdict"]?.string == "verified", "\(deleted.text(.compact))")
        let missing = deleted["not_covered"]?.array?.compactMap(\.string) ?? []
        #expect(missing.contains { $0.contains("readings behind") }, "\(missing)")
    }

    /// Retention is no cheat: what it deletes is named, what it keeps still proves everything else.
    @Test func oldReadingsGoAndProofsStay() async throws {
        let scene = try await scene("Retention")
        let log = scene.dishonest.number
        // As if they had been received long ago.
        try await scene.dishonest.alter(
            """
            CREATE TABLE IF NOT EXISTS wattest_parts.sample_blocks_20200102 (LIKE wattest.sample_blocks
                INCLUDING CONSTRAINTS INCLUDING STORAGE);
            ALTER TABLE wattest_parts.sample_blocks_20200102 OWNER TO wattest_samples;
            ALTER TABLE wattest.sample_blocks ATTACH PARTITION wattest_parts.sample_blocks_20200102
                FOR VALUES FROM ('2020-01-02 00:00Z') TO ('2020-01-03 00:00Z');
            UPDATE wattest.sample_blocks SET received = '2020-01-02 12:00Z' WHERE log = \(log)
            """)
        let before = try await scene.dishonest.samples()
        #expect(before.count >= 4)
        let retained = try await ChildProcess(
            .aggregator,
            [
                "retain", "--data-dir", scene.organization.aggregator.installation, "--older-than", "90d", "--json",
            ], directory: scene.organization.directory
        ).output()
        #expect(retained.status == 0, "\(retained.errors)")
        #expect(retained.text.contains("\"20200102\""), "\(retained.text)")
        #expect(try await scene.dishonest.samples().isEmpty)
        let start = TimeText.rfc3339(Self.period.start)
        let bundle = try await scene.organization.evidence(
            from: start, to: TimeText.rfc3339(Self.period.end), as: "later")
        let audit = try await scene.organization.audit(bundle)
        #expect(audit.status == 0, "\(audit.errors)")
        #expect(audit.text.contains("the readings behind \(before.count) batches"), "\(audit.text)")
    }

    /// One log and one set of entries have one report; a second one is seen in the log that announces both.
    @Test func twoReportsOfOnePeriod() async throws {
        let scene = try await scene("Two reports")
        let size = scene.entries.count
        func report(_ number: Int64, _ digest: UInt8) throws -> [UInt8] {
            let entry = ReportEntry(
                log: scene.organization.origin, time: BatchMaker.begin, number: number, period: Self.period,
                audience: "public", size: Int64(size), sha256: Array(repeating: digest, count: 32),
                supersedes: nil, reason: nil, salt: Array(repeating: digest, count: 16))
            return try scene.dishonest.administration.sign(entry.text).bytes
        }
        let log = scene.dishonest.number
        let statements = try [report(1, 1), report(2, 2)].enumerated().map { offset, note in
            """
            INSERT INTO wattest.entries (log, index, kind, received, leaf)
                VALUES (\(log), \(size + offset), 10, now(), sha256('\\x00\(Hexadecimal.encode(note))'::bytea));
            INSERT INTO wattest.notes (log, index, received, note)
                SELECT \(log), \(size + offset), received, '\\x\(Hexadecimal.encode(note))'
                FROM wattest.entries WHERE log = \(log) AND index = \(size + offset)
            """
        }.joined(separator: ";\n")
        expect(try await verdict(scene, statements), "report", "entry \(size + 1)")
    }
}
