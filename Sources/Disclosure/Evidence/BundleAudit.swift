import Batches
import TransparencyLog

/// Verifies an evidence bundle offline: nothing is believed but the auditor's policy, and what follows from it.
///
/// The order of proof: the policy names the log's key; the key signed the checkpoint; the checkpoint's root covers
/// every entry; the first entry names the administration key; that key signed the manifest, which fixes every other
/// file; the entries, replayed, give the accounts; the accounts give the disclosure, byte for byte.
package struct BundleAudit: Sendable {
    package struct Progress: Sendable {
        package var stage: String
        package var done: UInt64
        package var total: UInt64
    }

    let source: BundleSource
    let policy: TrustPolicy
    let policyBytes: [UInt8]
    /// Bundles of 256 entries that are checked at the same time.
    let width: Int
    let progress: @Sendable (Progress) -> Void
    /// A report in a DSSE envelope with its place, to be held to the log.
    package var statement: (place: String, bytes: [UInt8])?
    /// Checkpoints of the log that the auditor got earlier or elsewhere: the bundle's tree must continue them all.
    package var remembered: [(place: String, bytes: [UInt8])] = []

    /// - Parameters:
    ///   - policy: the auditor's own policy file. The copy in the bundle is what the operator published.
    ///   - workers: cores to use.
    package init(
        source: BundleSource, policy bytes: [UInt8], workers: Int,
        progress: @escaping @Sendable (Progress) -> Void = { _ in }
    ) throws(ReplayFailure) {
        do {
            policy = try TrustPolicy(parsing: bytes)
        } catch {
            throw ReplayFailure(.policy, at: "policy", error.reason)
        }
        self.source = source
        policyBytes = bytes
        // One core needs nothing prepared ahead, and keeps what it works on close.
        width = workers > 1 ? 2 * workers : 1
        self.progress = progress
    }

    /// Runs all steps. It never throws: a failure is a finding.
    package func run() async -> AuditReport {
        var report = AuditReport()
        do {
            try await verify(&report)
        } catch let failure as ReplayFailure {
            report.failure = failure
        } catch {
            report.failure = ReplayFailure(.file, at: "bundle", "\(error)")
        }
        return report
    }

    /// The disclosure that follows from the entries, whatever the bundle states. Everything below it is verified.
    package func recomputed() async throws -> Disclosure {
        var report = AuditReport()
        let checkpoint = try verifiedCheckpoint(&report)
        let manifest = try verifiedManifest(checkpoint, &report)
        let outside = try OutsideFiles(manifest, source: source)
        let pieces = try pieces(manifest)
        let survey = try await survey(manifest, pieces)
        let replayed = try await replay(manifest, pieces, survey, outside, checkpoint.checkpoint.head)
        var ignored = AuditReport()
        try checkLogKey(of: checkpoint.checkpoint, replayed.replay, &ignored)
        return try disclosure(try input(replayed.replay, manifest, outside, checkpoint), as: outside.disclosure)
    }

    private func verify(_ report: inout AuditReport) async throws {
        let statement = try self.statement.map { try HeldReport($0.bytes, place: $0.place) }
        let checkpoint = try verifiedCheckpoint(&report)
        let manifest = try verifiedManifest(checkpoint, &report)
        let outside = try OutsideFiles(manifest, source: source)
        let pieces = try pieces(manifest)
        var survey = try await survey(manifest, pieces)
        let seen = try seenHeads(checkpoint.checkpoint.checkpoint)
        for head in seen { survey.keepRoot(at: head.head.size) }
        if let statement { survey.keepRoot(at: statement.citedSize) }
        let replayed = try await replay(
            manifest, pieces, survey, outside, checkpoint.checkpoint.head, holding: statement)
        try checkLogKey(of: checkpoint.checkpoint, replayed.replay, &report)
        try compare(seen, with: replayed.replay, &report)
        describeRange(manifest, &report)
        try judge(replayed, manifest, outside, checkpoint, &report)
        describeReports(replayed, survey, &report)
        describeRivals(replayed, &report)
        if let statement { try statement.hold(to: replayed, outside, &report) }
    }

    /// A checkpoint that the auditor remembers.
    private struct SeenHead {
        var place: String
        var head: TreeHead
        var key: VerifierKey
    }

    private func seenHeads(_ newest: Checkpoint) throws(ReplayFailure) -> [SeenHead] {
        var heads: [SeenHead] = []
        for file in remembered {
            do {
                let verified = try evaluateEarlier(SignedCheckpoint(parsing: file.bytes), newest)
                guard verified.checkpoint.origin == newest.origin else {
                    throw ReplayFailure(
                        .foreignLog, at: file.place, "it is of another log", expected: newest.origin,
                        found: verified.checkpoint.origin)
                }
                heads.append(SeenHead(place: file.place, head: verified.head, key: verified.log))
            } catch let failure as ReplayFailure {
                throw failure
            } catch let error as TransparencyLogError {
                throw ReplayFailure(.checkpoint, at: file.place, error.reason)
            } catch {
                throw ReplayFailure(.checkpoint, at: file.place, "\(error)")
            }
        }
        return heads
    }

    /// Two trees of one size that the log signed, or a tree that shrank, prove a fork by themselves.
    private func compare(
        _ seen: [SeenHead], with replay: LogReplay, _ report: inout AuditReport
    ) throws(ReplayFailure) {
        var continued = 0
        for one in seen {
            let (place, head) = (one.place, one.head)
            guard replay.signers?.logKeys.contains(where: { $0.key == one.key }) == true else {
                throw ReplayFailure(.signer, at: place, "it is signed by a key that the log never named")
            }
            guard head.size <= replay.size else {
                throw ReplayFailure(
                    .checkpoint, at: place, "the log has fewer entries than when this was signed: it was rolled back",
                    expected: "at least \(head.size)", found: "\(replay.size)")
            }
            // Inside entries that are withheld under one root there is no other.
            guard let root = replay.root(at: head.size) else {
                report.notCovered.append(
                    "whether the tree continues \(place): its \(head.size) entries end inside of what is withheld")
                continue
            }
            guard root == head.root else {
                throw ReplayFailure(
                    .checkpoint, at: place,
                    "the log signed two histories: the first \(head.size) entries are others than when this was signed",
                    expected: head.root.base64, found: root.base64)
            }
            continued += 1
        }
        if continued > 0 { report.proved.append("the tree continues \(continued) checkpoints that you remembered") }
    }

    // MARK: Checkpoint and manifest

    private func verifiedCheckpoint(_ report: inout AuditReport) throws(ReplayFailure) -> PolicyVerdict {
        let path = BundlePath.checkpoint.path
        let bytes = try source.bytes(of: path, limit: SignedNote.maximumByteCount)
        let verdict: PolicyVerdict
        do {
            verdict = try evaluate(SignedCheckpoint(parsing: bytes))
        } catch let error as TransparencyLogError {
            throw ReplayFailure(.checkpoint, at: path, error.reason)
        } catch {
            throw ReplayFailure(.checkpoint, at: path, "\(error)")
        }
        guard verdict.isQuorumReached else {
            let missing = verdict.witnesses.filter { $0.time == nil }.map(\.witness.name.description)
            throw ReplayFailure(
                .checkpoint, at: path, "no quorum of the policy's witnesses cosigned it",
                expected: policy.quorum?.description, found: "without \(missing.joined(separator: ", "))")
        }
        let checkpoint = verdict.checkpoint.checkpoint
        report.proved.append("the log \(checkpoint.origin) signed its tree of \(checkpoint.size) entries")
        return verdict
    }

    private func verifiedManifest(
        _ verdict: PolicyVerdict, _ report: inout AuditReport
    ) throws(ReplayFailure) -> BundleManifest {
        let signed = try SignedManifest(
            parsing: source.bytes(of: BundleManifest.path, limit: BundleManifest.maximumByteCount))
        let manifest = signed.manifest
        let checkpoint = verdict.checkpoint.checkpoint
        guard manifest.origin == checkpoint.origin, manifest.size == checkpoint.size else {
            throw ReplayFailure(
                .manifest, at: BundleManifest.path, "it is about another tree than the checkpoint",
                expected: "\(checkpoint.origin), \(checkpoint.size) entries",
                found: "\(manifest.origin), \(manifest.size) entries")
        }
        guard manifest.withheldEntries == 0 || manifest.audience != .assurer else {
            throw SignedManifest.failure("it withholds entries, and a bundle for an assurer withholds none")
        }
        try checkGenesis(manifest, signed)
        try compareFileList(manifest)
        report.proved.append(
            "the bundle is exactly the \(manifest.files.count) files that the administration key signed")
        return manifest
    }

    /// The administration key of entry 0 signed the manifest. It is believed once the root covers that entry.
    private func checkGenesis(_ manifest: BundleManifest, _ signed: SignedManifest) throws(ReplayFailure) {
        let (path, genesis) = try firstEntry(inLogOf: manifest.size)
        guard let genesis, let key = try? VerifierKey(parsing: genesis.administrationKey) else {
            // The file may be what was changed, and not the entry.
            if let file = manifest.files.first(where: { $0.path == path }) { _ = try source.bytes(of: file) }
            throw ReplayFailure(.syntax, at: path, "entry 0 is not a genesis entry with an administration key")
        }
        do {
            try signed.verify(with: key)
        } catch {
            // The key may be what was changed, and not the manifest.
            if let file = manifest.files.first(where: { $0.path == path }) { _ = try source.bytes(of: file) }
            throw error
        }
    }

    /// - Returns: the file that has entry 0, and what it is if it is a genesis entry.
    func firstEntry(inLogOf size: UInt64) throws(ReplayFailure) -> (path: String, genesis: GenesisEntry?) {
        guard let bundle = EntryBundle(index: 0, inTreeOf: size) else {
            throw ReplayFailure(.manifest, at: BundleManifest.path, "the log has no entries")
        }
        let partial = BundlePath.disclosed(bundle).path
        let path = source.paths.contains(partial) ? partial : bundle.path
        let entry = Self.firstEntry(in: try source.bytes(of: path, limit: EntryBundle.maximumByteCount))
        let text = entry.flatMap { try? SignedNote(parsing: Array($0)) }.map { Array($0.text) }
        return (path, text.flatMap { try? GenesisEntry(text: $0) })
    }

    private static func firstEntry(in bytes: [UInt8]) -> ArraySlice<UInt8>? {
        guard bytes.count >= 2, case let end = 2 + Int(bytes[0]) << 8 + Int(bytes[1]), end <= bytes.count else {
            return nil
        }
        return bytes[2..<end]
    }

    private func compareFileList(_ manifest: BundleManifest) throws(ReplayFailure) {
        let listed = Set(manifest.files.map(\.path))
        if let missing = listed.subtracting(source.paths).min() { throw BundleSource.missing(missing) }
        if let unlisted = source.paths.subtracting(listed).subtracting([BundleManifest.path]).min() {
            throw ReplayFailure(.file, at: unlisted, "the file is not listed in \(BundleManifest.path)")
        }
        for file in manifest.files {
            guard let path = BundlePath(file.path) else {
                throw ReplayFailure(.file, at: file.path, "no file of that name belongs in a bundle")
            }
            switch path {
            case .entries(let bundle), .samples(let bundle), .disclosed(let bundle), .withheld(let bundle):
                guard EntryBundle(index: bundle.index, inTreeOf: manifest.size) == bundle else {
                    throw ReplayFailure(.file, at: file.path, "a log of \(manifest.size) entries has no such bundle")
                }
            case .checkpoint, .policy, .disclosure, .subtrees, .record, .factor: break
            }
        }
    }

    static func entries(of bundle: EntryBundle, in bytes: [UInt8]) throws(ReplayFailure) -> [ArraySlice<UInt8>] {
        do {
            return try bundle.entries(in: bytes)
        } catch {
            throw ReplayFailure(.file, at: bundle.path, error.reason)
        }
    }
}
