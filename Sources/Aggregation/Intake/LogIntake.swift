package import Accounts
package import Batches
package import TransparencyLog

/// What one log must know to judge an entry: its signers, its chains and where they end. No I/O.
///
/// An entry passes in three steps: `key(for:)` tells under which key it must hold, `VerifiedEntry.verify` checks it
/// without state and in parallel, `admit` orders it against its chain. What was admitted is logged in that very order;
/// when the log refuses it after all, `forget` takes the optimistic heads back.
package struct LogIntake: Sendable {
    package let origin: String
    package private(set) var signers: SignerRegister
    package private(set) var chains: ChainRegister
    private var heads: [Int64: ChainHead] = [:]
    /// Index of the newest entry of each chain that is known to be in the log.
    private var lastIndexes: [Int64: Int64] = [:]
    private var imports: [ImportKey: MerkleHash] = [:]
    /// Lower bound of the index that the next entry gets; revocations count by it.
    package private(set) var size: Int64 = 0

    /// Changes of keys that count already and are not in the log yet, with the register before each.
    private var unlogged: [(entry: NodeEntry, before: SignerRegister)] = []

    private struct ImportKey: Hashable {
        var job: String?
        var node: String
        var sensor: String
        var file: [UInt8]

        init(_ entry: ImportEntry) {
            job = entry.job
            node = entry.node
            sensor = entry.sensor
            file = entry.fileSHA256
        }
    }

    package init(genesis: GenesisEntry) throws(TransparencyLogError) {
        origin = genesis.log
        signers = try SignerRegister(genesis: genesis)
        chains = ChainRegister()
    }

    // MARK: Judging

    /// The key under which an entry from a peer must hold.
    ///
    /// - Parameter peer: node that the TLS certificate names, nil for entries that the aggregator makes itself.
    package func key(for received: ReceivedEntry, peer: String?) throws(Refusal) -> VerifierKey {
        guard received.entry.log == origin else {
            throw Refusal(.foreignLog, "the entry is for the log \(received.entry.log), this one is \(origin)")
        }
        let signer = received.signer
        if signer == signers.administrationKey.name {
            guard peer == nil else { throw Refusal(.certificateMismatch, "nodes do not speak for the administration") }
            return signers.administrationKey
        }
        guard let peer else { throw Refusal(.badSignature, "\(signer) may not sign this entry") }
        guard signers.signers[peer] != nil else {
            throw Refusal(.unknownNode, "node \(peer) is not enrolled in the log \(origin); enroll it first")
        }
        guard signer == peer else {
            throw Refusal(.certificateMismatch, "the certificate is \(peer)'s, the entry says that \(signer) signed it")
        }
        let position = try position(of: received.entry, signer)
        if case .node(let node) = received.entry { return try signers.key(ofRotation: node, index: size).get() }
        return try signers.key(of: signer, at: position, index: size).get()
    }

    /// The place in a chain at which the entry claims to stand, once it is clear that the signer may write there.
    private func position(of entry: Entry, _ signer: String) throws(Refusal) -> ChainPosition? {
        switch entry {
        case .batch(let batch):
            guard let chain = chains[batch.position.incarnation] else {
                throw Refusal(.chainGap, "no chain of \(batch.node) was opened at index \(batch.position.incarnation)")
            }
            guard chain.signer == signer, chain.node == batch.node else {
                throw Refusal(.unknownNode, "the chain \(batch.position.incarnation) is not \(signer)'s to write")
            }
            return batch.position
        case .resume(let resume):
            guard resume.node == signer else { throw Refusal(.unknownNode, "a node resumes its own chain only") }
            return nil
        case .imported(let imported):
            guard signers.signers[signer]?.role == .importer || imported.node == signer else {
                throw Refusal(.unknownNode, "node \(signer) may import its own recordings only")
            }
            return nil
        case .job(let job):
            guard job.by == signer else { throw Refusal(.badSyntax, "the entry says that \(job.by) saw it") }
            return nil
        case .node(let node):
            guard node.action == .rotate, node.node == signer else { fallthrough }
            return node.position
        case .genesis, .set, .conflict, .report:
            throw Refusal(.badSignature, "only the administration signs this kind of entry")
        }
    }

    // MARK: Ordering

    package enum Admission: Sendable {
        /// It goes into the log here. For a batch, with what it posts.
        case append(BatchPostings?)
        /// Its place is taken: the log tells by the leaf hash whether it is a duplicate or a fork.
        case compare
        /// These chains of the node are to be read from the log with `load`, then the entry is admitted again: where
        /// its own chain ends, and what the others cover.
        case needsHeads([Int64])
        case refuse(Refusal)
    }

    /// - Parameter postings: what the batch posts when no other chain covers its interval.
    package mutating func admit(_ verified: VerifiedEntry, postings: BatchPostings?) -> Admission {
        let received = verified.received
        let signer = received.signer
        // Between verification and this moment the key may have been rotated, revoked or retired.
        let peer = signer == signers.administrationKey.name ? nil : signer
        do throws(Refusal) {
            guard try key(for: received, peer: peer) == verified.key else {
                throw Refusal(.retiredKey, isPermanent: false, "the key of \(signer) changed; send again")
            }
        } catch {
            return .refuse(error)
        }
        switch received.entry {
        case .batch(let batch): return admit(batch, received.leaf, postings)
        case .node(let node) where node.action != .enrol:
            // What follows in line stands behind it in the log, so it counts from here on.
            let before = signers
            if let refusal = signers.apply(node, at: size) { return .refuse(refusal) }
            unlogged.append((node, before))
            return .append(nil)
        case .imported(let imported):
            let key = ImportKey(imported)
            if let known = imports[key] {
                return known == received.leaf
                    ? .append(nil)
                    : .refuse(Refusal(.chainFork, "already imported: \(imported.node), \(imported.sensor)"))
            }
            imports[key] = received.leaf
            return .append(nil)
        case .genesis, .node, .resume, .job, .set, .conflict, .report: return .append(nil)
        }
    }

    private mutating func admit(_ batch: Batch, _ leaf: MerkleHash, _ postings: BatchPostings?) -> Admission {
        let incarnation = batch.position.incarnation
        guard let chain = chains[incarnation] else {
            return .refuse(Refusal(.chainGap, "no chain was opened at index \(incarnation)"))
        }
        let unknown = chains.chains(of: chain.node).map(\.incarnation).filter { heads[$0] == nil }
        guard unknown.isEmpty, var head = heads[incarnation] else { return .needsHeads(unknown) }
        if batch.position.sequence < head.nextSequence { return .compare }
        guard !chain.isClosed else {
            return .refuse(
                Refusal(.chainFork, "the chain \(incarnation) is closed: two entries claimed one place in it"))
        }
        if let refusal = head.refusal(of: batch) { return .refuse(refusal) }
        head.advance(past: batch, leaf: leaf)
        heads[incarnation] = head
        if chains.add(batch) {
            return .append(AttributionRule.attribution1.post(batch.facts, superseded: true))
        }
        return .append(postings ?? AttributionRule.attribution1.post(batch.facts))
    }

    /// Tells where a chain ends in the log.
    ///
    /// - Parameters:
    ///   - first: the first batch of the chain, nil when it holds none.
    ///   - last: the last one with its leaf hash and log index.
    package mutating func load(
        incarnation: Int64, first: Batch?, last: (batch: Batch, leaf: MerkleHash, index: Int64)?
    ) {
        guard let chain = chains[incarnation] else { return }
        lastIndexes[incarnation] = last?.index
        chains.restore(incarnation, first: first, last: last?.batch)
        if let last {
            heads[incarnation] = ChainHead(after: last.batch, leaf: last.leaf)
        } else {
            heads[incarnation] = ChainHead(node: chain.node, opening: incarnation, leaf: chain.openingLeaf)
        }
    }

    package func head(of incarnation: Int64) -> ChainHead? { heads[incarnation] }

    /// Log index of the newest entry of a chain: of its opening entry while it has no batch.
    package func lastIndex(of incarnation: Int64) -> Int64 { lastIndexes[incarnation] ?? incarnation }

    // MARK: What the log says

    /// An entry stands in the log at this index.
    package mutating func logged(_ entry: Entry, signer: String, at index: Int64, leaf: MerkleHash) {
        size = max(size, index + 1)
        switch entry {
        case .batch(let batch):
            let incarnation = batch.position.incarnation
            lastIndexes[incarnation] = max(lastIndexes[incarnation] ?? 0, index)
            return
        case .node(let node):
            unlogged.removeAll { $0.entry == node }
            // A refusal here would mean that the log holds what intake never admits: an audit names it.
            _ = signers.apply(node, at: index)
        case .imported(let imported): imports[ImportKey(imported)] = leaf
        case .genesis, .resume, .job, .set, .conflict, .report: break
        }
        chains.apply(entry, signer: signer, at: index, leaf: leaf)
        if let chain = chains[index], heads[index] == nil {
            heads[index] = ChainHead(node: chain.node, opening: index, leaf: chain.openingLeaf)
        }
    }

    /// The log did not take what was admitted: the heads are read again before anything follows.
    package mutating func forget(_ entry: Entry) {
        switch entry {
        case .batch(let batch): heads[batch.position.incarnation] = nil
        case .imported(let imported): imports[ImportKey(imported)] = nil
        case .node(let node):
            // What was admitted behind it rested on it.
            guard let first = unlogged.firstIndex(where: { $0.entry == node }) else { return }
            signers = unlogged[first].before
            unlogged.removeSubrange(first...)
        default: break
        }
    }

    /// Every chain is read from the log before it goes on.
    package mutating func forgetHeads() { heads.removeAll() }

    package mutating func close(_ incarnation: Int64) { chains.close(incarnation) }
}
