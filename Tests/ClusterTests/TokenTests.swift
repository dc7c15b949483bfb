import Foundation
import JSONText
import PinnedHTTPS
import Testing
import TransparencyLog

extension ClusterTests {
    /// An installation whose log and administration keys lie on a PKCS #11 token.
    @Suite(.timeLimit(.minutes(4)), .enabled(if: TokenUnderTest.isInstalled, "SoftHSM is not installed"))
    struct Tokens {
        private func organization(_ aggregator: AggregatorUnderTest) async throws -> OrganizationUnderTest {
            let about = try await aggregator.get("/v1/organizations/first", token: aggregator.operatorToken)
            let directory = try aggregator.directory.subdirectory("organization-first")
            let policy = "log \(try #require(about["log_vkey"]?.string))\nquorum none\n"
            try Data(policy.utf8).write(to: URL(filePath: "\(directory)/policy.txt"))
            return OrganizationUnderTest(
                aggregator: aggregator, slug: "first", origin: "cluster.test/org/first",
                token: try aggregator.operatorToken, tokenFile: "\(aggregator.installation)/admin.token",
                directory: directory)
        }

        private func checkpoint(_ aggregator: AggregatorUnderTest) async throws -> SignedCheckpoint {
            let reply = try await aggregator.reply("/log/first/checkpoint", token: nil)
            try #require(reply.status == 200)
            return try SignedCheckpoint(parsing: reply.body)
        }

        @Test func theTokenSignsCheckpointsReportsAndBundles() async throws {
            let token = try await TokenUnderTest(keys: ["log", "administration"])
            let aggregator = try await AggregatorUnderTest(
                ["--log-key", token.uri("log"), "--administration-key", token.uri("administration")],
                environment: token.environment)
            for name in ["log.key", "administration.key"] {
                let text = try String(
                    contentsOfFile: "\(aggregator.installation)/logs/first/\(name)", encoding: .utf8)
                #expect(text.hasPrefix("PKCS11+KEY+") && !text.contains("PRIVATE"), "\(name)")
            }
            try await aggregator.start()
            let organization = try await organization(aggregator)
            let run = RecordedRun.acrossAnHour
            typealias Import = OrganizationUnderTest.Import
            try await organization.run(Import(job: "a", files: [run.file("node_1")], expectedNodes: 1))
            let policy = try TrustPolicy(
                parsing: Array(try String(contentsOfFile: organization.policy, encoding: .utf8).utf8))
            let first = try await checkpoint(aggregator)
            #expect(try policy.verify(first).checkpoint.head.size > 1)
            // Another process finds the same key.
            try await aggregator.stop()
            try await aggregator.start()
            try await organization.run(Import(job: "b", files: [run.file("node_2")], expectedNodes: 1))
            let second = try await checkpoint(aggregator)
            #expect(try policy.verify(second).checkpoint.head.size > first.checkpoint.size)
            let bundle = try await organization.evidence(from: "2024-05-17T04:00:00Z", to: "2024-05-17T06:00:00Z")
            let audit = try await organization.audit(bundle)
            #expect(audit.status == 0, "\(audit.text)")
            try await aggregator.stop()
        }

        @Test func anotherOrganizationHasKeysOfItsOwnThere() async throws {
            let token = try await TokenUnderTest(keys: ["log", "administration"])
            let aggregator = try await AggregatorUnderTest(environment: token.environment)
            try await aggregator.start()
            func create(_ name: String, _ keys: [String]) async throws -> ChildProcess.Output {
                try await ChildProcess(
                    .wattest, ["org", "create", name, "--json"] + keys,
                    environment: [
                        "WATTEST_SERVER": "https://\(try aggregator.addresses.server)",
                        "WATTEST_TOKEN_FILE": "\(aggregator.installation)/admin.token",
                        "WATTEST_CA_FILE": "\(aggregator.installation)/ca.pem",
                    ], directory: aggregator.directory.path
                ).output()
            }
            let logs = "\(aggregator.installation)/logs"
            for option in ["--log-key", "--administration-key"] {
                let refused = try await create("None", [option, token.uri("nobody")])
                #expect(refused.status == 1 && refused.errors.contains("_key: "), "\(refused.errors)")
                #expect(!FileManager.default.fileExists(atPath: "\(logs)/none"))
            }
            let keys = ["--log-key", token.uri("log"), "--administration-key", token.uri("administration")]
            let made = try await create("Second", keys)
            try #require(made.status == 0, "\(made.errors)")
            for name in ["log.key", "administration.key"] {
                let text = try String(contentsOfFile: "\(logs)/second/\(name)", encoding: .utf8)
                #expect(text.hasPrefix("PKCS11+KEY+") && !text.contains("PRIVATE"), "\(name)")
            }
            // Another process finds them, and signs what came meanwhile.
            try await aggregator.stop()
            try await aggregator.start()
            let bearer = try #require(try JSONValue(parsing: Array(made.text.utf8))["token"]?.string)
            let about = try await aggregator.get("/v1/organizations/second", token: bearer)
            let policy = try TrustPolicy(
                parsing: Array("log \(try #require(about["log_vkey"]?.string))\nquorum none\n".utf8))
            let reply = try await aggregator.reply("/log/second/checkpoint", token: nil)
            #expect(try policy.verify(SignedCheckpoint(parsing: reply.body)).checkpoint.head.size > 1)
            try await aggregator.stop()
        }

        /// Order 1, order 8, and a y above the field's prime.
        @Test(arguments: [
            ("small order", [1] + [UInt8](repeating: 0, count: 31)),
            (
                "small order",
                [
                    0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4, 0x89, 0xF2, 0xEF, 0x98, 0xF0,
                    0xD5, 0xDF, 0xAC, 0x05, 0xD3, 0xC6, 0x33, 0x39, 0xB1, 0x38, 0x02, 0x88, 0x6D, 0x53, 0xFC, 0x05,
                ]
            ),
            ("not the canonical encoding", [0xEE] + [UInt8](repeating: 0xFF, count: 30) + [0x7F]),
        ])
        func aWeakKeyFoundsNoLog(_ words: String, _ point: [UInt8]) async throws {
            let token = try await TokenUnderTest(keys: ["log"])
            try await token.replacePublicKey("log", by: point)
            for option in ["log-key", "administration-key"] {
                let installation = "\(token.directory.path)/\(option)"
                let made = try await ChildProcess(
                    .aggregator,
                    ["init", "--data-dir", installation, "--organization", "W", "--\(option)", token.uri("log")],
                    environment: token.environment, directory: token.directory.path
                ).output()
                #expect(made.status == 2, "\(option): \(made.text) \(made.errors)")
                #expect(made.errors.contains("\(option): ") && made.errors.contains(words), "\(made.errors)")
                // Nothing was made that would have to be taken away.
                #expect(!FileManager.default.fileExists(atPath: installation))
            }
        }
    }
}
