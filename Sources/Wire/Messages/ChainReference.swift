/// Names a chain: one node's entries in one log since the entry that opened it.
package struct ChainReference: Sendable, Hashable {
    /// Origin of the log.
    package let log: String
    package let node: String
    /// Log index of the entry that opened the chain.
    package let incarnation: UInt64

    package init(log: String, node: String, incarnation: UInt64) {
        self.log = log
        self.node = node
        self.incarnation = incarnation
    }
}
