import Energy
package import TransparencyLog

/// Whose signature counts at which place of a log: the life of every signing key, as its entries tell it.
///
/// The aggregator consults it at intake, the auditor in replay; both feed it the same entries in log order.
package struct SignerRegister: Sendable {
    /// One enrolled signer.
    package struct Signer: Sendable, Codable {
        package var name: String
        package var role: NodeEntry.Role
        package var site: String
        package var enrolledAt: Int64
        package var isRetired: Bool
        package fileprivate(set) var keys: [KeyTerm]

        /// Whether one key signs whatever its place: neither rotated, revoked nor retired.
        package var isSteady: Bool { !isRetired && keys.count == 1 && keys[0].from == nil && !keys[0].isRevoked }

        /// The key that signs from now on; nil after its retirement,
        /// and while its last key is revoked: then it has to be enrolled with another one.
        package var currentKey: VerifierKey? {
            guard !isRetired, let last = keys.last, !last.isRevoked else { return nil }
            return last.key
        }
    }

    /// One key with the part of the chain for which it is valid.
    package struct KeyTerm: Sendable, Codable {
        package let key: VerifierKey
        /// First position of a rotated key, nil for the enrolled one.
        package let from: ChainPosition?
        /// Last trusted position of a revoked key.
        package var lastTrusted: ChainPosition?
        /// Index from which nothing older is taken under a revoked key.
        package var cutoffIndex: Int64?
        package var isRevoked: Bool
    }

    package private(set) var genesis: GenesisEntry
    package let administrationKey: VerifierKey
    /// The keys of the log's checkpoints in their order, each with the index of the entry that named it.
    package private(set) var logKeys: [(key: VerifierKey, index: Int64)]
    /// The key that signs checkpoints from now on.
    package var logKey: VerifierKey { logKeys[logKeys.count - 1].key }
    package private(set) var signers: [String: Signer] = [:]
    /// Every key that a name ever had: looked up for each entry of a log, without the terms around them.
    private var keysByName: [String: [VerifierKey]] = [:]

    /// - Throws: when the genesis entry names a key that is not one.
    package init(genesis: GenesisEntry) throws(TransparencyLogError) {
        self.genesis = genesis
        administrationKey = try VerifierKey(parsing: genesis.administrationKey)
        logKeys = [(try VerifierKey(parsing: genesis.logKey), 0)]
    }

    /// The key that signs a tree of this size: the newest that the tree itself names.
    package func logKey(at size: UInt64) -> VerifierKey {
        logKeys.last { UInt64(clamping: $0.index) < size }?.key ?? logKeys[0].key
    }

    /// Takes an entry that names a new log key and that the old one has signed.
    ///
    /// - Returns: why it cannot stand, nil when it was applied.
    package mutating func apply(_ entry: LogKeyEntry, at index: Int64) -> Refusal? {
        // The same entry again.
        if logKeys.contains(where: { $0.index == index }) { return nil }
        guard entry.previous == logKey.text else {
            return Refusal(.retiredKey, "the entry leads on from a key that does not sign for the log any more")
        }
        guard let key = try? VerifierKey(parsing: entry.key), key.type == .ed25519, key.name == logKey.name else {
            return Refusal(.badSyntax, "the new log key is not an Ed25519 key of the log's name")
        }
        guard !logKeys.contains(where: { $0.key.publicKey == key.publicKey }),
            key.publicKey != administrationKey.publicKey
        else { return Refusal(.retiredKey, "the log had this key before, or it is the administration's") }
        guard administrationKey.isValidSignature(entry.consent, for: entry.consentMessage) else {
            return Refusal(.badSignature, "the administration key does not consent to the new log key")
        }
        logKeys.append((key, index))
        return nil
    }

    /// Takes a node entry whose signature was checked.
    ///
    /// - Returns: why it cannot stand, nil when it was applied.
    package mutating func apply(_ entry: NodeEntry, at index: Int64) -> Refusal? {
        guard let key = try? VerifierKey(parsing: entry.key), key.name == entry.node else {
            return Refusal(.badSyntax, "the key of node \(entry.node) is not a verifier key of that name")
        }
        switch entry.action {
        case .enrol: return enrol(entry, key, at: index)
        case .rotate: return rotate(entry, key)
        case .revoke: return revoke(entry, key)
        case .retire: return retire(entry, at: index)
        }
    }

    /// A name that was retired, or whose last key was revoked, may come back with a key that was never its own.
    private mutating func enrol(_ entry: NodeEntry, _ key: VerifierKey, at index: Int64) -> Refusal? {
        let earlier = signers[entry.node]?.keys ?? []
        guard signers[entry.node]?.currentKey == nil else {
            return Refusal(.badSyntax, "node \(entry.node) is enrolled already")
        }
        guard !earlier.contains(where: { $0.key.publicKey == key.publicKey }) else {
            return Refusal(.retiredKey, "node \(entry.node) had this key before; enroll it with a new one")
        }
        // What its earlier chains still hold is under the earlier keys.
        let from = earlier.isEmpty ? nil : ChainPosition(incarnation: index, sequence: 0)
        let term = KeyTerm(key: key, from: from, lastTrusted: nil, cutoffIndex: nil, isRevoked: false)
        signers[entry.node] = Signer(
            name: entry.node, role: entry.role, site: entry.site, enrolledAt: index, isRetired: false,
            keys: earlier + [term])
        keysByName[entry.node, default: []].append(key)
        return nil
    }

    private mutating func rotate(_ entry: NodeEntry, _ key: VerifierKey) -> Refusal? {
        guard let signer = signers[entry.node] else { return unknown(entry.node) }
        guard let position = entry.position else {
            return Refusal(.badSyntax, "a rotation names the first position of the new key")
        }
        // The same entry again.
        if let last = signer.keys.last, last.key == key, last.from == position { return nil }
        guard signer.currentKey != nil else {
            return Refusal(.retiredKey, "the key of node \(entry.node) was revoked; it names no successor")
        }
        guard !signer.keys.contains(where: { $0.key.publicKey == key.publicKey }) else {
            return Refusal(.retiredKey, "node \(entry.node) had this key before; rotate to a new one")
        }
        // A key that was rotated away must not take over again by naming an earlier place.
        if let from = signer.keys.last?.from, Self.isBefore(position, from) {
            return Refusal(.retiredKey, "the key of node \(entry.node) was changed behind this place already")
        }
        signers[entry.node]?.keys.append(
            KeyTerm(key: key, from: position, lastTrusted: nil, cutoffIndex: nil, isRevoked: false))
        keysByName[entry.node, default: []].append(key)
        return nil
    }

    private static func isBefore(_ left: ChainPosition, _ right: ChainPosition) -> Bool {
        (left.incarnation, left.sequence) < (right.incarnation, right.sequence)
    }

    private mutating func revoke(_ entry: NodeEntry, _ key: VerifierKey) -> Refusal? {
        guard let index = signers[entry.node]?.keys.lastIndex(where: { $0.key == key }) else {
            return unknown(entry.node)
        }
        signers[entry.node]?.keys[index].isRevoked = true
        signers[entry.node]?.keys[index].lastTrusted = entry.position
        signers[entry.node]?.keys[index].cutoffIndex = entry.cutoffIndex
        return nil
    }

    /// Every key of the node ends here, also for what it signed before and sends later.
    private mutating func retire(_ entry: NodeEntry, at index: Int64) -> Refusal? {
        guard let signer = signers[entry.node] else { return unknown(entry.node) }
        signers[entry.node]?.isRetired = true
        for term in signer.keys.indices {
            signers[entry.node]?.keys[term].isRevoked = true
            signers[entry.node]?.keys[term].cutoffIndex = min(index, signer.keys[term].cutoffIndex ?? index)
        }
        return nil
    }

    /// The enrolled key, or the administration key, that a signature names. Whether it may sign is not judged here.
    package func key(matching signature: NoteSignature) -> VerifierKey? {
        if let keys = keysByName[signature.name] {
            for place in keys.indices.reversed() where keys[place].matches(signature) { return keys[place] }
        }
        return administrationKey.matches(signature) ? administrationKey : nil
    }

    /// Whether one key signs whatever the signer sends, see `Signer.isSteady`.
    package func isSteady(_ name: String) -> Bool { signers[name]?.isSteady ?? false }

    /// The key that must have signed a rotation: the one before the key that it names.
    package func key(ofRotation entry: NodeEntry, index: Int64) -> Result<VerifierKey, Refusal> {
        guard let signer = signers[entry.node] else { return .failure(unknown(entry.node)) }
        // Sent again after a lost answer: it was judged under the key that was valid then.
        if let known = signer.keys.lastIndex(where: { $0.key.text == entry.key && $0.from == entry.position }),
            known > 0
        {
            return .success(signer.keys[known - 1].key)
        }
        return key(of: entry.node, at: entry.position, index: index)
    }

    private func unknown(_ node: String) -> Refusal {
        Refusal(.unknownNode, "node \(node) is not enrolled in this log; enroll it first")
    }

    /// The key that must have signed an entry of the signer at this place.
    ///
    /// - Parameters:
    ///   - position: place in a chain, nil for an entry outside of chains.
    ///   - index: log index that the entry has or would get.
    package func key(
        of name: String, at position: ChainPosition?, index: Int64
    ) -> Result<VerifierKey, Refusal> {
        guard let signer = signers[name] else { return .failure(unknown(name)) }
        guard !signer.isRetired else {
            return .failure(Refusal(.retiredKey, "node \(name) was retired; enroll it again to go on"))
        }
        let term = signer.keys.last { term in
            guard let from = term.from, let position else { return true }
            return from.incarnation != position.incarnation
                ? position.incarnation > from.incarnation : position.sequence >= from.sequence
        }
        guard let term else { return .failure(unknown(name)) }
        guard !term.isRevoked || isTrusted(term, position, index) else {
            return .failure(Refusal(.retiredKey, "the key of node \(name) was revoked before this entry"))
        }
        return .success(term.key)
    }

    private func isTrusted(_ term: KeyTerm, _ position: ChainPosition?, _ index: Int64) -> Bool {
        guard let position, let last = term.lastTrusted, position.incarnation == last.incarnation else { return false }
        return position.sequence <= last.sequence && index < term.cutoffIndex ?? .max
    }
}

extension SignerRegister: Codable {
    private enum CodingKeys: CodingKey { case genesis, logKeys, indexes, signers, keysByName }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(genesis, forKey: .genesis)
        try container.encode(logKeys.map(\.key), forKey: .logKeys)
        try container.encode(logKeys.map(\.index), forKey: .indexes)
        try container.encode(signers, forKey: .signers)
        try container.encode(keysByName, forKey: .keysByName)
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        try self.init(genesis: try container.decode(GenesisEntry.self, forKey: .genesis))
        let keys = try container.decode([VerifierKey].self, forKey: .logKeys)
        logKeys = Array(zip(keys, try container.decode([Int64].self, forKey: .indexes)))
        guard !logKeys.isEmpty else {
            throw DecodingError.dataCorruptedError(forKey: .logKeys, in: container, debugDescription: "no log key")
        }
        signers = try container.decode([String: Signer].self, forKey: .signers)
        keysByName = try container.decode([String: [VerifierKey]].self, forKey: .keysByName)
    }
}
