import Batches
import Energy

/// Which jobs held the node for how long of the open interval, and how much CPU time they used in it.
///
/// Normally every hold lasts the whole interval. Where changes under a second apart were joined into one cut, the lines
/// carry the nanoseconds that each lasted, as weights.
struct HoldTimes: Sendable {
    private struct Hold: Sendable {
        var allocation: Allocation
        var heldNanoseconds: Int64 = 0
        /// Since when it is held without interruption, nil when it has ended.
        var from: Int64?
        var cpuAtStart: Int64
        var cpuUsed: Int64 = 0
        var isActive: Bool
    }

    private var holds: [String: Hold] = [:]
    private var start: Int64
    private var busyAtStart: Int64?
    private(set) var hasChanged = false
    private(set) var current: [Allocation] = []
    /// Holds of the open interval, those that ended too.
    var count: Int { holds.count }
    /// Their names.
    var jobs: Set<String> { Set(holds.keys) }

    init(at nanoseconds: Int64, allocations: [Allocation], usage: NodeUsage) {
        start = nanoseconds
        busyAtStart = usage.busyMicroseconds
        begin(allocations, at: nanoseconds, usage)
    }

    private mutating func begin(_ allocations: [Allocation], at nanoseconds: Int64, _ usage: NodeUsage) {
        current = allocations.sorted { $0.job < $1.job }
        for allocation in current {
            let used = usage.jobs[allocation.job]
            if holds[allocation.job] != nil {
                holds[allocation.job]?.allocation = allocation
                holds[allocation.job]?.from = nanoseconds
                holds[allocation.job]?.cpuAtStart = used?.cpuMicroseconds ?? 0
            } else {
                holds[allocation.job] = Hold(
                    allocation: allocation, from: nanoseconds, cpuAtStart: used?.cpuMicroseconds ?? 0,
                    isActive: used?.isActive ?? false)
            }
        }
    }

    private mutating func settle(at nanoseconds: Int64, _ usage: NodeUsage) {
        for (job, hold) in holds {
            guard let from = hold.from else { continue }
            let used = usage.jobs[job]
            holds[job]?.heldNanoseconds += max(0, nanoseconds - from)
            holds[job]?.cpuUsed += max(0, (used?.cpuMicroseconds ?? hold.cpuAtStart) - hold.cpuAtStart)
            holds[job]?.isActive = hold.isActive || used?.isActive ?? false
            holds[job]?.from = nil
        }
    }

    /// Joins a change that comes too soon after the interval began.
    mutating func join(_ allocations: [Allocation], at nanoseconds: Int64, _ usage: NodeUsage) {
        guard nanoseconds > start else {
            // At the very beginning of the interval: nothing was held before it.
            holds = [:]
            return begin(allocations, at: nanoseconds, usage)
        }
        settle(at: nanoseconds, usage)
        begin(allocations, at: nanoseconds, usage)
        hasChanged = true
    }

    /// An interval that nothing could end, because the spool was full, may have seen more jobs than a batch has lines
    /// for: those that held it longest are told.
    private var longest: [Hold] {
        guard holds.count > Batch.maximumAllocations else { return Array(holds.values) }
        let sorted = holds.values.sorted {
            ($1.heldNanoseconds, $0.allocation.job) < ($0.heldNanoseconds, $1.allocation.job)
        }
        return Array(sorted.prefix(Batch.maximumAllocations))
    }

    /// What the next run of the agent needs when this is the last cut that it finds.
    func heldAtEnd(_ usage: NodeUsage) -> HeldAtEnd {
        HeldAtEnd(
            busyMicroseconds: usage.busyMicroseconds,
            holds: current.map { allocation in
                let used = usage.jobs[allocation.job]
                return HeldAtEnd.Hold(
                    allocation: allocation, cpuMicroseconds: used?.cpuMicroseconds ?? 0,
                    isActive: used?.isActive ?? false)
            })
    }

    /// Ends the interval and begins the next one with these allocations.
    ///
    /// - Parameter isOutage: nothing says who drew what inside of the interval. Only those count that held the node
    ///   throughout it (RULES section 3); and where the CPU time at its beginning is not known, none of it is theirs.
    mutating func cut(
        at nanoseconds: Int64, next allocations: [Allocation], _ usage: NodeUsage, isOutage: Bool = false
    ) -> (allocations: [AllocationFacts], host: HostFacts) {
        settle(at: nanoseconds, usage)
        let isBlind = isOutage && (busyAtStart == nil || usage.busyMicroseconds == nil)
        if isOutage {
            holds = holds.filter { $0.value.heldNanoseconds == nanoseconds - start }
            if isBlind { for job in holds.keys { holds[job]?.cpuUsed = 0 } }
            hasChanged = false
        }
        let facts = longest.sorted { $0.allocation.job < $1.allocation.job }.map { hold in
            AllocationFacts(
                job: hold.allocation.job, mode: hold.allocation.mode,
                devices: hold.allocation.devices.map { DeviceHold(sensor: $0) }, cpuMicroseconds: hold.cpuUsed,
                reservedMillicores: hold.allocation.reservedMillicores,
                heldNanoseconds: hasChanged ? hold.heldNanoseconds : nil,
                expectedNodes: hold.allocation.expectedNodes, rank: hold.allocation.rank, since: hold.allocation.since,
                isActive: hold.isActive)
        }
        let held = holds.values.reduce(0) { $0 + $1.cpuUsed }
        let busy = usage.busyMicroseconds.flatMap { now in busyAtStart.map { max(0, now - $0) } }
        let host = HostFacts(
            millicores: usage.millicores,
            // Any time that is nobody's takes the whole of what is split by time.
            unheldCPUMicroseconds: isBlind ? 1 : max(0, (busy ?? held) - held))
        holds = [:]
        hasChanged = false
        start = nanoseconds
        busyAtStart = usage.busyMicroseconds
        begin(allocations, at: nanoseconds, usage)
        return (facts, host)
    }
}
