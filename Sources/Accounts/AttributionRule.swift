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
private struct Attribution {
    let facts: IntervalFacts
    let tree: SensorTree
    let holders: [Holder]
    var result = BatchPostings()
    /// Accelerator and processor energy as posted, which weigh the rest of the node.
    private var acceleratorWeight = LargestRemainder()
    private var packageWeight = LargestRemainder()
    /// Weights that are the same for every sensor, worked out when the first one asks.
    private lazy var exclusive: LargestRemainder? = exclusiveHolders()
    private lazy var reserved: LargestRemainder = reservedShares()
    private lazy var byTime: LargestRemainder = processorTimes()
    /// Microseconds of the interval.
    private let duration: Int128
    /// The hour to which all of the batch belongs, nil when it spans several.
    private let onlyHour: Int64?

    struct Holder {
        var account: Account
        var facts: AllocationFacts
        /// Microseconds of the interval that the hold lasted.
        var held: Int128
    }

    init(facts: IntervalFacts, tree: SensorTree) {
        self.facts = facts
        self.tree = tree
        let duration = Int128(facts.durationNanoseconds / 1000)
        self.duration = duration
        onlyHour = HourSplit.onlyHour(of: facts.interval)
        holders = facts.allocations.map { allocation in
            let account: Account =
                allocation.mode == .tenant
                ? .tenant : allocation.isActive ? .job(allocation.job) : .idleReserved(allocation.job)
            let held = allocation.heldNanoseconds.map { min(duration, Int128($0 / 1000)) } ?? duration
            return Holder(account: account, facts: allocation, held: held)
        }
    }

    /// What nobody holds: idle while the agent watched, a gap when it was away. A recorded log has no agent beside it,
    /// so nobody can say that the node was idle outside the job's window (RULES section 6).
    private var nobody: Account {
        if facts.state == .outage { return .gap }
        return facts.monotonic == nil ? .unattributed : .idle
    }
    private var unknown: Account { facts.state == .outage ? .gap : .unattributed }
    private var isExtract: Bool { facts.others != nil }

    mutating func supersede() {
        for root in tree.roots {
            let sensor = facts.sensors[root]
            write(
                .superseded, .rest, sensor.provenance, tree.boundary(of: sensor.layer), sensor.advanceMicrojoules)
        }
        result.flags.insert("superseded")
    }

    mutating func attribute() {
        for root in tree.roots { attributeParts(of: root, boundary: tree.boundary(of: facts.sensors[root].layer)) }
        for root in tree.roots { attributeRest(of: root, boundary: tree.boundary(of: facts.sensors[root].layer)) }
        cover()
        findGaps()
    }

    // MARK: Components

    private mutating func attributeParts(of index: Int, boundary: Boundary) {
        let parts = tree.parts[index]
        if parts.isEmpty {
            if component(index) != .rest { attributeLeaf(index, boundary) }
            return
        }
        for part in parts { attributeParts(of: part, boundary: boundary) }
    }

    private func component(_ index: Int) -> Component { tree.component(of: facts.sensors[index].layer) }

    private mutating func attributeLeaf(_ index: Int, _ boundary: Boundary) {
        let component = component(index)
        let energy = facts.sensors[index].advanceMicrojoules
        let provenance = facts.sensors[index].provenance
        if facts.sensors[index].flags.contains(.suspect) {
            result.flags.insert("suspect")
            return write(unknown, component, provenance, boundary, energy)
        }
        if component == .accelerator, exclusive == nil, let only = onlyHolder(of: facts.sensors[index].id) {
            write(holders[only].account, component, provenance, boundary, energy)
            acceleratorWeight.add(holders[only].account, energy)
            return
        }
        let split: [(account: Account, amount: Int128)]
        if let exclusive {
            split = exclusive.split(energy) ?? [(nobody, energy)]
        } else {
            switch component {
            case .accelerator: split = acceleratorShares(facts.sensors[index].id, energy)
            case .cpu, .dram: split = processorShares(facts.sensors[index].idlePowerMilliwatts, energy)
            case .network: split = networkShares(energy)
            case .rest: split = [(nobody, energy)]
            }
        }
        for (account, amount) in split {
            write(account, component, provenance, boundary, amount)
            if component == .accelerator { acceleratorWeight.add(account, amount) }
            if component == .cpu { packageWeight.add(account, amount) }
        }
    }

    private mutating func attributeRest(of index: Int, boundary: Boundary) {
        for part in tree.parts[index] { attributeRest(of: part, boundary: boundary) }
        guard !tree.parts[index].isEmpty || component(index) == .rest else { return }
        let provenance = facts.sensors[index].provenance
        var rest = facts.sensors[index].advanceMicrojoules
        for part in tree.parts[index] { rest -= facts.sensors[part].advanceMicrojoules }
        if facts.sensors[index].flags.contains(.suspect) {
            result.flags.insert("suspect")
            return write(unknown, .rest, provenance, boundary, rest)
        }
        let split =
            exclusive?.split(rest) ?? acceleratorWeight.split(rest) ?? packageWeight.split(rest)
            ?? [(nobody, rest)]
        for (account, amount) in split { write(account, .rest, provenance, boundary, amount) }
    }

    // MARK: Shares

    /// Weights of the exclusive holders over the interval, nil when nobody holds the node alone.
    private func exclusiveHolders() -> LargestRemainder? {
        guard holders.contains(where: { $0.facts.mode == .exclusive }) else { return nil }
        return weights { $0.facts.mode == .exclusive ? $0.held : 0 }
    }

    /// Weights by time held; the time that nobody held is nobody's.
    private func weights(_ weight: (Holder) -> Int128) -> LargestRemainder {
        var shares = LargestRemainder()
        var held: Int128 = 0
        for holder in holders {
            let time = weight(holder)
            shares.add(holder.account, time)
            held += time
        }
        shares.add(nobody, duration - held)
        return shares
    }

    private mutating func acceleratorShares(
        _ sensor: String, _ energy: Int128
    ) -> [(account: Account, amount: Int128)] {
        var holding: [(holder: Int, weight: Int64?)] = []
        for index in holders.indices {
            guard let device = holders[index].facts.devices.first(where: { $0.sensor == sensor }) else { continue }
            holding.append((index, device.weight))
        }
        let others = facts.others?.devices.first { $0.sensor == sensor }
        let count = holding.count + (others == nil ? 0 : 1)
        guard count > 0 else { return [(nobody, energy)] }
        if count == 1, let only = holding.first {
            let (account, held) = (holders[only.holder].account, holders[only.holder].held)
            guard held < duration else { return [(account, energy)] }
            var shares = LargestRemainder()
            shares.add(account, held)
            shares.add(nobody, duration - held)
            return shares.split(energy) ?? [(account, energy)]
        }
        let measured = holding.allSatisfy { $0.weight != nil } && (others.map { $0.weight != nil } ?? true)
        let total = holding.reduce(Int128(others?.weight ?? 0)) { $0 + Int128($1.weight ?? 0) }
        let byMeasure = measured && total > 0
        if !byMeasure, holding.count > 1 { result.flags.insert("equal-share") }
        var shares = LargestRemainder()
        for (holder, weight) in holding { shares.add(holders[holder].account, byMeasure ? Int128(weight ?? 0) : 1) }
        if let others { shares.add(.tenant, byMeasure ? Int128(others.weight ?? 0) : 1) }
        return shares.split(energy) ?? [(nobody, energy)]
    }

    /// Place of the one holder of a device throughout the interval, nil when there are several or none.
    private func onlyHolder(of device: String) -> Int? {
        guard facts.others == nil else { return nil }
        var only: Int?
        for index in holders.indices where holders[index].facts.devices.contains(where: { $0.sensor == device }) {
            guard only == nil, holders[index].held == duration, duration > 0 else { return nil }
            only = index
        }
        return only
    }

    /// The idle part by reserved cores, the rest by CPU time.
    private mutating func processorShares(
        _ idlePowerMilliwatts: Int64, _ energy: Int128
    ) -> [(account: Account, amount: Int128)] {
        let idleEnergy = Int128(idlePowerMilliwatts) * Int128(facts.durationNanoseconds) / 1_000_000
        let idle = min(energy, idleEnergy)
        let idleSplit = reserved.split(idle) ?? [(nobody, idle)]
        let active = energy - idle
        return idleSplit + (byTime.split(active) ?? reserved.split(active) ?? [(nobody, active)])
    }

    private func processorTimes() -> LargestRemainder {
        var shares = LargestRemainder()
        for holder in holders { shares.add(holder.account, Int128(holder.facts.cpuMicroseconds)) }
        if let others = facts.others { shares.add(.tenant, Int128(others.cpuMicroseconds)) }
        shares.add(unknown, Int128(facts.host?.unheldCPUMicroseconds ?? 0))
        return shares
    }

    private func reservedShares() -> LargestRemainder {
        var shares = LargestRemainder()
        var reserved: Int128 = 0
        for holder in holders {
            let weight = Int128(holder.facts.reservedMillicores) * holder.held
            shares.add(holder.account, weight)
            reserved += weight
        }
        if let others = facts.others {
            let weight = Int128(others.reservedMillicores) * duration
            shares.add(.tenant, weight)
            reserved += weight
        }
        if let host = facts.host { shares.add(nobody, Int128(host.millicores) * duration - reserved) }
        return shares
    }

    /// A shared source by the node-seconds of the jobs that it serves.
    private func networkShares(_ energy: Int128) -> [(account: Account, amount: Int128)] {
        var shares = LargestRemainder()
        for holder in holders {
            shares.add(holder.account, holder.held * Int128(max(1, holder.facts.expectedNodes ?? 1)))
        }
        return shares.split(energy) ?? [(unknown, energy)]
    }

    // MARK: Writing

    private mutating func write(
        _ account: Account, _ component: Component, _ provenance: Provenance, _ boundary: Boundary, _ amount: Int128
    ) {
        // An extract posts the tenant's own shares only; the home log has the whole.
        if isExtract, account.job == nil { return }
        if let onlyHour {
            if amount != 0 { add(account, component, provenance, boundary, onlyHour, amount) }
            return
        }
        for (hour, part) in HourSplit.split(amount, over: facts.interval) where part != 0 {
            add(account, component, provenance, boundary, hour, part)
        }
    }

    private mutating func add(
        _ account: Account, _ component: Component, _ provenance: Provenance, _ boundary: Boundary, _ hour: Int64,
        _ amount: Int128
    ) {
        // The first that agrees, as ever; in place, because a copy of each would cost more than the sum.
        for index in result.postings.indices
        where result.postings[index].component == component && result.postings[index].hour == hour
            && result.postings[index].provenance == provenance && result.postings[index].boundary == boundary
            && result.postings[index].account == account
        {
            guard let sum = Int64(exactly: Int128(result.postings[index].microjoules) + amount) else { break }
            result.postings[index].microjoules = sum
            return
        }
        // Both ends of a sensor are 64-bit, so an amount can need 65 bits: it is then posted in several parts.
        var left = amount
        repeat {
            let part = Int64(clamping: left)
            result.postings.append(
                Posting(
                    account: account, component: component, provenance: provenance, boundary: boundary, hour: hour,
                    microjoules: part))
            left -= Int128(part)
        } while left != 0
    }

    // MARK: Coverage

    private mutating func cover() {
        let duration = facts.interval.durationMilliseconds
        guard duration > 0, !tree.roots.isEmpty else { return }
        guard facts.interval.lastHour - facts.interval.start.hour <= HourSplit.maximumHours else { return }
        let known = tree.knownMilliseconds(facts.sensors, of: duration)
        var covered: Set<String> = []
        for holder in holders where holder.facts.mode != .tenant {
            guard holders.count == 1 || covered.insert(holder.facts.job).inserted else { continue }
            result.coverage += coverageSpans(holder, known: known)
        }
    }

    private func coverageSpans(_ holder: Holder, known: (measured: Int64, bridged: Int64)) -> [CoverageSpan] {
        func scaled(_ milliseconds: Int64) -> Int128 {
            guard holder.held < duration, duration > 0 else { return Int128(milliseconds) }
            return Int128(milliseconds) * holder.held / duration
        }
        if let onlyHour {
            return [
                CoverageSpan(
                    job: holder.facts.job, hour: onlyHour, interval: facts.interval,
                    measuredMilliseconds: Int64(clamping: scaled(known.measured)),
                    bridgedMilliseconds: Int64(clamping: scaled(known.bridged)))
            ]
        }
        var spans: [Int64: CoverageSpan] = [:]
        for hour in facts.interval.start.hour...facts.interval.lastHour {
            let whole = UTCInterval(start: UTCTime(hour: hour), end: UTCTime(hour: hour + 1))
            guard let part = whole.intersection(facts.interval) else { continue }
            spans[hour] = CoverageSpan(
                job: holder.facts.job, hour: hour, interval: part, measuredMilliseconds: 0, bridgedMilliseconds: 0)
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
            result.gaps.append(GapSpan(interval: facts.interval, kind: .outage, milliseconds: duration, job: job))
        } else if known.bridged > 0 {
            result.gaps.append(
                GapSpan(interval: facts.interval, kind: .bridged, milliseconds: known.bridged, job: job))
        }
        if missing > 0 {
            result.gaps.append(GapSpan(interval: facts.interval, kind: .missing, milliseconds: missing, job: job))
        }
    }
}
