package import Energy

/// The sums of postings: who drew how much, on which node, in which hour.
///
/// Addition is commutative and associative, so the ledger does not depend on the order in which batches arrive. The
/// aggregator keeps it as the folds of its database, the auditor in memory.
///
/// Sums stand in lines of hours, one line for each account on a node. A copy shares them until one of both changes.
package struct Ledger: Sendable {
    package struct Key: Sendable, Hashable, Codable {
        package var account: Account
        package var node: String
        package var hour: Int64
        package var provenance: Provenance
        package var boundary: Boundary

        package init(account: Account, node: String, hour: Int64, provenance: Provenance, boundary: Boundary) {
            self.account = account
            self.node = node
            self.hour = hour
            self.provenance = provenance
            self.boundary = boundary
        }
    }

    package struct Coverage: Sendable, Hashable, Codable {
        package var measuredMilliseconds: Int64
        package var bridgedMilliseconds: Int64

        /// The earliest start and latest end at which batches of the hour show the hold.
        package var hold: UTCInterval

        package init(measuredMilliseconds: Int64, bridgedMilliseconds: Int64, hold: UTCInterval) {
            self.measuredMilliseconds = measuredMilliseconds
            self.bridgedMilliseconds = bridgedMilliseconds
            self.hold = hold
        }

        package mutating func add(_ other: Coverage) {
            measuredMilliseconds &+= other.measuredMilliseconds
            bridgedMilliseconds &+= other.bridgedMilliseconds
            hold.start = min(hold.start, other.hold.start)
            hold.end = max(hold.end, other.hold.end)
        }
    }

    package struct CoverageKey: Sendable, Hashable, Codable {
        package var job: String
        package var node: String
        package var hour: Int64

        package init(job: String, node: String, hour: Int64) {
            self.job = job
            self.node = node
            self.hour = hour
        }
    }

    package struct Gap: Sendable, Hashable, Codable {
        package var node: String
        package var span: GapSpan
        /// Log index of the batch that shows it.
        package var index: Int64

        package init(node: String, span: GapSpan, index: Int64) {
            self.node = node
            self.span = span
            self.index = index
        }
    }

    private var hourNumbers = Numbering<Int64>()
    private var nodeNumbers = Numbering<String>()
    private var jobNumbers = Numbering<String>()
    /// In the order in which they began.
    package private(set) var lines: [EnergyLine] = []
    package private(set) var coverageLines: [CoverageLine] = []
    package private(set) var gaps: [Gap] = []
    /// The lines of each node, by its number.
    package private(set) var linesOfNode: [[Int32]] = []
    private var places: [LineKey: Int32] = [:]
    private var coveragePlaces: [CoverageLineKey: Int32] = [:]
    /// By the node's number.
    private var recent: [Recent] = []
    /// The lines of each job, and those of its coverage.
    private var linesOfJob: [[Int32]] = []
    private var coverageOfJob: [[Int32]] = []

    package init() {}

    /// A ledger without sums, under whose numbers those of another one can be taken over.
    init(hours: [Int64], nodes: [String], jobs: [String], gaps: [Gap]) {
        for hour in hours { _ = hourNumbers.number(of: hour) }
        for node in nodes { _ = number(ofNode: node) }
        for job in jobs { _ = number(ofJob: job) }
        self.gaps = gaps
    }

    /// Nodes by their numbers.
    package var nodes: [String] { nodeNumbers.names }
    /// Hours since 1970 by their numbers.
    package var hours: [Int64] { hourNumbers.names }
    /// Jobs by their numbers.
    var jobs: [String] { jobNumbers.names }
    func number(ofKnownJob name: String) -> Int32? { jobNumbers.known(name) }
}

// MARK: Adding

extension Ledger {
    package mutating func add(_ batch: BatchPostings, node: String, index: Int64) {
        add(batch.postings, batch.coverage, node: node)
        for span in batch.gaps { gaps.append(Gap(node: node, span: span, index: index)) }
    }

    /// Adds the sums of one batch, without its gaps.
    package mutating func add(_ postings: [Posting], _ coverage: [CoverageSpan], node: String) {
        let place = number(ofNode: node)
        let (postings, coverage) = (postings.span, coverage.span)
        for index in postings.indices {
            // Nearly always that of the node's batch before, which saves looking it up by name.
            var line = recent[Int(place)].line(index)
            if line < 0 || lines[line].account != postings[index].account
                || lines[line].provenance != postings[index].provenance
                || lines[line].boundary != postings[index].boundary
            {
                line = self.line(
                    postings[index].account, place, postings[index].provenance, postings[index].boundary)
                recent[Int(place)].keep(line: line, index)
            }
            let slot = hourNumbers.number(of: postings[index].hour)
            lines[line].add(postings[index].microjoules, postings[index].component, at: slot, hourNumbers.names)
        }
        for index in coverage.indices {
            let sum = Coverage(
                measuredMilliseconds: coverage[index].measuredMilliseconds,
                bridgedMilliseconds: coverage[index].bridgedMilliseconds, hold: coverage[index].interval)
            let line = coverageLine(ofJob: coverage[index].job, place, index)
            coverageLines[line].add(sum, at: hourNumbers.number(of: coverage[index].hour), hourNumbers.names)
        }
    }

    private mutating func coverageLine(ofJob name: String, _ node: Int32, _ turn: Int) -> Int {
        if turn < recent[Int(node)].coverageLines.count, case let line = Int(recent[Int(node)].coverageLines[turn]),
            coverageLines[line].job == name
        {
            return line
        }
        let line = coverageLine(ofJob: name, node)
        recent[Int(node)].keep(coverageLine: line, turn)
        return line
    }

    /// Adds a stored sum, as the folds of the database hold it.
    package mutating func add(_ sum: ComponentEnergy, at key: Key) {
        let line = line(key.account, number(ofNode: key.node), key.provenance, key.boundary)
        lines[line].add(sum, at: hourNumbers.number(of: key.hour), hourNumbers.names)
    }

    package mutating func add(_ sum: Coverage, at key: CoverageKey) {
        let line = coverageLine(ofJob: key.job, number(ofNode: key.node))
        coverageLines[line].add(sum, at: hourNumbers.number(of: key.hour), hourNumbers.names)
    }

    private mutating func coverageLine(ofJob name: String, _ node: Int32) -> Int {
        let job = number(ofJob: name)
        let place = CoverageLineKey(job: job, node: node)
        if let line = coveragePlaces[place] { return Int(line) }
        coveragePlaces[place] = Int32(coverageLines.count)
        coverageOfJob[Int(job)].append(Int32(coverageLines.count))
        coverageLines.append(CoverageLine(job: name, node: node))
        return coverageLines.count - 1
    }

    package mutating func add(_ gap: Gap) { gaps.append(gap) }

    private mutating func number(ofNode name: String) -> Int32 {
        let number = nodeNumbers.number(of: name)
        if linesOfNode.count == Int(number) {
            linesOfNode.append([])
            recent.append(Recent())
        }
        return number
    }

    private mutating func number(ofJob name: String) -> Int32 {
        let number = jobNumbers.number(of: name)
        if linesOfJob.count == Int(number) {
            linesOfJob.append([])
            coverageOfJob.append([])
        }
        return number
    }

    /// The line's place; a new one where there is none yet.
    private mutating func line(
        _ account: Account, _ node: Int32, _ provenance: Provenance, _ boundary: Boundary
    ) -> Int {
        let job = account.job.map { number(ofJob: $0) }
        let key = LineKey(
            node: node, job: job ?? -1, account: account.code, provenance: provenance.code, boundary: boundary.rawValue)
        if let line = places[key] { return Int(line) }
        let line = Int32(lines.count)
        places[key] = line
        linesOfNode[Int(node)].append(line)
        if let job { linesOfJob[Int(job)].append(line) }
        lines.append(EnergyLine(account: account, node: node, provenance: provenance, boundary: boundary))
        return Int(line)
    }

    /// Takes over a whole line under the numbers of this ledger; there is none yet of its account, node and reading.
    mutating func append(_ line: EnergyLine) {
        let place = self.line(line.account, line.node, line.provenance, line.boundary)
        lines[place] = line
    }

    mutating func append(_ line: CoverageLine) {
        let job = number(ofJob: line.job)
        coveragePlaces[CoverageLineKey(job: job, node: line.node)] = Int32(coverageLines.count)
        coverageOfJob[Int(job)].append(Int32(coverageLines.count))
        coverageLines.append(line)
    }

    /// Where a node's last batch went, line by line. It decides nothing.
    private struct Recent: Sendable {
        private(set) var lines: [Int32] = []
        private(set) var coverageLines: [Int32] = []

        /// Where the posting at a place went, -1 where there was none.
        func line(_ turn: Int) -> Int { turn < lines.count ? Int(lines[turn]) : -1 }

        mutating func keep(line: Int, _ turn: Int) {
            if turn < lines.count { lines[turn] = Int32(line) } else { lines.append(Int32(line)) }
        }

        mutating func keep(coverageLine line: Int, _ turn: Int) {
            if turn < coverageLines.count {
                coverageLines[turn] = Int32(line)
            } else {
                coverageLines.append(Int32(line))
            }
        }
    }

    private struct LineKey: Sendable, Hashable {
        var node: Int32
        /// -1 for the common accounts.
        var job: Int32
        var account: Int16
        var provenance: Int16
        var boundary: Int16
    }

    private struct CoverageLineKey: Sendable, Hashable {
        var job: Int32
        var node: Int32
    }
}

// MARK: Reading

extension Ledger {
    /// The lines of one job, on every node.
    package func lines(ofJob job: String) -> [EnergyLine] { lineNumbers(ofJob: job).map { lines[Int($0)] } }

    package func coverageLines(ofJob job: String) -> [CoverageLine] {
        coverageLineNumbers(ofJob: job).map { coverageLines[Int($0)] }
    }

    /// Places of a job's lines in `lines`.
    package func lineNumbers(ofJob job: String) -> [Int32] { jobNumbers.known(job).map { linesOfJob[Int($0)] } ?? [] }

    /// Places of a job's coverage in `coverageLines`.
    package func coverageLineNumbers(ofJob job: String) -> [Int32] {
        jobNumbers.known(job).map { coverageOfJob[Int($0)] } ?? []
    }

    package func key(of line: EnergyLine, _ hour: EnergyLine.Hour) -> Key {
        Key(
            account: line.account, node: nodes[Int(line.node)], hour: hours[Int(hour.slot)],
            provenance: line.provenance, boundary: line.boundary)
    }

    /// Calls `body` with every sum of some hours, in no order.
    package func forEachEnergy(in wanted: ClosedRange<Int64>? = nil, _ body: (Key, ComponentEnergy) throws -> Void)
        rethrows
    {
        for line in lines {
            for hour in line.hours where wanted?.contains(hours[Int(hour.slot)]) ?? true {
                try body(key(of: line, hour), line.energy(hour))
            }
        }
    }

    /// Every sum by its key. Made when it is asked for: for comparisons, not for reports.
    package var energy: [Key: ComponentEnergy] {
        var sums: [Key: ComponentEnergy] = [:]
        forEachEnergy { sums[$0] = $1 }
        return sums
    }

    /// The same of the coverage.
    package var coverage: [CoverageKey: Coverage] {
        var sums: [CoverageKey: Coverage] = [:]
        for line in coverageLines {
            for hour in line.hours {
                let key = CoverageKey(job: line.job, node: nodes[Int(line.node)], hour: hours[Int(hour.slot)])
                sums[key] = hour.sum
            }
        }
        return sums
    }

    /// The sums of a period's hours alone, as a ledger that took no others would hold them.
    package func restricted(to period: UTCInterval) -> Ledger {
        let wanted = period.start.hour...period.lastHour
        var restricted = Ledger()
        forEachEnergy(in: wanted) { restricted.add($1, at: $0) }
        for (key, sum) in coverage where wanted.contains(key.hour) { restricted.add(sum, at: key) }
        restricted.gaps = gaps.filter { $0.span.interval.intersection(period) != nil }
        return restricted
    }

    package var totalMicrojoules: Int128 {
        var sum: Int128 = 0
        for line in lines {
            for hour in line.hours { sum += hour.total }
            for (_, excess) in line.excess { sum += excess.total }
        }
        return sum
    }
}
