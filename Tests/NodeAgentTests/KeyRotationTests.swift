import Batches
import Energy
import Identity
import JSONText
import NodeAgent
import Testing
import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A directory that lives as long as the test.
private final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/wattest-agent-XXXXXX".utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
    }

    deinit { ChildProcess.removeTree(path) }
}

/// A node changes its key without a moment in which two keys, or none, would be its own.
@Suite struct KeyRotationTests {
    private let aggregator: FakeAggregator
    private let directory: TemporaryDirectory
    private let old: SigningKey

    init() throws {
        aggregator = try FakeAggregator()
        directory = try TemporaryDirectory()
        old = try SigningKey(name: "n1", seed: Array(repeating: 5, count: 32))
        let (incarnation, leaf) = aggregator.enrol("n1")
        let record: JSONValue = [
            "log": .string(FakeAggregator.origin), "log_vkey": .string(aggregator.logKey.verifier.text), "node": "n1",
            "site": "s", "ingest": "127.0.0.1:1", "incarnation": .decimalString(incarnation),
            "leaf": .string(leaf.base64), "job_salt": .string(Base64.encode(aggregator.jobSalt)),
            "interval_seconds": 30, "role": "node", "server": "https://127.0.0.1:1",
        ]
        try PrivateFile.write(record.rendered(), to: "\(directory.path)/agent.json")
        try PrivateFile.write(aggregator.authority.certificate.pem, to: "\(directory.path)/ca.pem")
        try write(old, "signing.key")
    }

    private func write(_ key: SigningKey, _ name: String) throws {
        try PrivateFile.write(Array("\(key.privateText)\n".utf8), to: "\(directory.path)/\(name)")
    }

    private var current: VerifierKey {
        get throws { try Enrolment(directory: directory.path).signingKey.verifier }
    }

    @discardableResult
    private func rotate(_ seed: UInt8 = 6) throws -> KeyRotation.Outcome {
        try KeyRotation.run(
            directory: directory.path, now: UTCTime(microseconds: 1_790_000_000_000_000),
            seed: Array(repeating: seed, count: 32), salt: Array(repeating: seed, count: 16))
    }

    private func spooled() throws -> [NodeEntry] {
        let spool = try Spool(path: "\(directory.path)/spool")
        defer { spool.close() }
        return try spool.recovered.compactMap { item in
            let note = try SignedNote(parsing: try #require(try spool.read(item.leaf)).note)
            #expect(old.verifier.isValidSignature(note.signatures[0], for: note.text))
            return try NodeEntry(text: Array(note.text))
        }
    }

    @Test func oldKeyNamesTheNewOne() throws {
        let outcome = try rotate()
        #expect(try current == outcome.new)
        #expect(outcome.old == old.verifier && outcome.from.sequence == 0)
        let entry = try #require(try spooled().first)
        #expect(entry.action == .rotate && entry.key == outcome.new.text && entry.position == outcome.from)
        // Not again before the log has heard of it.
        #expect(throws: AgentError.self) { try rotate(7) }
        #expect(try current == outcome.new)
    }

    /// Before the rotation is in the spool nobody will hear of the new key.
    @Test func crashBeforeTheSpoolKeepsTheOldKey() throws {
        try write(try SigningKey(name: "n1", seed: Array(repeating: 6, count: 32)), "signing.key.next")
        #expect(try current == old.verifier)
        #expect(!PrivateFile.exists("\(directory.path)/signing.key.next"))
        try rotate()
    }

    /// Behind it the log will, so the node must use it.
    @Test func crashBehindTheSpoolTakesTheNewKey() throws {
        let outcome = try rotate()
        let new = try SigningKey(name: "n1", seed: Array(repeating: 6, count: 32))
        try write(old, "signing.key")
        try write(new, "signing.key.next")
        #expect(try current == outcome.new)
        #expect(!PrivateFile.exists("\(directory.path)/signing.key.next"))
    }

    @Test func runningAgentIsLeftAlone() throws {
        let spool = try Spool(path: "\(directory.path)/spool")
        defer { spool.close() }
        #expect(throws: AgentError.self) { try rotate() }
        #expect(try current == old.verifier)
    }
}
