package import Energy
package import TransparencyLog

/// A file of a bundle, to be written or sent.
package struct BundleFile: Sendable, Hashable {
    package let path: String
    package let bytes: [UInt8]

    package init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }
}

/// Makes an evidence bundle entry by entry. It gives each file as soon as it is complete and holds at most one bundle
/// of 256 entries, so that a year of evidence streams through it. The same evidence gives the same bytes.
package struct BundleWriter: Sendable {
    private let origin: String
    private let period: UTCInterval
    private let audience: Audience
    /// The log prefix [0, size) that the checkpoint states.
    private let size: UInt64
    private var files: [BundleManifest.File] = []
    private var items: [PartialBundle.Item] = []
    private var samples: [[UInt8]?] = []
    private var subtrees = WithheldSubtrees()
    private var isComplete = false
    private var next: UInt64 = 0
    /// Entries so far of which the bundle gives only the leaf hash, or a root over many.
    package private(set) var withheldEntries: Int64 = 0

    package init(origin: String, period: UTCInterval, audience: Audience, size: UInt64) {
        self.origin = origin
        self.period = period
        self.audience = audience
        self.size = size
    }

    /// Takes the next entry of the log, from index 0 on.
    ///
    /// - Returns: the files that it completes.
    package mutating func append(entry: [UInt8], samples block: [UInt8]?) throws(TransparencyLogError) -> [BundleFile] {
        guard (1...EntryBundle.maximumEntryByteCount).contains(entry.count) else {
            throw TransparencyLogError(
                .badEntry, "an entry has 1 to \(EntryBundle.maximumEntryByteCount) bytes, not \(entry.count)")
        }
        return try append(.entry(entry[...]), samples: block.flatMap { $0.isEmpty ? nil : $0 })
    }

    /// Withholds the next entry of the log: its leaf hash proves that it is there, and is all that is said of it.
    ///
    /// - Returns: the files that it completes.
    package mutating func withhold(leaf: MerkleHash) throws(TransparencyLogError) -> [BundleFile] {
        withheldEntries += 1
        return try append(.withheld(leaf), samples: nil)
    }

    private mutating func append(
        _ item: PartialBundle.Item, samples block: [UInt8]?
    ) throws(TransparencyLogError) -> [BundleFile] {
        guard next < size else {
            throw TransparencyLogError(.badEntry, "the log prefix has \(size) entries, this is one more")
        }
        items.append(item)
        samples.append(block)
        next += 1
        guard items.count == Tile.fullWidth || next == size else { return [] }
        defer {
            items.removeAll(keepingCapacity: true)
            samples.removeAll(keepingCapacity: true)
        }
        return try flush()
    }

    private mutating func flush() throws(TransparencyLogError) -> [BundleFile] {
        guard let bundle = EntryBundle(holding: next - 1, inTreeOf: size) else { return [] }
        let leaves: [MerkleHash] = items.compactMap { if case .withheld(let leaf) = $0 { leaf } else { nil } }
        if leaves.count == Tile.fullWidth {
            subtrees.append(bundle: bundle.index, root: .root(of: leaves))
            return []
        }
        let encoded = try PartialBundle.encode(items)
        var complete: [BundleFile] = []
        if leaves.isEmpty {
            complete.append(add(.entries(bundle), encoded.entries))
        } else {
            complete.append(add(.disclosed(bundle), encoded.entries))
            complete.append(add(.withheld(bundle), encoded.leaves))
        }
        if samples.contains(where: { $0 != nil }) {
            complete.append(add(.samples(bundle), SampleBundle.encode(samples)))
        }
        return complete
    }

    /// What is known when all entries are there: the roots over those that were withheld in whole bundles.
    package mutating func complete() -> [BundleFile] {
        guard !isComplete else { return [] }
        isComplete = true
        return subtrees.isEmpty ? [] : [add(.subtrees, subtrees.bytes)]
    }

    /// Adds any other file: checkpoint, policy, record, factor file, disclosure.
    package mutating func add(_ path: BundlePath, _ bytes: [UInt8]) -> BundleFile {
        files.append(BundleManifest.File(path: path.path, bytes: bytes))
        return BundleFile(path: path.path, bytes: bytes)
    }

    /// The manifest over all files so far, the last file of the bundle.
    ///
    /// - Throws: `bad_entry` when entries are missing.
    package func manifest(signedBy administration: SigningKey) throws(TransparencyLogError) -> BundleFile {
        guard next == size, subtrees.isEmpty || isComplete else {
            throw TransparencyLogError(
                .badEntry, "the bundle has \(next) of \(size) entries, or lacks what completes it")
        }
        let manifest = BundleManifest(
            origin: origin, period: period, audience: audience, size: size, withheldEntries: withheldEntries,
            files: files)
        return BundleFile(path: BundleManifest.path, bytes: try manifest.signed(by: administration))
    }
}
