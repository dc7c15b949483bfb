package import Batches
package import Energy
package import TransparencyLog

/// The first pass over a log prefix: the root over its leaves, and what later entries will say about earlier sizes.
///
/// An anchor names the root at some earlier size. Keeping the root at every size would cost 32 bytes an entry; the
/// survey finds the sizes that are named at all (one for each checkpoint that a node saw), so that the replay keeps
/// those roots alone. It also finds the reports, because an entry is late for a report that stands behind it in the
/// log.
package struct LogSurvey: Sendable {
    /// Far above one checkpoint a second for a year; a log that names more sizes than this is an attack on memory.
    package static let maximumAnchorSizes = 40_000_000

    private var frontier = MerkleFrontier()
    package private(set) var anchorSizes: Set<UInt64> = []
    /// The largest size that an entry names, 0 without any.
    private(set) var newestAnchor: UInt64 = 0
    package private(set) var reports: [ReportEntry] = []
    /// Leaves of the batches that conflicts call the first ones: the replay has to find each at its place.
    package private(set) var conflictLeaves: Set<MerkleHash> = []
    /// What the log closes, so that the replay keeps the books of it.
    package private(set) var closings: Set<ClosingMark> = []
    /// Where the trust in a node's key ends.
    private(set) var revocations: [RevokedRegister.Mark] = []
    /// The nodes and hours that corrections name.
    private(set) var correctedPlaces: Set<CorrectionBook.Place> = []
    /// Periods of which a statement is wanted at the end.
    package private(set) var watchedPeriods: [UTCInterval] = []

    package init() {}

    /// A survey of the entries from an index on, without a tree.
    package init(from size: UInt64) { self.size = size }

    /// The tree over what was surveyed; to be compared with a verified checkpoint before anything else is believed.
    package var head: TreeHead { TreeHead(size: frontier.size, root: frontier.root) }
    package private(set) var size: UInt64 = 0
    /// Entries among them that are withheld.
    package private(set) var withheld: UInt64 = 0

    /// Takes the next entry of the log. Its syntax is judged by the replay, not here.
    package mutating func append(_ bytes: ArraySlice<UInt8>) throws(ReplayFailure) {
        frontier.append(MerkleHash.leaf(of: bytes))
        try note(bytes)
    }

    /// The same without the tree, for a replay that compares its own root at the end.
    package mutating func note(_ bytes: ArraySlice<UInt8>) throws(ReplayFailure) {
        let index = size
        size += 1
        if let size = Self.anchorSize(in: bytes) {
            anchorSizes.insert(size)
            newestAnchor = max(newestAnchor, size)
            guard anchorSizes.count <= Self.maximumAnchorSizes else {
                throw ReplayFailure(.anchor, at: index, "the log names more than \(Self.maximumAnchorSizes) anchors")
            }
        }
        // Nearly every entry is a batch, and none of those is anything else.
        if bytes.starts(with: Self.batchOpening) { return }
        if bytes.starts(with: Self.reportOpening), let note = try? SignedNote(parsing: Array(bytes)),
            let report = try? ReportEntry(text: Array(note.text))
        {
            reports.append(report)
        }
        if bytes.starts(with: Entry.Kind.close.version.utf8), let note = try? SignedNote(parsing: Array(bytes)),
            let close = try? CloseEntry(text: Array(note.text))
        {
            closings.insert(ClosingMark(close))
        }
        if bytes.starts(with: Entry.Kind.node.version.utf8), let note = try? SignedNote(parsing: Array(bytes)),
            let node = try? NodeEntry(text: Array(note.text)), let mark = RevokedRegister.Mark(node, index: index)
        {
            revocations.append(mark)
        }
        if bytes.starts(with: Entry.Kind.correct.version.utf8), let note = try? SignedNote(parsing: Array(bytes)),
            let correction = try? CorrectEntry(text: Array(note.text))
        {
            for move in correction.moves {
                correctedPlaces.insert(CorrectionBook.Place(node: move.node, hour: move.hour.hour))
            }
        }
        if bytes.starts(with: Entry.Kind.conflict.version.utf8), let note = try? SignedNote(parsing: Array(bytes)),
            let conflict = try? ConflictEntry(text: Array(note.text))
        {
            conflictLeaves.insert(conflict.firstLeaf)
        }
    }

    /// Passes over entries that are withheld.
    mutating func skip(_ count: UInt64) {
        size += count
        withheld += count
    }

    private static let keyword = Array("\nanchor ".utf8)
    private static let batchOpening = Array(Entry.Kind.batch.version.utf8)
    private static let reportOpening = Array(Entry.Kind.report.version.utf8)

    /// Has the replay keep the books of a period that is not closed yet.
    package mutating func watch(_ period: UTCInterval) { watchedPeriods.append(period) }

    /// Has the replay keep the root at a size that somebody outside the log remembers.
    package mutating func keepRoot(at size: UInt64) { anchorSizes.insert(size) }

    /// The size in the only line that begins with `anchor `; nil without one, or when the entry cannot be read.
    static func anchorSize(in bytes: ArraySlice<UInt8>) -> UInt64? {
        guard let field = anchorField(in: bytes.span) else { return nil }
        let start = bytes.startIndex
        return CanonicalDecimal.parse(bytes[start + field.lowerBound..<start + field.upperBound])
    }

    private static func anchorField(in text: Span<UInt8>) -> Range<Int>? {
        var position = 0
        // The line is among the first of every kind that has one; sensors and allocations follow it.
        var lines = 0
        while position < text.count, lines < 16 {
            guard text[position] == UInt8(ascii: "\n") else {
                position += 1
                continue
            }
            if isKeyword(in: text, at: position) { return field(in: text, at: position + keyword.count) }
            position += 1
            lines += 1
        }
        return nil
    }

    private static func isKeyword(in text: Span<UInt8>, at position: Int) -> Bool {
        guard text.count - position >= keyword.count else { return false }
        for offset in keyword.indices where text[position + offset] != keyword[offset] { return false }
        return true
    }

    private static func field(in text: Span<UInt8>, at start: Int) -> Range<Int> {
        var end = start
        while end < text.count, text[end] > UInt8(ascii: " ") { end += 1 }
        return start..<end
    }
}
