import TransparencyLog

/// A stretch of the log as a bundle carries it.
enum BundlePiece: Sendable, Hashable {
    /// 256 entries, or fewer at the end of the log.
    case entries(EntryBundle)
    /// The same with some withheld.
    case partial(EntryBundle)
    /// Entries withheld in whole bundles, under one root.
    case subtree(WithheldSubtrees.Subtree)

    var firstEntry: UInt64 {
        switch self {
        case .entries(let bundle), .partial(let bundle): bundle.firstEntry
        case .subtree(let subtree): subtree.firstEntry
        }
    }

    /// The pieces of the whole log in order.
    static func all(
        of manifest: BundleManifest, _ files: [String: BundleManifest.File], _ subtrees: WithheldSubtrees
    ) throws(ReplayFailure) -> [BundlePiece] {
        var pieces: [BundlePiece] = []
        var withheld = subtrees.subtrees[...]
        var index: UInt64 = 0
        while let bundle = EntryBundle(index: index, inTreeOf: manifest.size) {
            if let subtree = withheld.first, subtree.firstEntry == bundle.firstEntry {
                withheld.removeFirst()
                pieces.append(.subtree(subtree))
                index += subtree.count / UInt64(Tile.fullWidth)
                continue
            }
            let isWhole = files[BundlePath.entries(bundle).path] != nil
            let isPartial = files[BundlePath.disclosed(bundle).path] != nil
            guard isWhole || isPartial else {
                throw ReplayFailure(.file, at: bundle.path, "the file is not listed in \(BundleManifest.path)")
            }
            pieces.append(isWhole ? .entries(bundle) : .partial(bundle))
            index += 1
        }
        try checkNothingElse(pieces, files)
        return pieces
    }

    /// A second account of the same entries would be evidence that nobody looks at.
    private static func checkNothingElse(
        _ pieces: [BundlePiece], _ files: [String: BundleManifest.File]
    ) throws(ReplayFailure) {
        var expected: Set<String> = []
        for piece in pieces {
            switch piece {
            case .entries(let bundle): expected.insert(bundle.path)
            case .partial(let bundle):
                expected.insert(BundlePath.disclosed(bundle).path)
                expected.insert(BundlePath.withheld(bundle).path)
            case .subtree: break
            }
        }
        for path in files.keys.sorted() {
            switch BundlePath(path) {
            case .entries, .disclosed, .withheld:
                guard expected.contains(path) else {
                    throw ReplayFailure(.file, at: path, "another file speaks of the same entries")
                }
            default: break
            }
        }
    }
}

/// One entry of a piece, or what stands for one or many that are withheld.
enum BundleItem: Sendable {
    case entry(ArraySlice<UInt8>)
    case withheld(MerkleHash, level: Int)

    func append(to frontier: inout MerkleFrontier) throws(ReplayFailure) {
        switch self {
        case .entry(let bytes): frontier.append(MerkleHash.leaf(of: bytes))
        case .withheld(let root, let level):
            do {
                try frontier.append(subtree: root, level: level)
            } catch {
                throw ReplayFailure(.range, at: frontier.size, error.reason)
            }
        }
    }
}

/// Reads pieces, each file held to the manifest.
struct PieceReader: Sendable {
    let files: [String: BundleManifest.File]
    let source: BundleSource
    /// Whether each file's SHA-256 is compared as well as its size. Where the signed root over the very entries is
    /// compared afterwards, it decides nothing more, and tells only which file was changed.
    var isHashed = true

    func items(of piece: BundlePiece) throws(ReplayFailure) -> [BundleItem] {
        switch piece {
        case .entries(let bundle):
            return try BundleAudit.entries(of: bundle, in: bytes(of: .entries(bundle))).map { .entry($0) }
        case .partial(let bundle):
            let path = BundlePath.disclosed(bundle)
            let leaves = try bytes(of: .withheld(bundle))
            guard let items = PartialBundle.decode(try bytes(of: path), leaves: leaves, width: bundle.width) else {
                throw ReplayFailure(
                    .file, at: path.path,
                    "it does not hold \(bundle.width) places with a leaf hash beside it for each that is withheld")
            }
            return items.map { item in
                switch item {
                case .entry(let bytes): .entry(bytes)
                case .withheld(let leaf): .withheld(leaf, level: 0)
                }
            }
        case .subtree(let subtree): return [.withheld(subtree.root, level: subtree.node.level)]
        }
    }

    func bytes(of path: BundlePath) throws(ReplayFailure) -> [UInt8] {
        guard let file = files[path.path] else {
            throw ReplayFailure(.file, at: path.path, "the file is not listed in \(BundleManifest.path)")
        }
        return try source.bytes(of: file, isHashed: isHashed)
    }
}
