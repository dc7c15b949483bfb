import Accounts
import Batches
import Energy
import Parallel

/// The sums of one period, from one pass over the ledger: what the sections of a report have in common.
///
/// A year of a thousand nodes is some nine million sums by account, node and hour. They are read once, node by node,
/// since what concerns a node in an hour (doubt, place, presence) needs all of its accounts side by side.
struct PeriodSums: Sendable {
    /// One account on one node, over all hours of the period.
    struct LineSum: Sendable {
        /// Number of the line in the ledger.
        var line: Int32
        var account: Account
        var node: String
        var provenance: Provenance
        var boundary: Boundary
        var energy = ComponentEnergy()
    }

    /// One job's time on one node.
    struct HeldSum: Sendable {
        /// Number of the coverage line in the ledger.
        var line: Int32
        var job: String
        var node: String
        var coverage: Ledger.Coverage
    }

    /// The organization's own energy in one hour at one site.
    struct Cell: Sendable, Hashable {
        var hour: Int64
        /// Nil where nobody told the site of the node.
        var site: String?
        var isFacility: Bool
    }

    /// A node whose parts show more than the node: in how many hours, and what they come to.
    struct Doubt: Sendable {
        var node: String
        var hours: Int64 = 0
        var root: Int128 = 0
        var rest: Int128 = 0
    }

    var lines: [LineSum] = []
    var held: [HeldSum] = []
    var cells: [Cell: Int128] = [:]
    /// Hours in which a node has energy of the organization.
    var ownHours: [String: Int64] = [:]
    /// Nodes of which anything is known.
    var reporting: Set<String> = []
    /// Hours of nodes that were measured.
    var measuredHours: Int64 = 0
    var doubts: [Doubt] = []
    /// Jobs that drew on a node in an hour that is in doubt.
    var doubtfulJobs: Set<String> = []

    init(_ input: DisclosureInput) { self.init(input.accounts, period: input.period) }

    /// - Parameters:
    ///   - period: nil for the whole life of the log.
    ///   - job: reads the nodes of one job alone; the sums of others on them are in the result too.
    init(_ accounts: LogAccounts, period: UTCInterval?, ofJob job: String? = nil) {
        var pass = LedgerPass(accounts, period)
        guard let job else {
            pass.cover(accounts.ledger.coverageLines.indices.map { Int32($0) })
            self = pass.sums
            for part in Self.ofNodes(accounts, period) { add(part) }
            return
        }
        pass.read(Set(accounts.ledger.lines(ofJob: job).map { Int($0.node) }))
        pass.cover(accounts.ledger.coverageLineNumbers(ofJob: job))
        self = pass.sums
    }

    /// All nodes without their coverage, so many at a time on each core: no hour of a node needs those of another.
    private static func ofNodes(_ accounts: LogAccounts, _ period: UTCInterval?) -> [PeriodSums] {
        let nodes = accounts.ledger.nodes.indices
        return stride(from: nodes.lowerBound, to: nodes.upperBound, by: nodesAtATime)
            .map { Set($0..<min($0 + nodesAtATime, nodes.upperBound)) }
            .parallelMap(minimumShare: 1) { nodes in
                var pass = LedgerPass(accounts, period)
                pass.read(nodes)
                return pass.sums
            }
    }

    private static let nodesAtATime = 128

    /// - Parameter node: the number of the one node that is read, without its coverage.
    init(_ accounts: LogAccounts, period: UTCInterval, ofNode node: Int32) {
        var pass = LedgerPass(accounts, period)
        pass.read([Int(node)])
        self = pass.sums
    }

    fileprivate init() {}

    /// - Parameter other: of other nodes, or of their coverage.
    private mutating func add(_ other: PeriodSums) {
        lines += other.lines
        held += other.held
        cells.merge(other.cells, uniquingKeysWith: +)
        ownHours.merge(other.ownHours, uniquingKeysWith: +)
        reporting.formUnion(other.reporting)
        measuredHours += other.measuredHours
        doubts += other.doubts
        doubtfulJobs.formUnion(other.doubtfulJobs)
    }
}

/// The working state of the pass.
private struct LedgerPass {
    /// What the lines of the node at hand come to in one hour.
    struct Place {
        var root: Int128 = 0
        var rest: Int128 = 0
        var isMeasured = false
        var isOwn = false

        /// Below −3 % of the root.
        var isDoubtful: Bool { rest * 100 < root * -3 }
    }

    /// What the nodes of the site at hand come to in one hour.
    struct SiteHour {
        var equipment: Int128 = 0
        var facility: Int128 = 0
        var hasEquipment = false
        var hasFacility = false
    }

    /// What a line's account and reading make of its energy.
    struct Kind {
        let isOwn: Bool
        let isMeasured: Bool
        let isFacility: Bool

        init(_ line: EnergyLine) {
            isOwn = line.isOwn
            isMeasured = line.account != .superseded && line.provenance != .synthetic
            isFacility = line.boundary == .facility
        }
    }

    let ledger: Ledger
    let nodes: NodeRegister
    let settings: SettingRegister
    /// By the number of the hour.
    let isInside: [Bool]
    var places: [Place]
    var siteHours: [SiteHour]
    var sums = PeriodSums()

    init(_ accounts: LogAccounts, _ period: UTCInterval?) {
        ledger = accounts.ledger
        nodes = accounts.nodes
        settings = accounts.settings
        let wanted = period.map { $0.start.hour...$0.lastHour }
        isInside = ledger.hours.map { wanted?.contains($0) ?? true }
        places = Array(repeating: Place(), count: isInside.count)
        siteHours = Array(repeating: SiteHour(), count: isInside.count)
    }

    // MARK: Energy

    /// - Parameter wanted: numbers of nodes.
    mutating func read(_ wanted: Set<Int>) {
        var bySite: [String?: [Int]] = [:]
        for node in wanted.sorted() {
            let name = ledger.nodes[node]
            guard settings.changes(of: SettingField.nodeSite, subject: name).isEmpty else {
                readMoving(node, name)
                continue
            }
            var course = SettingCourse(settings, SettingField.nodeSite, name)
            // Without a change it is the same at any time.
            bySite[course.text(at: UTCTime(hour: 0)) ?? nodes.site(of: name), default: []].append(node)
        }
        for (site, members) in bySite {
            for node in members { read(node) }
            leave { _ in site }
        }
    }

    /// A node that is at one site in one hour and at another in the next.
    private mutating func readMoving(_ node: Int, _ name: String) {
        read(node)
        let enrolled = nodes.site(of: name)
        var course = SettingCourse(settings, SettingField.nodeSite, name)
        leave { course.text(at: UTCTime(hour: $0)) ?? enrolled }
    }

    private mutating func read(_ node: Int) {
        let name = ledger.nodes[node]
        for number in ledger.linesOfNode[node] {
            let line = ledger.lines[Int(number)]
            guard let energy = sum(of: line) else { continue }
            sums.reporting.insert(name)
            sums.lines.append(
                PeriodSums.LineSum(
                    line: number, account: line.account, node: name, provenance: line.provenance,
                    boundary: line.boundary, energy: energy))
        }
        judge(node, name)
    }

    /// Nil when the line has no hour of the period.
    private mutating func sum(of line: EnergyLine) -> ComponentEnergy? {
        let kind = Kind(line)
        var sum = ComponentEnergy()
        let count = places.withUnsafeMutableBufferPointer { places in
            siteHours.withUnsafeMutableBufferPointer { siteHours in
                isInside.withUnsafeBufferPointer { isInside in
                    Self.add(line.hours, kind, isInside, places, siteHours, to: &sum)
                }
            }
        }
        for (slot, energy) in line.excess where isInside[Int(slot)] {
            sum.add(energy)
            Self.add(
                energy.total, network: energy[.network], rest: energy[.rest], kind, &places[Int(slot)],
                &siteHours[Int(slot)])
        }
        return count > 0 ? sum : nil
    }

    /// - Returns: how many of the hours lie in the period.
    private static func add(
        _ hours: [EnergyLine.Hour], _ kind: Kind, _ isInside: UnsafeBufferPointer<Bool>,
        _ places: UnsafeMutableBufferPointer<Place>, _ siteHours: UnsafeMutableBufferPointer<SiteHour>,
        to sum: inout ComponentEnergy
    ) -> Int {
        var count = 0
        for hour in hours where isInside[Int(hour.slot)] {
            count += 1
            sum.add(hour)
            add(
                hour.total, network: Int128(hour.network), rest: Int128(hour.rest), kind, &places[Int(hour.slot)],
                &siteHours[Int(hour.slot)])
        }
        return count
    }

    @inline(__always)
    private static func add(
        _ total: Int128, network: Int128, rest: Int128, _ kind: Kind, _ place: inout Place, _ siteHour: inout SiteHour
    ) {
        if kind.isMeasured {
            place.root += total - network
            place.rest += rest
            place.isMeasured = true
        }
        guard kind.isOwn else { return }
        place.isOwn = true
        if kind.isFacility {
            siteHour.facility += total
            siteHour.hasFacility = true
        } else {
            siteHour.equipment += total
            siteHour.hasEquipment = true
        }
    }

    /// All lines of a node were read: which of its hours are in doubt, and in how many it was there.
    private mutating func judge(_ node: Int, _ name: String) {
        var doubt = PeriodSums.Doubt(node: name)
        var doubtful: Set<Int32> = []
        var own: Int64 = 0
        for slot in places.indices {
            let place = places[slot]
            guard place.isMeasured || place.isOwn else { continue }
            if place.isOwn { own += 1 }
            if place.isMeasured {
                sums.measuredHours += 1
                if place.isDoubtful {
                    doubtful.insert(Int32(slot))
                    doubt.hours += 1
                    doubt.root += place.root
                    doubt.rest += place.rest
                }
            }
            places[slot] = Place()
        }
        if own > 0 { sums.ownHours[name] = own }
        guard !doubtful.isEmpty else { return }
        sums.doubts.append(doubt)
        for number in ledger.linesOfNode[node] {
            let line = ledger.lines[Int(number)]
            guard let job = line.account.job, !sums.doubtfulJobs.contains(job) else { continue }
            if line.hours.contains(where: { doubtful.contains($0.slot) }) { sums.doubtfulJobs.insert(job) }
        }
    }

    /// All nodes of a site were read.
    private mutating func leave(_ site: (_ hour: Int64) -> String?) {
        for slot in siteHours.indices {
            let sum = siteHours[slot]
            guard sum.hasEquipment || sum.hasFacility else { continue }
            var cell = PeriodSums.Cell(hour: ledger.hours[slot], site: nil, isFacility: false)
            cell.site = site(cell.hour)
            if sum.hasEquipment { sums.cells[cell, default: 0] += sum.equipment }
            cell.isFacility = true
            if sum.hasFacility { sums.cells[cell, default: 0] += sum.facility }
            siteHours[slot] = SiteHour()
        }
    }

    // MARK: Coverage

    /// - Parameter numbers: of coverage lines in the ledger.
    mutating func cover(_ numbers: [Int32]) {
        for number in numbers {
            let line = ledger.coverageLines[Int(number)]
            guard let sum = sum(of: line) else { continue }
            let node = ledger.nodes[Int(line.node)]
            sums.reporting.insert(node)
            sums.held.append(PeriodSums.HeldSum(line: number, job: line.job, node: node, coverage: sum))
        }
    }

    private func sum(of line: CoverageLine) -> Ledger.Coverage? {
        guard let first = line.hours.first, let last = line.hours.last else { return nil }
        // Hours stand in order and a period is one span: with both ends inside, all of the line is.
        if isInside[Int(first.slot)], isInside[Int(last.slot)] { return line.whole }
        var sum: Ledger.Coverage?
        for hour in line.hours where isInside[Int(hour.slot)] {
            if sum == nil { sum = hour.sum } else { sum?.add(hour.sum) }
        }
        return sum
    }
}

extension EnergyLine {
    /// Whether the energy is part of the organization's total.
    var isOwn: Bool { Ledger.isOwn(account, provenance) }
}

extension Ledger.Key {
    /// Whether the energy is part of the organization's total.
    var isOwn: Bool { Ledger.isOwn(account, provenance) }
}

extension Ledger {
    fileprivate static func isOwn(_ account: Account, _ provenance: Provenance) -> Bool {
        guard provenance != .synthetic else { return false }
        switch account {
        case .job, .idleReserved, .idle, .unattributed, .gap: return true
        case .tenant, .superseded: return false
        }
    }
}
