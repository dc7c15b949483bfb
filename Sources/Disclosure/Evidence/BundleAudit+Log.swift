import Batches
import Energy
import TransparencyLog

/// The two passes over the log: its root first, then what its entries say.
extension BundleAudit {
    static func filesByPath(_ manifest: BundleManifest) -> [String: BundleManifest.File] {
        Dictionary(manifest.files.map { ($0.path, $0) }) { first, _ in first }
    }

    /// Which stretches of the log the bundle has, and how.
    func pieces(_ manifest: BundleManifest) throws(ReplayFailure) -> [BundlePiece] {
        let files = Self.filesByPath(manifest)
        var subtrees = WithheldSubtrees()
        if let file = files[BundlePath.subtrees.path] {
            subtrees = try WithheldSubtrees(parsing: source.bytes(of: file), inTreeOf: manifest.size)
        }
        return try BundlePiece.all(of: manifest, files, subtrees)
    }

    func survey(_ manifest: BundleManifest, _ pieces: [BundlePiece]) async throws -> LogSurvey {
        var survey = LogSurvey()
        do {
            try await forEach(pieces, manifest, &survey, stage: "files", isHashed: false) { survey, items in
                for item in items {
                    switch item {
                    case .entry(let bytes): try survey.note(bytes)
                    case .withheld(_, let level): survey.skip(1 << UInt64(level))
                    }
                }
                return survey.size
            }
        } catch let failure as ReplayFailure {
            try await checkFiles(manifest, pieces)
            throw failure
        }
        guard survey.withheld == UInt64(clamping: manifest.withheldEntries) else {
            throw SignedManifest.failure("it says that it withholds another number of entries than it does")
        }
        return survey
    }

    /// - Throws: when a file of entries is not the one that the manifest lists.
    private func checkFiles(_ manifest: BundleManifest, _ pieces: [BundlePiece]) async throws {
        var done: UInt64 = 0
        try await forEach(pieces, manifest, &done, stage: "files") { done, items in
            done += UInt64(items.count)
            return done
        }
    }

    /// - Throws: when the entries are not those of the signed tree.
    func checkRange(_ manifest: BundleManifest, _ pieces: [BundlePiece], _ head: TreeHead) async throws {
        try await checkFiles(manifest, pieces)
        var frontier = MerkleFrontier()
        try await forEach(pieces, manifest, &frontier, stage: "root") { frontier, items in
            for item in items { try item.append(to: &frontier) }
            return frontier.size
        }
        try check(TreeHead(size: frontier.size, root: frontier.root), is: head)
    }

    /// - Parameter agreed: how many entries stand in front of the newest anchor of a signer, all of which hold.
    private func check(_ found: TreeHead, is head: TreeHead, agreed: UInt64 = 0) throws(ReplayFailure) {
        guard found != head else { return }
        var failure = ReplayFailure(
            .range, at: BundlePath.checkpoint.path,
            "the entries are not those of the signed tree: one was added, left out, changed or moved",
            expected: "\(head.root)", found: "\(found.root)")
        if agreed > 0 {
            failure.place = "entry \(agreed)"
            failure.what += ", this one or one behind it, as the anchors of signers agree with all in front"
        }
        throw failure
    }

    /// Every piece of the log in order.
    ///
    /// - Parameter isHashed: see `PieceReader.isHashed`.
    private func forEach<State>(
        _ pieces: [BundlePiece], _ manifest: BundleManifest, _ state: inout State, stage: String,
        isHashed: Bool = true, _ fold: (inout State, [BundleItem]) throws -> UInt64
    ) async throws {
        let reader = PieceReader(files: Self.filesByPath(manifest), source: source, isHashed: isHashed)
        try await inOrder(pieces, &state) { _ in
        } work: { piece, _ in
            Result { () throws(ReplayFailure) in try reader.items(of: piece) }
        } fold: { state, items in
            let done = try fold(&state, items.get())
            progress(Progress(stage: stage, done: done, total: manifest.size))
        }
    }

    /// A replay, and the reports that were issued on the way.
    struct Replayed {
        var replay: LogReplay
        /// Of those that were made again, by number: in which revision they have the digest in the log; nil in none.
        var reports: [Int64: Int64?] = [:]
        /// Of those that have it, by which method.
        var methods: [Int64: CalculationMethod] = [:]
        /// The report that the auditor holds in hands, as it follows from the entries that it stands on.
        var held: Disclosure?

        /// The latest revision of which the log announces a report, and the first entry that does.
        ///
        /// - Parameter limit: entries from this one on do not count.
        func newestRevision(before limit: UInt64 = .max) -> DisclosureComparison.Announced? {
            var newest: DisclosureComparison.Announced?
            for issue in replay.accounts.reports.issues where issue.index < limit {
                guard let revision = reports[issue.entry.number] ?? nil else { continue }
                if revision > newest?.revision ?? 0 { newest = .init(revision: revision, index: issue.index) }
            }
            return newest
        }
    }

    /// Replays the log up to the signed tree.
    ///
    /// Most logs are honest, so the root is computed on the way. Where something does not hold, the range is checked
    /// first of all: in a tree that is not the signed one every other finding is an accident, and only shows the way.
    func replay(
        _ manifest: BundleManifest, _ pieces: [BundlePiece], _ survey: LogSurvey, _ outside: OutsideFiles,
        _ head: TreeHead, holding held: HeldReport? = nil
    ) async throws -> Replayed {
        do {
            let replayed = try await replay(manifest, pieces, survey, outside, holding: held)
            let agreed = replayed.replay.root(at: survey.newestAnchor) == nil ? 0 : survey.newestAnchor
            try check(replayed.replay.head, is: head, agreed: agreed)
            return replayed
        } catch let failure as ReplayFailure {
            do {
                try await checkRange(manifest, pieces, head)
            } catch var range as ReplayFailure where range.failureClass == .range {
                if failure.failureClass == .range { throw failure }
                // A root alone says that something is wrong; the first entry that contradicts others says where.
                if failure.place.hasPrefix("entry ") { range.place = failure.place }
                range.what += " (\(failure.place): \(failure.what))"
                throw range
            }
            throw failure
        }
    }

    /// Reports of the bundle's period that are made again, from the newest on. Each lists all before it, so that an
    /// operator who signs very many would have the auditor at work for days.
    static let maximumReports = 200

    private func replay(
        _ manifest: BundleManifest, _ pieces: [BundlePiece], _ survey: LogSurvey, _ outside: OutsideFiles,
        holding held: HeldReport?
    ) async throws -> Replayed {
        var state = Replayed(replay: LogReplay(origin: manifest.origin, survey: survey, period: manifest.period))
        // The survey held the files to the manifest; what is read now is held to the signed root.
        let reader = PieceReader(files: Self.filesByPath(manifest), source: source, isHashed: false)
        var due: [UInt64: [ReportEntry]] = [:]
        let issued = survey.reports.filter { $0.period == manifest.period }
        for (place, entry) in issued.enumerated()
        where issued.count - place <= Self.maximumReports || entry.number == held?.number {
            due[UInt64(clamping: entry.size), default: []].append(entry)
        }
        func take(_ item: CheckedPiece.Item, _ state: inout Replayed) throws(ReplayFailure) {
            switch item {
            case .entry(let entry): try state.replay.append(entry)
            case .withheld(let root, let level): try state.replay.withhold(root, level: level)
            }
            for report in due[state.replay.size] ?? [] {
                let stated = report.number == held?.number ? held?.method : nil
                let made = Self.made(report, state.replay, outside, stated)
                if let made {
                    let revision = made.revision(ofDigest: report.sha256)
                    state.reports.updateValue(revision, forKey: report.number)
                    if revision != nil { state.methods[report.number] = made.method }
                }
                if report.number == held?.number { state.held = made }
            }
        }
        try await replay(pieces, reader, &state, take) { state in
            progress(Progress(stage: "entries", done: state.replay.size, total: manifest.size))
        }
        return state
    }

    /// Checks every entry of every piece and hands it on in order.
    private func replay(
        _ pieces: [BundlePiece], _ reader: PieceReader, _ state: inout Replayed,
        _ take: (CheckedPiece.Item, inout Replayed) throws(ReplayFailure) -> Void, done: (Replayed) -> Void
    ) async throws {
        // The keys enrolled before the piece; entries of later ones are verified by the replay itself.
        func keys(_ state: Replayed) -> CheckedEntry.KnownKeys? {
            state.replay.signers.map(CheckedEntry.KnownKeys.init)
        }
        guard width > 1 else {
            // Each entry is taken while it is at hand, and the next one gets its memory.
            var recall = CheckedEntry.Recall()
            for piece in pieces {
                var check = try PieceCheck(piece, reader, keys: keys(state))
                while let item = try check.next(&recall) { try take(item, &state) }
                done(state)
            }
            return
        }
        let recalls = RecallPool(readers: width)
        try await inOrder(pieces, &state) { state in
            keys(state)
        } work: { piece, keys in
            recalls.with { CheckedPiece(piece, reader, keys: keys, &$0) }
        } fold: { state, checked in
            for item in checked.items { try take(item, &state) }
            if let failure = checked.failure { throw failure }
            done(state)
        }
    }

    /// What the report must have said when the log was as long as it states, by the method and under the policy that
    /// give its digest: the log names the policy, but aggregators did not always log theirs.
    ///
    /// - Parameter stated: the method that it says it was made by, where it is at hand: else the newest one that fits.
    private static func made(
        _ report: ReportEntry, _ replay: LogReplay, _ outside: OutsideFiles, _ stated: CalculationMethod?
    ) -> Disclosure? {
        guard replay.counts.withheld == 0, let audience = Audience(rawValue: report.audience),
            let genesis = replay.signers?.genesis,
            let checkpoint = try? Checkpoint(origin: replay.origin, head: replay.head)
        else { return nil }
        var accounts = replay.accounts
        outside.addRecords(to: &accounts)
        var input = DisclosureInput(
            genesis: genesis, accounts: accounts, checkpoint: checkpoint, policy: outside.policy,
            period: report.period, audience: audience, factorFiles: outside.factors)
        let named = accounts.settings.policy(of: genesis)
        var nearest: Disclosure?
        for policy in named == outside.policy ? [named] : [named, outside.policy] {
            for method in stated.map({ [$0] }) ?? CalculationMethod.allCases.reversed() {
                (input.policy, input.method) = (policy, method)
                let made = Disclosure(input)
                if made.revision(ofDigest: report.sha256) != nil { return made }
                if policy == outside.policy, method == stated ?? .newest { nearest = made }
            }
        }
        return nearest
    }

    /// Works on several bundles at once, on all cores, and folds the results in order, so that the first failure is
    /// always the same one. At most `width` bundles are in memory.
    private func inOrder<State, Context: Sendable, Checked: Sendable>(
        _ bundles: [BundlePiece], _ state: inout State, context: (State) -> Context,
        work: @escaping @Sendable (BundlePiece, Context) -> Checked, fold: (inout State, Checked) throws -> Void
    ) async throws {
        guard width > 1 else {
            for bundle in bundles { try fold(&state, work(bundle, context(state))) }
            return
        }
        try await withThrowingTaskGroup(of: (Int, Checked).self) { group in
            var ready: [Int: Checked] = [:]
            var started = 0
            var folded = 0
            while folded < bundles.count {
                while started < min(bundles.count, folded + width) {
                    let (index, bundle, context) = (started, bundles[started], context(state))
                    group.addTask { (index, work(bundle, context)) }
                    started += 1
                }
                if let next = ready.removeValue(forKey: folded) {
                    try fold(&state, next)
                    folded += 1
                } else if let (index, checked) = try await group.next() {
                    ready[index] = checked
                }
            }
        }
    }
}

/// The entries of one piece up to the first that does not hold by itself, checked beside other pieces.
struct CheckedPiece: Sendable {
    enum Item: Sendable {
        case entry(CheckedEntry)
        case withheld(MerkleHash, level: Int)
    }

    private(set) var items: [Item] = []
    private(set) var failure: ReplayFailure?

    init(
        _ piece: BundlePiece, _ reader: PieceReader, keys: CheckedEntry.KnownKeys?, _ recall: inout CheckedEntry.Recall
    ) {
        do throws(ReplayFailure) {
            var check = try PieceCheck(piece, reader, keys: keys)
            items.reserveCapacity(check.count)
            while let item = try check.next(&recall) { items.append(item) }
        } catch {
            failure = error
        }
    }
}

/// Checks the entries of one piece one after the other, each by itself.
struct PieceCheck {
    private let firstEntry: UInt64
    private let notes: [BundleItem]
    private let blocks: [[UInt8]?]
    private let keys: CheckedEntry.KnownKeys?
    private var offset = 0

    /// - Throws: when the files of the piece are not what they should be.
    init(_ piece: BundlePiece, _ reader: PieceReader, keys: CheckedEntry.KnownKeys?) throws(ReplayFailure) {
        firstEntry = piece.firstEntry
        notes = try reader.items(of: piece)
        blocks = try Self.samples(piece, reader, count: notes.count)
        self.keys = keys
    }

    var count: Int { notes.count }

    /// The next entry, nil behind the last one.
    mutating func next(_ recall: inout CheckedEntry.Recall) throws(ReplayFailure) -> CheckedPiece.Item? {
        guard offset < notes.count else { return nil }
        let index = firstEntry + UInt64(offset)
        let samples = blocks[offset]
        defer { offset += 1 }
        switch notes[offset] {
        case .entry(let bytes):
            return .entry(
                try CheckedEntry(index: index, bytes: Array(bytes), samples: samples, keys: keys, recall: &recall))
        case .withheld(let root, let level):
            guard samples == nil else {
                throw ReplayFailure(.samples, at: index, "an entry that is withheld has a sample block")
            }
            return .withheld(root, level: level)
        }
    }

    private static func samples(
        _ piece: BundlePiece, _ reader: PieceReader, count: Int
    ) throws(ReplayFailure) -> [[UInt8]?] {
        let none = [[UInt8]?](repeating: nil, count: count)
        let bundle: EntryBundle
        switch piece {
        case .entries(let whole): bundle = whole
        case .partial(let partial): bundle = partial
        case .subtree: return none
        }
        let path = BundlePath.samples(bundle).path
        guard let file = reader.files[path] else { return none }
        guard let blocks = SampleBundle.decode(try reader.source.bytes(of: file), count: count) else {
            throw ReplayFailure(.samples, at: path, "it does not hold one block for each of \(count) entries")
        }
        return blocks
    }
}
