package import Batches
package import Disclosure
package import Energy
package import SeededRandom
package import TransparencyLog

/// A log made in memory with keys of its own: every kind of entry, signed as the programs sign them.
///
/// What it appends is honest. Tests then break what it made, byte by byte or entry by entry.
package struct SyntheticLog: Sendable {
    package let origin: String
    package let administration: SigningKey
    package private(set) var log: SigningKey
    package let selfWitness: CosigningKey
    package private(set) var entries: [[UInt8]] = []
    package private(set) var samples: [UInt64: [UInt8]] = [:]
    package private(set) var records: [String: [UInt8]] = [:]
    package private(set) var genesis: GenesisEntry
    /// The newest checkpoint that nodes have seen.
    package private(set) var anchor: TreeHead?
    package var random: SeededRandom
    package var now: UTCTime
    package var keys: [String: SigningKey] = [:]
    package var nodes: [String: SyntheticNode] = [:]
    private var frontier = MerkleFrontier()

    package init(
        seed: UInt64, origin: String = "log.example/acme", start: UTCTime = UTCTime(hour: 490_896)
    ) throws {
        var random = SeededRandom(seed: seed)
        self.origin = origin
        administration = try SigningKey(name: "\(origin)/administration", seed: random.bytes(32))
        log = try SigningKey(name: origin, seed: random.bytes(32))
        selfWitness = try CosigningKey(name: "\(origin)/self", seed: random.bytes(32))
        now = start
        genesis = GenesisEntry(
            log: origin, time: start, slug: "acme", organization: "Acme & Söhne <AI>", logKey: log.verifier.text,
            administrationKey: administration.verifier.text, selfWitnessKey: selfWitness.verifier.text,
            salt: random.bytes(16))
        self.random = random
        try append(.genesis(genesis), by: administration)
    }

    package var size: UInt64 { frontier.size }
    package var head: TreeHead { TreeHead(size: frontier.size, root: frontier.root) }

    /// `quorum none`: the policy of an operator without witnesses.
    package var policy: [UInt8] { Array("log \(log.verifier.text)\nquorum none\n".utf8) }

    /// Appends an entry as it stands.
    @discardableResult
    package mutating func append(_ entry: Entry, by key: SigningKey, samples block: [UInt8]? = nil) throws -> UInt64 {
        try append(bytes: key.sign(entry.text).bytes, samples: block)
    }

    @discardableResult
    package mutating func append(bytes: [UInt8], samples block: [UInt8]? = nil) throws -> UInt64 {
        let index = frontier.size
        entries.append(bytes)
        frontier.append(MerkleHash.leaf(of: bytes))
        if let block { samples[index] = block }
        return index
    }

    /// Signs the tree as it stands; nodes anchor to it from here on.
    package mutating func checkpoint() throws -> SignedCheckpoint {
        let checkpoint = try Checkpoint(origin: origin, head: head)
        anchor = head
        return try SignedCheckpoint(checkpoint, signedBy: log).adding([
            selfWitness.cosignature(of: checkpoint, time: UInt64(now.microseconds / 1_000_000))
        ])
    }

    /// The same keys over other entries, as a dishonest log would show them.
    package func replacing(_ entries: [[UInt8]]) -> SyntheticLog {
        var log = self
        log.entries = entries
        log.frontier = MerkleFrontier()
        for bytes in entries { log.frontier.append(MerkleHash.leaf(of: bytes)) }
        return log
    }

    package mutating func salt() -> [UInt8] { random.bytes(16) }

    // MARK: Signers

    @discardableResult
    package mutating func enrol(
        _ name: String, role: NodeEntry.Role = .node, site: String = "north"
    ) throws -> UInt64 {
        let key = try SigningKey(name: name, seed: random.bytes(32))
        keys[name] = key
        let entry = NodeEntry(
            log: origin, time: now, action: .enrol, node: name, role: role, site: site, key: key.verifier.text,
            salt: salt())
        let index = try append(.node(entry), by: administration)
        if role == .node { openChain(name, index) }
        return index
    }

    private mutating func openChain(_ node: String, _ index: UInt64) {
        let leaf = MerkleHash.leaf(of: entries[Int(index)])
        if var known = nodes[node] {
            known.open(Int64(index), leaf)
            nodes[node] = known
        } else {
            nodes[node] = SyntheticNode(name: node, incarnation: Int64(index), leaf: leaf, start: now)
        }
    }

    /// A new key from the node's next batch on, signed by its old one.
    package mutating func rotate(_ name: String) throws {
        guard let old = keys[name], let node = nodes[name] else { return }
        let key = try SigningKey(name: name, seed: random.bytes(32))
        let entry = NodeEntry(
            log: origin, time: now, action: .rotate, node: name, role: .node, site: "north", key: key.verifier.text,
            position: ChainPosition(incarnation: node.incarnation, sequence: node.sequence), salt: salt())
        try append(.node(entry), by: old)
        keys[name] = key
    }

    package mutating func resume(_ name: String, reason: String = "restored from backup") throws {
        guard let key = keys[name], let node = nodes[name] else { return }
        let entry = ResumeEntry(
            log: origin, time: now, node: name,
            lastGood: ChainPosition(incarnation: node.incarnation, sequence: max(0, node.sequence - 1)),
            previous: node.leaf, lost: nil, reason: reason, anchor: anchor, salt: salt())
        openChain(name, try append(.resume(entry), by: key))
    }

    package mutating func retire(_ name: String) throws {
        guard let key = keys[name] else { return }
        let entry = NodeEntry(
            log: origin, time: now, action: .retire, node: name, role: .node, site: "north", key: key.verifier.text,
            salt: salt())
        try append(.node(entry), by: administration)
    }

    /// A new key for the log's checkpoints, named by the old one.
    ///
    /// - Parameters:
    ///   - signer: who signs the entry; the old key unless somebody cheats.
    ///   - consenter: who consents in the administration's place.
    @discardableResult
    package mutating func changeLogKey(
        signedBy signer: SigningKey? = nil, consenter: SigningKey? = nil
    ) throws -> UInt64 {
        let next = try SigningKey(name: origin, seed: random.bytes(32))
        var entry = LogKeyEntry(
            log: origin, time: now, previous: log.verifier.text, key: next.verifier.text, by: "operator",
            reason: "a new machine", salt: salt(), consent: [])
        entry.consent = try (consenter ?? administration).rawSignature(for: entry.consentMessage)
        let index = try append(.logKey(entry), by: signer ?? log)
        log = next
        return index
    }

    // MARK: Statements

    package mutating func set(
        _ field: String, of subject: String?, _ value: String, from: UTCTime? = nil, until: UTCTime? = nil
    ) throws {
        let entry = SetEntry(
            log: origin, time: now, field: field, subject: subject, value: Array(value.utf8), effectiveFrom: from,
            effectiveUntil: until, by: "operator", reason: nil, salt: salt())
        try append(.set(entry), by: administration)
    }

    /// A new job with its record; only the pseudonym stands in the log.
    package mutating func record(_ id: String, labels: [String: String] = [:]) -> JobRecord {
        let record = JobRecord(
            key: JobKey(cluster: "c1", scheduler: "slurm", id: id, submitSeconds: 1_767_225_000), name: "train-\(id)",
            user: "alice", labels: labels, salt: salt())
        records[record.pseudonym] = record.bytes
        return record
    }

    /// Forgets what a job is called; the log keeps the commitment.
    package mutating func erase(_ pseudonym: String) { records[pseudonym] = nil }

    @discardableResult
    package mutating func job(
        _ record: JobRecord, _ event: JobEntry.Event, attempt: Int64 = 0, witness: JobEntry.Witness = .operator,
        start: UTCTime? = nil, stop: UTCTime? = nil, expected: Int64? = nil, nodes: [String] = [],
        by key: SigningKey? = nil
    ) throws -> UInt64 {
        let key = key ?? administration
        let entry = JobEntry(
            log: origin, time: now, event: event, job: record.pseudonym, attempt: attempt, witness: witness,
            by: key.name,
            start: start, stop: stop, expectedNodes: expected, nodes: nodes, recordSHA256: record.sha256, salt: salt())
        return try append(.job(entry), by: key)
    }

    @discardableResult
    package mutating func report(
        number: Int64, period: UTCInterval, audience: Audience = .public, size: UInt64, sha256: MerkleHash
    ) throws -> UInt64 {
        let entry = ReportEntry(
            log: origin, time: now, number: number, period: period, audience: audience.rawValue, size: Int64(size),
            sha256: sha256.bytes, supersedes: nil, reason: nil, salt: salt())
        return try append(.report(entry), by: administration)
    }
}
