package import Energy

/// The sums of postings: who drew how much, on which node, in which hour.
///
/// Addition is commutative and associative, so the ledger does not depend on the order in which batches arrive. The
/// aggregator keeps it as the folds of its database, the auditor in memory.
package struct Ledger: Sendable, Hashable {
    package struct Key: Sendable, Hashable {
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

    package struct Coverage: Sendable, Hashable {
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
            measuredMilliseconds += other.measuredMilliseconds
            bridgedMilliseconds += other.bridgedMilliseconds
            hold.start = min(hold.start, other.hold.start)
            hold.end = max(hold.end, other.hold.end)
        }
    }

    package struct CoverageKey: Sendable, Hashable {
        package var job: String
        package var node: String
        package var hour: Int64

        package init(job: String, node: String, hour: Int64) {
            self.job = job
            self.node = node
            self.hour = hour
        }
    }

    package struct Gap: Sendable, Hashable {
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

    package private(set) var energy: [Key: ComponentEnergy] = [:]
    package private(set) var coverage: [CoverageKey: Coverage] = [:]
    package private(set) var gaps: [Gap] = []

    package init() {}

    package mutating func add(_ batch: BatchPostings, node: String, index: Int64) {
        let postings = batch.postings
        for first in postings.indices where !isLaterComponent(first, of: postings) {
            let key = Key(
                account: postings[first].account, node: node, hour: postings[first].hour,
                provenance: postings[first].provenance, boundary: postings[first].boundary)
            var sum = ComponentEnergy()
            for index in first..<postings.count where isSameKey(postings, first, index) {
                sum[postings[index].component] += Int128(postings[index].microjoules)
            }
            energy[key, default: ComponentEnergy()].add(sum)
        }
        for span in batch.coverage {
            let key = CoverageKey(job: span.job, node: node, hour: span.hour)
            add(
                Coverage(
                    measuredMilliseconds: span.measuredMilliseconds, bridgedMilliseconds: span.bridgedMilliseconds,
                    hold: span.interval),
                at: key)
        }
        for span in batch.gaps { gaps.append(Gap(node: node, span: span, index: index)) }
    }

    /// The components of one account are added with one look at the ledger: the key's first posting stands for all.
    private func isLaterComponent(_ index: Int, of postings: [Posting]) -> Bool {
        for earlier in 0..<index where isSameKey(postings, earlier, index) { return true }
        return false
    }

    private func isSameKey(_ postings: [Posting], _ left: Int, _ right: Int) -> Bool {
        postings[left].hour == postings[right].hour && postings[left].provenance == postings[right].provenance
            && postings[left].boundary == postings[right].boundary && postings[left].account == postings[right].account
    }

    /// Adds a stored sum, as the folds of the database hold it.
    package mutating func add(_ sum: ComponentEnergy, at key: Key) {
        energy[key, default: ComponentEnergy()].add(sum)
    }

    package mutating func add(_ sum: Coverage, at key: CoverageKey) {
        guard let place = coverage.index(forKey: key) else {
            coverage[key] = sum
            return
        }
        coverage.values[place].add(sum)
    }

    package mutating func add(_ gap: Gap) { gaps.append(gap) }

    /// The sums of a period's hours alone.
    package func restricted(to period: UTCInterval) -> Ledger {
        let hours = period.start.hour...period.lastHour
        var restricted = Ledger()
        restricted.energy = energy.filter { hours.contains($0.key.hour) }
        restricted.coverage = coverage.filter { hours.contains($0.key.hour) }
        restricted.gaps = gaps.filter { $0.span.interval.intersection(period) != nil }
        return restricted
    }

    package var totalMicrojoules: Int128 { energy.values.reduce(0) { $0 + $1.total } }
}

/// Microjoules by component.
package struct ComponentEnergy: Sendable, Hashable {
    private var accelerator: Int128 = 0
    private var cpu: Int128 = 0
    private var dram: Int128 = 0
    private var rest: Int128 = 0
    private var network: Int128 = 0

    package init() {}

    package subscript(component: Component) -> Int128 {
        get {
            switch component {
            case .accelerator: accelerator
            case .cpu: cpu
            case .dram: dram
            case .rest: rest
            case .network: network
            }
        }
        set {
            switch component {
            case .accelerator: accelerator = newValue
            case .cpu: cpu = newValue
            case .dram: dram = newValue
            case .rest: rest = newValue
            case .network: network = newValue
            }
        }
    }

    package mutating func add(_ other: ComponentEnergy) {
        accelerator += other.accelerator
        cpu += other.cpu
        dram += other.dram
        rest += other.rest
        network += other.network
    }

    package var total: Int128 { accelerator + cpu + dram + rest + network }
}
