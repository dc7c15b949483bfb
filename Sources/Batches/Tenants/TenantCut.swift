package import Energy

/// Whose a hold of another organization is, and the name that it has in the node's home log.
package struct TenantHold: Sendable, Hashable {
    /// Slug of the organization.
    package var tenant: String
    /// Pseudonym in the home log. It differs from that in the tenant's own log, so that neither names the other's jobs.
    package var homePseudonym: String

    package init(tenant: String, homePseudonym: String) {
        self.tenant = tenant
        self.homePseudonym = homePseudonym
    }
}

/// One interval of a node that organizations share, cut into what each log is to hold (RULES section 4).
///
/// The home log gets everything, with the tenants under pseudonyms of its own; each tenant gets its own lines and one
/// sum of all others. While one tenant has the whole node, the readings go to that one's log alone, and the home log
/// holds only that it was so.
///
/// Both logs post a tenant's share by the same weights, so its account in the home log and the jobs in its extract
/// differ by no more than the rounding of each split: one microjoule a component and account. Where jobs reserve more
/// processors than the node has and one of them held a part of the interval, the sum of all others is rounded to a
/// thousandth of a processor, and the idle part of the two may differ by as much.
package struct TenantCut: Sendable, Hashable {
    package private(set) var home: IntervalFacts
    /// By slug.
    package private(set) var extracts: [String: IntervalFacts] = [:]
    /// Organizations that hold a part of the node and have no log here: their shares stand in the home log alone.
    package private(set) var strangers: Set<String> = []
    /// The tenant that had the whole node throughout.
    package private(set) var wholeNodeTenant: String?

    /// - Parameters:
    ///   - holds: of the allocations that are not the home organization's, by pseudonym.
    ///   - logged: tenants whose logs this node writes to. A whole node stays in the home log when its tenant has none.
    package init(_ facts: IntervalFacts, holds: [String: TenantHold], logged: Set<String>) {
        home = facts
        let tenants = Set(facts.allocations.compactMap { holds[$0.job]?.tenant })
        guard !tenants.isEmpty else { return }
        strangers = tenants.subtracting(logged)
        wholeNodeTenant = Self.wholeNodeTenant(of: facts, holds).flatMap { logged.contains($0) ? $0 : nil }
        for tenant in tenants.intersection(logged) {
            extracts[tenant] = Self.extract(of: facts, isWhole: wholeNodeTenant == tenant) {
                holds[$0.job]?.tenant == tenant
            }
        }
        home.allocations = facts.allocations.map { Self.atHome($0, holds[$0.job]) }.sorted { $0.job < $1.job }
        if wholeNodeTenant != nil { emptyHome() }
    }

    /// A hold of everything, from the first instant to the last, beside which nobody else had any.
    private static func wholeNodeTenant(of facts: IntervalFacts, _ holds: [String: TenantHold]) -> String? {
        guard let first = facts.allocations.first, let tenant = holds[first.job]?.tenant,
            facts.allocations.allSatisfy({ holds[$0.job]?.tenant == tenant }),
            facts.allocations.contains(where: { $0.mode == .exclusive && !isPartial($0, facts) })
        else { return nil }
        return tenant
    }

    private static func isPartial(_ allocation: AllocationFacts, _ facts: IntervalFacts) -> Bool {
        allocation.heldNanoseconds.map { $0 < facts.durationNanoseconds } ?? false
    }

    /// The readings stand in the tenant's log; here only that somebody had the node.
    private mutating func emptyHome() {
        home.sensors = []
        home.host = nil
        home.allocations = home.allocations.map { line in
            AllocationFacts(job: line.job, mode: .tenant, since: line.since)
        }
    }

    /// Exclusive holds of several organizations follow each other inside one joined interval. By weights both logs post
    /// the same; as exclusive ones neither could say what the other has.
    private static func atHome(_ line: AllocationFacts, _ hold: TenantHold?) -> AllocationFacts {
        var line = line
        line.mode = hold == nil ? .shared : .tenant
        if let hold { line.job = hold.homePseudonym }
        return line
    }

    private static func extract(
        of facts: IntervalFacts, isWhole: Bool, isOwn: (AllocationFacts) -> Bool
    ) -> IntervalFacts {
        var own = facts.allocations.filter(isOwn)
        let rest = facts.allocations.filter { !isOwn($0) }
        let devices = Devices(own: own, rest: rest)
        for index in own.indices {
            own[index].devices = own[index].devices.map(devices.weighed)
            if !isWhole { own[index].mode = .shared }
        }
        var extract = facts
        // What serves several nodes is shared by the sizes of jobs, which the others do not tell.
        if !isWhole { extract.sensors.removeAll { $0.layer == .network && $0.within == nil } }
        extract.allocations = own
        extract.others = OtherTenants(
            reservedMillicores: reserved(rest, facts), cpuMicroseconds: rest.reduce(0) { $0 &+ $1.cpuMicroseconds },
            devices: devices.ofOthers)
        return extract
    }

    /// Who holds which device, as far as weights go.
    ///
    /// Where others hold a device too and nobody measured how much, every holder counts alike: that is said in weights,
    /// because the others are one line and may be many.
    private struct Devices {
        private let own: Set<String>
        private var others: [String: [DeviceHold]] = [:]
        private let unmeasured: Set<String>

        init(own lines: [AllocationFacts], rest: [AllocationFacts]) {
            let holds = lines.flatMap(\.devices)
            own = Set(holds.map(\.sensor))
            unmeasured = Set((holds + rest.flatMap(\.devices)).filter { $0.weight == nil }.map(\.sensor))
            for hold in rest.flatMap(\.devices) { others[hold.sensor, default: []].append(hold) }
        }

        /// A hold of the tenant.
        func weighed(_ hold: DeviceHold) -> DeviceHold {
            guard others[hold.sensor] != nil, unmeasured.contains(hold.sensor) else { return hold }
            return DeviceHold(sensor: hold.sensor, weight: 1)
        }

        var ofOthers: [DeviceHold] {
            others.sorted { $0.key < $1.key }.prefix(Batch.maximumDevicesPerAllocation).map { sensor, holds in
                guard own.contains(sensor) else { return DeviceHold(sensor: sensor) }
                let measured = holds.reduce(0) { $0 &+ ($1.weight ?? 0) }
                return DeviceHold(
                    sensor: sensor, weight: unmeasured.contains(sensor) ? Int64(holds.count) : measured)
            }
        }
    }

    /// Reserved processors over the whole interval; a hold of a part of it counts for that part.
    private static func reserved(_ lines: [AllocationFacts], _ facts: IntervalFacts) -> Int64 {
        let duration = Int128(facts.durationNanoseconds)
        let sum = lines.reduce(Int128(0)) { sum, line in
            let held = min(duration, Int128(line.heldNanoseconds ?? facts.durationNanoseconds))
            return sum + Int128(line.reservedMillicores) * held
        }
        return duration > 0 ? Int64(clamping: sum / duration) : 0
    }
}

/// The counters of a tenant's chain on a node: they stand still while the tenant is not there.
///
/// A node's own counters would tell in the step between two extracts what the others used in the meantime.
package struct ExtractCounters: Sendable, Hashable {
    /// By sensor.
    package private(set) var values: [String: Int64]

    package init(values: [String: Int64] = [:]) { self.values = values }

    /// The sensors of an extract, each beginning where it ended in the tenant's last one.
    package mutating func advance(_ sensors: [SensorFacts]) -> [SensorFacts] {
        sensors.map { sensor in
            var sensor = sensor
            let first = values[sensor.id] ?? 0
            // Beyond 64 bits the counter begins anew, which the log takes for a sensor that was away.
            let last = Int64(exactly: Int128(first) + sensor.advanceMicrojoules)
            sensor.lastMicrojoules = last ?? Int64(clamping: sensor.advanceMicrojoules)
            sensor.firstMicrojoules = last == nil ? 0 : first
            values[sensor.id] = sensor.lastMicrojoules
            return sensor
        }
    }
}

extension SampleBlock {
    /// The same readings with each counter moved, beside lines that were moved.
    ///
    /// - Parameters:
    ///   - original: the lines that the block was made for.
    ///   - moved: the same sensors in the same order.
    /// - Returns: nil when a reading does not fit.
    package func moved(from original: [SensorFacts], to moved: [SensorFacts]) -> SampleBlock? {
        guard series.count == original.count, original.count == moved.count else { return nil }
        var shifted = series
        for index in shifted.indices where shifted[index].quantity == .counter {
            let offset = Int128(moved[index].firstMicrojoules) - Int128(original[index].firstMicrojoules)
            for place in shifted[index].points.indices {
                let value = Int128(shifted[index].points[place].value) + offset
                guard let fitting = Int64(exactly: value) else { return nil }
                shifted[index].points[place].value = fitting
            }
        }
        return SampleBlock(series: shifted)
    }
}
