import Disclosure
import Foundation
import JSONText
import PinnedHTTPS
import Testing

@testable import Store

extension ClusterTests {
    /// Reports beyond their figures: where these come from, and that what was logged can be had.
    @Suite(.timeLimit(.minutes(4))) struct Reports {
        private let period = ["--from", "2024-05-17T04:00Z", "--to", "2024-05-17T06:00Z"]

        private func organization(_ name: String) async throws -> OrganizationUnderTest {
            let organization = try await AggregatorUnderTest.current.organization(name)
            let run = RecordedRun.acrossAnHour
            try await organization.run(
                OrganizationUnderTest.Import(
                    job: "traced", files: [run.file("node_1"), run.file("node_3")], expectedNodes: 2))
            return organization
        }

        @Test func everyFigureLeadsToEntriesThatAreThere() async throws {
            let organization = try await organization("Traced")
            let figures = try #require(
                try await organization.answer(["report", "lineage"] + period)["items"]?.array)
            #expect(figures.allSatisfy { $0["agrees"]?.bool != false })
            let key = "jobs[test/import/traced@-].energy_uj"
            let figure = try #require(figures.first { $0["figure"]?.string == key })
            let lineage = try await organization.answer(["report", "lineage", "--figure", key] + period)
            #expect(lineage["agrees"]?.bool == true)
            #expect(lineage["terms_uj"] == figure["in_report"])
            let disclosure = try await organization.disclosure(
                from: "2024-05-17T04:00:00Z", to: "2024-05-17T06:00:00Z")
            #expect(disclosure["jobs"]?.array?.first?["energy_uj"] == lineage["in_report"])
            let items = try #require(lineage["items"]?.array)
            #expect(Set(items.compactMap { $0["node"]?.string }) == ["node_1", "node_3"])
            let last = try #require(items.last?["batches"]?.array?.last?["index"]?.string)
            let reply = try await AggregatorUnderTest.current.reply(
                "/v1/organizations/\(organization.slug)/proofs?index=\(last)", token: organization.token)
            #expect(reply.status == 200)
            // For a person too.
            let shown = try await organization.wattest(["report", "lineage", "--figure", key] + period).output()
            #expect(shown.status == 0 && shown.text.contains("agrees: yes"), "\(shown.errors)\(shown.text)")
            let unknown = try await organization.wattest(["report", "lineage", "--figure", "x"] + period).output()
            #expect(unknown.status == 1 && unknown.errors.contains("no figure 'x'"), "\(unknown.errors)")
        }

        @Test func theBeginningOfAJobsIdIsEnough() async throws {
            let organization = try await organization("Begun")
            #expect(try await organization.answer(["job", "show", "trac"])["key"]?.string == "test/import/traced@-")
            try await organization.run(
                OrganizationUnderTest.Import(
                    job: "trac", files: [RecordedRun.acrossAnHour.file("node_2")], expectedNodes: 1))
            #expect(try await organization.answer(["job", "show", "trac"])["key"]?.string == "test/import/trac@-")
            let both = try await organization.wattest(["job", "show", "tra"]).output()
            #expect(both.status == 1 && both.errors.hasPrefix("wattest: error[AMBIGUOUS]"), "\(both.errors)")
            #expect(both.errors.contains("test/import/trac@-, test/import/traced@-"), "\(both.errors)")
        }

        @Test func aSeedDrawsASampleAgain() async throws {
            let organization = try await organization("Sampled")
            let arguments = ["report", "sample", "--seed", "assurer & co", "--n", "7"] + period
            let sample = try await organization.answer(arguments)
            #expect(sample["items"]?.array?.count == 7)
            #expect(sample["entries"]?.array?.isEmpty == false)
            #expect(try await organization.answer(arguments) == sample)
            #expect(sample["seed"]?.string == "assurer & co")
            let shown = try await organization.wattest(arguments).output()
            #expect(shown.status == 0 && shown.text.contains("7 draws of seed 'assurer & co'"), "\(shown.text)")
        }

        @Test func methodsAreNamedAndOldOnesStay() async throws {
            let organization = try await organization("Methods")
            let newest = try await organization.answer(["report"] + period)
            let named = try await organization.answer(["report", "--method", "attribution/1"] + period)
            #expect(newest == named)
            #expect(named["method"]?["rule"]?.string == "attribution/1")
            let unknown = try await organization.wattest(["report", "--method", "attribution/9"] + period).output()
            #expect(unknown.status == 1)
            #expect(unknown.errors.contains("available: attribution/1, 1, 2"), "\(unknown.errors)")
            let first = try await organization.answer(["report", "--method", "1"] + period)
            #expect(first["method"]?["version"]?.string == "1" && newest["method"]?["version"]?.string == "2")
            #expect(first["energy"] == newest["energy"])
        }

        /// That the method is another one is a reason by itself; whoever was told by the old one can still check it.
        @Test func aRestatementByAnotherMethodSaysSo() async throws {
            let aggregator = try AggregatorUnderTest.current
            let organization = try await organization("Restated")
            let first = try await organization.answer(["report", "--issue", "--method", "1"] + period)
            #expect(first["disclosure"]?["method"]?["version"]?.string == "1")
            let number = try #require(first["number"]?.int64)
            let second = try await organization.answer(["report", "--issue", "--supersedes", "\(number)"] + period)
            #expect(second["reason"]?.string?.hasPrefix("method 2 instead of 1: emissions.market_t, ") == true)
            #expect(second["effect"]?.string?.contains("method from 1 to 2") == true)
            let root = "/v1/organizations/\(organization.slug)/disclosures"
            let body: JSONValue = [
                "from": "2024-05-17T04:00:00Z", "to": "2024-05-17T06:00:00Z",
                "supersedes": .integer(second["number"]?.int64 ?? 0),
            ]
            let without = try await aggregator.reply(root, body: body, token: organization.token)
            #expect(without.status == 400)
            // What was replaced once is replaced: a second one would stand beside the first.
            let twice = try await organization.wattest(
                ["report", "--issue", "--supersedes", "\(number)", "--reason", "again"] + period
            ).output()
            #expect(twice.status == 1 && twice.errors.contains("superseded by"), "\(twice.errors)")
            try await forgetReports(of: organization)
            let again = try await aggregator.get("\(root)/\(number)", token: organization.token)
            #expect(again["disclosure"] == first["disclosure"])
            let audit = try await organization.audit(
                try await organization.evidence(from: "2024-05-17T04:00:00Z", to: "2024-05-17T06:00:00Z"))
            #expect(audit.status == 0, "\(audit.text)")
            #expect(audit.text.contains("report \(number) for assurer"), "\(audit.text)")
            #expect(!audit.text.contains("not made again"), "\(audit.text)")
        }

        /// Two in force at once would leave open which one holds.
        @Test func aSecondReportOfAMethodNamesTheFirst() async throws {
            let organization = try await organization("Twice issued")
            let first = try await organization.answer(["report", "--issue"] + period)
            #expect(first["number"]?.int64 == 1)
            let size = try await organization.size()
            let again = try await organization.wattest(["report", "--issue"] + period).output()
            #expect(again.status == 1 && again.errors.hasPrefix("wattest: error[ALREADY_ISSUED]"), "\(again.errors)")
            #expect(again.errors.contains("supersedes 1"), "\(again.errors)")
            // As if the aggregator had ended before it kept the first.
            try await forgetReports(of: organization)
            #expect(try await organization.wattest(["report", "--issue"] + period).output().status == 1)
            #expect(try await organization.size() == size, "a refused report was logged")
            // For others, or by another method, it is another report.
            for (number, more) in [(2, ["--audience", "public"]), (3, ["--method", "1"])] {
                let other = try await organization.answer(["report", "--issue"] + period + more)
                #expect(other["number"]?.int64 == Int64(number))
            }
            // That one has no successor by a method of which there is one already.
            let crossed = try await organization.wattest(["report", "--issue", "--supersedes", "3"] + period).output()
            #expect(crossed.status == 1 && crossed.errors.contains("supersedes 1"), "\(crossed.errors)")
            let restated = try await organization.answer(
                ["report", "--issue", "--supersedes", "1", "--reason", "late nodes"] + period)
            #expect(restated["number"]?.int64 == 4 && restated["supersedes"]?.int64 == 1)
            let next = try await organization.wattest(["report", "--issue"] + period).output()
            #expect(next.status == 1 && next.errors.contains("supersedes 4"), "\(next.errors)")
        }

        /// What is handed in as a page is the issued document, and not what a report would say by now.
        @Test func anIssuedReportIsHandedOutInEveryForm() async throws {
            let organization = try await organization("Handed in")
            let issued = try await organization.answer(["report", "--issue"] + period)
            let number = "\(try #require(issued["number"]?.int64))"
            _ = try await organization.answer([
                "job", "classify", "traced", "--class", "final", "--reason", "said afterwards",
            ])
            let listed = try await organization.answer(["report", "list"])["items"]?.array ?? []
            #expect(listed.map { $0["number"]?.int64 } == [issued["number"]?.int64])
            #expect(try await organization.answer(["report", "get", number])["disclosure"] == issued["disclosure"])
            let page = try await organization.wattest(["report", "get", number, "--format", "html"]).output()
            let body = issued["disclosure"] ?? .null
            #expect(page.status == 0, "\(page.errors)")
            #expect(Array(page.text.utf8) == ReportFormat.html.render(body, issued: issued))
            #expect(page.text.contains("Report \(number), issued "), "\(page.text.prefix(3000))")
            #expect(!page.text.contains("said afterwards"))
            let table = try await organization.wattest(["report", "list"]).output()
            #expect(table.status == 0 && table.text.contains("2024-05-17T04:00:00Z"), "\(table.text)")
            let second = try await organization.wattest(
                ["report", "--issue", "--format", "csv", "--supersedes", number, "--reason", "a class"] + period
            ).output()
            #expect(second.status == 0 && second.text.hasPrefix("scope,job,"), "\(second.errors)\(second.text)")
            let early = try await organization.wattest(
                ["report", "--issue", "--from", "2099-01-01T00:00Z", "--to", "2100-01-01T00:00Z"]
            ).output()
            #expect(early.status == 1 && early.errors.contains("the period has not begun"), "\(early.errors)")
            let unwritable = try await organization.wattest(
                ["report", "--issue", "--audience", "public", "-o", "\(organization.directory)/none/x"] + period
            ).output()
            #expect(unwritable.status == 1 && unwritable.errors.contains("error[FILE]"), "\(unwritable.errors)")
            #expect(try await organization.answer(["report", "list"])["items"]?.array?.count == 2)
            let none = try await organization.wattest(["report", "get", "99"]).output()
            #expect(none.status == 1 && none.errors.contains("there is no disclosure '99'"), "\(none.errors)")
            let withheld = try await organization.wattest(
                ["report", "--issue", "--audience", "downstream", "--format", "spdx"] + period
            ).output()
            #expect(withheld.status == 2, "\(withheld.errors)")
        }

        /// A node that is said to draw a watt at most drew hundreds: something is wrong, and it is said what.
        @Test func aReportThatFailsItsChecksIsNotIssued() async throws {
            let aggregator = try AggregatorUnderTest.current
            let organization = try await organization("Refused")
            let root = "/v1/organizations/\(organization.slug)"
            _ = try await aggregator.post(
                "\(root)/settings", ["field": "node.nameplate", "value": 1, "reason": "a slip"],
                token: organization.token)
            let hours: JSONValue = ["from": "2024-05-17T04:00:00Z", "to": "2024-05-17T06:00:00Z"]
            let before = try await organization.size()
            let refused = try await aggregator.reply("\(root)/disclosures", body: hours, token: organization.token)
            #expect(refused.status == 422)
            #expect(refused.contentType == "application/problem+json")
            let problem = try JSONValue(parsing: Array(refused.body))
            #expect(problem["code"]?.string == "not_issued")
            let detail = problem["detail"]?.string ?? ""
            #expect(detail.contains("power:") && detail.contains("node_1"), "\(detail)")
            // Neither number nor entry was spent on it; it can be looked at, and says the same.
            #expect(try await organization.size() == before)
            let shown = try await organization.disclosure(from: "2024-05-17T04:00:00Z", to: "2024-05-17T06:00:00Z")
            #expect(shown["checks"]?.array?.first { $0["id"] == "power" }?["passed"] == false)
            let told = try await organization.wattest(["report", "--issue"] + period).output()
            #expect(told.status == 1 && told.errors.contains("power:"), "\(told.errors)")
            // Put right, it is issued as the first.
            _ = try await aggregator.post(
                "\(root)/settings", ["field": "node.nameplate", "value": 10_000, "reason": "put right"],
                token: organization.token)
            let issued = try await aggregator.post("\(root)/disclosures", hours, token: organization.token)
            #expect(issued["number"]?.int64 == 1)
        }

        /// As if the aggregator had ended between the entry of a report and its body: the same bytes come back.
        @Test func aLoggedReportWithoutABodyIsMadeAgain() async throws {
            let aggregator = try AggregatorUnderTest.current
            let organization = try await organization("Interrupted")
            let root = "/v1/organizations/\(organization.slug)/disclosures"
            let hours: JSONValue = ["from": "2024-05-17T04:00:00Z", "to": "2024-05-17T06:00:00Z"]
            _ = try await aggregator.post(root, hours, token: organization.token)
            _ = try await organization.answer([
                "job", "classify", "traced", "--class", "final", "--reason", "said afterwards",
            ])
            var second = try #require(hours.object)
            second.append("supersedes", 1)
            second.append("reason", "the class was missing")
            _ = try await aggregator.post(root, .object(second), token: organization.token)
            func bodies() async throws -> [[UInt8]] {
                var bodies: [[UInt8]] = []
                for number in 1...2 {
                    let reply = try await aggregator.reply("\(root)/\(number)", token: organization.token)
                    try #require(reply.status == 200, "\(String(decoding: reply.body, as: UTF8.self))")
                    bodies.append(Array(reply.body))
                }
                return bodies
            }
            let issued = try await bodies()
            try await forgetReports(of: organization)
            #expect(try await bodies() == issued)
            // A restatement finds what it restates, and numbers go on.
            try await forgetReports(of: organization)
            var third = second
            third.set("supersedes", 2)
            third.append("audience", "assurer")
            let restated = try await aggregator.post(root, .object(third), token: organization.token)
            #expect(restated["number"]?.int64 == 3)
            #expect(restated["effect"]?.string?.contains("it_uj") == true)
            try await forgetReports(of: organization)
            let list = try await aggregator.get(root, token: organization.token)
            #expect(list["items"]?.array?.compactMap { $0["number"]?.int64 } == [1, 2, 3])
            let audit = try await organization.audit(
                try await organization.evidence(from: "2024-05-17T04:00:00Z", to: "2024-05-17T06:00:00Z"))
            #expect(audit.status == 0, "\(audit.text)")
        }

        /// Whoever has the database and no key gets nothing handed out as issued, and nothing signed, that is not.
        @Test func anAlteredReportIsNotHandedOut() async throws {
            let aggregator = try AggregatorUnderTest.current
            let organization = try await organization("Altered")
            let root = "/v1/organizations/\(organization.slug)/disclosures"
            let hours: JSONValue = ["from": "2024-05-17T04:00:00Z", "to": "2024-05-17T06:00:00Z"]
            _ = try await aggregator.post(root, hours, token: organization.token)
            let issued = try await aggregator.reply("\(root)/1", token: organization.token)
            #expect(issued.status == 200)
            for (old, new) in [("it_uj\": \"", "it_uj\": \"1"), ("issued_at\": \"2", "issued_at\": \"3")] {
                try await change(
                    """
                    UPDATE wattest.reports
                    SET body = convert_to(replace(convert_from(body, 'UTF8'), '\(old)', '\(new)'), 'UTF8')
                    """, of: organization)
                for path in ["\(root)/1", "\(root)/1/statement"] {
                    let reply = try await aggregator.reply(path, token: organization.token)
                    let said = String(decoding: reply.body, as: UTF8.self)
                    #expect(reply.status == 503 && said.contains("announces"), "\(path): \(reply.status) \(said)")
                }
                var restated = try #require(hours.object)
                restated.append("supersedes", 1)
                restated.append("reason", "nobody knows")
                let reply = try await aggregator.reply(root, body: .object(restated), token: organization.token)
                #expect(reply.status == 503)
                try await forgetReports(of: organization)
                let again = try await aggregator.reply("\(root)/1", token: organization.token)
                #expect(again.body == issued.body)
            }
        }

        /// Takes the bodies out of the database.
        private func forgetReports(of organization: OrganizationUnderTest) async throws {
            try await change("DELETE FROM wattest.reports", of: organization)
        }

        /// Changes an organization's reports as only the database's administrator can.
        private func change(_ statement: String, of organization: OrganizationUnderTest) async throws {
            let file = "\(organization.aggregator.installation)/postgres/postmaster.pid"
            let lines = try String(contentsOfFile: file, encoding: .utf8).split(
                separator: "\n", omittingEmptySubsequences: false)
            let (port, socket) = (lines[3], ConnectionTarget.quoted(String(lines[4])))
            let target = ConnectionTarget(
                location: "host=\(socket) port=\(port) dbname=\(ClusterCreation.database) sslmode=disable",
                user: ClusterCreation.administrator)
            let pool = try ConnectionPool(target, limits: .init(connections: 1))
            let slug = organization.slug
            // In one transaction: another test, which does the same to an organization of its own, must not put the
            // fence back between the two.
            try await pool.run { connection throws(StoreError) in
                try connection.transaction { () throws(StoreError) in
                    _ = try connection.query("ALTER TABLE wattest.reports DISABLE TRIGGER append_only")
                    _ = try connection.query(
                        "\(statement) WHERE log = (SELECT log FROM wattest.organizations WHERE slug = $1)",
                        [.text(slug)])
                    _ = try connection.query("ALTER TABLE wattest.reports ENABLE ALWAYS TRIGGER append_only")
                }
            }
            await pool.close()
        }
    }
}
