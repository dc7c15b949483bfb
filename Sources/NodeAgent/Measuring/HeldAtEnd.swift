import Energy
import JSONText

/// Who held the node when a batch ended, and how much CPU time everybody had used by then: with it the next run of the
/// agent tells what an outage's energy belongs to. It is stored with its batch, in one file.
package struct HeldAtEnd: Sendable, Hashable {
    package struct Hold: Sendable, Hashable {
        package var allocation: Allocation
        /// Cumulative, as the node counts it.
        package var cpuMicroseconds: Int64
        package var isActive: Bool

        package init(allocation: Allocation, cpuMicroseconds: Int64, isActive: Bool) {
            self.allocation = allocation
            self.cpuMicroseconds = cpuMicroseconds
            self.isActive = isActive
        }
    }

    /// Time that all processors were busy since boot; nil where it could not be read.
    package var busyMicroseconds: Int64?
    package var holds: [Hold]

    package init(busyMicroseconds: Int64? = nil, holds: [Hold] = []) {
        self.busyMicroseconds = busyMicroseconds
        self.holds = holds
    }

    /// Which of the present allocations held the node from the end of that batch to now without a doubt: those that
    /// stood on its lines with the same beginning (RULES section 3). What one of them took on since, another
    /// accelerator or more processors, is not proven.
    package func proven(_ present: [Allocation]) -> [Allocation] {
        let known = Dictionary(holds.map { ($0.allocation.job, $0.allocation) }) { first, _ in first }
        return present.compactMap { allocation in
            guard let before = known[allocation.job], before.since == allocation.since else { return nil }
            var proven = allocation
            proven.devices = allocation.devices.filter(before.devices.contains)
            proven.reservedMillicores = min(allocation.reservedMillicores, before.reservedMillicores)
            if before.mode != allocation.mode { proven.mode = .shared }
            return proven
        }
    }

    /// The counts as they stood then.
    package func usage(millicores: Int64) -> NodeUsage {
        let jobs = holds.map {
            ($0.allocation.job, NodeUsage.Job(cpuMicroseconds: $0.cpuMicroseconds, isActive: $0.isActive))
        }
        return NodeUsage(
            busyMicroseconds: busyMicroseconds, millicores: millicores, jobs: Dictionary(jobs) { first, _ in first })
    }

    // MARK: As text

    var json: JSONValue {
        [
            "busy_us": busyMicroseconds.map { .decimalString($0) } ?? .null,
            "holds": .array(
                holds.map { hold in
                    [
                        "job": .string(hold.allocation.job), "mode": .string(hold.allocation.mode.rawValue),
                        "devices": .array(hold.allocation.devices.map { .string($0) }),
                        "millicores": .decimalString(hold.allocation.reservedMillicores),
                        "since_us": .decimalString(hold.allocation.since.microseconds),
                        "cpu_us": .decimalString(hold.cpuMicroseconds), "active": .bool(hold.isActive),
                    ]
                }),
        ]
    }

    /// nil when it is something else: nothing is proven then.
    init?(_ json: JSONValue) {
        guard let holds = json["holds"]?.array else { return nil }
        busyMicroseconds = json["busy_us"]?.decimalString
        self.holds = []
        for hold in holds {
            guard let job = hold["job"]?.string,
                let mode = hold["mode"]?.string.flatMap(AllocationFacts.Mode.init(rawValue:)),
                let devices = hold["devices"]?.array, let millicores = hold["millicores"]?.decimalString,
                let since = hold["since_us"]?.decimalString, let cpu = hold["cpu_us"]?.decimalString,
                let active = hold["active"]?.bool
            else { return nil }
            self.holds.append(
                Hold(
                    allocation: Allocation(
                        job: job, mode: mode, devices: devices.compactMap(\.string), reservedMillicores: millicores,
                        since: UTCTime(microseconds: since)), cpuMicroseconds: cpu, isActive: active))
        }
    }
}
