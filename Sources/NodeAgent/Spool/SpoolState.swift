package import TransparencyLog

/// What the spool holds and how full it is: which blocks go first, and how coarsely the agent should cut. No I/O.
///
/// A signed note is never dropped: when the aggregator stays away, the spool gives up the readings' shape, then time
/// resolution, and at last keeps one batch open, whose energy is signed as an outage when there is room (RULES section
/// 3).
package struct SpoolState: Sendable {
    /// How the agent cuts and signs while the spool is so full.
    package enum Pressure: Int, Sendable, Hashable, Comparable, CaseIterable {
        case none
        /// Above 50 %: the oldest blocks of readings are deleted.
        case dropsBlocks
        /// Above 75 %: batches of 300 s.
        case longBatches
        /// Above 90 %: batches of 3,600 s without blocks.
        case hourlyBatches
        /// At 100 %: nothing is signed; the batch stays open.
        case keepsOpen

        package static func < (left: Pressure, right: Pressure) -> Bool { left.rawValue < right.rawValue }

        /// The shortest batch, given the configured one.
        package func intervalSeconds(configured: Int64) -> Int64? {
            switch self {
            case .none, .dropsBlocks: configured
            case .longBatches: max(300, configured)
            case .hourlyBatches: 3600
            case .keepsOpen: nil
            }
        }

        package var keepsBlocks: Bool { self < .hourlyBatches }
    }

    package let capacityBytes: Int
    package private(set) var byteCount = 0
    private var items: [MerkleHash: SpoolItem] = [:]
    /// Entries with droppable blocks, oldest first; those that have left are skipped.
    private var blocks: [MerkleHash] = []
    private var firstBlock = 0
    /// Blocks deleted under pressure since the start.
    package private(set) var droppedBlocks = 0

    package static let defaultCapacityBytes = 64 << 20
    /// Less could not hold one entry of the largest size with its block beside a reserve.
    package static let minimumCapacityBytes = 1 << 20

    package init(capacityBytes: Int = SpoolState.defaultCapacityBytes) {
        self.capacityBytes = max(capacityBytes, Self.minimumCapacityBytes)
    }

    package var count: Int { items.count }

    package subscript(leaf: MerkleHash) -> SpoolItem? { items[leaf] }

    package var pressure: Pressure {
        // Products of an Int below 2^47 bytes: no overflow for any real disk.
        if byteCount >= capacityBytes { return .keepsOpen }
        if byteCount * 10 > capacityBytes * 9 { return .hourlyBatches }
        if byteCount * 4 > capacityBytes * 3 { return .longBatches }
        return byteCount * 2 > capacityBytes ? .dropsBlocks : .none
    }

    /// Takes an entry that is durable now.
    ///
    /// - Returns: the entries whose blocks are to be deleted, oldest first; they count as deleted already.
    package mutating func add(_ item: SpoolItem) -> [SpoolItem] {
        guard items.updateValue(item, forKey: item.leaf) == nil else { return [] }
        byteCount += item.byteCount
        if item.hasDroppableBlock { blocks.append(item.leaf) }
        return relieve()
    }

    private mutating func relieve() -> [SpoolItem] {
        var dropped: [SpoolItem] = []
        while pressure >= .dropsBlocks, firstBlock < blocks.count {
            let leaf = blocks[firstBlock]
            firstBlock += 1
            guard let item = items[leaf], item.samplesByteCount > 0 else { continue }
            dropped.append(item)
            forgetBlock(of: leaf)
            droppedBlocks += 1
        }
        compact()
        return dropped
    }

    /// The block of an entry is gone, the note stays.
    package mutating func forgetBlock(of leaf: MerkleHash) {
        guard let item = items[leaf] else { return }
        byteCount -= item.samplesByteCount
        items[leaf]?.samplesByteCount = 0
    }

    /// The entry has left the spool.
    package mutating func remove(_ leaf: MerkleHash) -> SpoolItem? {
        guard let item = items.removeValue(forKey: leaf) else { return nil }
        byteCount -= item.byteCount
        while firstBlock < blocks.count, items[blocks[firstBlock]] == nil { firstBlock += 1 }
        compact()
        return item
    }

    private mutating func compact() {
        guard firstBlock > 64, firstBlock * 2 > blocks.count else { return }
        blocks.removeFirst(firstBlock)
        firstBlock = 0
    }
}
