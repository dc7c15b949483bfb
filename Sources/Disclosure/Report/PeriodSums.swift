import Accounts
import Batches
import Energy
import Parallel

/// The sums of one period, from one pass over the ledger: what the sections of a report have in common.
///
/// A year of a thousand nodes is some nine million sums by account, node and hour. They are read once, node by node,
/// since what concerns a node in an hour (doubt, place, presence) needs all of its accounts side by side.
struct PeriodSums: Sendable {
    /// One line of the ledger, over all hours of the period.
    struct LineSum: Sendable {
        /// Number of the line in the ledger, which knows its account and node.
        var line: Int32
        var energy = ComponentEnergy()
    }

    /// One job's time on one node.
    struct HeldSum: Sendable {
        /// Number of the coverage line in the ledger, which knows its job and node.
        var line: Int32
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
        guard let job else {
            let nodes = accounts.ledger.nodes.indices
            let groups = stride(from: nodes.lowerBound, to: nodes.upperBound, by: Self.nodesAtATime)
                .map { $0..<min($0 + Self.nodesAtATime, nodes.upperBound) }
            // No hour of a node needs those of another.
            let (parts, covered) = groups.parallelMap(minimumShare: 1) { nodes in
                var pass = LedgerPass(accounts, period)
                pass.read(nodes)
                return pass.sums
            } beside: {
                var pass = LedgerPass(accounts, period)
                pass.cover(accounts.ledger.coverageLines.indices.map { Int32($0) })
                return pass.sums
            }
            self = covered
            lines.reserveCapacity(parts.reduce(0) { $0 + $1.lines.count })
            for part in parts { add(part) }
            return
        }
        var pass = LedgerPass(accounts, period)
        pass.read(Set(accounts.ledger.lines(ofJob: job).map { Int($0.node) }).sorted())
        pass.cover(accounts.ledger.coverageLineNumbers(ofJob: job))
        self = pass.sums
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

/// The working state of the pass. Sums of an hour stand in columns, by the hour's number in the ledger: one pass reads
/// millions of hours, and what it adds them to must stay in the core's cache.
private struct LedgerPass {
    /// What is known of an hour, one bit each.
    private enum Mark {
        static let measured: UInt8 = 1
        static let own: UInt8 = 2
        static let facility: UInt8 = 4
    }

    /// What a line's account and reading make of its energy.
    private struct Kind {
        let isOwn: Bool
        let isMeasured: Bool
        let isFacility: Bool

        init(_ account: Account, _ provenance: Provenance, _ boundary: Boundary) {
            isOwn = Ledger.isOwn(account, provenance)
            isMeasured = account != .superseded && provenance != .synthetic
            isFacility = boundary == .facility
        }

        var nodeMarks: UInt8 { (isMeasured ? Mark.measured : 0) | (isOwn ? Mark.own : 0) }
        var siteMarks: UInt8 { isOwn ? isFacility ? Mark.facility : Mark.own : 0 }
    }

    private let ledger: Ledger
    private let nodes: NodeRegister
    private let settings: SettingRegister
    private var isInside: [Bool]
    /// Of the node at hand: 3 × root + 100 × rest of what was measured. Below zero the rest is below −3 % of the root.
    private var margins: [Int128]
    private var marks: [UInt8]
    /// Of the site at hand.
    private var equipment: [Int128]
    private var facility: [Int128]
    private var siteMarks: [UInt8]
    private(set) var sums = PeriodSums()

    init(_ accounts: LogAccounts, _ period: UTCInterval?) {
        ledger = accounts.ledger
        nodes = accounts.nodes
        settings = accounts.settings
        let wanted = period.map { $0.start.hour...$0.lastHour }
        isInside = ledger.hours.map { wanted?.contains($0) ?? true }
        margins = Array(repeating: 0, count: isInside.count)
        marks = Array(repeating: 0, count: isInside.count)
        (equipment, facility, siteMarks) = (margins, margins, marks)
    }

    // MARK: Energy

    /// - Parameter wanted: numbers of nodes.
    mutating func read(_ wanted: some Sequence<Int>) {
        var bySite: [String?: [Int]] = [:]
        for node in wanted {
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
        let known = sums.lines.count
        for number in ledger.linesOfNode[node] {
            guard let energy = sum(ofLine: Int(number)) else { continue }
            sums.lines.append(PeriodSums.LineSum(line: number, energy: energy))
        }
        guard sums.lines.count > known else { return }
        sums.reporting.insert(ledger.nodes[node])
        judge(node)
    }

    /// Nil when the line has no hour of the period.
    private mutating func sum(ofLine number: Int) -> ComponentEnergy? {
        let line = ledger.lines[number]
        let kind = Kind(line.account, line.provenance, line.boundary)
        var sum = ComponentEnergy()
        let count =
            kind.isFacility
            ? Self.add(line.hours, kind, isInside, &margins, &marks, &facility, &siteMarks, to: &sum)
            : Self.add(line.hours, kind, isInside, &margins, &marks, &equipment, &siteMarks, to: &sum)
        guard count > 0 else { return nil }
        for (slot, energy) in line.excess where isInside[Int(slot)] {
            sum.add(energy)
            if kind.isMeasured {
                margins[Int(slot)] += 3 * (energy.total - energy[.network]) + 100 * energy[.rest]
            }
            guard kind.isOwn else { continue }
            if kind.isFacility { facility[Int(slot)] += energy.total } else { equipment[Int(slot)] += energy.total }
        }
        return sum
    }

    /// - Parameter site: the site's sums of the line's kind.
    /// - Returns: how many of the hours lie in the period.
    private static func add(
        _ hours: [EnergyLine.Hour], _ kind: Kind, _ isInside: [Bool], _ margins: inout [Int128],
        _ marks: inout [UInt8], _ site: inout [Int128], _ siteMarks: inout [UInt8], to sum: inout ComponentEnergy
    ) -> Int {
        let (hours, isInside) = (hours.span, isInside.span)
        var margins = margins.mutableSpan
        var marks = marks.mutableSpan
        var site = site.mutableSpan
        var siteMarks = siteMarks.mutableSpan
        var (accelerator, cpu, dram, rest, network): (Int128, Int128, Int128, Int128, Int128) = (0, 0, 0, 0, 0)
        var count = 0
        for index in hours.indices {
            let slot = Int(hours[index].slot)
            guard isInside[slot] else { continue }
            count += 1
            let inner =
                Int128(hours[index].accelerator) + Int128(hours[index].cpu) + Int128(hours[index].dram)
                + Int128(hours[index].rest)
            accelerator += Int128(hours[index].accelerator)
            cpu += Int128(hours[index].cpu)
            dram += Int128(hours[index].dram)
            rest += Int128(hours[index].rest)
            network += Int128(hours[index].network)
            marks[slot] |= kind.nodeMarks
            if kind.isMeasured { margins[slot] += 3 * inner + 100 * Int128(hours[index].rest) }
            guard kind.isOwn else { continue }
            siteMarks[slot] |= kind.siteMarks
            site[slot] += inner + Int128(hours[index].network)
        }
        (sum[.accelerator], sum[.cpu], sum[.dram], sum[.rest], sum[.network]) = (accelerator, cpu, dram, rest, network)
        return count
    }

    /// All lines of a node were read: which of its hours are in doubt, and in how many it was there.
    private mutating func judge(_ node: Int) {
        var own: Int64 = 0
        var measured: Int64 = 0
        var doubtful: Set<Int32> = []
        for slot in marks.indices where marks[slot] != 0 {
            if marks[slot] & Mark.own != 0 { own += 1 }
            if marks[slot] & Mark.measured != 0 {
                measured += 1
                if margins[slot] < 0 { doubtful.insert(Int32(slot)) }
                margins[slot] = 0
            }
            marks[slot] = 0
        }
        sums.measuredHours += measured
        let name = ledger.nodes[node]
        if own > 0 { sums.ownHours[name] = own }
        if !doubtful.isEmpty { sums.doubts.append(doubt(node, doubtful)) }
    }

    /// What the hours in doubt come to, and whose they are: read again, since hardly any node has one.
    private mutating func doubt(_ node: Int, _ doubtful: Set<Int32>) -> PeriodSums.Doubt {
        var doubt = PeriodSums.Doubt(node: ledger.nodes[node], hours: Int64(doubtful.count))
        for number in ledger.linesOfNode[node] {
            let line = ledger.lines[Int(number)]
            let isMeasured = Kind(line.account, line.provenance, line.boundary).isMeasured
            for hour in line.hours where doubtful.contains(hour.slot) {
                if let job = line.account.job { sums.doubtfulJobs.insert(job) }
                guard isMeasured else { continue }
                let energy = line.energy(hour)
                doubt.root += energy.total - energy[.network]
                doubt.rest += energy[.rest]
            }
        }
        return doubt
    }

    /// All nodes of a site were read.
    private mutating func leave(_ site: (_ hour: Int64) -> String?) {
        for slot in siteMarks.indices where siteMarks[slot] != 0 {
            var cell = PeriodSums.Cell(hour: ledger.hours[slot], site: nil, isFacility: false)
            cell.site = site(cell.hour)
            if siteMarks[slot] & Mark.own != 0 { sums.cells[cell, default: 0] += equipment[slot] }
            cell.isFacility = true
            if siteMarks[slot] & Mark.facility != 0 { sums.cells[cell, default: 0] += facility[slot] }
            (equipment[slot], facility[slot], siteMarks[slot]) = (0, 0, 0)
        }
    }

    // MARK: Coverage

    /// - Parameter numbers: of coverage lines in the ledger.
    mutating func cover(_ numbers: [Int32]) {
        var isReporting = Array(repeating: false, count: ledger.nodes.count)
        sums.held.reserveCapacity(numbers.count)
        for number in numbers {
            guard let sum = sum(of: ledger.coverageLines[Int(number)]) else { continue }
            isReporting[Int(ledger.coverageLines[Int(number)].node)] = true
            sums.held.append(PeriodSums.HeldSum(line: number, coverage: sum))
        }
        for node in isReporting.indices where isReporting[node] { sums.reporting.insert(ledger.nodes[node]) }
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
