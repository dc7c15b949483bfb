import Identity
import JSONText
import PinnedHTTPS
import Testing
import TransparencyLog

extension ClusterTests {
    /// The log gets another key while its signers and auditors have pinned the old one.
    @Suite(.timeLimit(.minutes(4))) struct LogKeyChanges {
        @Test func signersAndAuditsFollowTheSignedEntry() async throws {
            let aggregator = try AggregatorUnderTest.current
            let organization = try await aggregator.organization("New key")
            let run = RecordedRun.acrossAnHour
            typealias Import = OrganizationUnderTest.Import
            try await organization.run(Import(job: "a", files: [run.file("node_1")], expectedNodes: 1))
            let path = "/v1/organizations/\(organization.slug)"
            let about = try await organization.answer(["org", "show"])
            let period = ["--from", "2024-05-17T04:00:00Z", "--to", "2024-05-17T06:00:00Z"]
            let issued = try await organization.answer(["report", "--issue"] + period)
            #expect(issued["number"]?.int64 == 1)
            // The operator's token alone; and with a reason.
            let token = try aggregator.operatorToken
            for (token, body, status) in [
                (organization.token, ["reason": "x"] as JSONValue, 403), (token, [:], 400),
                (token, ["reason": "x", "key": "pkcs11:nothing"], 400), (token, ["reason": "a laptop was lost"], 201),
            ] {
                let reply = try await aggregator.reply("\(path)/log-key", body: body, token: token)
                #expect(reply.status == status, "\(String(decoding: reply.body, as: UTF8.self))")
            }
            let changed = try await organization.answer(["org", "show"])
            #expect(changed["log_vkey"] != about["log_vkey"])
            #expect(changed["log_vkeys"]?.array?.first == about["log_vkey"])
            // The importer was enrolled under the old key: it ends only when a checkpoint of the new one covers it.
            try await organization.run(Import(job: "b", files: [run.file("node_2")], expectedNodes: 1))
            let bundle = try await organization.evidence(from: "2024-05-17T04:00:00Z", to: "2024-05-17T06:00:00Z")
            // The auditor's policy is the one from before.
            let audit = try await organization.audit(bundle)
            #expect(audit.status == 0, "\(audit.text)")
            let verdict = try JSONValue(parsing: Array(audit.text.utf8))
            #expect(verdict["counts"]?["log_key_changes"]?.int64 == 1, "\(audit.text)")
            // What was issued before still cites the tree and the key of its time.
            let reply = try await aggregator.reply("\(path)/disclosures/1/statement", token: organization.token)
            let statement = "\(organization.directory)/statement.json"
            try PrivateFile.write(Array(reply.body), to: statement)
            let payload = try #require(
                try JSONValue(parsing: Array(reply.body))["payload"]?.string.flatMap { Base64.decode($0) })
            #expect(try JSONValue(parsing: payload)["predicate"]?["log_vkey"] == about["log_vkey"])
            let held = try await ChildProcess(
                .audit, ["verify", bundle, "--policy", organization.policy, "--report", statement],
                directory: organization.directory
            ).output()
            #expect(held.status == 0 && held.text.contains("is report 1 of entry"), "\(held.text)")
            for kind in ["proof", "receipt"] {
                let path = "\(organization.directory)/\(kind)"
                _ = try await organization.answer(["evidence", kind, "--job", "b", "-o", path])
                let proved = try await ChildProcess(
                    .audit, ["proof", path, "--policy", organization.policy, "--json"],
                    directory: organization.directory
                ).output()
                #expect(proved.status == 0, "\(kind): \(proved.errors)")
                let facts = try JSONValue(parsing: Array(proved.text.utf8))
                #expect(facts["counts"]?["log_key_changes"]?.int64 == 1, "\(kind): \(proved.text)")
                #expect(facts["counts"]?["signed"] == facts["counts"]?["entries"], "\(kind): \(proved.text)")
            }
            let nodes = try await organization.answer(["node", "list"])
            #expect(nodes["items"]?.array?.count { $0["kind"]?.string == "importer" } == 1)
        }

        @Test func booksAreClosedAndEnergyIsCorrectedInTheOpen() async throws {
            let organization = try await AggregatorUnderTest.current.organization("Books")
            let run = RecordedRun.acrossAnHour
            try await organization.run(
                OrganizationUnderTest.Import(job: "c", files: [run.file("node_1")], expectedNodes: 1))
            let period = ["--from", "2024-05-17T04:00Z", "--to", "2024-05-17T06:00Z"]
            let closed = try await organization.answer(["close"] + period)
            let report = try await organization.answer(["report"] + period)
            #expect(closed["it_uj"] == report["energy"]?["it_uj"])
            let corrected = try await organization.answer(
                ["correct", "--from-account", "c", "--to-account", "unattributed", "--microjoules", "1000001"]
                    + ["--reason", "a test ran in it", "--refers-to", "2"] + period)
            #expect(corrected["moved_uj"]?.string == "1000001")
            let after = try await organization.answer(["report"] + period)
            #expect(after["energy"]?["it_uj"] == report["energy"]?["it_uj"])
            #expect(after["energy"]?["unattributed_uj"]?.decimalString == 1_000_001)
            #expect(after["corrections"]?.array?.first?["moved_uj"]?.string == "1000001")
            #expect(after["closes"]?.array?.first?["entry"] == closed["index"])
            let listed = try await organization.answer(["correct"])
            #expect(listed["items"]?.array?.first?["reason"]?.string == "a test ran in it")
            let closes = try await organization.answer(["close"])
            #expect(closes["items"]?.array?.count == 1)
            // More than there is, and an empty account.
            for account in ["gap", "unattributed"] {
                let refused = try await organization.wattest(
                    ["correct", "--from-account", account, "--to-account", "c", "--microjoules", "99999999999999"]
                        + ["--reason", "r"] + period
                ).output()
                #expect(refused.status == 1, "\(refused.errors)")
            }
            let bundle = try await organization.evidence(from: "2024-05-17T04:00:00Z", to: "2024-05-17T06:00:00Z")
            let audit = try await organization.audit(bundle)
            #expect(audit.status == 0, "\(audit.text)")
            let verdict = try JSONValue(parsing: Array(audit.text.utf8))
            #expect(verdict["counts"]?["closes"]?.int64 == 1)
            #expect(verdict["counts"]?["corrections"]?.int64 == 1)
        }
    }
}
