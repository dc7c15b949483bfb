import Accounts
import Batches
import Energy

/// What reading the batches of many nodes leaves behind, node by node: a log holds them in turns, and only the next
/// batch of the same node is like the one before.
///
/// It decides nothing, and is bounded whatever a log holds. Where it is full, nodes picked at random make room: as
/// nodes take turns, the one that was not seen for longest is the one that comes next.
package struct NodeMemory: Sendable {
    /// Nodes of which readers that work side by side remember something together.
    package static let maximumNodes = 4096
    /// Bytes of their batches' texts together. What is kept of a text takes some five times its size.
    package static let maximumByteCount = 16 << 20

    struct Node: Sendable {
        fileprivate let mark: UInt64
        /// Whole KiB that hold its batches' texts.
        fileprivate let byteCount: Int
        var batch = BatchRecall()
        /// What follows from sensors and devices alone.
        var tree: (sensors: [SensorFacts], tree: SensorTree)?
        var devices = DeviceHolders()
    }

    private let maximumNodes: Int
    private let maximumByteCount: Int
    /// By their places, which change with every call of `place(of:)`.
    var nodes: [Node] = []
    private var places: [UInt64: Int] = [:]
    package private(set) var byteCount = 0
    private var draw: UInt64 = 0

    package init(maximumNodes: Int = Self.maximumNodes, maximumByteCount: Int = Self.maximumByteCount) {
        self.maximumNodes = maximumNodes
        self.maximumByteCount = maximumByteCount
    }

    package var count: Int { nodes.count }

    /// The place of the node whose batch this is, which is remembered from now on.
    mutating func place(of text: ArraySlice<UInt8>) -> Int {
        let mark = Batch.nodeMark(of: text)
        let byteCount = (text.count | 1023) + 1
        if let place = places[mark] {
            if nodes[place].byteCount >= byteCount { return place }
            forget(place)
        }
        while !nodes.isEmpty, nodes.count >= maximumNodes || self.byteCount + byteCount > maximumByteCount {
            draw = draw &* 0x5851_F42D_4C95_7F2D &+ 0x1405_7B7E_F767_814F
            forget(Int(draw >> 33) % nodes.count)
        }
        places[mark] = nodes.count
        nodes.append(Node(mark: mark, byteCount: byteCount))
        self.byteCount += byteCount
        return nodes.count - 1
    }

    private mutating func forget(_ place: Int) {
        nodes.swapAt(place, nodes.count - 1)
        let forgotten = nodes.removeLast()
        byteCount -= forgotten.byteCount
        places[forgotten.mark] = nil
        if place < nodes.count { places[nodes[place].mark] = place }
    }
}
