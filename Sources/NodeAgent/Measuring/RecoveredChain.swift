import Batches
import Energy
import TransparencyLog

/// The node's own chain as the spool remembers it, and where measuring goes on.
struct RecoveredChain: Sendable {
    let chain: NodeChain
    private let items: [SpoolItem]
    private let tail: NodeChain.Tail?
    private let point: ResumePoint?
    /// In a tenant's spool: where the counters of its chain stand.
    let extractPoint: ExtractPoint?
    /// In a tenant's spool: the place of the home batch that the newest extract was cut from.
    let newestHome: ChainPosition?
    /// Batches behind the newest were put aside, and no entry has opened a new chain: an earlier run ended before it
    /// could, or the log refused the entry too. Their places are never signed again.
    let loss: UplinkState.ChainLoss?
    /// What was cut for tenants from the newest batch.
    let staged: [StagedExtract]

    init(_ spool: Spool, _ enrolment: Enrolment) throws {
        items = spool.recovered
        let file = try ChainFile.read(from: spool.path)
        let incarnation = file?.incarnation ?? enrolment.incarnation
        let openingLeaf = file?.openingLeaf ?? enrolment.openingLeaf
        let newest = items.last { $0.position?.incarnation == incarnation }
        let aside = try SpoolRecovery.setAside(of: incarnation, in: spool.path).filter { item in
            item.position.map { $0.sequence > newest?.position?.sequence ?? -1 } ?? false
        }
        // Counters were read up to the end of what was signed last, also where the log did not take it.
        var signedLast = try newest.flatMap { try spool.read($0.leaf) }.map { try Self.batch($0.note) }
        newestHome = signedLast?.home?.position
        if let last = aside.last, let batch = try? spool.readSetAside(last).map({ try Self.batch($0) }) {
            signedLast = batch
        }
        tail = signedLast.map(NodeChain.end)
        let state = try signedLast.flatMap { try spool.resumePoint(at: $0.position) }
        point = state.flatMap { ResumePoint(bytes: $0) }
        staged = aside.isEmpty ? point?.extracts ?? [] : []
        extractPoint = state.flatMap { ExtractPoint(bytes: $0) }
        let pending = try Self.pendingResume(spool, known: file?.openingLeaf)
        loss = pending == nil ? aside.first?.position.map { Self.loss(aside, from: $0) } : nil
        // What the entry does not call lost is signed again behind it, as the run that wrote it would have done.
        var repeated: Batch?
        if let pending, pending.entry.lost == nil, let first = aside.first {
            repeated = try? spool.readSetAside(first).map { try Self.batch($0) }
        }
        chain = NodeChain(
            log: enrolment.log, node: enrolment.node, key: enrolment.signingKey, incarnation: incarnation,
            openingLeaf: openingLeaf,
            newest: newest.flatMap { item in item.position.map { ($0, item.leaf) } },
            pendingResume: pending?.leaf, firstRefused: repeated)
    }

    private static func batch(_ note: [UInt8]) throws -> Batch {
        try Batch(text: Array(SignedNote(parsing: note).text))
    }

    private static func loss(_ aside: [SpoolItem], from first: ChainPosition) -> UplinkState.ChainLoss {
        UplinkState.ChainLoss(
            incarnation: first.incarnation, lastGoodSequence: first.sequence - 1, setAside: aside,
            refusal: Refusal(.chainFork, "an earlier run put its batches aside from seq \(first.sequence) on"),
            isBehindHead: false)
    }

    /// A resume entry that has no index yet: its chain is to be opened before anything is signed.
    private static func pendingResume(
        _ spool: Spool, known: MerkleHash?
    ) throws -> (leaf: MerkleHash, entry: ResumeEntry)? {
        for item in spool.recovered where item.position == nil && item.leaf != known {
            guard let entry = try spool.read(item.leaf), let note = try? SignedNote(parsing: entry.note),
                let resume = try? ResumeEntry(text: Array(note.text))
            else { continue }
            return (item.leaf, resume)
        }
        return nil
    }

    /// End of the last batch, nil in a new chain.
    var end: UTCTime? { tail?.utc }
    /// Who held the node there, nil where nobody kept it.
    var heldAtEnd: HeldAtEnd? { point?.heldAtEnd }

    /// Hands what was recovered to the uplink, the chain before its entries.
    func announce(to uplink: Uplink, _ enrolment: Enrolment) {
        guard loss == nil else {
            for item in items { uplink.add(item, isRecovered: true) }
            return
        }
        let own = items.first { $0.position?.incarnation == chain.incarnation }?.position?.sequence
        uplink.openChain(
            chain.incarnation, node: enrolment.node, keepsNewest: true, nextSequence: own ?? chain.nextSequence,
            previous: own == nil ? enrolment.openingLeaf : nil)
        for item in items { uplink.add(item, isRecovered: true) }
    }

    /// Where the first interval of this run begins.
    func start(boot: String, now: Moment) -> (moment: Moment, isOtherBoot: Bool) {
        guard let tail else { return (now, false) }
        if tail.boot == boot, let nanoseconds = tail.monotonicNanoseconds, nanoseconds < now.nanoseconds {
            return (Moment(nanoseconds: nanoseconds, utc: tail.utc), false)
        }
        // Another boot's clock cannot be compared; UTC tells how long ago the end was.
        let elapsed = max(1, now.utc.microseconds - tail.utc.microseconds)
        let (nanoseconds, overflow) = elapsed.multipliedReportingOverflow(by: 1000)
        let start = now.nanoseconds - (overflow ? 1 : nanoseconds)
        return (Moment(nanoseconds: start, utc: tail.utc), true)
    }

    /// Where the sensors of the last batch stand that are not among `found`.
    func continuations(except found: Set<String>) -> [SensorTrack.Continuation] {
        let known = point?.continuations ?? []
        let valued = (tail?.values ?? [:]).filter { id, _ in !known.contains { $0.id == id } }.map { id, value in
            SensorTrack.Continuation(
                id: id, epoch: 0, microjoules: value, raw: nil, nanoseconds: 0, extendedMicrojoules: value)
        }
        return (known + valued).filter { !found.contains($0.id) }
    }

    /// A sensor where its last batch left it.
    func track(_ description: SensorDescription, isSameBoot: Bool, at nanoseconds: Int64) -> SensorTrack {
        if let state = point?.continuations.first(where: { $0.id == description.id }) {
            return SensorTrack(description, continuing: state, isSameBoot: isSameBoot, at: nanoseconds)
        }
        // Without its raw value a counter begins a new epoch, at the value with which the last batch ended.
        guard let value = tail?.values[description.id] else { return SensorTrack(description, at: nanoseconds) }
        let state = SensorTrack.Continuation(
            id: description.id, epoch: 0, microjoules: value, raw: nil, nanoseconds: 0, extendedMicrojoules: value)
        return SensorTrack(description, continuing: state, isSameBoot: false, at: nanoseconds)
    }
}
