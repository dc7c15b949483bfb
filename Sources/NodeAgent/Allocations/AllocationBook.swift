import Batches
package import Energy

/// Who holds this node: the claims of processes, joined into one allocation a job. No I/O.
///
/// Several ranks of one job on a node are one allocation: its hold begins with the first claim and ends with the last.
/// A job that begins to hold the node again, because its launcher started it again or because its name was used again,
/// is in its next attempt: the time between was not its own. What is counted is what this agent saw since its start;
/// a launcher that counts its starts itself is believed where it has counted more.
package struct AllocationBook: Sendable {
    package struct Claim: Sendable, Hashable {
        package var request: ClaimRequest
        package var pseudonym: String
        package var root: ProcessTree.Root
        package var uid: UInt32
        package var controlGroup: String?
        package var since: UTCTime

        package init(
            request: ClaimRequest, pseudonym: String, root: ProcessTree.Root, uid: UInt32, controlGroup: String?,
            since: UTCTime
        ) {
            self.request = request
            self.pseudonym = pseudonym
            self.root = root
            self.uid = uid
            self.controlGroup = controlGroup
            self.since = since
        }

        /// The job's record: what the job says of itself, and what the kernel says of the process.
        func record(salt: [UInt8]) -> JobRecord {
            var labels = request.labels
            labels["claim.uid"] = "\(uid)"
            if let controlGroup { labels["claim.cgroup"] = String(controlGroup.prefix(512)) }
            return JobRecord(key: request.key, salt: salt, labels: labels)
        }
    }

    /// What a claim or its end changed.
    package enum Change: Sendable, Hashable {
        case none
        case started(Claim)
        case changed
        case ended(Claim)
    }

    package private(set) var claims: [UInt64: Claim] = [:]
    private var startedAt: [String: UTCTime] = [:]
    /// The newest attempt of each job that held the node.
    private var attempts: [String: Int64] = [:]
    /// Devices that processes of a job were seen on, by pseudonym: they count where its claims name none.
    private var seenDevices: [String: Set<String>] = [:]
    package private(set) var progress: [String: [String: Int64]] = [:]

    package static let maximumClaims = 1024
    /// So many jobs are remembered; a node that had more begins to count anew.
    private static let maximumCounted = 16_384

    package init() {}

    package mutating func begin(_ claim: Claim, id: UInt64) -> Change {
        let isFirst = !claims.values.contains { $0.pseudonym == claim.pseudonym }
        var claim = claim
        if isFirst {
            if attempts.count >= Self.maximumCounted { attempts = [:] }
            let next = attempts[claim.pseudonym].map { $0 + 1 } ?? 0
            attempts[claim.pseudonym] = max(next, claim.request.attempt)
        }
        claim.request.attempt = attempts[claim.pseudonym] ?? 0
        claims[id] = claim
        if isFirst { startedAt[claim.pseudonym] = claim.since }
        return isFirst ? .started(claim) : .changed
    }

    package mutating func end(_ id: UInt64) -> Change {
        guard let claim = claims.removeValue(forKey: id) else { return .none }
        guard !claims.values.contains(where: { $0.pseudonym == claim.pseudonym }) else { return .changed }
        var ended = claim
        ended.since = startedAt.removeValue(forKey: claim.pseudonym) ?? claim.since
        progress[claim.pseudonym] = nil
        seenDevices[claim.pseudonym] = nil
        return .ended(ended)
    }

    /// A process of the job works on a device.
    ///
    /// - Returns: whether the job's allocation changes by it.
    package mutating func see(_ device: String, heldBy pseudonym: String) -> Bool {
        let claims = claims.values.filter { $0.pseudonym == pseudonym }
        guard !claims.isEmpty, claims.allSatisfy({ $0.request.devices.isEmpty }) else { return false }
        return seenDevices[pseudonym, default: []].insert(device).inserted
    }

    package mutating func report(_ figures: [String: Int64], id: UInt64) {
        guard let claim = claims[id] else { return }
        progress[claim.pseudonym, default: [:]].merge(figures) { $1 }
    }

    /// Whether a job may be added: a batch has room for so many.
    package func hasRoom(for pseudonym: String) -> Bool {
        claims.count < Self.maximumClaims
            && (startedAt[pseudonym] != nil || startedAt.count < Batch.maximumAllocations)
    }

    package func roots(of pseudonym: String) -> [ProcessTree.Root] {
        claims.values.filter { $0.pseudonym == pseudonym }.map(\.root)
    }

    package var jobs: [String] { startedAt.keys.sorted() }

    /// One for each job, in the order of their pseudonyms.
    package var allocations: [Allocation] {
        jobs.map { job in
            let claims = claims.values.filter { $0.pseudonym == job }
            let ranks = Set(claims.compactMap(\.request.rank))
            let named = Set(claims.flatMap(\.request.devices))
            return Allocation(
                job: job, mode: claims.contains { $0.request.mode == .exclusive } ? .exclusive : .shared,
                devices: (named.isEmpty ? seenDevices[job] ?? [] : named).sorted(),
                reservedMillicores: claims.reduce(0) { $0 + $1.request.reservedMillicores },
                expectedNodes: claims.compactMap(\.request.expectedNodes).max(),
                rank: ranks.count == 1 ? ranks.first : nil, since: startedAt[job] ?? UTCTime(microseconds: 0))
        }
    }
}
