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
    private var entries: [UInt8] = []
    private var samples: [[UInt8]?] = []
    private var next: UInt64 = 0

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
        guard next < size else {
            throw TransparencyLogError(.badEntry, "the log prefix has \(size) entries, this is one more")
        }
        try EntryBundle.append(entry, to: &entries)
        samples.append(block.flatMap { $0.isEmpty ? nil : $0 })
        next += 1
        guard samples.count == Tile.fullWidth || next == size else { return [] }
        return flush()
    }

    private mutating func flush() -> [BundleFile] {
        guard let bundle = EntryBundle(holding: next - 1, inTreeOf: size) else { return [] }
        var complete = [add(.entries(bundle), entries)]
        if samples.contains(where: { $0 != nil }) {
            complete.append(add(.samples(bundle), SampleBundle.encode(samples)))
        }
        entries.removeAll(keepingCapacity: true)
        samples.removeAll(keepingCapacity: true)
        return complete
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
        guard next == size else {
            throw TransparencyLogError(.badEntry, "the bundle has \(next) of \(size) entries")
        }
        let manifest = BundleManifest(origin: origin, period: period, audience: audience, size: size, files: files)
        return BundleFile(path: BundleManifest.path, bytes: try manifest.signed(by: administration))
    }
}
