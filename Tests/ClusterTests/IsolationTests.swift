import Foundation
import JSONText
import Patience
import PinnedHTTPS
import Testing

extension ClusterTests {
    /// To the token of one organization, another one's things are not there.
    @Suite(.timeLimit(.minutes(4))) struct Isolation {
        /// Status and words of an answer, with the names that were asked for taken out.
        private func answer(_ path: String, _ token: String, without names: [String]) async throws -> String {
            let reply = try await AggregatorUnderTest.current.reply(path, token: token)
            var text = "\(reply.status) \(reply.contentType ?? "") \(String(decoding: reply.body, as: UTF8.self))"
            for name in names { text = text.replacingOccurrences(of: name, with: "NAME") }
            return text
        }

        @Test func anotherOrganizationLooksLikeNone() async throws {
            let aggregator = try AggregatorUnderTest.current
            let owner = try await aggregator.organization("Owner")
            let stranger = try await aggregator.organization("Stranger")
            let run = RecordedRun.acrossAnHour
            try await owner.run(
                OrganizationUnderTest.Import(job: "secret", files: [run.file("node_1")], expectedNodes: 1))
            let job = "test%2Fimport%2Fsecret@-"
            let own = try await aggregator.reply("/v1/organizations/owner/jobs/\(job)", token: owner.token)
            try #require(own.status == 200)

            let period = "from=2024-05-17T04:00:00Z&to=2024-05-17T06:00:00Z"
            let paths = [
                "", "/jobs", "/jobs/\(job)", "/jobs/secret", "/nodes", "/disclosure?\(period)", "/evidence?\(period)",
                "/disclosures", "/disclosures/1",
            ]
            for path in paths {
                let theirs = try await answer(
                    "/v1/organizations/owner\(path)", stranger.token, without: ["owner", "nobody"])
                let nobodys = try await answer(
                    "/v1/organizations/nobody\(path)", stranger.token, without: ["owner", "nobody"])
                #expect(theirs == nobodys, "\(path)")
                #expect(theirs.hasPrefix("404 "), "\(path): \(theirs)")
            }
            // Under the stranger's own name another one's job is a job that does not exist.
            for key in [job, "secret"] {
                let theirs = try await answer(
                    "/v1/organizations/stranger/jobs/\(key)", stranger.token,
                    without: ["test/import/secret@-", "secret"])
                let nobodys = try await answer(
                    "/v1/organizations/stranger/jobs/\(key.replacingOccurrences(of: "secret", with: "absent"))",
                    stranger.token, without: ["test/import/absent@-", "absent"])
                #expect(theirs == nobodys, "\(key)")
                #expect(theirs.hasPrefix("404 "), "\(key): \(theirs)")
            }
            let list = try await aggregator.get("/v1/organizations", token: stranger.token)
            #expect(list["items"]?.array?.compactMap { $0["slug"]?.string } == ["stranger"])
        }

        @Test func entriesAreTheOwnersAlone() async throws {
            let aggregator = try AggregatorUnderTest.current
            let owner = try await aggregator.organization("Keeper")
            let stranger = try await aggregator.organization("Visitor")
            // The log begins with its genesis entry and its first site, published within a second.
            let path = "tile/entries/000.p/2"
            let own = try await Patience.until("the first checkpoint", seconds: 30) {
                let reply = try await aggregator.reply("/log/\(owner.slug)/\(path)", token: owner.token)
                return reply.status == 200 ? reply : nil
            }
            #expect(!own.body.isEmpty)
            let theirs = try await answer("/log/keeper/\(path)", stranger.token, without: ["keeper", "nobody"])
            let nobodys = try await answer("/log/nobody/\(path)", stranger.token, without: ["keeper", "nobody"])
            #expect(theirs == nobodys)
            #expect(theirs.hasPrefix("404 "))
            let unnamed = try await aggregator.reply("/log/keeper/\(path)", token: nil)
            #expect(unnamed.status == 401)
        }

        /// The keys of the one that is first are not written over by those that come while it is being founded.
        @Test func ofManyFoundingsAtOnceOneIsMade() async throws {
            let aggregator = try AggregatorUnderTest.current
            let replies = try await withThrowingTaskGroup(of: HTTPSReply.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await aggregator.reply(
                            "/v1/organizations", body: ["name": "Twins"], token: aggregator.operatorToken)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(replies.map(\.status).sorted() == [201] + Array(repeating: 409, count: 7))
            let body = try #require(replies.first { $0.status == 201 }).body
            let token = try #require(JSONValue(parsing: body)["token"]?.string)
            let join = try await aggregator.post("/v1/organizations/twins/tokens", ["kind": "join"], token: token)
            #expect(join["token"]?.string != nil)
            let jobs = try await aggregator.reply("/v1/organizations/twins/jobs", token: token)
            #expect(jobs.status == 200)
        }

        /// A name in another script has no slug of its own; two alike want two.
        @Test func anOrganizationMayChooseItsSlug() async throws {
            let aggregator = try AggregatorUnderTest.current
            func found(_ body: JSONValue) async throws -> Int {
                try await aggregator.reply("/v1/organizations", body: body, token: aggregator.operatorToken).status
            }
            #expect(try await found(["name": "北京大学"]) == 400)
            #expect(try await found(["name": "北京大学", "slug": "pku/.."]) == 400)
            #expect(try await found(["name": "北京大学", "slug": ""]) == 400)
            #expect(try await found(["name": "北京大学", "slug": "pku"]) == 201)
            #expect(try await found(["name": "PKU"]) == 409)
            #expect(try await found(["name": "PKU", "slug": "pku-2"]) == 201)
        }

        @Test func tokensThatDoNotOpenGiveOneAnswer() async throws {
            let aggregator = try AggregatorUnderTest.current
            let organization = try await aggregator.organization("Tokens")
            let join = try await aggregator.post(
                "/v1/organizations/tokens/tokens", ["uses": 1, "kind": "join"], token: organization.token)
            let joinToken = try #require(join["token"]?.string)
            var answers: Set<String> = []
            for token in [joinToken, "wattest_" + String(repeating: "A", count: 43), "x"] {
                answers.insert(try await answer("/v1/organizations/tokens/jobs", token, without: []))
            }
            let none = try await aggregator.reply("/v1/organizations/tokens/jobs", token: nil)
            answers.insert(
                "\(none.status) \(none.contentType ?? "") \(String(decoding: none.body, as: UTF8.self))")
            #expect(answers.count == 1, "\(answers)")
            #expect(answers.allSatisfy { $0.hasPrefix("401 ") })
        }
    }
}
