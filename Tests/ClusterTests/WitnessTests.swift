import Foundation
import JSONText
import Patience
import Testing

extension ClusterTests {
    /// A partner's witness, a program of its own, vouches for an organization's log.
    @Suite(.timeLimit(.minutes(4))) struct Witnesses {
        private func aggregator(_ arguments: [String], _ organization: OrganizationUnderTest) async throws -> String {
            let output = try await ChildProcess(
                .aggregator, arguments, directory: organization.aggregator.directory.path
            ).output(seconds: 60)
            try #require(output.status == 0, "\(arguments): \(output.errors)")
            return output.text
        }

        private func audit(_ bundle: String, _ policy: String, _ organization: OrganizationUnderTest) async throws
            -> (status: Int32, json: JSONValue)
        {
            let output = try await ChildProcess(
                .audit, ["verify", bundle, "--policy", policy, "--json"],
                directory: organization.aggregator.directory.path
            ).output()
            return (output.status, try JSONValue(parsing: Array(output.text.utf8)))
        }

        @Test func cosignsWhatIsDisclosed() async throws {
            let organization = try await AggregatorUnderTest.current.organization("Witnessed")
            let installation = organization.aggregator.installation
            let directory = "\(organization.directory)/witness"
            let about = try await organization.aggregator.get(
                "/v1/organizations/\(organization.slug)", token: organization.token)
            let vkey = try #require(about["log_vkey"]?.string)
            let added = try JSONValue(
                parsing: Array(
                    try await aggregator(
                        [
                            "witness", "add-log", "--data-dir", directory, "--name", "witness.test/w1", "--vkey", vkey,
                            "--json",
                        ], organization
                    ).utf8))
            let witness = try #require(added["witness"]?.string)
            let ready = "\(organization.directory)/witness.json"
            let child = try ChildProcess(
                .aggregator, ["witness", "--data-dir", directory, "--http", "127.0.0.1:0", "--ready-file", ready],
                directory: organization.aggregator.directory.path)
            let text = try await Patience.until("the witness's ready file") {
                FileManager.default.contents(atPath: ready)
            }
            let url = try #require(try JSONValue(parsing: Array(text))["url"]?.string)
            let lines = "\(organization.directory)/witnesses"
            try Data("witness partner \(witness) \(url)\nquorum partner\n".utf8).write(to: URL(filePath: lines))
            let (from, to) = ("2026-03-01T12:00:00Z", "2026-03-01T14:00:00Z")
            let issue = ["report", "--issue", "--from", from, "--to", to]
            _ = try await organization.answer(issue)
            let policy = "\(organization.directory)/witnessed-policy.txt"
            let published = try await aggregator(
                ["policy", "set", "--data-dir", installation, "--organization", organization.slug, lines], organization)
            #expect(published.hasPrefix("log \(vkey)\nwitness partner \(witness) \(url)\n"))
            try Data(published.utf8).write(to: URL(filePath: policy))

            // The running aggregator follows the file by itself; the first disclosure behind that has its quorum.
            let verified = try await Patience.until("a witnessed disclosure") { () -> JSONValue? in
                let bundle = try await organization.evidence(from: from, to: to, as: UUID().uuidString)
                let (status, json) = try await audit(bundle, policy, organization)
                guard status == 0 else { return JSONValue?.none }
                return json
            }
            let proved = (verified["proved"]?.array ?? []).compactMap(\.string)
            #expect(proved.contains("1 independent witnesses cosigned this tree: partner"))
            // Of before there were witnesses.
            #expect(proved.contains { $0.hasPrefix("report 1 for") && $0.hasSuffix("digest in the log") }, "\(proved)")
            _ = try await organization.answer(issue + ["--supersedes", "1", "--reason", "a witness cosigns now"])
            let limits = (try await organization.disclosure(from: from, to: to)["limits"]?.array ?? []).compactMap(
                \.string)
            #expect(!limits.contains { $0.hasPrefix("Time is by the operator alone") })

            // Without it the log goes on; what it discloses then has no quorum, and an audit says so.
            child.send(SIGTERM)
            #expect(try await child.output(seconds: 30).status == 0)
            _ = try await organization.enrol("late")
            let bundle = try await organization.evidence(from: from, to: to, as: "alone")
            let (status, refused) = try await audit(bundle, policy, organization)
            #expect(status == 1)
            #expect(refused["failure_class"]?.string == "checkpoint")

            try await expectReportsWithoutWitnesses(organization, lines: lines, from: from, to: to)
        }

        /// What was issued before there was a witness, and under it, is made again when there is none any more.
        private func expectReportsWithoutWitnesses(
            _ organization: OrganizationUnderTest, lines: String, from: String, to: String
        ) async throws {
            try Data("quorum none\n".utf8).write(to: URL(filePath: lines))
            _ = try await aggregator(
                [
                    "policy", "set", "--data-dir", organization.aggregator.installation, "--organization",
                    organization.slug, lines,
                ], organization)
            let later = try await Patience.until("a disclosure without witnesses") { () -> JSONValue? in
                let bundle = try await organization.evidence(from: from, to: to, as: UUID().uuidString)
                let (status, json) = try await audit(bundle, organization.policy, organization)
                let notCovered = (json["not_covered"]?.array ?? []).compactMap(\.string)
                let isOld = notCovered.contains { $0.contains("the policy in the bundle is not") }
                return status == 0 && !isOld ? json : JSONValue?.none
            }
            for number in 1...2 {
                let isProved = (later["proved"]?.array ?? []).compactMap(\.string).contains {
                    $0.hasPrefix("report \(number) for") && $0.hasSuffix("digest in the log")
                }
                #expect(isProved, "\(later.text())")
            }
        }
    }
}
