import Disclosure
import Identity
import TransparencyLog

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Fetches a bundle into a directory that gets its name only when everything is there, and goes on where an earlier
/// export of the same evidence was interrupted.
///
/// What is there of an interrupted export lies in `DIR.partial`, with a note in `DIR.partial.query` of what was asked
/// for. Files come in a fixed order, so all but the newest are whole.
struct EvidenceExport: ~Copyable {
    private let directory: String
    private let partial: String
    private let queryFile: String
    private let lock: Int32
    private var reader = TarReader()
    private(set) var counts = EvidenceDirectory.Counts()

    /// - Parameter query: what is asked for; a partial export of anything else is begun anew.
    static func write(
        to directory: String, from client: AggregatorClient, _ path: String, _ query: [(String, String?)]
    ) async throws -> EvidenceDirectory.Counts {
        var export = try EvidenceExport(directory)
        let asked = AggregatorClient.target(path, query)
        let begun = try export.resume(asked)
        do {
            try await client.stream(path, query + begun) { try export.append($0) }
        } catch let failure as TarReader.Failure {
            throw CommandFailure(
                .unavailable, "BAD_REPLY",
                "what came is no whole bundle: \(failure), \(client.exchange.address), run the same command again: it "
                    + "goes on with what \(export.partial) has")
        } catch {
            export.abandonIfEmpty()
            throw error
        }
        return try export.finish()
    }

    /// Why an auditor would send the bundle back at once, by the policy in it; nil where nothing is missing.
    static func missingQuorum(in directory: String) -> String? {
        guard let policy = try? TrustPolicy(parsing: PrivateFile.read("\(directory)/\(BundlePath.policy.path)")),
            let bytes = try? PrivateFile.read("\(directory)/\(BundlePath.checkpoint.path)"),
            let verdict = try? policy.evaluate(SignedCheckpoint(parsing: bytes)), !verdict.isQuorumReached
        else { return nil }
        let silent = verdict.witnesses.filter { $0.time == nil }.map(\.witness.name.description)
        return
            "the tree of \(verdict.checkpoint.checkpoint.size) entries lacks a quorum of its witnesses, \(directory), "
            + "who asks for one refuses it: export again when \(silent.joined(separator: ", ")) have cosigned"
    }

    private init(_ directory: String) throws(CommandFailure) {
        var path = directory
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        let partial = "\(path).partial"
        guard EvidenceDirectory.isAbsentOrEmpty(path) else {
            throw .file("the directory exists and is not empty", path, "choose a new one")
        }
        guard mkdir(partial, 0o755) == 0 || errno == EEXIST else { throw OutputFile.failure(partial) }
        let lock = try Self.locked(partial)
        self.init(directory: path, partial: partial, lock: lock)
    }

    private init(directory: String, partial: String, lock: Int32) {
        self.directory = directory
        self.partial = partial
        queryFile = "\(partial).query"
        self.lock = lock
    }

    private static func locked(_ directory: String) throws(CommandFailure) -> Int32 {
        let lock = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard lock >= 0 else { throw OutputFile.failure(directory) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw .file("another export writes there", directory, "wait for it, or choose another directory")
        }
        return lock
    }

    deinit { close(lock) }

    // MARK: Going on

    /// Keeps the whole bundles of an interrupted export of the same evidence and removes everything else.
    ///
    /// - Returns: what to ask for beside the evidence itself.
    private func resume(_ asked: String) throws(CommandFailure) -> [(String, String?)] {
        let known = (try? PrivateFile.read(queryFile)).map { String(decoding: $0, as: UTF8.self) }
        guard known == asked, let size = treeSize else {
            EvidenceDirectory.empty(partial)
            do {
                try PrivateFile.write(Array(asked.utf8), to: queryFile, mode: 0o644)
            } catch {
                throw OutputFile.failure(queryFile)
            }
            return []
        }
        // The newest bundle may be half of one, or lack its samples.
        var whole: UInt64 = 0
        while let next = EntryBundle(index: whole + 1, inTreeOf: size), isThere(next.path) { whole += 1 }
        let kept = Set(
            (0..<whole).compactMap { EntryBundle(index: $0, inTreeOf: size) }.flatMap { bundle in
                [bundle.path, BundlePath.samples(bundle).path]
            })
        EvidenceDirectory.empty(partial, keeping: kept)
        return [("size", "\(size)"), ("bundles", "\(whole)")]
    }

    private var treeSize: UInt64? {
        guard let bytes = try? PrivateFile.read("\(partial)/\(BundlePath.checkpoint.path)") else { return nil }
        return (try? SignedCheckpoint(parsing: bytes))?.checkpoint.size
    }

    private func isThere(_ path: String) -> Bool { access("\(partial)/\(path)", F_OK) == 0 }

    /// After a refusal nothing is there to go on with.
    private func abandonIfEmpty() {
        if rmdir(partial) == 0 { unlink(queryFile) }
    }

    // MARK: Writing

    private mutating func append(_ piece: some Sequence<UInt8>) throws {
        for file in try reader.feed(piece) {
            try EvidenceDirectory.makeDirectories(above: file.path, in: partial)
            try OutputFile(creating: "\(partial)/\(file.path)").append(file.bytes)
        }
    }

    private mutating func finish() throws -> EvidenceDirectory.Counts {
        do {
            try reader.finish()
        } catch {
            throw CommandFailure(
                .unavailable, "BAD_REPLY",
                "the bundle ends early: \(error), \(partial), run the same command again: it goes on from there")
        }
        EvidenceDirectory.count(partial, &counts)
        guard rename(partial, directory) == 0 else { throw OutputFile.failure(directory) }
        unlink(queryFile)
        return counts
    }
}
