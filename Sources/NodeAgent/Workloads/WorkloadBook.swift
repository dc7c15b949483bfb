package import Batches
package import Energy
package import Workloads

/// The holds that schedulers have on this node. No I/O.
///
/// A hold begins before anybody can say what the job is: the edge is exact, the name comes a moment later from the
/// controller. Until then the measuring session knows the hold by a token; what is signed has its name, its devices and
/// its processors put in. So no name is ever waited for by a cut, and no batch is signed with a name that is not known.
package struct WorkloadBook: Sendable {
    package struct Hold: Sendable, Hashable {
        package var token: String
        package var since: UTCTime
        package var workload: Workload?
        package var pseudonym: String?
        /// nil where the job is the home organization's.
        package var tenant: TenantHold?
        /// Labels that came from processes of the job.
        package var labels: [String: String] = [:]
        package var end: UTCTime?
        /// Sensors of accelerators that processes of the job were seen on.
        package var seenDevices: Set<String> = []
        /// It turned out to be no job.
        package var isDropped = false

        package init(token: String, since: UTCTime, workload: Workload? = nil, pseudonym: String? = nil) {
            self.token = token
            self.since = since
            self.workload = workload
            self.pseudonym = pseudonym
        }

        package var isNamed: Bool { pseudonym != nil }
    }

    private var held: [String: Hold] = [:]
    /// Ended ones are still in intervals that are not signed yet.
    private var ended: [String: Hold] = [:]
    private var endedOrder: [String] = []
    /// The newest attempt of each job of pods, by pseudonym.
    private var attempts: [String: Int64] = [:]

    /// How many ended holds are remembered; there can be no more in the intervals that wait to be signed.
    package static let maximumEnded = 4096
    /// So many jobs of pods are remembered; a node that had more begins to count anew.
    private static let maximumCounted = 16_384
    /// Names of tokens begin with it: no pseudonym does.
    package static let tokenPrefix = "~"

    package init() {}

    package subscript(token: String) -> Hold? { held[token] ?? ended[token] }
    package var count: Int { held.count }
    package var holds: [Hold] { held.values.sorted { $0.token < $1.token } }
    package var unnamed: [Hold] {
        (Array(held.values) + Array(ended.values)).filter { !$0.isNamed && !$0.isDropped }.sorted {
            $0.token < $1.token
        }
    }

    /// The MIG instances that a job holds here, by its pseudonym.
    package func instances(of job: String) -> [String] {
        let holds = (Array(held.values) + Array(ended.values)).filter { $0.pseudonym == job }
        return holds.flatMap { $0.workload?.devices ?? [] }.compactMap { device in
            if case .identity(let name) = device, name.hasPrefix("MIG-") { name } else { nil }
        }
    }

    package mutating func begin(_ hold: Hold) { held[hold.token] = hold }

    /// - Returns: the hold that ended, nil when there is none.
    package mutating func end(_ token: String, at time: UTCTime) -> Hold? {
        guard var hold = held.removeValue(forKey: token) else { return nil }
        hold.end = time
        ended[token] = hold
        endedOrder.append(token)
        if endedOrder.count > Self.maximumEnded { ended[endedOrder.removeFirst()] = nil }
        return hold
    }

    /// Who it is. One that was dropped because nobody could say holds the node again from now on. Devices that were
    /// not known with the name are taken later.
    ///
    /// - Returns: the hold when it had no name before.
    package mutating func name(
        _ token: String, _ workload: Workload, pseudonym: String, tenant: TenantHold? = nil
    ) -> Hold? {
        guard var hold = self[token] else { return nil }
        guard !hold.isNamed else {
            addDevices(of: workload, to: hold)
            return nil
        }
        hold.isDropped = false
        hold.tenant = tenant
        hold.workload = workload
        hold.workload?.attempt = attempt(of: workload, pseudonym)
        hold.pseudonym = pseudonym
        write(hold)
        return hold
    }

    /// A pod that follows another one of its job here, because that one failed or was evicted, is the job's next
    /// attempt: the time between was not its own. Pods beside each other are of one. Slurm counts by itself.
    private mutating func attempt(of workload: Workload, _ pseudonym: String) -> Int64 {
        guard workload.identity.scheduler == "kubernetes" else { return workload.attempt }
        if attempts.count >= Self.maximumCounted { attempts = [:] }
        let isHeld = held.values.contains { $0.pseudonym == pseudonym }
        let next = attempts[pseudonym].map { isHeld ? $0 : $0 + 1 } ?? 0
        attempts[pseudonym] = max(next, workload.attempt)
        return attempts[pseudonym] ?? 0
    }

    private mutating func addDevices(of workload: Workload, to hold: Hold) {
        guard hold.workload?.identity == workload.identity, hold.workload?.devices.isEmpty == true else { return }
        var hold = hold
        hold.workload?.devices = workload.devices
        write(hold)
    }

    /// - Returns: the hold when it has a name and the labels told something new.
    package mutating func add(_ labels: [String: String], to token: String) -> Hold? {
        guard var hold = self[token] else { return nil }
        let before = hold.labels
        hold.labels.merge(labels) { $1 }
        write(hold)
        return hold.isNamed && hold.labels != before ? hold : nil
    }

    /// A process of the job works on an accelerator. That counts where the scheduler names none for the job and nobody
    /// else holds it: without GRES, or with shards, only the driver knows.
    package mutating func see(_ sensor: String, heldBy token: String) {
        held[token]?.seenDevices.insert(sensor)
    }

    /// It is no job: its lines are left out of what is signed.
    package mutating func drop(_ token: String) {
        guard var hold = self[token], !hold.isNamed else { return }
        hold.isDropped = true
        write(hold)
    }

    /// The holds of tenants among these jobs, by pseudonym.
    package func tenantHolds(of jobs: Set<String>) -> [String: TenantHold] {
        var found: [String: TenantHold] = [:]
        for hold in [held.values, ended.values].joined() {
            if let job = hold.pseudonym, let tenant = hold.tenant, jobs.contains(job) { found[job] = tenant }
        }
        return found
    }

    private mutating func write(_ hold: Hold) {
        if hold.end == nil { held[hold.token] = hold } else { ended[hold.token] = hold }
    }

    /// What the measuring session is told: tokens.
    package var allocations: [Allocation] {
        held.values.filter { !$0.isDropped }.map { Allocation(job: $0.token, mode: .shared, since: $0.since) }.sorted {
            $0.job < $1.job
        }
    }

    // MARK: Names for tokens

    /// The lines of an interval with names in the place of tokens, one line a job, in the order of a batch.
    ///
    /// Two holds of one job in one interval, components of a heterogeneous job or a quick requeue, become one line.
    ///
    /// - Parameter sensor: the sensor id of an accelerator, nil when the node has none such.
    package func settle(
        _ lines: [AllocationFacts], durationNanoseconds: Int64, sensor: (DeviceReference) -> String?
    ) -> [AllocationFacts] {
        var byJob: [String: AllocationFacts] = [:]
        for line in lines {
            let named = line.job.hasPrefix(Self.tokenPrefix) ? self.named(line, sensor) : line
            guard let named else { continue }
            guard let first = byJob[named.job] else {
                byJob[named.job] = named
                continue
            }
            byJob[named.job] = first.joined(with: named, durationNanoseconds: durationNanoseconds)
        }
        addSeenDevices(lines, to: &byJob)
        return Self.weighDevices(byJob.values.sorted { $0.job < $1.job })
    }

    private func addSeenDevices(_ lines: [AllocationFacts], to byJob: inout [String: AllocationFacts]) {
        let named = Set(byJob.values.flatMap { $0.devices.map(\.sensor) })
        for hold in lines.compactMap({ self[$0.job] }) {
            guard let job = hold.pseudonym, hold.workload?.devices.isEmpty == true else { continue }
            let seen = hold.seenDevices.subtracting(named)
            let known = Set(byJob[job]?.devices.map(\.sensor) ?? [])
            byJob[job]?.devices += seen.subtracting(known).map { DeviceHold(sensor: $0) }
            byJob[job]?.devices.sort { $0.sensor < $1.sensor }
        }
    }

    /// An accelerator that went from one job to another inside a joined interval is shared by the time that each held
    /// it, not in halves.
    private static func weighDevices(_ lines: [AllocationFacts]) -> [AllocationFacts] {
        var holders: [String: Int] = [:]
        for line in lines { for device in line.devices { holders[device.sensor, default: 0] += 1 } }
        return lines.map { line in
            guard let held = line.heldNanoseconds else { return line }
            var weighed = line
            for index in weighed.devices.indices where holders[weighed.devices[index].sensor] ?? 0 > 1 {
                weighed.devices[index].weight = held
            }
            return weighed
        }
    }

    private func named(_ line: AllocationFacts, _ sensor: (DeviceReference) -> String?) -> AllocationFacts? {
        guard let hold = self[line.job], let pseudonym = hold.pseudonym, let workload = hold.workload else {
            return nil
        }
        var named = line
        named.job = pseudonym
        named.mode = workload.isExclusive ? .exclusive : .shared
        named.devices = Set(workload.devices.compactMap(sensor)).sorted().map { DeviceHold(sensor: $0) }
        named.reservedMillicores = workload.reservedMillicores
        named.expectedNodes = workload.expectedNodes
        named.rank = workload.rank
        return named
    }
}

extension AllocationFacts {
    /// Two lines of one job as one.
    fileprivate func joined(with other: AllocationFacts, durationNanoseconds: Int64) -> AllocationFacts {
        var both = self
        both.mode = mode == .exclusive || other.mode == .exclusive ? .exclusive : mode
        both.devices = Array(Set(devices + other.devices)).sorted { $0.sensor < $1.sensor }
        both.cpuMicroseconds = cpuMicroseconds + other.cpuMicroseconds
        both.expectedNodes = [expectedNodes, other.expectedNodes].compactMap(\.self).max()
        both.rank = rank == other.rank ? rank : nil
        both.since = min(since, other.since)
        both.isActive = isActive || other.isActive
        if let held = heldNanoseconds, let otherHeld = other.heldNanoseconds {
            // One behind the other, not beside each other.
            both.heldNanoseconds = min(durationNanoseconds, held + otherHeld)
            both.reservedMillicores = max(reservedMillicores, other.reservedMillicores)
        } else {
            both.heldNanoseconds = nil
            both.reservedMillicores = reservedMillicores + other.reservedMillicores
        }
        return both
    }
}
