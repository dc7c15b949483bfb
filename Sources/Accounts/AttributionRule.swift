package import Energy

/// Who pays for which joule: rule `attribution/1` (RULES section 5), a pure function of one batch's facts.
///
/// The aggregator and the auditor call the same code. Σ postings = Σ advances of the root sensors, exactly, always.
package enum AttributionRule: Int16, Sendable, Hashable, CaseIterable {
    case attribution1 = 1

    package var name: String { "attribution/\(rawValue)" }

    /// What reports are made by unless they name another one.
    package static let newest = AttributionRule.attribution1

    /// - Parameters:
    ///   - superseded: another chain of the node and sensor covered the interval before.
    ///   - tree: the batch's sensors as a tree, where the caller has it already.
    package func post(_ facts: IntervalFacts, superseded: Bool = false, tree: SensorTree? = nil) -> BatchPostings {
        var attribution = Attribution(facts: facts, tree: tree ?? SensorTree(facts.sensors))
        if superseded {
            attribution.supersede()
        } else {
            attribution.attribute()
        }
        return attribution.result
    }
}

/// The working state of one batch's attribution.
///
/// Accounts are kept once, in a list, and meant by their places in it: their names are long, and every sensor is split
/// among the same few.
private struct Attribution {
    let facts: IntervalFacts
    let tree: SensorTree
    private let sensors: [Sensor]
    private let holders: [Holder]
    /// What nobody holds: idle while the agent watched, a gap when it was away. A recorded log has no agent beside it,
    /// so nobody can say that the node was idle outside the job's window (RULES section 6).
    private let nobody: Int
    private let unknown: Int
    private let tenant: Int
    private var coverage: [CoverageSpan] = []
    private var gaps: [GapSpan] = []
    private var flags: Set<String> = []
    private var accounts: [Account] = []
    private var lines: [Line] = []
    /// Accelerator and processor energy as posted, which weigh the rest of the node.
    private var acceleratorWeight = LargestRemainder()
    private var packageWeight = LargestRemainder()
    /// Weights that are the same for every sensor, worked out when the first one asks.
    private lazy var exclusive: LargestRemainder? = exclusiveHolders()
    private lazy var reserved: LargestRemainder = reservedShares()
    private lazy var byTime: LargestRemainder = processorTimes()
    /// The shares of the sensor at hand.
    private var shares: [LargestRemainder.Share] = []
    /// Microseconds of the interval.
    private let duration: Int128
    /// The hour to which all of the batch belongs, nil when it spans several.
    private let onlyHour: Int64?

    /// What the rule reads of a sensor, without a reference: it is read many times.
    private struct Sensor {
        var layer: Layer
        var provenance: Provenance
        var advance: Int128
        var idlePowerMilliwatts: Int64
        var isSuspect: Bool
    }

    private struct Holder {
        /// Place of the account.
        var place: Int
        /// Place among the allocations.
        var index: Int
        /// Microseconds of the interval that the hold lasted.
        var held: Int128
    }

    /// A posting whose account is meant by its place.
    private struct Line {
        var place: Int
        var component: Component
        var provenance: Provenance
        var boundary: Boundary
        var hour: Int64
        var microjoules: Int64
    }

    init(facts: IntervalFacts, tree: SensorTree) {
        self.facts = facts
        self.tree = tree
        let duration = Int128(facts.durationNanoseconds / 1000)
        self.duration = duration
        sensors = Self.sensors(facts.sensors)
        onlyHour = HourSplit.onlyHour(of: facts.interval)
        var accounts: [Account] = []
        accounts.reserveCapacity(facts.allocations.count + 4)
        holders = facts.allocations.indices.map { index in
            let held = facts.allocations[index].heldNanoseconds.map { min(duration, Int128($0 / 1000)) } ?? duration
            let place = Self.place(of: Self.account(of: facts.allocations[index]), in: &accounts)
            return Holder(place: place, index: index, held: held)
        }
        let isOutage = facts.state == .outage
        unknown = Self.place(of: isOutage ? .gap : .unattributed, in: &accounts)
        nobody = facts.monotonic == nil || isOutage ? unknown : Self.place(of: .idle, in: &accounts)
        tenant = Self.place(of: .tenant, in: &accounts)
        self.accounts = accounts
        lines.reserveCapacity(16)
        shares.reserveCapacity(8)
    }

    private static func sensors(_ facts: [SensorFacts]) -> [Sensor] {
        let facts = facts.span
        return [Sensor](unsafeUninitializedCapacity: facts.count) { buffer, count in
            for index in facts.indices {
                buffer.initializeElement(
                    at: index,
                    to: Sensor(
                        layer: facts[index].identity.layer, provenance: facts[index].identity.provenance,
                        advance: Int128(facts[index].lastMicrojoules) - Int128(facts[index].firstMicrojoules),
                        idlePowerMilliwatts: facts[index].idlePowerMilliwatts,
                        isSuspect: facts[index].flags.contains(.suspect)))
            }
            count = facts.count
        }
    }

    private static func account(of allocation: AllocationFacts) -> Account {
        if allocation.mode == .tenant { return .tenant }
        return allocation.isActive ? .job(allocation.job) : .idleReserved(allocation.job)
    }

    private static func place(of account: Account, in accounts: inout [Account]) -> Int {
        if let place = accounts.firstIndex(of: account) { return place }
        accounts.append(account)
        return accounts.count - 1
    }

    var result: BatchPostings {
        var result = BatchPostings()
        result.postings = lines.map { line in
            Posting(
                account: accounts[line.place], component: line.component, provenance: line.provenance,
                boundary: line.boundary, hour: line.hour, microjoules: line.microjoules)
        }
        result.coverage = coverage
        result.gaps = gaps
        result.flags = flags
        return result
    }

    private var isExtract: Bool { facts.others != nil }

    mutating func supersede() {
        let superseded = Self.place(of: .superseded, in: &accounts)
        for root in tree.roots {
            write(
                superseded, .rest, sensors[root].provenance, tree.boundary(of: sensors[root].layer),
                sensors[root].advance)
        }
        flags.insert("superseded")
    }

    mutating func attribute() {
        for root in tree.roots { attributeParts(of: root, boundary: tree.boundary(of: sensors[root].layer)) }
        for root in tree.roots { attributeRest(of: root, boundary: tree.boundary(of: sensors[root].layer)) }
        cover()
        findGaps()
    }

    // MARK: Components

    private mutating func attributeParts(of index: Int, boundary: Boundary) {
        guard !tree.parts[index].isEmpty else {
            if component(index) != .rest { attributeLeaf(index, boundary) }
            return
        }
        for part in tree.parts[index] { attributeParts(of: part, boundary: boundary) }
    }

    private func component(_ index: Int) -> Component { tree.component(of: sensors[index].layer) }

    private mutating func attributeLeaf(_ index: Int, _ boundary: Boundary) {
        let component = component(index)
        let energy = sensors[index].advance
        let provenance = sensors[index].provenance
        if sensors[index].isSuspect {
            flags.insert("suspect")
            return write(unknown, component, provenance, boundary, energy)
        }
        shares.removeAll(keepingCapacity: true)
        if let exclusive {
            if !exclusive.split(energy, among: accounts, into: &shares) { keep(nobody, energy) }
        } else {
            switch component {
            case .accelerator: acceleratorShares(facts.sensors.span[index].identity, energy)
            case .cpu, .dram: processorShares(sensors[index].idlePowerMilliwatts, energy)
            case .network: networkShares(energy)
            case .rest: keep(nobody, energy)
            }
        }
        for share in shares.indices {
            let (place, amount) = (shares[share].place, shares[share].amount)
            write(place, component, provenance, boundary, amount)
            if component == .accelerator { acceleratorWeight.add(place, amount) }
            if component == .cpu { packageWeight.add(place, amount) }
        }
    }

    private mutating func attributeRest(of index: Int, boundary: Boundary) {
        for part in tree.parts[index] { attributeRest(of: part, boundary: boundary) }
        guard !tree.parts[index].isEmpty || component(index) == .rest else { return }
        let provenance = sensors[index].provenance
        var rest = sensors[index].advance
        for part in tree.parts[index] { rest -= sensors[part].advance }
        if sensors[index].isSuspect {
            flags.insert("suspect")
            return write(unknown, .rest, provenance, boundary, rest)
        }
        shares.removeAll(keepingCapacity: true)
        let isSplit =
            exclusive?.split(rest, among: accounts, into: &shares) ?? false
            || acceleratorWeight.split(rest, among: accounts, into: &shares)
            || packageWeight.split(rest, among: accounts, into: &shares)
        if !isSplit { keep(nobody, rest) }
        for share in shares.indices {
            write(shares[share].place, .rest, provenance, boundary, shares[share].amount)
        }
    }

    // MARK: Shares

    private mutating func keep(_ place: Int, _ amount: Int128) {
        shares.append(LargestRemainder.Share(place: place, amount: amount))
    }

    /// Weights of the exclusive holders over the interval, nil when nobody holds the node alone.
    private func exclusiveHolders() -> LargestRemainder? {
        guard facts.allocations.contains(where: { $0.mode == .exclusive }) else { return nil }
        var shares = LargestRemainder()
        var held: Int128 = 0
        for holder in holders where facts.allocations[holder.index].mode == .exclusive {
            shares.add(holder.place, holder.held)
            held += holder.held
        }
        // The time that nobody held is nobody's.
        shares.add(nobody, duration - held)
        return shares
    }

    private mutating func acceleratorShares(_ sensor: SensorIdentity, _ energy: Int128) {
        var first: (holder: Int, weight: Int64?)?
        var more: [(holder: Int, weight: Int64?)] = []
        for index in holders.indices {
            guard let weight = heldWeight(of: sensor, by: holders[index].index) else { continue }
            if first == nil { first = (index, weight) } else { more.append((index, weight)) }
        }
        let others = facts.others?.devices.first { $0.sensor == sensor.id }
        guard let first else {
            return keep(others == nil ? nobody : tenant, energy)
        }
        guard more.isEmpty, others == nil else { return divide(energy, [first] + more, others) }
        let only = holders[first.holder]
        guard only.held < duration else { return keep(only.place, energy) }
        var split = LargestRemainder()
        split.add(only.place, only.held)
        split.add(nobody, duration - only.held)
        if !split.split(energy, among: accounts, into: &shares) { keep(only.place, energy) }
    }

    /// The weight of a hold, itself nil where none was measured; nil when the allocation does not hold the device.
    private func heldWeight(of sensor: SensorIdentity, by allocation: Int) -> Int64?? {
        let allocations = facts.allocations.span
        let devices = allocations[allocation].devices.span
        for device in devices.indices where devices[device].sensor == sensor.id {
            return .some(devices[device].weight)
        }
        return nil
    }

    /// A device that several hold: by their measured shares, else equally.
    private mutating func divide(_ energy: Int128, _ holding: [(holder: Int, weight: Int64?)], _ others: DeviceHold?) {
        let measured = holding.allSatisfy { $0.weight != nil } && (others.map { $0.weight != nil } ?? true)
        let total = holding.reduce(Int128(others?.weight ?? 0)) { $0 + Int128($1.weight ?? 0) }
        let byMeasure = measured && total > 0
        if !byMeasure, holding.count > 1 { flags.insert("equal-share") }
        var split = LargestRemainder()
        for (holder, weight) in holding { split.add(holders[holder].place, byMeasure ? Int128(weight ?? 0) : 1) }
        if let others { split.add(tenant, byMeasure ? Int128(others.weight ?? 0) : 1) }
        if !split.split(energy, among: accounts, into: &shares) { keep(nobody, energy) }
    }

    /// The idle part by reserved cores, the rest by CPU time.
    private mutating func processorShares(_ idlePowerMilliwatts: Int64, _ energy: Int128) {
        let idleEnergy = Int128(idlePowerMilliwatts) * Int128(facts.durationNanoseconds) / 1_000_000
        let idle = min(energy, idleEnergy)
        if !reserved.split(idle, among: accounts, into: &shares) { keep(nobody, idle) }
        let active = energy - idle
        let isSplit =
            byTime.split(active, among: accounts, into: &shares)
            || reserved.split(active, among: accounts, into: &shares)
        if !isSplit { keep(nobody, active) }
    }

    private func processorTimes() -> LargestRemainder {
        var shares = LargestRemainder()
        for holder in holders {
            shares.add(holder.place, Int128(facts.allocations[holder.index].cpuMicroseconds))
        }
        if let others = facts.others { shares.add(tenant, Int128(others.cpuMicroseconds)) }
        shares.add(unknown, Int128(facts.host?.unheldCPUMicroseconds ?? 0))
        return shares
    }

    private func reservedShares() -> LargestRemainder {
        var shares = LargestRemainder()
        var reserved: Int128 = 0
        for holder in holders {
            let weight = Int128(facts.allocations[holder.index].reservedMillicores) * holder.held
            shares.add(holder.place, weight)
            reserved += weight
        }
        if let others = facts.others {
            let weight = Int128(others.reservedMillicores) * duration
            shares.add(tenant, weight)
            reserved += weight
        }
        if let host = facts.host { shares.add(nobody, Int128(host.millicores) * duration - reserved) }
        return shares
    }

    /// A shared source by the node-seconds of the jobs that it serves.
    private mutating func networkShares(_ energy: Int128) {
        var split = LargestRemainder()
        for holder in holders {
            split.add(
                holder.place, holder.held * Int128(max(1, facts.allocations[holder.index].expectedNodes ?? 1)))
        }
        if !split.split(energy, among: accounts, into: &shares) { keep(unknown, energy) }
    }

    // MARK: Writing

    private mutating func write(
        _ place: Int, _ component: Component, _ provenance: Provenance, _ boundary: Boundary, _ amount: Int128
    ) {
        // An extract posts the tenant's own shares only; the home log has the whole.
        if isExtract, accounts[place].job == nil { return }
        if let onlyHour {
            if amount != 0 { add(place, component, provenance, boundary, onlyHour, amount) }
            return
        }
        for (hour, part) in HourSplit.split(amount, over: facts.interval) where part != 0 {
            add(place, component, provenance, boundary, hour, part)
        }
    }

    private mutating func add(
        _ place: Int, _ component: Component, _ provenance: Provenance, _ boundary: Boundary, _ hour: Int64,
        _ amount: Int128
    ) {
        for index in lines.indices
        where lines[index].place == place && lines[index].component == component && lines[index].hour == hour
            && lines[index].provenance == provenance && lines[index].boundary == boundary
        {
            guard let sum = Int64(exactly: Int128(lines[index].microjoules) + amount) else { break }
            lines[index].microjoules = sum
            return
        }
        // Both ends of a sensor are 64-bit, so an amount can need 65 bits: it is then posted in several parts.
        var left = amount
        repeat {
            let part = Int64(clamping: left)
            lines.append(
                Line(
                    place: place, component: component, provenance: provenance, boundary: boundary, hour: hour,
                    microjoules: part))
            left -= Int128(part)
        } while left != 0
    }

    // MARK: Coverage

    private mutating func cover() {
        let duration = facts.coveredMilliseconds
        guard duration > 0, !tree.roots.isEmpty else { return }
        guard facts.interval.lastHour - facts.interval.start.hour <= HourSplit.maximumHours else { return }
        let known = tree.knownMilliseconds(facts.sensors, of: duration)
        for holder in holders.indices where facts.allocations[holder].mode != .tenant {
            let isCovered = (0..<holder).contains { earlier in
                facts.allocations[earlier].mode != .tenant
                    && facts.allocations[earlier].job == facts.allocations[holder].job
            }
            if !isCovered { coverage += coverageSpans(holders[holder], known: known) }
        }
    }

    private func coverageSpans(_ holder: Holder, known: (measured: Int64, bridged: Int64)) -> [CoverageSpan] {
        // Up to the next millisecond: a job must not be called a lower bound because of a part of one.
        func scaled(_ milliseconds: Int64) -> Int128 {
            guard holder.held < duration, duration > 0 else { return Int128(milliseconds) }
            return (Int128(milliseconds) * holder.held + duration - 1) / duration
        }
        if let onlyHour {
            return [
                CoverageSpan(
                    job: facts.allocations[holder.index].job, hour: onlyHour, interval: facts.interval,
                    measuredMilliseconds: Int64(clamping: scaled(known.measured)),
                    bridgedMilliseconds: Int64(clamping: scaled(known.bridged)))
            ]
        }
        var spans: [Int64: CoverageSpan] = [:]
        for hour in facts.interval.start.hour...facts.interval.lastHour {
            let whole = UTCInterval(start: UTCTime(hour: hour), end: UTCTime(hour: hour + 1))
            guard let part = whole.intersection(facts.interval) else { continue }
            spans[hour] = CoverageSpan(
                job: facts.allocations[holder.index].job, hour: hour, interval: part, measuredMilliseconds: 0,
                bridgedMilliseconds: 0)
        }
        for (hour, amount) in HourSplit.split(scaled(known.measured), over: facts.interval) {
            spans[hour]?.measuredMilliseconds += Int64(clamping: amount)
        }
        for (hour, amount) in HourSplit.split(scaled(known.bridged), over: facts.interval) {
            spans[hour]?.bridgedMilliseconds += Int64(clamping: amount)
        }
        return spans.values.sorted { $0.hour < $1.hour }
    }

    private mutating func findGaps() {
        let duration = facts.interval.durationMilliseconds
        guard duration > 0, !tree.roots.isEmpty else { return }
        let known = tree.knownMilliseconds(facts.sensors, of: duration)
        let missing = duration - known.measured - known.bridged
        guard missing > 0 || known.bridged > 0 || facts.state == .outage else { return }
        let jobs = Set(facts.allocations.filter { $0.mode != .tenant }.map(\.job))
        let job = jobs.count == 1 ? jobs.first : nil
        if facts.state == .outage {
            gaps.append(GapSpan(interval: facts.interval, kind: .outage, milliseconds: duration, job: job))
        } else if known.bridged > 0 {
            gaps.append(
                GapSpan(interval: facts.interval, kind: .bridged, milliseconds: known.bridged, job: job))
        }
        if missing > 0 {
            gaps.append(GapSpan(interval: facts.interval, kind: .missing, milliseconds: missing, job: job))
        }
    }
}
