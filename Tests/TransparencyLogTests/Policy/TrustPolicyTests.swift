import Testing
import TransparencyLog

@Suite struct TrustPolicyTests {
    private let log: SigningKey
    private let witnesses: [CosigningKey]
    private let checkpoint: Checkpoint

    init() throws {
        log = try SigningKey(name: "log.example", seed: [UInt8](repeating: 100, count: 32))
        witnesses = try (0..<6).map {
            try CosigningKey(name: "witness-\($0).example", seed: [UInt8](repeating: UInt8($0), count: 32))
        }
        checkpoint = try Checkpoint(origin: "log.example", size: 3, root: .leaf(of: []))
    }

    private func policy(_ rules: String) throws -> TrustPolicy {
        var text = "# policy\n\nlog \(log.verifier) https://log.example/\n"
        for (number, witness) in witnesses.enumerated() { text += "\twitness w\(number)  \(witness.verifier) \n" }
        return try TrustPolicy(parsing: Array((text + rules).utf8))
    }

    private func signed(by cosigners: [(Int, UInt64)]) throws -> SignedCheckpoint {
        try SignedCheckpoint(checkpoint, signedBy: log).adding(
            cosigners.map { try witnesses[$0.0].cosignature(of: checkpoint, time: $0.1) })
    }

    @Test func fieldsAreRead() throws {
        let policy = try policy("group g 2 w0 w1 w2\nquorum g\n")
        #expect(policy.logs.map(\.url) == ["https://log.example/"])
        #expect(policy.witnesses.count == 6)
        #expect(policy.witnesses[1].url == nil)
        #expect(policy.groups.map(\.threshold) == [2])
        #expect(policy.quorum == PolicyName("g"))
    }

    /// The rule evaluated over all 64 sets of cosigners.
    @Test(arguments: [
        ("quorum none\n", "true"), ("quorum w3\n", "w3"), ("group g any w0 w1 w2\nquorum g\n", "any"),
        ("group g all w0 w1 w2\nquorum g\n", "all"), ("group g 2 w0 w1 w2\nquorum g\n", "two"),
        ("group x 2 w0 w1 w2\ngroup y any w3 w4 w5\ngroup b all x y\nquorum b\n", "nested"),
    ])
    func groupsCount(rules: String, rule: String) throws {
        let policy = try policy(rules)
        for set in 0..<64 {
            let has = (0..<6).map { set >> $0 & 1 == 1 }
            let first = has[..<3].count { $0 }
            let want =
                switch rule {
                case "w3": has[3]
                case "any": first >= 1
                case "all": first == 3
                case "two": first >= 2
                case "nested": first >= 2 && has[3...].contains(true)
                default: true
                }
            #expect(policy.isQuorum(Set((0..<6).filter { has[$0] }.map { PolicyName("w\($0)") })) == want)
        }
    }

    @Test func verdictsNameWitnessesAndTimes() throws {
        let policy = try policy("group g 2 w0 w1 w2\nquorum g\n")
        let verdict = try policy.verify(signed(by: [(1, 300), (5, 50), (0, 100), (2, 200)]))
        #expect(verdict.isQuorumReached)
        #expect(verdict.witnesses.map(\.time) == [100, 300, 200, nil, nil, 50])
        #expect(verdict.earliestTime == 50)
        #expect(verdict.latestTime == 300)
        #expect(verdict.quorumTime == 200)
        #expect(verdict.checkpoint.head == checkpoint.head)

        let missed = try policy.evaluate(signed(by: [(1, 300), (5, 50)]))
        #expect(!missed.isQuorumReached)
        #expect(missed.quorumTime == nil)
        let reason = expectRefusal(.noQuorum) { try policy.verify(signed(by: [(1, 300), (5, 50)])) }
        #expect(reason.hasPrefix("2 of 6 witnesses"))
        #expect(reason.contains("w0, w2, w3, w4"))
    }

    /// Signing twice does not make two witnesses, and the earlier time stands.
    @Test func oneWitnessCountsOnce() throws {
        let policy = try policy("group g 2 w0 w1\nquorum g\n")
        let verdict = try policy.evaluate(signed(by: [(0, 300), (0, 100)]))
        #expect(!verdict.isQuorumReached)
        #expect(verdict.witnesses[0].time == 100)
        #expect(verdict.cosignerCount == 1)
    }

    @Test func strangersAndForgersAreRefused() throws {
        let policy = try policy("quorum none\n")
        let stranger = try SigningKey(name: "log.example", seed: [UInt8](repeating: 7, count: 32))
        expectRefusal(.unsigned) { try policy.verify(SignedCheckpoint(checkpoint, signedBy: stranger)) }
        let renamed = try Checkpoint(origin: "other.example", size: 3, root: .leaf(of: []))
        expectRefusal(.unsigned) { try policy.verify(SignedCheckpoint(renamed, signedBy: log)) }
        let other = try Checkpoint(origin: "log.example", size: 4, root: .leaf(of: []))
        let forged = try SignedCheckpoint(checkpoint, signedBy: log)
            .adding([witnesses[0].cosignature(of: other, time: 9)])
        expectRefusal(.badSignature) { try policy.verify(forged) }
    }

    @Test func errorsNameTheirLine() throws {
        let base = 2 + 1 + 6
        for (rules, line, words) in [
            ("", nil, "no quorum line"), ("quorum none\nquorum none\n", 2, "second quorum"),
            ("quorum w9\n", 1, "not a witness"),
            ("quorum none", 1, "no line feed"), ("quorum\n", 1, "expected: quorum"),
            ("quorum w1 w2\n", 1, "expected: quorum"),
            ("group g 0 w1\n", 1, "threshold"), ("group g 2 w1\n", 1, "threshold"), ("group g 01 w1\n", 1, "threshold"),
            ("group g some w1\n", 1, "threshold"), ("group g all\n", 1, "expected: group"),
            ("group none all w1\n", 1, "none"),
            ("group g all w1 w1\n", 1, "already"), ("group g all w1\ngroup h all w1\n", 2, "already"),
            ("group g all h\ngroup h all w1\n", 1, "not defined"), ("group g all g\n", 1, "not defined"),
            ("group g all none\n", 1, "not defined"), ("group w1 all w2\n", 1, "defined already"),
            ("witness w1 \(try fresh(50, "w.example"))\n", 1, "defined already"),
            ("witness w9 \(witnesses[0].verifier)\n", 1, "earlier witness"),
            ("log \(log.verifier)\n", 1, "earlier log"),
            ("log \(witnesses[0].verifier)\n", 1, "type 4"), ("witness w9 \(log.verifier)\n", 1, "type 1"),
            ("witness w9\n", 1, "expected: witness"), ("log\n", 1, "expected: log"), ("log a+b+c\n", 1, "key ID"),
            ("quorum none\r\n", 1, "control character"), ("Quorum none\n", 1, "none of log"),
            ("quorum w1 # trailing\n", 1, "expected: quorum"),
        ] as [(String, Int?, String)] {
            let reason = expectRefusal(.badPolicy, "\(rules)") { try policy(rules) }
            if let line { #expect(reason.hasPrefix("line \(base + line): "), "\(reason)") }
            #expect(reason.contains(words), "\(reason)")
        }
    }

    private func fresh(_ seed: UInt8, _ name: String) throws -> VerifierKey {
        try CosigningKey(name: name, seed: [UInt8](repeating: seed, count: 32)).verifier
    }

    /// A witness whose kind of key cannot be checked here stands in the policy and never counts.
    @Test func postQuantumWitnessesNeverCount() throws {
        let key = try VerifierKey(
            name: "pq.example", type: .mlDSA44Cosignature, publicKey: [UInt8](repeating: 3, count: 1312))
        let policy = try policy("witness pq \(key)\nquorum pq\n")
        expectRefusal(.noQuorum) { try policy.verify(signed(by: [(0, 1), (1, 1), (2, 1)])) }
    }
}
