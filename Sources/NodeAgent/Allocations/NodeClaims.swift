import Batches
import Energy
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Musl
#endif

/// Judges the claims that come over the socket and hands them to the measuring thread.
final class NodeClaims: Sendable {
    private struct State {
        var pseudonyms: [UInt64: String] = [:]
        var progress: [String: [String: Int64]] = [:]
    }

    private let loop: MeasuringLoop
    private let jobSalt: [UInt8]
    private let anyoneMayClaimNode: Bool
    private let processes: ProcessTable
    private let state = Mutex(State())

    init(loop: MeasuringLoop, jobSalt: [UInt8], anyoneMayClaimNode: Bool) {
        self.loop = loop
        self.jobSalt = jobSalt
        self.anyoneMayClaimNode = anyoneMayClaimNode
        processes = ProcessTable()
    }

    /// The newest figures of each job that holds the node.
    var progress: [String: [String: Int64]] {
        state.withLock { state in
            var all: [String: [String: Int64]] = [:]
            for job in state.pseudonyms.values { all[job] = state.progress[job] ?? [:] }
            return all
        }
    }

    var handlers: AllocationHandlers {
        AllocationHandlers(
            begin: { [self] in begin($0, $1, $2) }, progress: { [self] in report($0, $1) }, end: { [self] in end($0) })
    }

    private func begin(
        _ request: ClaimRequest, _ peer: SocketPeer, _ connection: UInt64
    ) -> Result<String, SocketFault> {
        let pid = request.pid ?? peer.pid
        guard let process = processes.process(pid), let owner = processes.owner(of: pid) else {
            return .failure(SocketFault("process \(pid) does not run"))
        }
        guard owner == peer.uid || peer.uid == 0 else {
            return .failure(SocketFault("process \(pid) is another user's; claim your own"))
        }
        guard request.mode == .shared || peer.uid == 0 || peer.uid == getuid() || anyoneMayClaimNode else {
            return .failure(
                SocketFault("only root may claim the whole node; claim it shared, or let the scheduler say it"))
        }
        let pseudonym = Pseudonym.of(jobKey: request.key.description, salt: jobSalt)
        let claim = AllocationBook.Claim(
            request: request, pseudonym: pseudonym,
            root: ProcessTree.Root(pid: pid, startTicks: process.startTicks),
            holder: processes.process(peer.pid).map { .init(pid: $0.pid, startTicks: $0.startTicks) }, uid: peer.uid,
            controlGroup: processes.controlGroup(of: pid),
            since: UTCTime(microseconds: AgentEnvironment.utcMicroseconds()))
        let isNew = state.withLock { state -> Bool in
            guard state.pseudonyms[connection] == nil, state.pseudonyms.count < AllocationBook.maximumClaims else {
                return false
            }
            state.pseudonyms[connection] = pseudonym
            return Set(state.pseudonyms.values).count <= Batch.maximumAllocations
        }
        guard isNew else {
            return .failure(SocketFault("this connection holds a job already, or the node holds too many"))
        }
        loop.post(.claim(claim, id: connection))
        return .success(pseudonym)
    }

    private func report(_ figures: [String: Int64], _ connection: UInt64) {
        state.withLock { state in
            guard let job = state.pseudonyms[connection] else { return }
            state.progress[job, default: [:]].merge(figures) { $1 }
        }
    }

    private func end(_ connection: UInt64) {
        let wasHeld = state.withLock { state in
            guard let job = state.pseudonyms.removeValue(forKey: connection) else { return false }
            if !state.pseudonyms.values.contains(job) { state.progress[job] = nil }
            return true
        }
        if wasHeld { loop.post(.release(connection)) }
    }
}
