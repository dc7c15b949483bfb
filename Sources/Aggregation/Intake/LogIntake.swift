package import Accounts
package import Batches
package import Disclosure
package import Energy
package import TransparencyLog

/// What one log must know to judge an entry: its signers, its chains and where they end. No I/O.
///
/// An entry passes in three steps: `key(for:)` tells under which key it must hold, `VerifiedEntry.verify` checks it
/// without state and in parallel, `admit` orders it against its chain, on a copy that is kept only when the log did
/// what the copy foresaw.
package struct LogIntake: Sendable {
    package let origin: String
    package private(set) var signers: SignerRegister
    package private(set) var chains: ChainRegister
    private var heads: [Int64: ChainHead] = [:]
    private var imports: [ImportKey: (leaf: MerkleHash, index: Int64)] = [:]
    /// The reports that the log holds by their numbers, and what it says of each prefix: an entry that contradicts them
    /// would fail every audit from there on, whichever of several aggregators signed it.
    private var reports: [Int64: MerkleHash] = [:]
    private var reportDigests: [ReportKey: [UInt8]] = [:]
    /// The latest end of a period whose books are closed, nil before the first close.
    package private(set) var closedUntil: UTCTime?
    /// What the log ever said of whose accounts are whose.
    package private(set) var accountMaps = SettingRegister()
    /// How much of the log it knows: the index that the next entry gets.
    package private(set) var size: Int64 = 0

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

    private struct ReportKey: Hashable {
        var period: UTCInterval
        var audience: String
        var size: Int64

        init(_ entry: ReportEntry) {
            period = entry.period
            audience = entry.audience
            size = entry.size
        }
    }

    /// The smallest number that no report of the log has, and none above it.
    package var nextReportNumber: Int64 { (reports.keys.max() ?? 0) + 1 }

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
        if case .logKey = received.entry, peer == nil, signer == signers.logKey.name { return signers.logKey }
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
        case .genesis, .set, .close, .conflict, .correct, .report, .logKey:
            throw Refusal(.badSignature, "only the administration signs this kind of entry")
        }
    }

    // MARK: Ordering

    package enum Admission: Sendable {
        /// It goes into the log at this index. For a batch, with what it posts.
        case append(BatchPostings?, index: Int64)
        /// Its place is taken: the log tells by the leaf hash whether it is a duplicate or a fork.
        case compare
        case refuse(Refusal)
    }

    /// The chains that must be read from the log with `load` before the entry can be admitted: where its own chain
    /// ends, and what the others of its node cover.
    package func missingHeads(for entry: Entry) -> [Int64] {
        if case .imported(let imported) = entry, let known = imports[ImportKey(imported)] {
            return heads[known.index] == nil ? [known.index] : []
        }
        guard case .batch(let batch) = entry, let chain = chains[batch.position.incarnation] else { return [] }
        return chains.chains(of: chain.node).map(\.incarnation).filter { heads[$0] == nil }
    }

    /// Judges an entry as the next one of the log, and takes it in if it is.
    ///
    /// - Parameter postings: what the batch posts when no other chain covers its interval.
    package mutating func admit(_ verified: VerifiedEntry, postings: BatchPostings?) -> Admission {
        let received = verified.received
        let signer = received.signer
        // Between verification and this moment the key may have been rotated, revoked or retired.
        let isOwn = signer == signers.administrationKey.name || received.entry.kind == .logKey
        let peer = isOwn ? nil : signer
        do throws(Refusal) {
            guard try key(for: received, peer: peer) == verified.key else {
                throw Refusal(.retiredKey, isPermanent: false, "the key of \(signer) changed; send again")
            }
        } catch {
            return .refuse(error)
        }
        switch received.entry {
        case .batch(let batch): return admit(batch, received, postings)
        case .node(let node):
            var trial = signers
            if let refusal = trial.apply(node, at: size) { return .refuse(refusal) }
        case .logKey(let entry):
            var trial = signers
            if let refusal = trial.apply(entry, at: size) { return .refuse(refusal) }
        case .imported(let imported):
            guard let known = imports[ImportKey(imported)] else { break }
            if known.leaf == received.leaf { return .compare }
            let chain = chains[known.index]
            let refusal = ImportDuplicate(
                node: imported.node, sensor: imported.sensor, signer: chain?.signer ?? "another signer",
                until: chain?.span?.end)
            return .refuse(Refusal(.chainFork, refusal.message))
        case .report(let report):
            // The very same one: its append was durable and the answer was lost.
            if reports[report.number] == received.leaf { return .compare }
            if let refusal = refusal(of: report) { return .refuse(refusal) }
        default: break
        }
        return take(received, nil)
    }

    private func refusal(of report: ReportEntry) -> Refusal? {
        guard reports[report.number] == nil else {
            return Refusal(.overlap, isPermanent: false, "the log has a report \(report.number); take the next number")
        }
        guard reportDigests[ReportKey(report)] ?? report.sha256 == report.sha256 else {
            return Refusal(.chainFork, "the log has another report about the same entries, period and audience")
        }
        return nil
    }

    private mutating func take(_ received: ReceivedEntry, _ postings: BatchPostings?) -> Admission {
        let index = size
        logged(received.entry, signer: received.signer, at: index, leaf: received.leaf)
        return .append(postings, index: index)
    }

    private mutating func admit(
        _ batch: Batch, _ received: ReceivedEntry, _ postings: BatchPostings?
    ) -> Admission {
        let incarnation = batch.position.incarnation
        guard let chain = chains[incarnation] else {
            return .refuse(Refusal(.chainGap, "no chain was opened at index \(incarnation)"))
        }
        guard var head = heads[incarnation] else {
            return .refuse(Refusal(.overloaded, isPermanent: false, "the chain is being read again; send again"))
        }
        if batch.position.sequence < head.nextSequence { return .compare }
        guard !chain.isClosed else {
            return .refuse(
                Refusal(.chainFork, "the chain \(incarnation) is closed: two entries claimed one place in it"))
        }
        if let refusal = head.refusal(of: batch) { return .refuse(refusal) }
        head.advance(past: batch, leaf: received.leaf)
        heads[incarnation] = head
        let isSuperseded = chains.add(batch)
        let posted =
            isSuperseded
            ? AttributionRule.attribution1.post(batch.facts, superseded: true)
            : postings ?? AttributionRule.attribution1.post(batch.facts)
        return take(received, posted)
    }

    /// Tells where a chain ends in the log.
    ///
    /// - Parameters:
    ///   - first: the first batch of the chain, nil when it holds none.
    ///   - last: the last one with its leaf hash.
    package mutating func load(
        incarnation: Int64, first: Batch?, last: (batch: Batch, leaf: MerkleHash)?
    ) {
        guard let chain = chains[incarnation] else { return }
        chains.restore(incarnation, first: first, last: last?.batch)
        if let last {
            heads[incarnation] = ChainHead(after: last.batch, leaf: last.leaf)
        } else {
            heads[incarnation] = ChainHead(node: chain.node, opening: incarnation, leaf: chain.openingLeaf)
        }
    }

    // MARK: What the log says

    /// An entry stands in the log at this index.
    package mutating func logged(_ entry: Entry, signer: String, at index: Int64, leaf: MerkleHash) {
        size = max(size, index + 1)
        switch entry {
        case .batch: return
        case .node(let node):
            // A refusal here would mean that the log holds what intake never admits: an audit names it.
            _ = signers.apply(node, at: index)
        case .imported(let imported): imports[ImportKey(imported)] = (leaf, index)
        case .logKey(let entry): _ = signers.apply(entry, at: index)
        case .close(let close): closedUntil = max(closedUntil ?? close.period.end, close.period.end)
        case .report(let report):
            reports[report.number] = leaf
            reportDigests[ReportKey(report)] = report.sha256
        case .set(let set): if set.field == SettingField.accountMap { accountMaps.apply(set, at: UInt64(index)) }
        case .genesis, .resume, .job, .conflict, .correct: break
        }
        chains.apply(entry, signer: signer, at: index, leaf: leaf)
        if let chain = chains[index], heads[index] == nil {
            heads[index] = ChainHead(node: chain.node, opening: index, leaf: chain.openingLeaf)
        }
    }

    /// The log has grown by entries that others appended: those outside of chains were told with `logged`.
    ///
    /// - Parameter chains: the chains that have new batches; they are read again before they go on.
    package mutating func grew(to size: Int64, chains: Set<Int64>) {
        self.size = max(self.size, size)
        for incarnation in chains { heads[incarnation] = nil }
    }

    /// Every chain is read from the log before it goes on.
    package mutating func forgetHeads() { heads.removeAll() }

    package mutating func close(_ incarnation: Int64) { chains.close(incarnation) }
}
