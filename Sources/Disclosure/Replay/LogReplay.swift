import Accounts
package import Batches
package import Energy
package import TransparencyLog

/// Reads a log from its first entry on and refuses what cannot stand, entry by entry, at the first one that does not.
///
/// What it keeps is bounded by registers and sums (signers, chains, jobs, settings, accounts by node and hour, roots at
/// anchored sizes), never by the number of entries.
package struct LogReplay: Sendable, Codable {
    package let origin: String
    /// Sums are kept for its hours and those of its calendar year before it, whose load takes its part of the year's
    /// certificates first; nil keeps all. Registers always span the whole log.
    package let period: UTCInterval?
    private let keptSums: UTCInterval?
    private var anchorSizes: Set<UInt64>
    private var surveyedReports: [ReportEntry]
    private let conflictLeaves: Set<MerkleHash>
    /// Where the batches stand that later conflicts are about.
    private var contested: [MerkleHash: ChainPosition] = [:]
    private var frontier = MerkleFrontier()
    private var roots: [UInt64: MerkleHash] = [:]
    private var clock = LogClock()
    /// What time it certainly was at the sizes that anchors name.
    private var times: [UInt64: UTCTime] = [:]
    private var heads: [Int64: ChainHead] = [:]
    private var lateBatches: [Int64]
    private var gaps = GapBook()
    private var recent = RecentBatches()
    private var closing: ClosingWatch
    private var closings = ClosingRegister()
    private var correcting: CorrectionBook
    private var corrections = CorrectionRegister()
    private var lateCorrections: [Int64]
    private var revoked: RevokedRegister
    private var ledger = Ledger()
    private var jobs = JobRegister()
    private var settings = SettingRegister()
    private var nodes = NodeRegister()
    private var reports = ReportRegister()
    private var methods: Set<String> = []
    private var lastMethod: String?
    /// Keys of chains whose signer has one alone, by incarnation: they sign every batch of it.
    private var steadyKeys: [Int64: VerifierKey] = [:]

    /// Nil before the genesis entry.
    package private(set) var signers: SignerRegister?
    package private(set) var chains = ChainRegister()
    package private(set) var counts = ReplayCounts()

    /// - Parameter survey: the first pass over the same prefix.
    package init(origin: String, survey: LogSurvey, period: UTCInterval? = nil) {
        self.origin = origin
        self.period = period
        keptSums = period.map { UTCInterval(start: $0.startOfYear, end: $0.end) }
        anchorSizes = survey.anchorSizes
        surveyedReports = survey.reports
        conflictLeaves = survey.conflictLeaves
        lateBatches = survey.reports.map { _ in 0 }
        lateCorrections = lateBatches
        revoked = RevokedRegister(marks: survey.revocations)
        correcting = CorrectionBook(places: survey.correctedPlaces)
        closing = ClosingWatch(marks: survey.closings, watched: survey.watchedPeriods)
    }

    package var size: UInt64 { frontier.size }
    package var head: TreeHead { TreeHead(size: frontier.size, root: frontier.root) }

    /// The root at a size that the survey kept, or at the present one.
    package func root(at size: UInt64) -> MerkleHash? { size == frontier.size ? frontier.root : roots[size] }

    /// Takes the next entry of the log.
    package mutating func append(_ checked: CheckedEntry) throws(ReplayFailure) {
        let index = frontier.size
        guard checked.index == index else {
            throw ReplayFailure(.range, at: checked.index, "entries are out of order", expected: "entry \(index)")
        }
        guard checked.log == origin else {
            throw ReplayFailure(
                .foreignLog, at: index, "the entry belongs to another log", expected: origin, found: checked.log)
        }
        keepHead()
        if closing.isDue(index) { tellClosings(index) }
        switch checked.content {
        case .batch(let shared):
            try shared.lend { batch throws(ReplayFailure) in
                try admit(batch, checked)
                try follow(batch, checked)
                clock.take(batch, signer: checked.signature.name)
                counts.add(batch, hasSamples: checked.hasSamples)
            }
        case .other(let entry):
            try admit(checked)
            try take(entry, checked, index)
            counts.add(checked)
        }
        frontier.append(checked.leaf)
    }

    /// What later anchors ask for.
    private mutating func keepHead() {
        guard anchorSizes.contains(frontier.size) else { return }
        roots[frontier.size] = frontier.root
        times[frontier.size] = clock.notBefore
    }

    /// Passes over the next 2^level entries, of which only the root is known: they stand in the tree, and nothing that
    /// rests on what they say is proved any more.
    package mutating func withhold(_ root: MerkleHash, level: Int) throws(ReplayFailure) {
        keepHead()
        do {
            try frontier.append(subtree: root, level: level)
        } catch {
            throw ReplayFailure(.range, at: frontier.size, error.reason)
        }
        counts.withheld += 1 << Int64(level)
    }

    private mutating func take(
        _ entry: Entry, _ checked: CheckedEntry, _ index: UInt64
    ) throws(ReplayFailure) {
        let signer = checked.signature.name
        switch entry {
        case .node(let node): try refuse(signers?.apply(node, at: Int64(clamping: index)), .signer, index)
        case .resume(let resume): try check(resume, index)
        case .close(let close): try check(close, index)
        case .conflict(let conflict): try check(conflict, index)
        case .correct(let correction): apply(correction, index)
        case .set(let set): settings.apply(set, at: index)
        case .report(let report): try issue(report, index)
        case .logKey(let entry): try refuse(signers?.apply(entry, at: Int64(clamping: index)), .signer, index)
        case .genesis, .imported, .job, .batch: break
        }
        open(checked, index)
        nodes.apply(entry, importerSite: signers?.signers[signer]?.site)
        jobs.apply(entry, at: index)
        guard signers?.administrationKey.name == signer else { return }
        if let behind = clock.setback(of: entry) { counts.setback(behind, at: index) }
        guard let time = clock.take(entry) else { return }
        counts.time(time, signedAfter: nil, at: index)
        jobs.bound(by: time)
    }

    /// Opens a chain where the entry opens one.
    private mutating func open(_ checked: CheckedEntry, _ index: UInt64) {
        let place = Int64(clamping: index)
        chains.apply(checked.entry, signer: checked.signature.name, at: place, leaf: checked.leaf)
        guard let chain = chains[place], heads[place] == nil else { return }
        heads[place] = ChainHead(node: chain.node, opening: place, leaf: checked.leaf)
    }

    // MARK: Signatures

    private mutating func admit(_ batch: Batch, _ checked: CheckedEntry) throws(ReplayFailure) {
        if let verified = checked.verifiedKey, steadyKeys[batch.position.incarnation] == verified { return }
        try admit(checked)
        guard let key = checked.verifiedKey, signers?.isSteady(key.name) == true else { return }
        steadyKeys[batch.position.incarnation] = key
    }

    private mutating func admit(_ checked: CheckedEntry) throws(ReplayFailure) {
        if case .genesis(let genesis) = checked.entry {
            guard checked.index == 0 else {
                throw ReplayFailure(.syntax, at: checked.index, "a genesis entry stands at index 0 only")
            }
            do {
                signers = try SignerRegister(genesis: genesis)
            } catch {
                throw ReplayFailure(.signer, at: checked.index, "the genesis entry names a bad key: \(error.reason)")
            }
        }
        guard let signers else {
            throw ReplayFailure(.syntax, at: checked.index, "the first entry of a log is its genesis entry")
        }
        let key: VerifierKey
        switch SigningRule.key(
            for: checked.entry, signer: checked.signature.name, at: checked.index, signers: signers, chains: chains)
        {
        case .success(let required): key = required
        case .failure(let refusal): throw ReplayFailure(.signer, at: checked.index, refusal.message)
        }
        guard key.matches(checked.signature) else {
            throw ReplayFailure(
                .signer, at: checked.index, "the \(checked.entry.kind) entry is signed by a key that may not sign it",
                expected: "\(key.name)+\(key.keyIDHexadecimal)", found: checked.signature.name)
        }
        guard checked.verifiedKey == key || key.isValidSignature(checked.signature, for: checked.note.text) else {
            throw ReplayFailure(.signature, at: checked.index, "the signature of \(key.name) is not valid")
        }
        // Whatever is no batch may change who signs a chain.
        if ![.batch, .extract].contains(checked.entry.kind), !steadyKeys.isEmpty { steadyKeys = [:] }
    }

    // MARK: Chains

    private mutating func follow(_ batch: Batch, _ checked: CheckedEntry) throws(ReplayFailure) {
        let index = checked.index
        let incarnation = batch.position.incarnation
        guard let place = heads.index(forKey: incarnation), let isClosed = chains.isClosed(incarnation) else {
            throw ReplayFailure(.chain, at: index, "chain \(incarnation) was never opened")
        }
        guard !isClosed else {
            throw ReplayFailure(.chain, at: index, "chain \(incarnation) of \(batch.node) ended with a conflict")
        }
        // Only what is withheld can lie between.
        let isLinked = counts.withheld == 0 || heads.values[place].isNext(batch)
        if let refusal = heads.values[place].take(batch, leaf: checked.leaf, across: counts.withheld) {
            throw ReplayFailure(.chain, at: index, "\(batch.node): \(refusal.message)")
        }
        if !isLinked { counts.brokenLinks += 1 }
        try check(batch.anchor, index)
        let isSuperseded = chains.add(batch)
        let postings: BatchPostings
        if isSuperseded {
            postings = AttributionRule.attribution1.post(batch.facts, superseded: true)
        } else {
            postings = checked.postings ?? AttributionRule.attribution1.post(batch.facts)
        }
        try conserve(batch, postings, checked)
        fold(postings, of: batch, index)
        if !revoked.isIdle { revoked.add(batch, postings, signer: checked.signature, at: index) }
        if !correcting.isIdle { correcting.add(postings.postings, node: batch.node) }
        if !closing.isIdle { closing.add(postings, of: batch, at: index) }
        let moment = NodeWitness.Place(
            signedAfter: batch.anchor.flatMap { times[$0.size] }, appendedAfter: clock.notBefore)
        if !chains.isRecorded(incarnation) {
            counts.time(batch.facts.interval.end, signedAfter: moment.signedAfter, at: index)
        }
        jobs.apply(batch, postings, isRecorded: chains.isRecorded(incarnation), place: moment)
        if batch.method != lastMethod {
            methods.insert(batch.method)
            lastMethod = batch.method
        }
        countLate(batch.facts.interval, index)
        if !conflictLeaves.isEmpty, conflictLeaves.contains(checked.leaf) { contested[checked.leaf] = batch.position }
    }

    /// Every microjoule of every root sensor is posted to exactly one account (promise 2 of the design).
    private mutating func conserve(
        _ batch: Batch, _ postings: BatchPostings, _ checked: CheckedEntry
    ) throws(ReplayFailure) {
        // An extract carries the tenant's shares alone; the whole stands in the node's home log.
        guard batch.facts.others == nil else { return }
        guard postings.totalMicrojoules == checked.rootMicrojoules else {
            throw ReplayFailure(
                .conservation, at: checked.index, "the postings are not the energy of the root sensors",
                expected: "\(checked.rootMicrojoules) µJ", found: "\(postings.totalMicrojoules) µJ")
        }
        counts.conservedBatches += 1
    }

    private mutating func fold(_ postings: BatchPostings, of batch: Batch, _ index: UInt64) {
        for span in postings.gaps where GapBook.overlap(span.interval, period) {
            gaps.add(Ledger.Gap(node: batch.node, span: span, index: Int64(clamping: index)))
        }
        guard let sums = keptSums, !sums.contains(batch.facts.interval.start) || batch.facts.interval.end > sums.end
        else { return ledger.add(postings.postings, postings.coverage, node: batch.node) }
        let hours = sums.start.hour...sums.lastHour
        ledger.add(
            postings.postings.filter { hours.contains($0.hour) }, postings.coverage.filter { hours.contains($0.hour) },
            node: batch.node)
    }

    private mutating func countLate(_ interval: UTCInterval, _ index: UInt64) {
        recent.append(interval, at: index)
        for (position, report) in surveyedReports.enumerated()
        where report.size <= Int64(clamping: index) && report.period.intersection(interval) != nil {
            lateBatches[position] += 1
        }
    }

    // MARK: Other kinds

    /// An anchor proves that the entry is not older than the checkpoint that it names, if that checkpoint is of this
    /// tree.
    private mutating func check(_ anchor: TreeHead?, _ index: UInt64) throws(ReplayFailure) {
        guard let anchor else { return }
        guard anchor.size <= index else {
            throw ReplayFailure(
                .anchor, at: index, "the anchor names a tree that did not exist yet",
                expected: "a size of at most \(index)",
                found: "\(anchor.size)")
        }
        guard let root = roots[anchor.size] else {
            // Inside entries that are withheld under one root there is no other.
            guard counts.withheld == 0 else {
                counts.uncheckedAnchors += 1
                return
            }
            throw ReplayFailure(.anchor, at: index, "the survey of this log did not see an anchor at \(anchor.size)")
        }
        guard root == anchor.root else {
            throw ReplayFailure(
                .anchor, at: index, "the signer was shown another tree of size \(anchor.size) than this one",
                expected: root.base64, found: anchor.root.base64)
        }
        counts.anchors += 1
    }

    /// A place that the log does not have is what a node says whose entries were lost, and no forgery.
    private mutating func check(_ resume: ResumeEntry, _ index: UInt64) throws(ReplayFailure) {
        let head = heads[resume.lastGood.incarnation]
        if head?.node != resume.node || resume.lastGood.sequence >= max(1, head?.nextSequence ?? 0) {
            counts.resumesFromNowhere += 1
        }
        try check(resume.anchor, index)
    }

    /// The second note carries the node's own signature: equivocation is proved, not claimed.
    private mutating func check(_ conflict: ConflictEntry, _ index: UInt64) throws(ReplayFailure) {
        guard let chain = chains[conflict.position.incarnation], chain.node == conflict.node, let signers else {
            throw ReplayFailure(.conflict, at: index, "the conflict names a chain that \(conflict.node) does not have")
        }
        guard conflict.firstLeaf != conflict.secondLeaf else {
            throw ReplayFailure(.conflict, at: index, "both notes of the conflict are one")
        }
        if contested[conflict.firstLeaf] == nil, counts.withheld > 0 {
            counts.conflictsUnplaced += 1
        } else if contested[conflict.firstLeaf] != conflict.position {
            throw ReplayFailure(
                .conflict, at: index, "the first note of the conflict does not stand at that place of the chain")
        }
        guard let bytes = conflict.secondNote else { return }
        let second = try CheckedEntry(index: index, bytes: bytes, samples: nil, keys: signers)
        guard case .batch(let batch) = second.entry, batch.position == conflict.position, batch.log == origin,
            second.leaf == conflict.secondLeaf
        else {
            throw ReplayFailure(.conflict, at: index, "the second note is not the one that the conflict names")
        }
        // Also a key that was retired since: what it signed stays signed.
        guard second.verifiedKey?.name == chain.signer else {
            throw ReplayFailure(.conflict, at: index, "the second note is not signed by \(chain.signer)")
        }
    }

    /// A correction never fails: it takes no more than there is, and says in every report what it took.
    private mutating func apply(_ correction: CorrectEntry, _ index: UInt64) {
        var moved: [Int64] = []
        for move in correction.moves {
            let shifts = correcting.apply(move)
            for shift in shifts { apply(shift) }
            moved.append(shifts.reduce(0) { $0 + $1.microjoules })
        }
        corrections.append(CorrectionRegister.Correction(entry: correction, index: index, moved: moved))
        for (position, report) in surveyedReports.enumerated()
        where report.size <= Int64(clamping: index)
            && correction.moves.contains(where: { report.period.contains($0.hour) })
        {
            lateCorrections[position] += 1
        }
    }

    private mutating func apply(_ shift: CorrectionBook.Shift) {
        closing.apply(shift)
        guard keptSums.map({ ($0.start.hour...$0.lastHour).contains(shift.key.hour) }) ?? true else { return }
        var energy = ComponentEnergy()
        energy[shift.component] = Int128(shift.microjoules)
        ledger.add(energy, at: shift.target)
        energy[shift.component] = -Int128(shift.microjoules)
        ledger.add(energy, at: shift.key)
    }

    /// What is closed over exactly the entries so far.
    private mutating func tellClosings(_ size: UInt64) {
        let (nodes, signers, chains, heads) = (nodes, signers, chains, heads)
        closing.reach(size) { $0.statement(members: nodes, signers: signers, chains: chains, heads: heads) }
    }

    private mutating func check(_ close: CloseEntry, _ index: UInt64) throws(ReplayFailure) {
        let name = "the close of \(TimeText.rfc3339(close.period.start)) to \(TimeText.rfc3339(close.period.end))"
        guard close.period.start < close.period.end, close.period.start.isWholeHour, close.period.end.isWholeHour else {
            throw ReplayFailure(.close, at: index, "\(name) is not of whole hours")
        }
        guard close.size <= Int64(clamping: index) else {
            throw ReplayFailure(
                .close, at: index, "\(name) is about entries behind it", expected: "at most \(index)",
                found: "\(close.size)")
        }
        guard let statement = closing.statement(ClosingMark(close)) else {
            throw ReplayFailure(.close, at: index, "the survey of this log did not see \(name)")
        }
        if counts.withheld > 0 {
            counts.uncheckedCloses += 1
        } else if let difference = statement.difference(from: close) {
            throw ReplayFailure(
                .close, at: index, "\(name) over \(close.size) entries is false: \(difference.what)",
                expected: difference.expected, found: difference.found)
        }
        if let refusal = closings.apply(close, at: index) {
            throw ReplayFailure(.close, at: index, "\(name) cannot stand: \(refusal)")
        }
    }

    private mutating func issue(_ report: ReportEntry, _ index: UInt64) throws(ReplayFailure) {
        guard report.size <= Int64(clamping: index) else {
            throw ReplayFailure(
                .report, at: index, "report \(report.number) is about entries behind it", expected: "at most \(index)",
                found: "\(report.size)")
        }
        for issued in reports.issues {
            if issued.entry.number == report.number {
                throw ReplayFailure(
                    .report, at: index, "report number \(report.number) was issued before, at entry \(issued.index)")
            }
            if issued.entry.period == report.period, issued.entry.audience == report.audience,
                issued.entry.size == report.size, issued.entry.sha256 != report.sha256
            {
                throw ReplayFailure(
                    .report, at: index,
                    "reports \(issued.entry.number) and \(report.number) are two different ones about the same entries")
            }
        }
        reports.append(ReportRegister.Issue(entry: report, index: index, lateBatches: 0))
    }

    private func refuse(
        _ refusal: Refusal?, _ failureClass: ReplayFailure.Class, _ index: UInt64
    ) throws(ReplayFailure) {
        if let refusal { throw ReplayFailure(failureClass, at: index, refusal.message) }
    }

    // MARK: Results

    /// What the books of a period say so far; nil unless the survey was told to watch it.
    package func closingStatement(of period: UTCInterval) -> ClosingStatement? {
        closing.fold(of: period)?.statement(members: nodes, signers: signers, chains: chains, heads: heads)
    }

    /// Prepares for entries that the survey did not see, which follow those that were taken so far.
    ///
    /// - Parameters:
    ///   - survey: of those entries alone.
    ///   - published: the sizes of their trees that were published, which entries behind them may name.
    /// - Returns: false when they speak of what this replay has not kept; then nothing has changed, and the log has to
    ///   be read from its first entry.
    package mutating func extend(by survey: LogSurvey, published: [UInt64]) -> Bool {
        let size = size
        guard period == nil, survey.conflictLeaves.isEmpty, survey.revocations.isEmpty,
            survey.closings.allSatisfy({ closing.knows($0) || $0.size >= Int64(clamping: size) }),
            survey.reports.allSatisfy({ $0.size >= recent.start }),
            survey.anchorSizes.allSatisfy({ $0 >= size || roots[$0] != nil })
        else { return false }
        anchorSizes = survey.anchorSizes.union(published)
        surveyedReports += survey.reports
        lateBatches += survey.reports.map { recent.count(of: $0.period, from: $0.size) }
        lateCorrections += survey.reports.map { corrections.count(of: $0.period, from: $0.size) }
        closing.forget { closings.isComplete($0) }
        for mark in survey.closings where !closing.knows(mark) {
            closing.expect(mark, ClosingFold(period: mark.period, ledger: ledger, gaps: gaps))
        }
        correcting.open(survey.correctedPlaces, ledger)
        return true
    }

    /// What the books of a period say now, for a close that is to follow. Of a replay that keeps every hour.
    package mutating func tellClosing(of period: UTCInterval) -> ClosingStatement {
        let fold = ClosingFold(period: period, ledger: ledger, gaps: gaps)
        let statement = fold.statement(members: nodes, signers: signers, chains: chains, heads: heads)
        closing.keep(statement, of: ClosingMark(period: period, size: Int64(clamping: size)))
        return statement
    }

    /// What the log says so far. Records lie outside the log and are added by the caller.
    package var accounts: LogAccounts { accounts(in: nil) }

    /// The same with the gaps of a period alone. The sums of other hours stay in it: reports read those of their
    /// period.
    package func accounts(in period: UTCInterval?) -> LogAccounts {
        var ledger = ledger
        for gap in gaps.gaps(in: period) { ledger.add(gap) }
        return LogAccounts(
            ledger: ledger, jobs: jobs, settings: settings, nodes: nodes,
            reports: ReportRegister(
                issues: reports.issues.enumerated().map { position, issue in
                    ReportRegister.Issue(
                        entry: issue.entry, index: issue.index, lateBatches: lateBatches[position],
                        lateCorrections: lateCorrections[position])
                }),
            corrections: corrections, revoked: revoked.runs(below: size, in: period ?? self.period),
            closings: closings.counted(closing.lateBatches, corrections), measuringMethods: methods)
    }
}
