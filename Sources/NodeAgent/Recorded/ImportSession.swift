package import Batches
package import Energy
package import TransparencyLog

/// The course of an import: openings, then each chain from where the log already holds it, until everything is in the
/// log for certain. No I/O.
package struct ImportSession: Sendable {
    package enum Phase: Sendable, Hashable {
        /// The job and import entries are on their way.
        case opening
        /// Every chain has its incarnation; the log's heads say how far each has come.
        case finding
        case sending
        case done
    }

    private enum ChainState: Sendable {
        case opening
        case opened(incarnation: Int64)
        case sending(ImportPlan.BatchSequence, incarnation: Int64)
        /// Another signer began the import, or this one with other settings: it is theirs to complete.
        case othersImport(ImportDuplicate)
        /// Another signer has imported the file.
        case imported
        case sent
    }

    private let plan: ImportPlan
    private var states: [ChainState]
    private var isKnown: [Bool]
    private var openings: [MerkleHash: Int]
    private var isJobLogged = false
    /// Batches that are handed out and not settled.
    private var unsettled: Set<MerkleHash> = []
    private var prepared: [(entry: SignedEntry, end: UTCTime)?]
    package private(set) var phase: Phase = .opening

    package init(plan: ImportPlan) {
        self.plan = plan
        states = plan.chains.map { _ in .opening }
        isKnown = plan.chains.map { _ in false }
        prepared = plan.chains.map { _ in nil }
        openings = [:]
        for (index, chain) in plan.chains.enumerated() { openings[chain.opening.leaf] = index }
    }

    /// What is said first.
    package var openingEntries: [SignedEntry] { [plan.job] + plan.chains.map(\.opening) }

    /// Chains whose heads are needed, with their nodes.
    package var incarnations: [(incarnation: Int64, node: String)] {
        zip(states, plan.chains).compactMap { state, chain in
            guard case .opened(let incarnation) = state else { return nil }
            return (incarnation, chain.source.node)
        }
    }

    /// Whether nothing is left to do but to see whether others complete what they began.
    package var isWaitingForOthers: Bool {
        phase == .sending && unsettled.isEmpty
            && states.allSatisfy { state in
                switch state {
                case .othersImport, .imported, .sent: true
                case .opening, .opened, .sending: false
                }
            }
    }

    /// Openings to be said again, to learn how far others have come.
    package var othersOpenings: [SignedEntry] {
        zip(states, plan.chains).compactMap { state, chain in
            if case .othersImport = state { chain.opening } else { nil }
        }
    }

    /// How far others' imports had come when last asked: it grows while they are at work.
    package var othersProgress: Int64 {
        states.reduce(0) { sum, state in
            if case .othersImport(let seen) = state { sum &+ (seen.until?.microseconds ?? 0) } else { sum }
        }
    }

    /// Why the import cannot be completed here.
    package var unfinishedByOthers: AgentError? {
        for (index, state) in states.enumerated() {
            guard case .othersImport(let seen) = state else { continue }
            return AgentError(
                .refused,
                "\(plan.chains[index].source.path): begun by another machine, \(seen.signer), and incomplete; "
                    + "run the same command there")
        }
        return nil
    }

    /// Whether each chain was complete in the log before this import sent anything of it.
    package var alreadyImported: [Bool] { isKnown }

    // MARK: Events

    /// - Returns: true when every opening is answered and the heads are to be asked for.
    package mutating func logged(leaf: MerkleHash, index: Int64) -> Bool {
        if leaf == plan.job.leaf { isJobLogged = true }
        if let chain = openings[leaf] { states[chain] = .opened(incarnation: index) }
        return openingsEnded()
    }

    /// - Returns: as `logged`.
    package mutating func refused(leaf: MerkleHash, _ refusal: Refusal) throws(AgentError) -> Bool {
        if let chain = openings[leaf] {
            guard refusal.code == .chainFork, let known = ImportDuplicate(message: refusal.message) else {
                throw AgentError(.refused, "\(plan.chains[chain].source.path): \(refusal)")
            }
            // The last batch of a recorded log ends with its last reading, whatever the settings.
            let end = plan.chains[chain].intervals.extent?.end
            isKnown[chain] = end.map { end in known.until.map { $0 >= end } ?? false } ?? true
            states[chain] = isKnown[chain] ? .imported : .othersImport(known)
            if phase != .opening {
                endIfDone()
                return false
            }
        } else if leaf == plan.job.leaf {
            throw AgentError(.refused, "the job's entry: \(refusal)")
        }
        return openingsEnded()
    }

    private mutating func openingsEnded() -> Bool {
        guard phase == .opening, isJobLogged else { return false }
        let isWaiting = states.contains { if case .opening = $0 { true } else { false } }
        guard !isWaiting else { return false }
        phase = .finding
        endIfDone()
        return phase == .finding
    }

    /// The log's heads: each chain goes on behind what is there.
    ///
    /// - Returns: for each chain to go on, its next sequence and the leaf hash before it.
    package mutating func heads(
        _ heads: [LogHead]
    ) throws(AgentError) -> [(incarnation: Int64, node: String, next: Int64, previous: MerkleHash)] {
        guard phase == .finding else { return [] }
        phase = .sending
        var started: [(incarnation: Int64, node: String, next: Int64, previous: MerkleHash)] = []
        for (index, state) in states.enumerated() {
            guard case .opened(let incarnation) = state else { continue }
            let chain = plan.chains[index]
            let head = heads.first { $0.incarnation == incarnation }
            let next = head?.nextSequence ?? 0
            var batches = plan.batches(of: index, incarnation: incarnation)
            var previous = chain.opening.leaf
            for _ in 0..<min(next, chain.batchCount) { previous = try Self.take(&batches)?.entry.leaf ?? previous }
            if let head, head.leaf != previous || head.isClosed || next > chain.batchCount {
                throw AgentError(
                    .refused,
                    "\(chain.source.path): the log holds other batches of this import; "
                        + "repeat it with the settings of the "
                        + "first time")
            }
            isKnown[index] = next == chain.batchCount
            states[index] = isKnown[index] ? .sent : .sending(batches, incarnation: incarnation)
            if !isKnown[index] { started.append((incarnation, chain.source.node, next, previous)) }
        }
        endIfDone()
        return started
    }

    /// The next batch whose interval ends by an instant of recorded time; nil when there is none now.
    package mutating func next(until instant: UTCTime?) throws(AgentError) -> SignedEntry? {
        guard phase == .sending else { return nil }
        for index in states.indices {
            guard let (entry, end) = try prepare(index) else { continue }
            if let instant, end > instant { continue }
            prepared[index] = nil
            unsettled.insert(entry.leaf)
            return entry
        }
        endIfDone()
        return nil
    }

    package var unsettledCount: Int { unsettled.count }

    package mutating func settled(_ leaf: MerkleHash) {
        unsettled.remove(leaf)
        endIfDone()
    }

    package func gaveUp(_ loss: UplinkState.ChainLoss) -> AgentError {
        let index = states.firstIndex { state in
            if case .sending(_, let incarnation) = state { incarnation == loss.incarnation } else { false }
        }
        let path = index.map { plan.chains[$0].source.path } ?? "chain \(loss.incarnation)"
        return AgentError(.refused, "\(path): \(loss.refusal)")
    }

    private mutating func endIfDone() {
        guard phase == .finding || phase == .sending, unsettled.isEmpty else { return }
        let isEnded = states.allSatisfy { state in
            switch state {
            case .imported, .sent: true
            case .opening, .opened, .sending, .othersImport: false
            }
        }
        if isEnded { phase = .done }
    }

    private mutating func prepare(_ index: Int) throws(AgentError) -> (entry: SignedEntry, end: UTCTime)? {
        if let ready = prepared[index] { return ready }
        guard case .sending(var batches, let incarnation) = states[index] else { return nil }
        prepared[index] = try Self.take(&batches)
        states[index] = prepared[index] == nil ? .sent : .sending(batches, incarnation: incarnation)
        return prepared[index]
    }

    private static func take(
        _ batches: inout ImportPlan.BatchSequence
    ) throws(AgentError) -> (entry: SignedEntry, end: UTCTime)? {
        do {
            return try batches.next()
        } catch {
            throw AgentError(.file, "the signing key cannot sign: \(error)")
        }
    }
}
