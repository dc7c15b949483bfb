import Batches
import Energy
import JSONText
import NodeAgent
import Testing
import TransparencyLog
import Wire

extension ClusterTests {
    /// Keys of nodes are changed, revoked and retired, and what was signed under each stays provable.
    @Suite(.timeLimit(.minutes(4))) struct KeyLife {
        typealias Change = BatchMaker.Change

        private func rotation(_ maker: BatchMaker, to key: SigningKey) throws -> EntryUpload {
            let enrolment = maker.enrolment
            let entry = NodeEntry(
                log: enrolment.log, time: BatchMaker.begin, action: .rotate, node: enrolment.node, role: .node,
                site: enrolment.site, key: key.verifier.text,
                position: ChainPosition(incarnation: enrolment.incarnation, sequence: maker.sequence),
                salt: Array(repeating: 1, count: 16))
            return EntryUpload(log: enrolment.log, note: try enrolment.signingKey.sign(entry.text).bytes)
        }

        @Test func rotatedRevokedRetired() async throws {
            let organization = try await AggregatorUnderTest.current.organization("Keys")
            let enrolment = try await organization.enrol("n1")
            let next = try SigningKey(name: "n1", seed: Array(repeating: 77, count: 32))
            let other = try SigningKey(name: "n1", seed: Array(repeating: 78, count: 32))
            try await Conversation.hold(as: enrolment) { conversation in
                var maker = BatchMaker(enrolment)
                func expect(_ code: RefusalCode, _ upload: EntryUpload) async throws {
                    let verdict = try await conversation.say(upload)
                    #expect(verdict.refusal?.code == code, "\(verdict)")
                }
                try await conversation.goOn(maker.batch(), &maker)
                let rotation = try rotation(maker, to: next)
                let index = try #require(try await conversation.say(rotation).index)
                // An answer that was lost: the same entry again is the same entry.
                #expect(try await conversation.say(rotation).index == index)
                try await expect(.badSignature, maker.batch())
                try await conversation.goOn(maker.batch(Change(key: next)), &maker)
                // The old key cannot name another successor.
                try await expect(.badSignature, self.rotation(maker, to: other))
                try await conversation.goOn(maker.batch(Change(key: next)), &maker)
                // A slip of the finger gives a thief no years; what is to come has an end, and can get an earlier one.
                func revoke(_ last: String, _ more: [String] = []) async throws -> ChildProcess.Output {
                    try await organization.wattest(
                        ["node", "revoke", "n1", "--last-seq", last, "--reason", "disk was stolen"] + more
                    ).output()
                }
                let slip = try await revoke("2000")
                #expect(slip.status == 1 && slip.errors.contains("up to seq 2"), "\(slip.errors)")
                let wide = try await revoke("20", ["--cutoff", "100000"])
                #expect(wide.status == 0, "\(wide.errors)")
                try await conversation.goOn(maker.batch(Change(key: next)), &maker)
                let wider = try await revoke("21", ["--cutoff", "100000"])
                #expect(wider.status == 1 && wider.errors.contains("only end earlier"), "\(wider.errors)")
                let revoked = try await organization.answer(
                    ["node", "revoke", "n1", "--last-seq", "2", "--cutoff", "100000", "--reason", "disk was stolen"])
                #expect(revoked["state"]?.string == "revoked")
                let nodes = try await organization.answer(["node", "list"])["items"]?.array ?? []
                #expect(nodes.first { $0["name"]?.string == "n1" }?["revoked"]?["last_seq"]?.string == "2")
                try await expect(.retiredKey, maker.batch(Change(key: next)))
            }
            // It comes back under a new key, in a chain of its own.
            let again = try await organization.enrol("n1", in: "again")
            #expect(again.incarnation > enrolment.incarnation)
            try await Conversation.hold(as: again) { conversation in
                var maker = BatchMaker(again)
                try await conversation.goOn(maker.batch(), &maker)
                _ = try await organization.answer(["node", "retire", "n1", "--reason", "scrapped"])
                let verdict = try await conversation.say(try maker.batch())
                #expect(verdict.refusal?.code == .retiredKey)
            }
            let bundle = try await organization.evidence(from: "2026-03-01T12:00:00Z", to: "2026-03-01T14:00:00Z")
            let audit = try await organization.audit(bundle)
            #expect(audit.status == 0, "\(audit.text)")
        }
    }
}
