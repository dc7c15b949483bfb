import Batches
import ClusterSimulation
import Disclosure
import Energy
import JSONText
import Testing
import TransparencyLog

@Suite struct RevokedTests {
    /// n1 with five batches, its key revoked back to the second.
    private func log() throws -> (SyntheticLog, UInt64) {
        var log = try SyntheticLog(seed: 71)
        for name in ["n1", "n2"] { try log.enrol(name) }
        for _ in 0..<5 { for name in ["n1", "n2"] { try log.batch(name) } }
        let node = try #require(log.nodes["n1"])
        let entry = NodeEntry(
            log: log.origin, time: log.now, action: .revoke, node: "n1", role: .node, site: "north",
            key: try #require(log.keys["n1"]).verifier.text,
            position: ChainPosition(incarnation: node.incarnation, sequence: 1), salt: log.salt())
        let index = try log.append(.node(entry), by: log.administration)
        return (log, index)
    }

    @Test func batchesBehindTheRevokedPlaceAreListed() async throws {
        var (log, index) = try log()
        let disclosure = Disclosure(try log.disclosureInput(examplePeriod)).value
        let run = try #require(disclosure["revoked"]?.array?.first)
        #expect(disclosure["revoked"]?.array?.count == 1)
        #expect(run["node"]?.string == "n1")
        #expect(run["entry"]?.string == "\(index)")
        #expect(run["first_seq"]?.string == "2")
        #expect(run["last_seq"]?.string == "4")
        #expect(run["batches"]?.int64 == 3)
        let shown = Disclosure(try log.disclosureInput(examplePeriod, audience: .public)).value["revoked"]?.array?
            .first
        #expect(shown?["node"] == .null)
        let audit = try await BundleAudit(
            source: BundleSource(files: try log.bundle(examplePeriod)), policy: log.policy, workers: 2
        ).run()
        #expect(audit.isVerified, "\(audit.text)")
        #expect(audit.notCovered.contains { $0.contains("batches 2 to 4") && $0.contains("n1") }, "\(audit.text)")
    }

    @Test func otherPeriodsAndEarlierPrefixesHaveNone() throws {
        let (log, index) = try log()
        let later = UTCInterval(start: UTCTime(hour: 490_900), end: UTCTime(hour: 490_901))
        #expect(try log.accounts(period: later).revoked.isEmpty)
        let before = log.replacing(Array(log.entries.prefix(Int(index))))
        #expect(try before.accounts().revoked.isEmpty)
    }

    /// What the node signs under its new key is its own again.
    @Test func anotherKeyIsNotBlamed() throws {
        var (log, _) = try log()
        try log.enrol("n1")
        try log.batch("n1")
        try log.batch("n1")
        #expect(try log.accounts().revoked.map(\.batches) == [3])
    }
}
