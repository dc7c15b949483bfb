package import Energy
package import TransparencyLog

/// Every chain of a log: who signs it, where it ends, and which time it covers.
///
/// The batches of a chain tile time, so what a chain covers is the span from its first start to its last end. A batch
/// whose interval lies in the span of another chain of the same node and sensor is superseded: it is logged, but its
/// energy was counted before (RULES section 5).
package struct ChainRegister: Sendable, Codable {
    package struct Chain: Sendable, Codable {
        package var node: String
        package var incarnation: Int64
        /// Name of the key that signs the chain's batches.
        package var signer: String
        /// What the chain's sensor belongs to; a source is never counted as a node.
        package var subject: ImportEntry.Subject
        package var isRecorded: Bool
        package var openingLeaf: MerkleHash
        package var isClosed = false
        /// Sensors of the first batch, and the time that the chain covers.
        package fileprivate(set) var sensors: Set<String> = []
        package fileprivate(set) var span: UTCInterval?
        package fileprivate(set) var batches: Int64 = 0

        package init(
            node: String, incarnation: Int64, signer: String, subject: ImportEntry.Subject, isRecorded: Bool,
            openingLeaf: MerkleHash
        ) {
            self.node = node
            self.incarnation = incarnation
            self.signer = signer
            self.subject = subject
            self.isRecorded = isRecorded
            self.openingLeaf = openingLeaf
        }

        fileprivate mutating func add(_ batch: Batch) {
            if batches == 0 { sensors = Set(batch.facts.sensors.map(\.id)) }
            let interval = batch.facts.interval
            span = UTCInterval(start: span?.start ?? interval.start, end: interval.end)
            batches += 1
        }

        fileprivate mutating func restore(first: Batch?, last: Batch?) {
            guard let first, let last else {
                (sensors, span, batches) = ([], nil, 0)
                return
            }
            sensors = Set(first.facts.sensors.map(\.id))
            span = UTCInterval(start: first.facts.interval.start, end: last.facts.interval.end)
            batches = last.position.sequence + 1
        }
    }

    package private(set) var chains: [Int64: Chain] = [:]
    private var chainsByNode: [String: [Int64]] = [:]

    package init() {}

    package subscript(incarnation: Int64) -> Chain? { chains[incarnation] }

    /// Nil for a chain that was never opened.
    package func isClosed(_ incarnation: Int64) -> Bool? { chains[incarnation]?.isClosed }
    package func isRecorded(_ incarnation: Int64) -> Bool { chains[incarnation]?.isRecorded ?? false }

    package func chains(of node: String) -> [Chain] { chainsByNode[node, default: []].compactMap { chains[$0] } }

    /// Opens a chain if the entry opens one.
    ///
    /// - Parameter signer: name of the key whose signature the entry carries.
    package mutating func apply(_ entry: Entry, signer: String, at index: Int64, leaf: MerkleHash) {
        switch entry {
        case .node(let node) where node.action == .enrol && node.role == .node:
            open(node.node, index, signer: node.node, leaf: leaf)
        case .resume(let resume):
            open(resume.node, index, signer: resume.node, leaf: leaf)
        case .imported(let imported):
            open(imported.node, index, signer: signer, subject: imported.subject, isRecorded: true, leaf: leaf)
        case .conflict(let conflict):
            chains[conflict.position.incarnation]?.isClosed = true
        default: break
        }
    }

    private mutating func open(
        _ node: String, _ index: Int64, signer: String, subject: ImportEntry.Subject = .node, isRecorded: Bool = false,
        leaf: MerkleHash
    ) {
        chains[index] = Chain(
            node: node, incarnation: index, signer: signer, subject: subject, isRecorded: isRecorded, openingLeaf: leaf)
        chainsByNode[node, default: []].append(index)
    }

    /// Sets what a chain covers to what the log holds of it: from its first batch to its last, or nothing.
    package mutating func restore(_ incarnation: Int64, first: Batch?, last: Batch?) {
        chains[incarnation]?.restore(first: first, last: last)
    }

    package mutating func close(_ incarnation: Int64) { chains[incarnation]?.isClosed = true }

    /// Adds a batch that follows in the log.
    ///
    /// - Returns: whether another chain had covered its interval before.
    package mutating func add(_ batch: Batch) -> Bool {
        let superseded = isCovered(batch)
        // In place: a chain is copied by a subscript, and this is done for every batch of a log.
        if let place = chains.index(forKey: batch.position.incarnation) { chains.values[place].add(batch) }
        return superseded
    }

    private func isCovered(_ batch: Batch) -> Bool {
        guard let siblings = chainsByNode[batch.node], siblings.count > 1 else { return false }
        return siblings.contains { incarnation in
            guard incarnation != batch.position.incarnation, let chain = chains[incarnation], let span = chain.span,
                span.intersection(batch.facts.interval) != nil
            else { return false }
            return batch.facts.sensors.contains { chain.sensors.contains($0.id) }
        }
    }
}
