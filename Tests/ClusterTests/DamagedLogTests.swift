import Foundation
import Identity
import JSONText
import Patience
import PinnedHTTPS
import Testing

extension ClusterTests {
    /// What happens to one organization's log is nothing to the others of the same aggregator.
    @Suite(.timeLimit(.minutes(4))) struct DamagedLogs {
        private func text(_ reply: HTTPSReply) -> String { String(decoding: reply.body, as: UTF8.self) }

        @Test func theOthersAreServed() async throws {
            let aggregator = try await AggregatorUnderTest()
            try await aggregator.start()
            let lost = try await aggregator.organization("Lost")
            let rewritten = try await aggregator.organization("Bad")
            let run = RecordedRun.acrossAnHour
            let wanted = OrganizationUnderTest.Import(job: "a", files: [run.file("node_1")], expectedNodes: 1)
            try await lost.run(wanted)
            try await aggregator.stop()
            let logs = "\(aggregator.installation)/logs"
            try FileManager.default.moveItem(atPath: "\(logs)/lost/signer", toPath: "\(logs)/lost/signer.kept")
            let key = try PrivateFile.readSecret("\(logs)/bad/log.key")
            try PrivateFile.write(try PrivateFile.readSecret("\(logs)/lost/log.key"), to: "\(logs)/bad/log.key")
            try await aggregator.start()

            for (organization, word) in [(lost, "lost/signer"), (rewritten, "bad/log.key")] {
                for token in [organization.token, try aggregator.operatorToken] {
                    let reply = try await aggregator.reply("/v1/organizations/\(organization.slug)", token: token)
                    #expect(reply.status == 503 && text(reply).contains(word), "\(text(reply))")
                }
                // Strangers are told that, and nothing of the files; others' tokens not even that.
                let open = try await aggregator.reply("/log/\(organization.slug)/checkpoint", token: nil)
                #expect(open.status == 503 && !text(open).contains(word), "\(text(open))")
                let origin = "{log=\"cluster.test/org/\(organization.slug)\"}"
                #expect(try await aggregator.metric("wattest_log_served\(origin)") == 0)
                #expect(aggregator.said.contains("log not served") && aggregator.said.contains(word))
            }
            let others = try await aggregator.reply("/v1/organizations/lost", token: rewritten.token)
            #expect(others.status == 404, "\(text(others))")
            let ready = try await aggregator.reply("/readyz", token: nil)
            #expect(ready.status == 200 && text(ready).contains("lost: not served"), "\(text(ready))")
            let refused = try await lost.wattest(["job", "show", "a"]).output()
            #expect(refused.status == 3 && refused.errors.contains("lost/signer"), "\(refused.errors)")
            #expect(!FileManager.default.fileExists(atPath: "\(logs)/lost/signer"))

            // The first organization works, and another can be founded beside them.
            #expect(try await aggregator.metric("wattest_log_served{log=\"cluster.test/org/first\"}") == 1)
            try await aggregator.organization("Another").run(wanted)

            // Whoever mends them need not stop the others.
            try FileManager.default.moveItem(atPath: "\(logs)/lost/signer.kept", toPath: "\(logs)/lost/signer")
            try PrivateFile.write(key, to: "\(logs)/bad/log.key")
            for slug in ["lost", "bad"] {
                let served = "wattest_log_served{log=\"cluster.test/org/\(slug)\"}"
                _ = try await Patience.until("\(slug) to be served again", seconds: 120) { () -> Bool? in
                    let isTold = aggregator.said.contains("log=cluster.test/org/\(slug) [Aggregation] log served again")
                    return try await aggregator.metric(served) == 1 && isTold ? true : nil
                }
            }
            #expect(try await lost.run(wanted).first?.alreadyImported == true)
            #expect(try await rewritten.size() > 0)
            try await aggregator.stop()
        }

        /// Whoever changes the newest entry under a running aggregator stops that log, and is told so everywhere.
        @Test func aLogThatIsChangedMeanwhileIsNotSigned() async throws {
            let aggregator = try await AggregatorUnderTest()
            try await aggregator.start()
            let changed = try await aggregator.organization("Changed")
            let path = "/v1/organizations/changed"
            try await changed.run(
                OrganizationUnderTest.Import(
                    job: "a", files: [RecordedRun.acrossAnHour.file("node_1")], expectedNodes: 1))
            #expect(try await aggregator.reply(path, token: changed.token).status == 200)
            let dishonest = try await DishonestOperator(changed)
            // An older one is noticed by what is made from all entries, and that one is named.
            try await dishonest.alter(
                "UPDATE wattest.notes SET note = set_byte(note, 40, 33) WHERE log = \(dishonest.number) AND index = 3")
            let report = try await aggregator.reply(
                "\(path)/disclosures", body: ["from": "2024-05-17T04:00:00Z", "to": "2024-05-17T06:00:00Z"],
                token: changed.token)
            #expect(report.status == 503 && text(report).contains("entry 3"), "\(text(report))")
            try await dishonest.alter(
                """
                UPDATE wattest.notes SET note = note || '\\x0a'::bytea WHERE log = \(dishonest.number)
                    AND index = (SELECT max(index) FROM wattest.notes WHERE log = \(dishonest.number))
                """)
            _ = try await Patience.until("the next checkpoint") { () -> Bool? in
                let origin = "{log=\"cluster.test/org/changed\"}"
                return try await aggregator.metric("wattest_log_stalled\(origin)") == 1 ? true : nil
            }
            let refused = try await aggregator.reply(path, token: changed.token)
            #expect(refused.status == 503 && text(refused).contains("not those that were signed"), "\(text(refused))")
            let ready = try await aggregator.reply("/readyz", token: nil)
            #expect(ready.status == 200 && text(ready).contains("changed: no checkpoint"), "\(text(ready))")
            #expect(try await aggregator.metric("wattest_log_stalled{log=\"cluster.test/org/first\"}") == 0)
            try await aggregator.organization("Unchanged").run(
                OrganizationUnderTest.Import(
                    job: "a", files: [RecordedRun.acrossAnHour.file("node_1")], expectedNodes: 1))
            try await aggregator.stop()
        }
    }
}
