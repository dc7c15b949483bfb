import Foundation
import Identity
import JSONText
import NodeAgent
import Patience
import PinnedHTTPS
import Synchronization
import Testing
import TransparencyLog
import Wire

extension ClusterTests {
    /// What an honest agent never says is refused with its own code, and harms nobody.
    @Suite(.timeLimit(.minutes(4))) struct Refusals {
        typealias Change = BatchMaker.Change

        /// One thing that must not enter.
        private struct Offence: Sendable {
            var name: String
            var code: RefusalCode
            var isPermanent = true
            var upload: @Sendable (BatchMaker) throws -> EntryUpload

            init(
                _ name: String, _ code: RefusalCode, isPermanent: Bool = true,
                _ upload: @escaping @Sendable (BatchMaker) throws -> EntryUpload
            ) {
                self.name = name
                self.code = code
                self.isPermanent = isPermanent
                self.upload = upload
            }
        }

        private func offences(_ other: Enrolment, _ foreign: OrganizationUnderTest) -> [Offence] {
            let origin = foreign.origin
            return [
                Offence("not a note", .badSyntax) { maker in
                    EntryUpload(log: maker.enrolment.log, note: Array("not a note\n".utf8))
                },
                Offence("another key's signature", .badSignature) { maker in
                    let key = try SigningKey(name: maker.enrolment.node, seed: Array(repeating: 3, count: 32))
                    return try maker.batch(Change(key: key))
                },
                Offence("a changed word", .badSignature) { maker in
                    let upload = try maker.batch()
                    let text = String(decoding: upload.note, as: UTF8.self).replacingOccurrences(
                        of: "rapl:package-0", with: "rapl:package-1")
                    return EntryUpload(log: upload.log, note: Array(text.utf8), samples: upload.samples)
                },
                Offence("a hole in the chain", .chainGap, isPermanent: false) { try $0.batch(Change(skipsPlaces: 1)) },
                Offence("a chain that nobody opened", .chainGap) { maker in
                    var text = String(decoding: try maker.batch().note, as: UTF8.self)
                    text.replace("\nchain \(maker.enrolment.incarnation) ", with: "\nchain 1 ")
                    let end = try #require(text.range(of: "\n\n"))
                    let note = try maker.enrolment.signingKey.sign(Array("\(text[..<end.lowerBound])\n".utf8))
                    return EntryUpload(log: maker.enrolment.log, note: note.bytes)
                },
                Offence("another predecessor", .chainGap) { maker in
                    try maker.batch(Change(previous: MerkleHash.leaf(of: [1])))
                },
                // What an agent was shown by somebody else under this log's key, or invents; or by this log, before an
                // older copy of it was restored.
                Offence("an anchor in another tree", .chainFork, isPermanent: false) { maker in
                    try maker.batch(Change(anchor: TreeHead(size: 2, root: .leaf(of: [2]))))
                },
                Offence("an anchor in the future", .chainFork, isPermanent: false) { maker in
                    try maker.batch(Change(anchor: TreeHead(size: 1 << 40, root: .leaf(of: [2]))))
                },
                Offence("time that was counted", .overlap) { try $0.batch(Change(startsEarlier: 10)) },
                Offence("another organization's log", .foreignLog) { try $0.batch(Change(log: origin)) },
                Offence("another organization's log by its name", .unknownNode) { maker in
                    let upload = try maker.batch(Change(log: origin))
                    return EntryUpload(log: origin, note: upload.note, samples: upload.samples)
                },
                Offence("a log that is not here", .foreignLog) { maker in
                    EntryUpload(log: "cluster.test/org/nobody", note: try maker.batch().note)
                },
                Offence("another node's chain", .certificateMismatch) { _ in try BatchMaker(other).batch() },
                Offence("another block of readings", .samplesMismatch) { maker in
                    let upload = try maker.batch()
                    var samples = upload.samples
                    samples[samples.count - 1] ^= 1
                    return EntryUpload(log: upload.log, note: upload.note, samples: samples)
                },
                Offence("readings that do not make the energy", .samplesMismatch) { try $0.batch(Change(surplus: 1)) },
                Offence("a byte too many", .tooLarge) { try $0.batch(ofBytes: 65_536) },
            ]
        }

        private func counters() async throws -> [RefusalCode: UInt64] {
            var counters: [RefusalCode: UInt64] = [:]
            for code in RefusalCode.allCases where code != .unrecognized {
                counters[code] = try await AggregatorUnderTest.current.metric(
                    "wattest_refused_total{code=\"\(code.rawValue)\"}")
            }
            return counters
        }

        /// Another node goes on all the while, undisturbed.
        private static func goOn(_ enrolment: Enrolment, until isOver: Flag) async throws {
            let taken = try await Conversation.hold(as: enrolment) { conversation in
                var maker = BatchMaker(enrolment)
                while !isOver.isRaised, maker.sequence < 100 {
                    try await conversation.goOn(maker.batch(), &maker)
                }
                return maker.sequence
            }
            #expect(taken > 0)
        }

        /// After each offence the same stream takes the right batch for the same place.
        private static func offend(_ enrolment: Enrolment, _ offences: [Offence]) async throws {
            try await Conversation.hold(as: enrolment) { conversation in
                var maker = BatchMaker(enrolment)
                try await conversation.goOn(maker.batch(), &maker)
                for offence in offences {
                    let verdict = try await conversation.say(try offence.upload(maker))
                    let refusal = try #require(verdict.refusal, "\(offence.name): \(verdict)")
                    #expect(refusal.code == offence.code, "\(offence.name): \(refusal.message)")
                    #expect(refusal.isPermanent == offence.isPermanent, "\(offence.name): \(refusal.message)")
                    try await conversation.goOn(maker.batch(), &maker)
                }
                try await conversation.goOn(maker.batch(ofBytes: 65_535), &maker)
                try await conversation.goOn(maker.batch(), &maker)
            }
        }

        @Test func eachHasItsCodeAndHarmsNobody() async throws {
            let aggregator = try AggregatorUnderTest.current
            let organization = try await aggregator.organization("Refusals")
            let foreign = try await aggregator.organization("Foreign")
            let (culprit, other) = (try await organization.enrol("culprit"), try await organization.enrol("honest"))
            let offences = offences(other, foreign)
            let before = try await counters()
            let isOver = Flag()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await Self.goOn(other, until: isOver) }
                group.addTask {
                    defer { isOver.raise() }
                    try await Self.offend(culprit, offences)
                }
                try await group.waitForAll()
            }

            let after = try await counters()
            for (code, all) in Dictionary(grouping: offences, by: \.code) {
                #expect((after[code] ?? 0) >= (before[code] ?? 0) + UInt64(all.count), "\(code)")
            }
            let bundle = try await organization.evidence(from: "2026-03-01T12:00:00Z", to: "2026-03-01T14:00:00Z")
            let audit = try await organization.audit(bundle)
            #expect(audit.status == 0, "\(audit.text)")
        }

        /// Of two that a node signs for one place, the second is kept as proof, and the chain ends there.
        @Test func twoBatchesForOnePlaceEndTheChain() async throws {
            let aggregator = try AggregatorUnderTest.current
            let organization = try await aggregator.organization("Fork")
            let enrolment = try await organization.enrol("forked")
            let counter = "wattest_refused_total{code=\"\(RefusalCode.chainFork.rawValue)\"}"
            let before = try await aggregator.metric(counter)
            let sizes = try await Conversation.hold(as: enrolment) { conversation in
                var maker = BatchMaker(enrolment)
                let first = try maker.batch()
                let index = try #require(try await conversation.say(first).index)
                // The same bytes again are no second note.
                #expect(try await conversation.say(first).index == index)
                let size = try await organization.size()
                let second = try await conversation.say(try maker.batch(Change(salt: 8)))
                #expect(second.refusal?.code == .chainFork)
                #expect(second.refusal?.isPermanent == true)
                let grown = try await Patience.until("the conflict's entry", seconds: 30) {
                    let grown = try await organization.size()
                    return grown > size ? grown : nil
                }
                maker.advance(past: first)
                let third = try await conversation.say(try maker.batch())
                #expect(third.refusal?.code == .chainFork, "\(third)")
                // What was taken stays taken.
                #expect(try await conversation.say(first).index == index)
                return (size, grown)
            }
            #expect(sizes.1 == sizes.0 + 1)
            #expect(try await aggregator.metric(counter) >= before + 2)
            let heads = try await Conversation.hold(as: enrolment) { $0.heads }
            #expect(heads.map(\.isClosed) == [true])

            let bundle = try await organization.evidence(from: "2026-03-01T12:00:00Z", to: "2026-03-01T14:00:00Z")
            let audit = try await organization.audit(bundle)
            #expect(audit.status == 0, "\(audit.text)")
            let verdict = try JSONValue(parsing: Array(audit.text.utf8))
            #expect(verdict["counts"]?["entries_conflict"]?.int64 == 1)
            let named = ["proved", "claimed", "not_covered"].flatMap { verdict[$0]?.array?.compactMap(\.string) ?? [] }
            #expect(named.contains { $0.contains("forked") && $0.contains("two") }, "\(named)")
            #expect(!named.contains { $0.contains("without a gap or a fork") }, "\(named)")
        }

        // MARK: At the door

        @Test func withoutACertificateNobodyComesIn() async throws {
            let aggregator = try AggregatorUnderTest.current
            let counter = "wattest_tls_refused_total{reason=\"no_certificate\"}"
            let before = try await aggregator.metric(counter)
            let authority = try aggregator.authority
            let client = PinnedHTTPS(
                server: try aggregator.addresses.ingest, trust: .authority(authority),
                now: AgentEnvironment.unixSeconds,
                timeoutSeconds: 20)
            await #expect(throws: PinnedHTTPSError.self) { try await client.get("/") }
            _ = try await Patience.until("\(counter) to grow", seconds: 20) {
                try await aggregator.metric(counter) > before ? true : nil
            }
        }

        @Test func anotherAuthoritysCertificateIsNoCertificate() async throws {
            let aggregator = try AggregatorUnderTest.current
            let organization = try await aggregator.organization("Door")
            let enrolment = try await organization.enrol("guest")
            let counter = "wattest_tls_refused_total{reason=\"unknown_ca\"}"
            let before = try await aggregator.metric(counter)
            let client = try Self.client(
                "guest", by: CertificateAuthority(organization: "First", now: AgentEnvironment.unixSeconds()),
                aggregator)
            let error = await #expect(throws: IngestError.self) {
                try await Conversation.hold(client, log: organization.origin, node: "guest") { _ in }
            }
            #expect(error?.code == .certificateRefused, "\(String(describing: error))")
            #expect(try await aggregator.metric(counter) > before)
            // Its own certificate still opens.
            let index = try await Conversation.hold(as: enrolment) { conversation in
                try await conversation.say(try BatchMaker(enrolment).batch()).index
            }
            #expect(index != nil)
        }

        @Test func aNodeThatNobodyEnrolledIsUnknown() async throws {
            let aggregator = try AggregatorUnderTest.current
            let organization = try await aggregator.organization("Roster")
            let enrolment = try await organization.enrol("known")
            let authority = try CertificateAuthority(
                certificatePEM: PrivateFile.read("\(aggregator.installation)/ca.pem"),
                keyPEM: PrivateFile.readSecret("\(aggregator.installation)/ca.key"))
            let client = try Self.client("ghost", by: authority, aggregator)
            let counter = "wattest_refused_total{code=\"\(RefusalCode.unknownNode.rawValue)\"}"
            let before = try await aggregator.metric(counter)
            let key = try SigningKey(name: "ghost", seed: Array(repeating: 5, count: 32))
            let refusal = try await Conversation.hold(client, log: organization.origin, node: "ghost") { conversation in
                #expect(conversation.heads.isEmpty)
                return try await conversation.say(
                    try BatchMaker(enrolment).batch(Change(node: "ghost", key: key))
                ).refusal
            }
            #expect(refusal?.code == .unknownNode)
            #expect(refusal?.isPermanent == true)
            #expect(try await aggregator.metric(counter) > before)
        }

        private static func client(
            _ node: String, by authority: CertificateAuthority, _ aggregator: AggregatorUnderTest
        ) throws -> IngestClient {
            let key = IdentityKey()
            let certificate = try authority.issueClient(
                request: key.request(node: node), node: node, now: AgentEnvironment.unixSeconds())
            return try IngestClient(
                configuration: IngestClient.Configuration(
                    server: aggregator.addresses.ingest, certificatesPEM: certificate.pem, keyPEM: key.pem,
                    authority: aggregator.authority))
        }
    }
}

/// Tells one task that another is done.
private final class Flag: Sendable {
    private let raised = Atomic<Bool>(false)

    var isRaised: Bool { raised.load(ordering: .relaxed) }
    func raise() { raised.store(true, ordering: .relaxed) }
}
