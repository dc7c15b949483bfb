import Batches
package import Energy
package import TransparencyLog

/// The end of a node's chain, and its counters.
package struct SyntheticNode: Sendable {
    package var name: String
    package var incarnation: Int64
    package var sequence: Int64 = 0
    package var leaf: MerkleHash
    package var end: UTCTime
    package var monotonicEnd: Int64 = 1_000_000_000
    package var boot = "8d1f0c52"
    package var counters: [String: Int64] = [:]

    package init(name: String, incarnation: Int64, leaf: MerkleHash, start: UTCTime) {
        self.name = name
        self.incarnation = incarnation
        self.leaf = leaf
        end = start
    }

    mutating func open(_ incarnation: Int64, _ leaf: MerkleHash) {
        self.incarnation = incarnation
        self.leaf = leaf
        sequence = 0
    }
}
