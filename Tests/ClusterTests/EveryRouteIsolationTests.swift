import Foundation
import JSONText
import PinnedHTTPS
import Testing

extension ClusterTests {
    /// For every route that the documents name: the token of one organization learns nothing of another, neither from
    /// answers nor from errors.
    @Suite(.timeLimit(.minutes(4))) struct EveryRouteIsolation {
        private struct Route {
            var method: String
            var path: String
        }

        private static let period = "from=2024-05-17T04:00:00Z&to=2024-05-17T06:00:00Z"
        private static let parameters = "\(period)&seed=s&index=0&figure=energy.it_uj"

        /// Every operation below an organization, as `proto/openapi.yaml` has it.
        private func routes() throws -> [Route] {
            let file = URL(filePath: #filePath).appending(path: "../../../proto/openapi.yaml").standardized
            var routes: [Route] = []
            var path = ""
            for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
                if line.hasPrefix("  /"), line.hasSuffix(":") { path = String(line.dropFirst(2).dropLast()) }
                guard let method = line.wholeMatch(of: /[ ]{4}(get|post|put|patch|delete):/)?.1 else { continue }
                if path.hasPrefix("/v1/organizations/{org}") { routes.append(Route(method: "\(method)", path: path)) }
            }
            return routes
        }

        /// A path with everything filled in that the owner has.
        private func path(_ route: Route, _ slug: String) -> String {
            route.path.replacing("{org}", with: slug).replacing("{key}", with: "test%2Fimport%2Ftwin@-")
                .replacing("{number}", with: "1").replacing("{node}", with: "node_1")
                .replacing("{name}", with: "twins")
                + (route.method == "get" ? "?\(Self.parameters)" : "")
        }

        private let body: JSONValue = [
            "from": "2024-05-17T04:00:00Z", "to": "2024-05-17T06:00:00Z", "reason": "r", "kind": "join", "last_seq": 0,
            "field": "job.class", "value": "final", "from_account": "twin", "to_account": "idle", "content": "x",
        ]

        /// Status, type and words, with the names that were asked for taken out.
        private func answer(_ route: Route, _ slug: String, _ token: String) async throws -> String {
            // Not nil in the place of a body: for JSON that is a null, which is posted.
            let aggregator = try AggregatorUnderTest.current
            let path = path(route, slug)
            let reply =
                route.method == "get"
                ? try await aggregator.reply(path, token: token)
                : try await aggregator.reply(path, body: body, token: token)
            let text = String(decoding: reply.body, as: UTF8.self)
            return "\(reply.status) \(reply.contentType ?? "") \(text)".replacing(slug, with: "NAME")
        }

        /// Equal data in each of two organizations.
        private func twin(_ name: String) async throws -> OrganizationUnderTest {
            let twin = try await AggregatorUnderTest.current.organization(name)
            try await twin.run(
                OrganizationUnderTest.Import(
                    job: "twin", files: [RecordedRun.acrossAnHour.file("node_1")], expectedNodes: 1))
            _ = try await twin.answer([
                "job", "classify", "twin", "--class", "final", "--run", "twins", "--reason", "r",
            ])
            _ = try await twin.answer(
                ["report", "--issue"] + [
                    "--from", "2024-05-17T04:00Z", "--to", "2024-05-17T06:00Z",
                ])
            return twin
        }

        @Test func aForeignOrganizationAnswersLikeNone() async throws {
            let owner = try await twin("Twin left")
            let stranger = try await twin("Twin right")
            let routes = try routes()
            try #require(routes.count > 20)
            let before = try await owner.size()
            for route in routes {
                let theirs = try await answer(route, owner.slug, stranger.token)
                let nobodys = try await answer(route, "twin-nowhere", stranger.token)
                #expect(theirs == nobodys, "\(route.method) \(route.path)")
                #expect(theirs.hasPrefix("404 "), "\(route.method) \(route.path): \(theirs.prefix(200))")
            }
            #expect(try await owner.size() == before, "a stranger wrote to the log")
        }

        /// What is not documented would not be tried by the other tests either.
        @Test func everyRouteIsDocumented() throws {
            let sources = URL(filePath: #filePath).appending(path: "../../../Sources/Aggregation/Serving").standardized
            let documented = Set(try routes().map { "\($0.method) \($0.path)" })
            var written: Set<String> = []
            for file in try FileManager.default.contentsOfDirectory(at: sources, includingPropertiesForKeys: nil) {
                let text = try String(contentsOf: file, encoding: .utf8)
                for match in text.matches(of: /router\.(get|post|put|patch|delete)\(\s*"(\/v1\/organizations\/[^"]*)"/)
                {
                    written.insert("\(match.1) \(match.2)")
                }
            }
            #expect(written.count > 20)
            #expect(written == documented)
        }

        /// An organization that is there, with data in it, refuses a stranger as fast as one that is not.
        @Test func theTimeOfARefusalTellsNothing() async throws {
            let owner = try await twin("Twin slow")
            let stranger = try await twin("Twin fast")
            let route = Route(method: "get", path: "/v1/organizations/{org}/disclosure")
            var times: [[Duration]] = [[], []]
            for round in 0..<120 {
                // Alternating, each first as often as second.
                for turn in [round % 2, 1 - round % 2] {
                    let begin = ContinuousClock.now
                    _ = try await answer(route, turn == 0 ? owner.slug : "twin-nowhere", stranger.token)
                    times[turn].append(ContinuousClock.now - begin)
                }
            }
            let (theirs, nobodys) = (times[0].sorted()[60], times[1].sorted()[60])
            let (less, more) = (min(theirs, nobodys), max(theirs, nobodys))
            #expect(more < less * 1.5 + .milliseconds(1), "medians \(theirs) and \(nobodys)")
        }

        /// What another organization has and does changes no byte of one's own answers, and none of it stands in them.
        @Test func anothersDataChangesNoAnswer() async throws {
            let first = try await twin("Twin one")
            // An export carries cosignatures with their times; it stands in the log's own tests.
            let routes = try routes().filter { $0.method == "get" && !$0.path.hasSuffix("/evidence") }
                .filter { !$0.path.hasSuffix("/proofs") && !$0.path.hasSuffix("/statement") }
            func answers(_ twin: OrganizationUnderTest) async throws -> [String] {
                var answers: [String] = []
                for route in routes { answers.append(try await answer(route, twin.slug, twin.token)) }
                return answers
            }
            let alone = try await answers(first)
            for (route, text) in zip(routes, alone) {
                #expect(text.hasPrefix("200 "), "\(route.path): \(text.prefix(200))")
            }
            let second = try await twin("Twin two")
            #expect(try await answers(first) == alone)
            let own = try await first.job("twin")
            let others = try await second.job("twin")
            #expect(own.energies == others.energies)
            let jobs = try await AggregatorUnderTest.current.get(
                "/v1/organizations/\(second.slug)/jobs", token: second.token)
            let pseudonym = try #require(jobs["items"]?.array?.first?["pseudonym"]?.string)
            for (route, text) in zip(routes, alone) {
                for word in [second.slug, second.origin, "Twin two", pseudonym] {
                    #expect(!text.contains(word), "\(route.path) says \(word)")
                }
            }
        }
    }
}
