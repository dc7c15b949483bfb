import Batches
import Identity
import JSONText
import NodeAgent
import PinnedHTTPS
import Testing
import TransparencyLog

extension ClusterTests {
    /// Keys under which more than their owner signs, or which have two spellings, do not enter a log.
    @Suite(.timeLimit(.minutes(2))) struct WeakKeys {
        /// The verifier key as somebody would write it who does not check.
        private static func text(_ name: String, _ key: [UInt8], type: UInt8 = 1) -> String {
            let id = MerkleHash.sha256(of: Array(name.utf8) + [0x0A, type] + key).bytes.prefix(4)
            return "\(name)+\(Hexadecimal.encode(Array(id)))+\(Base64.encode([type] + key))"
        }

        private static func point(_ low: UInt8, _ fill: UInt8, _ high: UInt8) -> [UInt8] {
            [low] + Array(repeating: fill, count: 30) + [high]
        }

        @Test func noneIsEnrolledAndNoTokenIsSpent() async throws {
            let aggregator = try AggregatorUnderTest.current
            let organization = try await aggregator.organization("Weak keys")
            let join = try await aggregator.post(
                "/v1/organizations/\(organization.slug)/tokens", ["uses": 1, "ttl_seconds": 600, "kind": "join"],
                token: organization.token)
            let token = try #require(join["token"]?.string)
            let size = try await organization.size()
            let honest = try SigningKey(name: "n1", seed: Array(repeating: 5, count: 32)).verifier
            #expect(Self.text("n1", honest.publicKey) == honest.text)
            let rows: [(words: String, vkey: String)] = [
                ("small order", Self.text("n1", Self.point(1, 0, 0))),
                ("small order", Self.text("n1", Self.point(0, 0, 0x80))),
                ("small order", Self.text("n1", Self.point(0xEC, 0xFF, 0x7F))),
                ("canonical", Self.text("n1", Self.point(0xED, 0xFF, 0x7F))),
                ("canonical", Self.text("n1", Self.point(0xFF, 0xFF, 0xFF))),
                ("the node's own name", Self.text("n2", honest.publicKey)),
                ("an Ed25519 key", Self.text("n1", honest.publicKey, type: 4)),
                ("bytes", Self.text("n1", Array(honest.publicKey.dropLast()))),
                ("its key gives", honest.text.replacing(honest.keyIDHexadecimal, with: "00000000")),
            ]
            for row in rows {
                let body: JSONValue = [
                    "token": .string(token), "node": "n1", "signing_vkey": .string(row.vkey),
                    "tls_csr": "-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n",
                ]
                let reply = try await aggregator.reply("/v1/enroll", body: body, token: nil)
                let problem = try JSONValue(parsing: reply.body)
                #expect(reply.status == 400 && problem["code"]?.string == "bad_key", "\(row): \(problem)")
                #expect(problem["detail"]?.string?.contains(row.words) == true, "\(row): \(problem)")
            }
            #expect(try await organization.size() == size)
            // The token that was shown with each of them still opens.
            let request = EnrolmentRequest(
                server: "https://\(try aggregator.addresses.server)",
                authoritySHA256: Hexadecimal.encode(try aggregator.authority.sha256), token: token, node: "n1",
                role: .node, directory: "\(organization.directory)/weak-n1")
            let outcome = try await request.run(
                now: AgentEnvironment.unixSeconds, seed: AgentEnvironment.randomBytes(32))
            #expect(outcome.enrolment.node == "n1")
        }
    }
}
