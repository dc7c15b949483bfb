import Batches
import Energy
import TransparencyLog

/// The two passes over the log: its root first, then what its entries say.
extension BundleAudit {
    private static func listed(
        _ path: BundlePath, in files: [String: BundleManifest.File]
    ) throws(ReplayFailure) -> BundleManifest.File {
        guard let file = files[path.path] else {
            throw ReplayFailure(.file, at: path.path, "the file is not listed in \(BundleManifest.path)")
        }
        return file
    }

    private static func bundles(of size: UInt64) -> [EntryBundle] {
        let count = (size + UInt64(Tile.fullWidth) - 1) / UInt64(Tile.fullWidth)
        return (0..<count).compactMap { EntryBundle(index: $0, inTreeOf: size) }
    }

    static func filesByPath(_ manifest: BundleManifest) -> [String: BundleManifest.File] {
        Dictionary(manifest.files.map { ($0.path, $0) }) { first, _ in first }
    }

    func survey(_ manifest: BundleManifest) async throws -> LogSurvey {
        var survey = LogSurvey()
        try await forEachBundle(manifest, &survey, stage: "files") { survey, entries in
            for entry in entries { try survey.note(entry) }
            return survey.size
        }
        return survey
    }

    /// - Throws: when the entries are not those of the signed tree.
    func checkRange(_ manifest: BundleManifest, _ head: TreeHead) async throws {
        var frontier = MerkleFrontier()
        try await forEachBundle(manifest, &frontier, stage: "root") { frontier, entries in
            for entry in entries { frontier.append(MerkleHash.leaf(of: entry)) }
            return frontier.size
        }
        try check(TreeHead(size: frontier.size, root: frontier.root), is: head)
    }

    private func check(_ found: TreeHead, is head: TreeHead) throws(ReplayFailure) {
        guard found == head else {
            throw ReplayFailure(
                .range, at: BundlePath.checkpoint.path,
                "the entries are not those of the signed tree: one was added, left out, changed or moved",
                expected: "\(head.root)", found: "\(found.root)")
        }
    }

    /// Every bundle of entries, held to the manifest, in order.
    private func forEachBundle<State>(
        _ manifest: BundleManifest, _ state: inout State, stage: String,
        _ fold: (inout State, [ArraySlice<UInt8>]) throws -> UInt64
    ) async throws {
        let files = Self.filesByPath(manifest)
        let source = source
        try await inOrder(Self.bundles(of: manifest.size), &state) { _ in
        } work: { bundle, _ in
            Result { () throws(ReplayFailure) in
                let bytes = try source.bytes(of: Self.listed(.entries(bundle), in: files))
                return try Self.entries(of: bundle, in: bytes)
            }
        } fold: { state, entries in
            let done = try fold(&state, entries.get())
            progress(Progress(stage: stage, done: done, total: manifest.size))
        }
    }

    /// A replay, and the digests of the reports that were issued on the way.
    struct Replayed {
        var replay: LogReplay
        /// By number.
        var reports: [Int64: MerkleHash] = [:]
    }

    /// Replays the log up to the signed tree.
    ///
    /// Most logs are honest, so the root is computed on the way. Where something does not hold, the range is checked
    /// first of all: in a tree that is not the signed one every other finding is an accident.
    func replay(
        _ manifest: BundleManifest, _ survey: LogSurvey, _ outside: OutsideFiles, _ head: TreeHead
    ) async throws -> Replayed {
        do {
            let replayed = try await replay(manifest, survey, outside)
            try check(replayed.replay.head, is: head)
            return replayed
        } catch let failure as ReplayFailure {
            try await checkRange(manifest, head)
            throw failure
        }
    }

    private func replay(
        _ manifest: BundleManifest, _ survey: LogSurvey, _ outside: OutsideFiles
    ) async throws -> Replayed {
        var state = Replayed(replay: LogReplay(origin: manifest.origin, survey: survey, period: manifest.period))
        let files = Self.filesByPath(manifest)
        let source = source
        var due: [UInt64: [ReportEntry]] = [:]
        for entry in survey.reports where entry.period == manifest.period {
            due[UInt64(clamping: entry.size), default: []].append(entry)
        }
        try await inOrder(Self.bundles(of: manifest.size), &state) { state in
            // The keys enrolled so far; entries of later ones are verified by the replay itself.
            state.replay.signers
        } work: { bundle, keys in
            CheckedBundle(bundle, files: files, source: source, keys: keys)
        } fold: { state, checked in
            for index in checked.entries.indices {
                try state.replay.append(checked.entries[index])
                for report in due[state.replay.size] ?? [] {
                    state.reports[report.number] = Self.digest(of: report, state.replay, outside)
                }
            }
            if let failure = checked.failure { throw failure }
            progress(Progress(stage: "entries", done: state.replay.size, total: manifest.size))
        }
        return state
    }

    /// What the report must have said when the log was as long as it states.
    private static func digest(
        of report: ReportEntry, _ replay: LogReplay, _ outside: OutsideFiles
    ) -> MerkleHash? {
        guard let audience = Audience(rawValue: report.audience), let genesis = replay.signers?.genesis,
            let checkpoint = try? Checkpoint(origin: replay.origin, head: replay.head)
        else { return nil }
        var accounts = replay.accounts
        outside.addRecords(to: &accounts)
        return Disclosure(
            DisclosureInput(
                genesis: genesis, accounts: accounts, checkpoint: checkpoint, policy: outside.policy,
                period: report.period, audience: audience, factorFiles: outside.factors)
        ).sha256
    }

    /// Works on several bundles at once, on all cores, and folds the results in order, so that the first failure is
    /// always the same one. At most `width` bundles are in memory.
    private func inOrder<State, Context: Sendable, Checked: Sendable>(
        _ bundles: [EntryBundle], _ state: inout State, context: (State) -> Context,
        work: @escaping @Sendable (EntryBundle, Context) -> Checked, fold: (inout State, Checked) throws -> Void
    ) async throws {
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

/// The entries of one bundle up to the first that does not hold by itself.
struct CheckedBundle: Sendable {
    private(set) var entries: [CheckedEntry] = []
    private(set) var failure: ReplayFailure?

    init(
        _ bundle: EntryBundle, files: [String: BundleManifest.File], source: BundleSource, keys: SignerRegister?
    ) {
        do {
            try check(bundle, files, source, keys)
        } catch {
            failure = error
        }
    }

    private mutating func check(
        _ bundle: EntryBundle, _ files: [String: BundleManifest.File], _ source: BundleSource, _ keys: SignerRegister?
    ) throws(ReplayFailure) {
        // The survey held the file to the manifest; what is read now is held to the signed root.
        let notes = try BundleAudit.entries(of: bundle, in: source.bytes(of: bundle.path))
        let blocks = try samples(bundle, files, source, count: notes.count)
        entries.reserveCapacity(notes.count)
        var recall = CheckedEntry.Recall()
        for (offset, note) in notes.enumerated() {
            entries.append(
                try CheckedEntry(
                    index: bundle.firstEntry + UInt64(offset), bytes: Array(note), samples: blocks[offset], keys: keys,
                    recall: &recall))
        }
    }

    private func samples(
        _ bundle: EntryBundle, _ files: [String: BundleManifest.File], _ source: BundleSource, count: Int
    ) throws(ReplayFailure) -> [[UInt8]?] {
        let path = BundlePath.samples(bundle).path
        guard let file = files[path] else { return Array(repeating: nil, count: count) }
        guard let blocks = SampleBundle.decode(try source.bytes(of: file), count: count) else {
            throw ReplayFailure(.samples, at: path, "it does not hold one block for each of \(count) entries")
        }
        return blocks
    }
}
