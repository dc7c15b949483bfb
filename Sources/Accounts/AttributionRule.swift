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
        var room = AttributionRoom()
        return post(facts, superseded: superseded, tree: tree ?? SensorTree(facts.sensors), in: &room)
    }

    /// The same for one batch after the other.
    ///
    /// - Parameter room: what the batch before left.
    package func post(
        _ facts: IntervalFacts, superseded: Bool = false, tree: SensorTree, in room: inout AttributionRoom
    ) -> BatchPostings {
        // Swapped in and out, because lists that two hold are copied when they change.
        var attribution = Attribution(facts: facts, tree: tree, room: &room)
        defer { swap(&attribution.room, &room) }
        if superseded {
            attribution.supersede()
        } else {
            attribution.attribute()
        }
        return attribution.result
    }
}

/// Memory for the lists of an attribution, to be used for the next one: an audit posts millions of batches, and asking
/// for it anew takes longer than the rule. Nothing of a batch is in it for the next but what decides nothing.
package struct AttributionRoom: Sendable {
    fileprivate var sensors: [Attribution.Sensor] = []
    fileprivate var holders: [Attribution.Holder] = []
    fileprivate var accounts: [Account] = []
    fileprivate var lines: [Attribution.Line] = []
    /// The shares of the sensor at hand.
    fileprivate var shares: [LargestRemainder.Share] = []
    /// Who holds what on the node at hand: the caller may put in what it kept of the node.
    package var devices = DeviceHolders()
    /// Weights that are the same for every sensor: of the exclusive holders, by reserved cores, and by CPU time.
    fileprivate var exclusive = LargestRemainder()
    fileprivate var reserved = LargestRemainder()
    fileprivate var byTime = LargestRemainder()
    /// Accelerator and processor energy as posted, which weigh the rest of the node.
    fileprivate var acceleratorWeight = LargestRemainder()
    fileprivate var packageWeight = LargestRemainder()

    package init() {}

    fileprivate mutating func clear() {
        sensors.removeAll(keepingCapacity: true)
        holders.removeAll(keepingCapacity: true)
        accounts.removeAll(keepingCapacity: true)
        lines.removeAll(keepingCapacity: true)
        exclusive.removeAll()
        reserved.removeAll()
        byTime.removeAll()
        acceleratorWeight.removeAll()
        packageWeight.removeAll()
    }
}

/// The working state of one batch's attribution.
///
/// Accounts are kept once, in a list, and meant by their places in it: their names are long, and every sensor is split
/// among the same few.
private struct Attribution {
    let facts: IntervalFacts
    let tree: SensorTree
    var room: AttributionRoom
    /// What nobody holds: idle while the agent watched, a gap when it was away. A recorded log has no agent beside it,
    /// so nobody can say that the node was idle outside the job's window (RULES section 6).
    private let nobody: Int
    private let unknown: Int
    private let tenant: Int
    private var coverage: [CoverageSpan] = []
    private var gaps: [GapSpan] = []
    private var flags: Set<String> = []
    /// Microseconds of the interval.
    private let duration: Int128
    /// The hour to which all of the batch belongs, nil when it spans several.
    private let onlyHour: Int64?
    /// Whether somebody holds the node alone.
    private var isExclusive = false
    private var areDevicesFound = false

    /// What the rule reads of a sensor, without a reference: it is read many times.
    struct Sensor: Sendable {
        var layer: Layer
        var provenance: Provenance
        var advance: Int128
        var idlePowerMilliwatts: Int64
        var isSuspect: Bool
    }

    /// In the order of the allocations.
    struct Holder: Sendable {
        /// Place of the account.
        var place: Int
        /// Microseconds of the interval that the hold lasted.
        var held: Int128
    }

    /// A posting whose account is meant by its place.
    struct Line: Sendable {
        var place: Int
        var component: Component
        var provenance: Provenance
        var boundary: Boundary
        var hour: Int64
        var microjoules: Int64
    }

    init(facts: IntervalFacts, tree: SensorTree, room: inout AttributionRoom) {
        self.room = AttributionRoom()
        swap(&self.room, &room)
        self.room.clear()
        self.facts = facts
        self.tree = tree
        let duration = Int128(facts.durationNanoseconds / 1000)
        self.duration = duration
        onlyHour = HourSplit.onlyHour(of: facts.interval)
        Self.take(facts.sensors, into: &self.room.sensors)
        let allocations = facts.allocations.span
        for index in allocations.indices {
            let held = allocations[index].heldNanoseconds.map { min(duration, Int128($0 / 1000)) } ?? duration
            let account = Self.account(allocations[index].job, allocations[index].mode, allocations[index].isActive)
            let place = Self.place(of: account, in: &self.room.accounts)
            self.room.holders.append(Holder(place: place, held: held))
        }
        let isOutage = facts.state == .outage
        unknown = Self.place(of: isOutage ? .gap : .unattributed, in: &self.room.accounts)
        nobody = facts.monotonic == nil || isOutage ? unknown : Self.place(of: .idle, in: &self.room.accounts)
        tenant = Self.place(of: .tenant, in: &self.room.accounts)
        weighExclusive()
        weighReserved()
        weighTimes()
    }

    private static func take(_ facts: [SensorFacts], into sensors: inout [Sensor]) {
        let facts = facts.span
        for index in facts.indices {
            sensors.append(
                Sensor(
                    layer: facts[index].identity.layer, provenance: facts[index].identity.provenance,
                    advance: Int128(facts[index].lastMicrojoules) - Int128(facts[index].firstMicrojoules),
                    idlePowerMilliwatts: facts[index].idlePowerMilliwatts,
                    isSuspect: facts[index].flags.contains(.suspect)))
        }
    }

    private static func account(_ job: String, _ mode: AllocationFacts.Mode, _ isActive: Bool) -> Account {
        if mode == .tenant { return .tenant }
        return isActive ? .job(job) : .idleReserved(job)
    }

    private static func place(of account: Account, in accounts: inout [Account]) -> Int {
        if let place = accounts.firstIndex(of: account) { return place }
        accounts.append(account)
        return accounts.count - 1
    }

    var result: BatchPostings {
        var result = BatchPostings()
        result.postings = room.lines.map { line in
            Posting(
                account: room.accounts[line.place], component: line.component, provenance: line.provenance,
                boundary: line.boundary, hour: line.hour, microjoules: line.microjoules)
        }
        result.coverage = coverage
        result.gaps = gaps
        result.flags = flags
        return result
    }

    private var isExtract: Bool { facts.others != nil }

    mutating func supersede() {
        let superseded = Self.place(of: .superseded, in: &room.accounts)
        for root in tree.roots {
            write(
                superseded, .rest, room.sensors[root].provenance, tree.boundary(of: room.sensors[root].layer),
                room.sensors[root].advance)
        }
        flags.insert("superseded")
    }

    mutating func attribute() {
        for root in tree.roots { attributeParts(of: root, boundary: tree.boundary(of: room.sensors[root].layer)) }
        for root in tree.roots { attributeRest(of: root, boundary: tree.boundary(of: room.sensors[root].layer)) }
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

    private func component(_ index: Int) -> Component { tree.component(of: room.sensors[index].layer) }

    private mutating func attributeLeaf(_ index: Int, _ boundary: Boundary) {
        let component = component(index)
        let energy = room.sensors[index].advance
        let provenance = room.sensors[index].provenance
        if room.sensors[index].isSuspect {
            flags.insert("suspect")
            return write(unknown, component, provenance, boundary, energy)
        }
        room.shares.removeAll(keepingCapacity: true)
        if isExclusive {
            if !room.exclusive.split(energy, among: room.accounts, into: &room.shares) { keep(nobody, energy) }
        } else {
            switch component {
            case .accelerator: acceleratorShares(index, energy)
            case .cpu, .dram: processorShares(room.sensors[index].idlePowerMilliwatts, energy)
            case .network: networkShares(energy)
            case .rest: keep(nobody, energy)
            }
        }
        for share in room.shares.indices {
            let (place, amount) = (room.shares[share].place, room.shares[share].amount)
            write(place, component, provenance, boundary, amount)
            if component == .accelerator { room.acceleratorWeight.add(place, amount) }
            if component == .cpu { room.packageWeight.add(place, amount) }
        }
    }

    private mutating func attributeRest(of index: Int, boundary: Boundary) {
        for part in tree.parts[index] { attributeRest(of: part, boundary: boundary) }
        guard !tree.parts[index].isEmpty || component(index) == .rest else { return }
        let provenance = room.sensors[index].provenance
        var rest = room.sensors[index].advance
        for part in tree.parts[index] { rest -= room.sensors[part].advance }
        if room.sensors[index].isSuspect {
            flags.insert("suspect")
            return write(unknown, .rest, provenance, boundary, rest)
        }
        room.shares.removeAll(keepingCapacity: true)
        let isSplit =
            isExclusive && room.exclusive.split(rest, among: room.accounts, into: &room.shares)
            || room.acceleratorWeight.split(rest, among: room.accounts, into: &room.shares)
            || room.packageWeight.split(rest, among: room.accounts, into: &room.shares)
        if !isSplit { keep(nobody, rest) }
        for share in room.shares.indices {
            write(room.shares[share].place, .rest, provenance, boundary, room.shares[share].amount)
        }
    }

    // MARK: Shares

    private mutating func keep(_ place: Int, _ amount: Int128) {
        room.shares.append(LargestRemainder.Share(place: place, amount: amount))
    }

    /// The exclusive holders over the interval.
    private mutating func weighExclusive() {
        var held: Int128 = 0
        for holder in room.holders.indices where facts.allocations.span[holder].mode == .exclusive {
            isExclusive = true
            room.exclusive.add(room.holders[holder].place, room.holders[holder].held)
            held += room.holders[holder].held
        }
        // The time that nobody held is nobody's.
        if isExclusive { room.exclusive.add(nobody, duration - held) }
    }

    private mutating func acceleratorShares(_ sensor: Int, _ energy: Int128) {
        if !areDevicesFound {
            room.devices.find(facts, tree)
            areDevicesFound = true
        }
        let holders = room.devices.holders(of: sensor)
        let others = facts.others?.devices.first { $0.sensor == facts.sensors[sensor].id }
        guard let first = holders.first else {
            return keep(others == nil ? nobody : tenant, energy)
        }
        guard holders.count == 1, others == nil else { return divide(energy, holders, others) }
        let only = room.holders[first.allocation]
        guard only.held < duration else { return keep(only.place, energy) }
        var split = LargestRemainder()
        split.add(only.place, only.held)
        split.add(nobody, duration - only.held)
        if !split.split(energy, among: room.accounts, into: &room.shares) { keep(only.place, energy) }
    }

    /// A device that several hold: by their measured shares, else equally.
    private mutating func divide(
        _ energy: Int128, _ holding: ArraySlice<DeviceHolders.Holder>, _ others: DeviceHold?
    ) {
        let measured = holding.allSatisfy { $0.weight != nil } && (others.map { $0.weight != nil } ?? true)
        let total = holding.reduce(Int128(others?.weight ?? 0)) { $0 + Int128($1.weight ?? 0) }
        let byMeasure = measured && total > 0
        if !byMeasure, holding.count > 1 { flags.insert("equal-share") }
        var split = LargestRemainder()
        for holder in holding {
            split.add(room.holders[holder.allocation].place, byMeasure ? Int128(holder.weight ?? 0) : 1)
        }
        if let others { split.add(tenant, byMeasure ? Int128(others.weight ?? 0) : 1) }
        if !split.split(energy, among: room.accounts, into: &room.shares) { keep(nobody, energy) }
    }

    /// The idle part by reserved cores, the rest by CPU time.
    private mutating func processorShares(_ idlePowerMilliwatts: Int64, _ energy: Int128) {
        let idleEnergy = Int128(idlePowerMilliwatts) * Int128(facts.durationNanoseconds) / 1_000_000
        let idle = min(energy, idleEnergy)
        if !room.reserved.split(idle, among: room.accounts, into: &room.shares) { keep(nobody, idle) }
        let active = energy - idle
        let isSplit =
            room.byTime.split(active, among: room.accounts, into: &room.shares)
            || room.reserved.split(active, among: room.accounts, into: &room.shares)
        if !isSplit { keep(nobody, active) }
    }

    private mutating func weighTimes() {
        for holder in room.holders.indices {
            room.byTime.add(room.holders[holder].place, Int128(facts.allocations.span[holder].cpuMicroseconds))
        }
        if let others = facts.others { room.byTime.add(tenant, Int128(others.cpuMicroseconds)) }
        room.byTime.add(unknown, Int128(facts.host?.unheldCPUMicroseconds ?? 0))
    }

    private mutating func weighReserved() {
        var reserved: Int128 = 0
        for holder in room.holders.indices {
            let weight = Int128(facts.allocations.span[holder].reservedMillicores) * room.holders[holder].held
            room.reserved.add(room.holders[holder].place, weight)
            reserved += weight
        }
        if let others = facts.others {
            let weight = Int128(others.reservedMillicores) * duration
            room.reserved.add(tenant, weight)
            reserved += weight
        }
        if let host = facts.host { room.reserved.add(nobody, Int128(host.millicores) * duration - reserved) }
    }

    /// A shared source by the node-seconds of the jobs that it serves.
    private mutating func networkShares(_ energy: Int128) {
        var split = LargestRemainder()
        for holder in room.holders.indices {
            let nodes = max(1, facts.allocations[holder].expectedNodes ?? 1)
            split.add(room.holders[holder].place, room.holders[holder].held * Int128(nodes))
        }
        if !split.split(energy, among: room.accounts, into: &room.shares) { keep(unknown, energy) }
    }

    // MARK: Writing

    private mutating func write(
        _ place: Int, _ component: Component, _ provenance: Provenance, _ boundary: Boundary, _ amount: Int128
    ) {
        // An extract posts the tenant's own shares only; the home log has the whole.
        if isExtract, room.accounts[place].job == nil { return }
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
        for index in room.lines.indices
        where room.lines[index].place == place && room.lines[index].component == component
            && room.lines[index].hour == hour && room.lines[index].provenance == provenance
            && room.lines[index].boundary == boundary
        {
            guard let sum = Int64(exactly: Int128(room.lines[index].microjoules) + amount) else { break }
            room.lines[index].microjoules = sum
            return
        }
        // Both ends of a sensor are 64-bit, so an amount can need 65 bits: it is then posted in several parts.
        var left = amount
        repeat {
            let part = Int64(clamping: left)
            room.lines.append(
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
        coverage.reserveCapacity(room.holders.count)
        for holder in room.holders.indices where facts.allocations[holder].mode != .tenant {
            let isCovered = (0..<holder).contains { earlier in
                facts.allocations[earlier].mode != .tenant
                    && facts.allocations[earlier].job == facts.allocations[holder].job
            }
            if !isCovered { cover(holder, known: known) }
        }
    }

    private mutating func cover(_ holder: Int, known: (measured: Int64, bridged: Int64)) {
        let (job, held) = (facts.allocations[holder].job, room.holders[holder].held)
        // Up to the next millisecond: a job must not be called a lower bound because of a part of one.
        func scaled(_ milliseconds: Int64) -> Int128 {
            guard held < duration, duration > 0 else { return Int128(milliseconds) }
            return (Int128(milliseconds) * held + duration - 1) / duration
        }
        if let onlyHour {
            coverage.append(
                CoverageSpan(
                    job: job, hour: onlyHour, interval: facts.interval,
                    measuredMilliseconds: Int64(clamping: scaled(known.measured)),
                    bridgedMilliseconds: Int64(clamping: scaled(known.bridged))))
            return
        }
        var spans: [Int64: CoverageSpan] = [:]
        for hour in facts.interval.start.hour...facts.interval.lastHour {
            let whole = UTCInterval(start: UTCTime(hour: hour), end: UTCTime(hour: hour + 1))
            guard let part = whole.intersection(facts.interval) else { continue }
            spans[hour] = CoverageSpan(
                job: job, hour: hour, interval: part, measuredMilliseconds: 0, bridgedMilliseconds: 0)
        }
        for (hour, amount) in HourSplit.split(scaled(known.measured), over: facts.interval) {
            spans[hour]?.measuredMilliseconds += Int64(clamping: amount)
        }
        for (hour, amount) in HourSplit.split(scaled(known.bridged), over: facts.interval) {
            spans[hour]?.bridgedMilliseconds += Int64(clamping: amount)
        }
        coverage += spans.values.sorted { $0.hour < $1.hour }
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
